"""Starting: settings, options, and what stands in the way."""

import json
import re
import socket
import subprocess

import pytest

from api import assert_failure, unique
from service import BINARY, MONGODB_TEST_URI


def run_to_its_end(service, *arguments):
    """Starts a service that must end by itself; returns its exit code."""
    return service.launch(*arguments).wait(10)


def assert_one_clear_line(service, *words):
    code = run_to_its_end(service)
    assert code != 0
    lines = service.stderr.strip().splitlines()
    assert len(lines) == 1, service.stderr
    for word in words:
        assert word in lines[0]
    assert "http://" not in service.stdout


def test_the_start_ends_with_the_address_the_store_and_three_curl_lines(make_service):
    service = make_service(LOG_LEVEL="info").start()
    lines = [line for line in service.stdout.splitlines() if line.strip()]
    text = "\n".join(lines)
    assert service.url in text
    assert service.settings["MONGODB_DB_NAME" if MONGODB_TEST_URI else "DATA_DIR"] in text
    curls = lines[-3:]
    assert all("curl " in line for line in curls), text
    assert "/api/rooms" in curls[0]
    assert "/api/session/create" in curls[1]
    assert "/api/chat/message" in curls[2]


def test_the_three_curl_lines_work_as_they_are_printed(make_service):
    service = make_service().start()
    script = "\n".join(service.stdout.strip().splitlines()[-3:])
    # In one shell, as a newcomer pastes them: a later line may use what an earlier one has set.
    run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30)
    assert run.returncode == 0, run.stderr
    assert '"status":"complete"' in run.stdout, run.stdout + run.stderr


def test_help_names_every_setting_with_its_default():
    run = subprocess.run([BINARY, "--help"], capture_output=True, text=True, timeout=10)
    assert run.returncode == 0
    assert run.stderr == ""
    for name in (
        "HOST", "PORT", "LOOPS", "DATA_DIR", "DEMO_RATE", "DEMO_TOKENS", "MAX_ROOMS_PER_USER", "MAX_STREAMS_PER_USER",
        "MAX_STREAMS", "SESSION_TIMEOUT_MINUTES", "SESSION_IDLE_MINUTES", "STREAM_RETENTION_SECONDS",
        "STREAM_MEMORY_MB", "STUCK_READER_SECONDS", "HEARTBEAT_SECONDS", "MAX_BODY_BYTES", "MAX_CONNECTIONS",
        "HEADER_TIMEOUT_SECONDS", "BODY_TIMEOUT_SECONDS", "IDLE_TIMEOUT_SECONDS", "DRAIN_SECONDS", "CORS_ORIGINS",
        "RATE_LIMITS", "LOG_LEVEL", "LOG_FORMAT",
    ):
        assert re.search(rf"^ *{name}\b", run.stdout, re.MULTILINE), name
    assert re.search(r"^ *PORT\b.*8000", run.stdout, re.MULTILINE)


def test_version_is_one_line():
    run = subprocess.run([BINARY, "--version"], capture_output=True, text=True, timeout=10)
    assert run.returncode == 0
    assert re.fullmatch(r"[^\n]*\d+\.\d+\.\d+[^\n]*\n", run.stdout)


def test_an_unknown_option_is_refused():
    run = subprocess.run([BINARY, "--nonsense"], capture_output=True, text=True, timeout=10)
    assert run.returncode != 0
    assert "--nonsense" in run.stderr


def test_all_invalid_settings_are_told_at_once(make_service):
    bad = {
        "PORT": "eighty", "DRAIN_SECONDS": "-1", "MAX_BODY_BYTES": "1MB", "LOG_LEVEL": "loud", "RATE_LIMITS": "maybe",
        "HOST": "not an address",
    }
    service = make_service(**bad)
    assert run_to_its_end(service) != 0
    for name, value in bad.items():
        assert re.search(rf"{name}.*{re.escape(value)}", service.stderr), (name, service.stderr)
    assert not (service.folder / "data").exists()


