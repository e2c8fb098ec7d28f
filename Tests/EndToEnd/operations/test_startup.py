"""Broken settings: each ends the start with one line that says what is wrong, where, and what to do, and changes nothing."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from service import BINARY, MIGRATIONS, child_environment
from waiting import wait_until

FAILED, BAD_SETTINGS = 1, 2
START_SECONDS = 10


def run_to_its_end(service, *arguments):
    return service.launch(*arguments).wait(START_SECONDS)


def assert_refused(service, code, *words):
    """It ends in time, with that code and one line, and has made nothing but its output."""
    assert run_to_its_end(service) == code, service.stderr
    lines = service.stderr.strip().splitlines()
    assert len(lines) == (2 if code == BAD_SETTINGS else 1), service.stderr
    for word in words:
        assert word in lines[-1]
    assert "http://" not in service.stdout
    assert sorted(each.name for each in service.folder.iterdir()) == ["stderr", "stdout"]


def check_config(folder, **settings):
    return subprocess.run(
        [BINARY, "--check-config"], cwd=folder, env=child_environment(settings), capture_output=True, text=True, timeout=10
    )


# --- the port


@pytest.mark.embedded
def test_a_start_on_a_taken_port_does_not_even_migrate_the_store(make_service):
    first = make_service("first").start()
    assert_refused(
        make_service("second", PORT=str(first.port)), FAILED, f"127.0.0.1:{first.port}", "another program", "set PORT"
    )
    # As an older version may have left it.
    old = make_service("old", PORT=str(first.port))
    folder = old.folder / "data"
    arguments = [MIGRATIONS, "upgrade", "1", "--data-dir", folder]
    subprocess.run(arguments, env=child_environment({}), check=True, capture_output=True, timeout=20)
    before = {each.name: each.read_bytes() for each in folder.iterdir()}
    assert run_to_its_end(old) == FAILED
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before


def test_a_port_that_needs_root_is_told(make_service):
    ports = range(1, int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()))
    if not ports:
        pytest.skip("this system lets everybody listen on every port")
    service = make_service(PORT=str(ports[-1]))
    # Root may do without, like everybody else, once it has given up the capability.
    service.prefix = ["setpriv", "--bounding-set=-net_bind_service", "--"] if os.geteuid() == 0 else []
    assert_refused(service, FAILED, f"127.0.0.1:{ports[-1]}", "not allowed", "set PORT")


def test_an_address_that_is_not_of_this_machine_is_told(make_service):
    assert_refused(make_service(HOST="192.0.2.1"), FAILED, "192.0.2.1", "Set HOST")


# --- the store


@pytest.mark.embedded
def test_a_data_folder_that_cannot_be_written_is_told(make_service):
    # Nobody can, not even root.
    assert_refused(make_service(DATA_DIR="/sys"), FAILED, "/sys/room-service.lock", "cannot be written", "who owns it")


@pytest.mark.embedded
def test_a_data_folder_that_cannot_be_made_is_told(make_service):
    assert_refused(make_service(DATA_DIR="/proc/version/data"), FAILED, "/proc/version/data", "set DATA_DIR")


@pytest.mark.embedded
def test_a_data_folder_that_another_process_has_is_told_with_its_number(make_service):
    first = make_service("first").start()
    second = make_service("second", DATA_DIR=first.settings["DATA_DIR"])
    assert_refused(second, FAILED, first.settings["DATA_DIR"], f"process {first.process.pid}", "DATA_DIR")
    assert first.is_ready()


def test_mongodb_that_cannot_be_reached_is_told_at_once_with_what_to_check(make_service, closed_port):
    uri = f"mongodb://ada:secret-word@127.0.0.1:{closed_port}"
    service = make_service(MONGODB_URI=uri, LOG_LEVEL="info").start_serving()
    for text in (service.stdout, service.stderr):
        assert "check MONGODB_URI" in text and "cannot be reached" in text
        assert "secret-word" not in text
    assert str(closed_port) in service.stderr
    assert not service.is_ready()
    assert not (service.folder / "data").exists()


def test_an_invalid_connection_string_is_told_without_its_password(make_service):
    service = make_service(MONGODB_URI="mongodb://ada:secret/word@127.0.0.1")
    assert_refused(service, BAD_SETTINGS, "MONGODB_URI", "percent-encoded")
    assert "secret" not in service.stderr


@pytest.mark.mongodb
def test_redis_that_cannot_be_reached_is_told_and_the_service_goes_on_alone(make_service, closed_port):
    service = make_service(REDIS_URL=f"redis://127.0.0.1:{closed_port}", LOG_LEVEL="info").start()
    wait_until(lambda: "Redis is away: this instance goes on alone" in service.stderr, START_SECONDS, "the warning")
    assert service.is_ready()


# --- files


def test_an_agents_file_that_is_not_there_is_told(make_service):
    assert_refused(make_service(AGENTS_FILE="agents.json"), BAD_SETTINGS, "AGENTS_FILE agents.json", "No such file")


# --- the check


def test_check_config_shows_valid_settings_and_makes_nothing(tmp_path, closed_port):
    settings = {"PORT": "8123", "OPENAI_API_KEY": "sk-secret", "OPENAI_MODEL": "m", "DATA_DIR": "not/there"}
    (tmp_path / ".env").write_text("DRAIN_SECONDS=30\n")
    run = check_config(tmp_path, **settings)
    assert (run.returncode, run.stderr) == (0, "")
    lines = [[part.strip() for part in line.split("#")] for line in run.stdout.splitlines()]
    for line in (["PORT=8123", "environment"], ["DRAIN_SECONDS=30", ".env, line 1"], ["HOST=127.0.0.1", "default"]):
        assert line in lines
    assert "OPENAI_API_KEY=…" in run.stdout and "sk-secret" not in run.stdout
    # It asks no server, either: nobody is there.
    run = check_config(tmp_path, MONGODB_URI=f"mongodb://127.0.0.1:{closed_port}", REDIS_URL=f"redis://127.0.0.1:{closed_port}")
    assert run.returncode == 0
    assert [each.name for each in tmp_path.iterdir()] == [".env"]


def test_check_config_tells_all_faults_at_once(tmp_path):
    (tmp_path / "agents.json").write_text(json.dumps({"agents": [{"name": "a b", "model": "m"}]}))
    bad = {
        "PORT": "eighty", "DRAIN_SECONDS": "-1", "MONGODB_URI": "mongodb://", "REDIS_URL": "rediss://redis",
        "AGENTS_FILE": "agents.json",
    }
    run = check_config(tmp_path, **bad)
    assert (run.returncode, run.stdout) == (BAD_SETTINGS, "")
    faults = run.stderr.splitlines()[1:]
    assert len(faults) == len(bad), run.stderr
    for name in bad:
        assert any(name in fault for fault in faults), (name, run.stderr)


def test_check_config_finds_nothing_wrong_while_the_service_runs(make_service):
    service = make_service().start()
    run = check_config(service.folder, **service.settings | {"PORT": str(service.port)})
    assert (run.returncode, run.stderr) == (0, "")
    assert service.is_ready()


def test_check_config_warns_of_a_data_folder_that_cannot_be(tmp_path):
    run = check_config(tmp_path, DATA_DIR="/dev/null/data")
    assert (run.returncode, "/dev/null is no folder" in run.stderr) == (0, True), run.stderr


# --- readiness and liveness


@pytest.mark.embedded
def test_a_store_that_is_gone_makes_it_unready_but_alive_until_it_is_back(make_service, connect):
    service = make_service().start()
    api = connect(service)
    database = service.folder / "data/room-service.db"
    database.rename(service.folder / "elsewhere.db")
    ready = api.http.get("/readyz", timeout=2)
    assert (ready.status_code, ready.json()["error_code"]) == (503, "UNAVAILABLE")
    assert api.http.get("/healthz").status_code == 200
    (service.folder / "elsewhere.db").rename(database)
    assert api.http.get("/readyz", timeout=2).status_code == 200
    assert api.room()