@pytest.mark.embedded
def test_a_folder_in_use_is_told_in_one_line_and_its_user_goes_on(make_service, connect):
    first = make_service("first").start()
    api = connect(first)
    second = make_service("second", DATA_DIR=first.settings["DATA_DIR"])
    assert_one_clear_line(second, first.settings["DATA_DIR"])
    assert api.room()


def test_a_port_in_use_is_told_in_one_line(make_service):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert_one_clear_line(make_service(PORT=port), port)


def test_the_port_of_another_instance_is_in_use(make_service):
    first = make_service("first").start()
    assert_one_clear_line(make_service("second", PORT=str(first.port)), str(first.port))


@pytest.mark.embedded
def test_a_data_folder_that_cannot_be_made_is_told_in_one_line(make_service, tmp_path):
    (tmp_path / "file").write_text("in the way")
    path = str(tmp_path / "file" / "data")
    assert_one_clear_line(make_service(DATA_DIR=path), path)


def test_settings_are_read_from_dotenv_and_the_environment_wins(make_service, connect):
    service = make_service(MAX_ROOMS_PER_USER="1")
    service.folder.mkdir()
    (service.folder / ".env").write_text(
        '# local settings\nMAX_ROOMS_PER_USER=2\nexport DEMO_RATE=0\nDEMO_TOKENS="7" # short\n'
    )
    api = connect(service.start())
    user = unique()
    session = api.session(user)
    refused = api.http.post("/api/rooms", json={"user_id": user})
    assert_failure(
        refused, 400, "ROOM_LIMIT_EXCEEDED", "Maximum room limit (1) reached. Please delete old rooms."
    )
    response = api.http.post("/api/chat/message", json={"query": "?", "session_id": session["session_id"]})
    assert response.text.count('"status":"streaming"') == 7


def test_a_malformed_dotenv_is_told_with_its_line(make_service):
    service = make_service(LOG_LEVEL=None)
    service.folder.mkdir()
    (service.folder / ".env").write_text("DEMO_TOKENS=5\nthis is no setting\nLOG_LEVEL=loud\n")
    assert run_to_its_end(service) != 0
    assert "line 2" in service.stderr
    assert "LOG_LEVEL" in service.stderr


def test_the_logs_are_json_lines(make_service, connect):
    service = make_service(LOG_LEVEL="debug", LOG_FORMAT="json").start()
    connect(service).room()
    service.stop()
    lines = service.stderr.splitlines()
    assert lines
    for line in lines:
        assert isinstance(json.loads(line), dict)


@pytest.mark.parametrize("loops", ["1", "4"])
def test_any_number_of_loops_serves(make_service, connect, loops):
    api = connect(make_service(LOOPS=loops).start())
    session = api.session()
    watchers = [api.watch(session_id=session["session_id"]) for _ in range(8)]
    for watcher in watchers:
        watcher.wait_for_response()
    events = api.ask(session, tokens=50)[:-1]
    for watcher in watchers:
        assert [event.id for event in watcher.wait_for(52)] == [event.id for event in events]
        watcher.leave()


def test_the_streams_of_all_users_have_a_limit(make_service, connect):
    api = connect(make_service(MAX_STREAMS="2").start())
    sessions = [api.session() for _ in range(3)]
    streams = [api.stream(session) for session in sessions[:2]]
    response = api.http.post("/api/chat/message", json={"query": "?", "session_id": sessions[2]["session_id"]})
    assert_failure(response, 503, "OVERLOADED")
    assert int(response.headers["retry-after"]) >= 1
    for session, stream in zip(sessions, streams):
        api.stop(session)
        stream.wait_for_end()


def test_rate_limits_refuse_with_the_time_to_wait(make_service, connect):
    api = connect(make_service(RATE_LIMITS="messages=60/m,writes=3/h,reads=off").start())
    user = unique()
    statuses = [api.http.post("/api/rooms", json={"user_id": user}).status_code for _ in range(3)]
    assert statuses == [201, 201, 201]
    response = api.http.post("/api/rooms", json={"user_id": user})
    assert_failure(response, 429, "RATE_LIMIT_EXCEEDED")
    assert int(response.headers["retry-after"]) >= 1
