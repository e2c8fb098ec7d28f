"""The log: what it tells and at which level, what it never tells, and a standard error that nobody reads."""

import json
import os
import pty
import re
import sqlite3
import threading
import time

import pytest

from api import demo, unique
from chat import write_agents
from rawsocket import RawConnection
from scripted_model import answer, refuse
from service import MONGODB_TEST_URI
from waiting import holds_for, wait_until

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
# In everything that users write, in every password and key: it is found nowhere.
MARK = "Xk7secret"


def entries(text):
    """The lines of a log in JSON."""
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        assert list(line)[:3] == ["time", "level", "message"], line
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert line["level"] in ("trace", "debug", "info", "warning", "error")
    return lines


class Log:
    """What a service has written."""

    def __init__(self, service):
        self.service = service

    @property
    def entries(self):
        return entries(self.service.stderr)

    def of(self, request_id):
        return [entry for entry in self.entries if entry.get("request_id") == request_id]

    def wait_for(self, message, **fields):
        """The only line with that message and those fields."""

        def found():
            # The last line may be on its way.
            text = self.service.stderr
            lines = entries(text[: text.rfind("\n") + 1])
            return [line for line in lines if line["message"] == message and fields.items() <= line.items()]

        (line,) = wait_until(found, 10, lambda: f"{message} {fields} in {self.service.stderr}")
        return line


@pytest.fixture
def logged(make_service, connect):
    def start(**settings):
        service = make_service(unique("service"), **{"LOG_LEVEL": "info"} | settings).start()
        return Log(service), connect(service)

    return start


def assert_ids(line, session, stream=None):
    for name in ("user_id", "session_id", "room_id"):
        assert line[name] == session[name], line
    assert line.get("stream_id") == stream


# Requests


def test_every_request_is_one_line_with_its_ids_and_the_pattern_of_its_route(logged):
    log, api = logged()
    session = api.session()
    room, user = session["room_id"], session["user_id"]
    calls = [
        ("GET", f"/api/rooms/{room}", {}, "/api/rooms/{room_id}", 200),
        ("GET", "/api/rooms", {"params": {"user_id": user}}, "/api/rooms", 200),
        ("PATCH", f"/api/rooms/{room}", {"params": {"user_id": user}, "json": {"room_name": "x"}}, "/api/rooms/{room_id}", 200),
        ("GET", f"/api/session/{session['session_id']}", {}, "/api/session/{id}", 200),
        ("GET", "/api/rooms/room_nowhere", {}, "/api/rooms/{room_id}", 404),
        ("POST", "/api/rooms", {"json": {"user_id": "no user"}}, "/api/rooms", 422),
        ("GET", "/nowhere/at/all", {}, None, 404),
        ("PUT", "/api/rooms", {}, None, 405),
    ]
    for method, path, request, route, status in calls:
        response = api.http.request(method, path, **request)
        assert response.status_code == status
        line = log.wait_for("request", request_id=response.headers["x-request-id"])
        assert (line["method"], line.get("route"), line["status"]) == (method, route, status)
        assert line["level"] == "info"
        assert 0 <= line["duration_ms"] < 10_000
        assert line.get("error_code") == (response.json().get("error_code") if status >= 400 else None)
        assert len(log.of(line["request_id"])) == 1
        if path == f"/api/rooms/{room}":
            assert (line["user_id"], line["room_id"]) == (user, room)
    line = log.wait_for("request", route="/api/session/create")
    assert_ids(line, session)
    assert_ids(log.wait_for("request", route="/api/session/{id}"), session)


def test_what_is_no_request_is_a_line_too(logged):
    log, api = logged()
    with RawConnection(log.service.port) as connection:
        connection.send(f"GET /{MARK} HTTP/1.1\r\nno field\r\n\r\n".encode())
        status, headers, _ = connection.read_response()
    line = log.wait_for("request refused", request_id=headers["x-request-id"])
    assert (line["status"], line["error_code"], line["level"]) == (400, "BAD_REQUEST", "info")
    assert MARK not in log.service.stderr


def test_probes_are_lines_only_when_they_fail_or_for_debug(logged):
    log, api = logged()
    for path in ("/healthz", "/readyz", "/health", "/api/health", "/metrics"):
        assert api.http.get(path).status_code == 200
    marker = api.http.get("/api/chat/info").headers["x-request-id"]
    log.wait_for("request", request_id=marker)
    assert not [line for line in log.entries if line.get("route", "").endswith(("z", "health", "metrics"))]

    log, api = logged(LOG_LEVEL="debug")
    assert log.wait_for("request", request_id=api.http.get("/healthz").headers["x-request-id"])["level"] == "debug"
    # Only there is a path told, which may be anything.
    api.http.get(f"/{MARK}")
    assert log.wait_for("request path", path=f"/{MARK}")["level"] == "debug"


# Streams


def test_a_streamed_answer_is_four_lines_however_long_it_is(logged):
    log, api = logged()
    session = api.session()
    for number, tokens in enumerate((3, 500)):
        request_id = f"asked-{number}"
        body = {"query": "?", "session_id": session["session_id"], "context": demo(tokens)}
        headers = {"X-Request-ID": request_id, "traceparent": TRACEPARENT}
        response = api.http.post("/api/chat/message", json=body, headers=headers)
        stream = re.search('"stream_id":"([^"]+)"', response.text)[1]
        log.wait_for("response ended", request_id=request_id)
        lines = {line["message"]: line for line in log.of(request_id)}
        assert set(lines) == {"request", "stream started", "stream ended", "response ended"}
        assert len(log.of(request_id)) == 4
        for line in lines.values():
            assert line["trace_id"] == TRACE
            assert_ids(line, session, stream)
            assert line["level"] == "info"
        assert lines["request"]["streamed"] is True and lines["request"]["route"] == "/api/chat/message"
        ended = lines["stream ended"]
        assert (ended["state"], ended["events"], ended["agent"]) == ("complete", tokens + 2, "assistant")
        assert ended["bytes"] > 0 and ended["duration_ms"] >= ended["first_token_ms"] >= 0
        assert (lines["response ended"]["result"], lines["response ended"]["last_event"]) == ("finished", tokens + 1)


@pytest.mark.parametrize(
    "value",
    ["", "nonsense", f"00-{TRACE}-0000000000000000-01", TRACEPARENT.upper(), f"{TRACEPARENT}-more", f"{TRACEPARENT}, {TRACEPARENT}"],
)
def test_a_malformed_traceparent_is_ignored(service_with_log, value):
    log, api = service_with_log
    response = api.http.get("/api/chat/info", headers={"traceparent": value, "X-Request-ID": unique("traced")})
    assert response.status_code == 200
    assert "trace_id" not in log.wait_for("request", request_id=response.headers["x-request-id"])


@pytest.fixture(scope="module")
def service_with_log(tmp_path_factory):
    from api import Api
    from service import Service

    service = Service(tmp_path_factory.mktemp("logged"), LOG_LEVEL="info").start()
    api = Api(service.url)
    yield Log(service), api
    api.close()
    service.stop()
    service.discard()


def test_a_trace_is_handed_on_to_the_model_with_a_new_parent_for_each_try(chat_with, model):
    model.script_each([refuse(500)], answer("An answer."))
    chat = chat_with(LOG_LEVEL="info")
    body = {"query": "?", "session_id": chat.session["session_id"]}
    text = chat.api.http.post("/api/chat/message", json=body, headers={"traceparent": TRACEPARENT}).text
    assert '"status":"complete"' in text
    sent = [request.headers["traceparent"] for request in model.requests]
    assert len(sent) == 2
    parents = {re.fullmatch(f"00-{TRACE}-([0-9a-f]{{16}})-01", value)[1] for value in sent}
    assert len(parents) == 2 and "00f067aa0ba902b7" not in parents
    chat.ask()
    assert "traceparent" not in model.requests[-1].headers


def test_it_is_told_who_has_stopped_an_answer_and_which_reader_left(logged):
    log, api = logged()
    session = api.session()
    stream = api.stream(session)
    stream_id = stream.events[0].stream_id
    watcher = api.watch(session_id=session["session_id"])
    watcher.wait_for(3)
    watcher.leave()
    watched = watcher.response.headers["x-request-id"]
    line = log.wait_for("response ended", request_id=watched)
    assert line["result"] == "closed" and line["last_event"] >= 2
    assert_ids(line, session, stream_id)
    response = api.http.post(f"/api/session/{session['session_id']}/stop")
    line = log.wait_for("request", request_id=response.headers["x-request-id"])
    assert_ids(line, session, stream_id)
    line = log.wait_for("stream ended", stream_id=stream_id)
    assert (line["state"], line["stopped_by"]) == ("cancelled", "stop_request")

    for how, end in (
        ("session_deleted", lambda session: api.http.delete(f"/api/session/{session['session_id']}")),
        ("room_deleted", lambda session: api.http.delete(
            f"/api/rooms/{session['room_id']}", params={"user_id": session["user_id"]})),
        ("shutdown", lambda session: log.service.signal()),
    ):
        session = api.session()
        stream = api.stream(session)
        end(session)
        line = log.wait_for("stream ended", stream_id=stream.events[0].stream_id)
        assert line["stopped_by"] == how
        stream.wait_for_end()
    assert log.service.wait() == 0
    # Nothing is lost at a normal end.
    assert log.entries[-1]["message"] == "shut down"


# What is never told


def exercise(api):
    """Uses whatever takes text, with the mark in all of it, rightly and wrongly."""
    user = unique()
    metadata = {"note": MARK, "nested": {"of": [MARK]}}
    room = api.room(user, room_name=f"Room {MARK}", metadata=metadata)
    session = api.session(user, room_id=room["room_id"])
    key = session["session_id"]
    api.http.patch(f"/api/rooms/{room['room_id']}", params={"user_id": user, "q": MARK}, json={"room_name": MARK * 2})
    body = {
        "query": f"What is {MARK}?", "session_id": key, "message_id": f"m {MARK}", "user_profile": {"name": MARK},
        "context": {"about": MARK} | demo(20),
    }
    secret_headers = {"Authorization": f"Bearer {MARK}", "Cookie": f"session={MARK}", "User-Agent": MARK, "Referer": f"http://x/?{MARK}"}
    for _ in range(2):
        assert api.http.post("/api/chat/message", json=body, headers=secret_headers).status_code == 200
    for path, parameters in (
        ("/api/chat/message", {"session_id": key, "query": f"And {MARK}?", "token": MARK}),
        ("/api/chat/message", {"session_id": MARK, "query": MARK}),
        ("/api/chat/message", {"session_id": key, "last_event_id": f"stream_{MARK}:1"}),
        ("/api/rooms", {"user_id": f"{MARK} {MARK}"}),
        (f"/{MARK}/{MARK} {MARK}", {MARK: MARK}),
        (f"/api/rooms/%00{MARK}", {}),
        (f"/api/rooms/{MARK} as text", {}),
        (f"/v1/models/{MARK}", {}),
        (f"/api/chat/history/{MARK}", {"user_id": user}),
        (f"/api/rooms/{room['room_id']}/history", {"limit": MARK}),
    ):
        api.http.get(path, params=parameters, headers=secret_headers)
    completion = {"model": "auto", "messages": [{"role": "user", "content": MARK}], "stop": MARK}
    for extra in ({}, {"stream": True}, {"user": user, "metadata": {"session_id": key}}, {"model": MARK}, {"n": MARK}):
        api.http.post("/v1/chat/completions", json=completion | extra, headers=secret_headers)
    for broken in (f'{{"user_id": "{MARK}"', f'{{"user_id": "{MARK} "}}', f'"{MARK}"', MARK):
        api.http.post("/api/rooms", content=broken, headers={"Content-Type": "application/json"})
        api.http.post("/api/chat/message", content=broken, headers={"Content-Type": "application/json"})
    api.http.post("/api/session/create", json={"user_id": user, "room_id": f"room {MARK}"})
    api.http.post("/api/session/create", json={"user_id": unique(), "room_id": room["room_id"]})
    api.http.post(f"/api/session/{key}/reset", json={"agent_type": MARK})
    stream = api.stream(api.session(user), query=MARK, tokens=500, rate=100)
    api.http.post(f"/api/session/{key}/stop", json={"stream_id": MARK})
    stream.leave()
    api.http.request(MARK.upper(), "/api/rooms")


def assert_unmarked(service, *messages):
    """The mark is nowhere, though lines of those messages were written."""
    service.stop()
    assert MARK.lower() not in (service.stderr + service.stdout).lower()
    told = {line["message"] for line in entries(service.stderr)}
    assert told >= {"request", "shut down", *messages}


def test_nothing_that_users_write_is_in_the_log(logged):
    log, api = logged(DEMO_RATE="0")
    exercise(api)
    assert_unmarked(log.service, "stream started", "stream ended", "response ended")


def test_nothing_of_a_failing_model_or_of_a_key_is_in_the_log(make_service, connect, model, tmp_path):
    says = {"error": {"message": f"You have asked: {MARK}", "type": MARK, "code": MARK}}
    for script in (
        [refuse(400, says)], [refuse(401, says)], [refuse(429, says)], [refuse(500, says)], [refuse(500, f"<html>{MARK}")],
        [b"data: " + MARK.encode() + b"\n\n"], [b"data: " + json.dumps(says).encode() + b"\n\n"],
        answer(MARK, MARK), answer(reason=MARK),
    ):
        model.script(*script)
        agents = [{
            "name": "ada", "base_url": f"http://user:{MARK}@127.0.0.1:{model.port}/v1", "breaker_failures": 1, "retries": 0,
            "model": "scripted-1", "system_prompt": MARK,
        }]
        name = unique("service")
        service = make_service(
            name, AGENTS_FILE=write_agents(tmp_path / f"{name}.json", agents), OPENAI_API_KEY=f"sk-{MARK}", LOG_LEVEL="info",
        ).start()
        api = connect(service)
        session = api.session()
        body = {"query": f"What is {MARK}?", "session_id": session["session_id"]}
        assert api.http.post("/api/chat/message", json=body).status_code == 200
        assert_unmarked(service, "stream ended")


def test_no_password_of_a_store_that_is_away_is_in_the_log(make_service, connect, closed_port):
    settings = {
        "MONGODB_URI": f"mongodb://user:{MARK}@127.0.0.1:{closed_port}/?serverSelectionTimeoutMS=300", "MONGODB_DB_NAME": "rooms",
        "REDIS_URL": f"redis://user:{MARK}@127.0.0.1:{closed_port}", "REDIS_PASSWORD": MARK,
    }
    service = make_service(LOG_LEVEL="info", **settings).start_serving()
    api = connect(service)
    response = api.http.post("/api/rooms", json={"user_id": unique(), "room_name": MARK, "metadata": {"x": MARK}})
    assert response.status_code == 503
    line = Log(service).wait_for("request", request_id=response.headers["x-request-id"])
    assert (line["level"], line["status"], line["error_code"]) == ("warning", 503, "UNAVAILABLE")
    assert "mongodb" in line["error"]
    Log(service).wait_for("Redis is away: this instance goes on alone")
    assert_unmarked(service, "MongoDB cannot be reached yet: not ready until it can")


@pytest.mark.embedded
def test_nothing_of_what_a_failing_store_was_to_take_is_in_the_log(logged):
    log, api = logged()
    session = api.session()
    stream = api.stream(session, query=MARK, tokens=10_000, rate=200)
    with sqlite3.connect(os.path.join(log.service.settings["DATA_DIR"], "room-service.db"), isolation_level=None) as other:
        for table in ("chat_rooms", "conversation_history"):
            other.execute(f"ALTER TABLE {table} RENAME TO {table}_gone")
    response = api.http.post("/api/rooms", json={"user_id": unique(), "room_name": MARK, "metadata": {"x": MARK}})
    assert response.status_code == 500
    line = log.wait_for("request", request_id=response.headers["x-request-id"])
    assert line["level"] == "error" and "no such table" in line["error"]
    api.stop(session)
    line = log.wait_for("answer not stored", stream_id=stream.events[0].stream_id)
    assert line["level"] == "error" and line["session_id"] == session["session_id"]
    stream.wait_for_end()
    assert_unmarked(log.service)


# Lines that nobody can forge


@pytest.mark.parametrize("format", ["json", "text"])
def test_no_request_can_forge_a_line_or_steer_a_terminal(make_service, connect, format):
    service = make_service(LOG_LEVEL="trace", LOG_FORMAT=format).start()
    forged = '2026-01-01T00:00:00.000Z error forged {"level":"error"}'
    # As escapes of URLs: ends of lines of any kind, a terminal's commands, an override of the direction, what is no UTF-8.
    ends = ["%0A", "%0D%0A", "%0B", "%0C", "%C2%85", "%E2%80%A8", "%E2%80%A9", "%1B[2J", "%E2%80%AE", "%C2%9B1A", "%FF"]
    with RawConnection(service.port) as connection:
        for end in ends:
            path = f"/api/rooms/x{end}{forged}".replace(" ", "%20").replace('"', "%22").replace("{", "%7B").replace("}", "%7D")
            for target in (path, f"/nowhere{path}", f"/api/rooms?user_id={path}"):
                connection.send_request("GET", target, headers=[f"X-Request-ID: {path}", f"traceparent: {path}"])
                assert connection.read_response()[0] in (400, 404, 422)
        for raw in (b"\x1b[2J", b"\x85", b"\xe2\x80\xa8", b"\xff\xfe", b"\xc2\x9b", b"x" * 4000):
            fields = b"".join(name + b": " + raw + b"\r\n" for name in (b"X-Request-ID", b"traceparent", b"Origin", b"X-Forwarded-For"))
            with RawConnection(service.port) as other:
                other.send(b"GET /api/rooms/x HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n")
                assert other.read_response()[0] in (400, 404)
    service.stop()
    text = (service.folder / "stderr").read_bytes().decode()
    assert not re.search("[^\x20-\x7e\n…]", text), ascii(re.search("[^\x20-\x7e\n…]", text))
    lines = text.splitlines()
    assert len(lines) == text.count("\n") >= 2 * 3 * len(ends)
    for line in lines:
        assert len(line) < 4096
        if format == "json":
            assert entries(line)
        else:
            assert re.match(r"20\d\d-\d\d-\d\dT[\d:.]+Z (trace|debug|info|warning|error) [a-zA-Z]", line), line
            assert not line.startswith("2026-01-01T00:00:00.000Z")


# Formats


def terminal_output(make_service, name, **settings):
    """What a service writes to a terminal, from its start to its end."""
    ours, theirs = pty.openpty()
    service = make_service(name, **{"LOG_LEVEL": "info", "NO_COLOR": None} | settings)
    service.error_output = theirs
    service.start()
    service.stop()
    os.close(theirs)
    output = b""
    try:
        while part := os.read(ours, 65536):
            output += part
    except OSError:
        pass  # So Linux tells that a terminal's other side is closed.
    os.close(ours)
    return output.decode()


def test_a_terminal_gets_text_in_colours_unless_the_settings_say_otherwise(make_service):
    coloured = r"\x1b\[2m20\S+Z\x1b\[0m \x1b\[32minfo\x1b\[0m shutting down \x1b\[2mstreams=\x1b\[0m0\r\n"
    assert re.search(coloured, terminal_output(make_service, "auto", LOG_FORMAT=None))
    assert re.search(coloured, terminal_output(make_service, "text", LOG_FORMAT="text"))
    plain = terminal_output(make_service, "plain", NO_COLOR="1")
    assert re.search(r"^20\S+Z info shutting down streams=0\r$", plain, re.MULTILINE) and "\x1b" not in plain
    assert entries(terminal_output(make_service, "json", LOG_FORMAT="json"))


# A standard error that nobody reads


def fill(service, count=2500):
    """Has the service log some 3 MB."""
    path = "/" + "x" * 3000
    for _ in range(count // 50):
        with RawConnection(service.port) as connection:
            for _ in range(50):
                connection.send_request("GET", path)
            for _ in range(50):
                assert connection.read_response()[0] == 404


def dropped(api):
    return int(re.search(r"^roomservice_log_lines_dropped_total (\d+)$", api.http.get("/metrics").text, re.MULTILINE)[1])


def test_a_standard_error_that_nobody_reads_holds_up_neither_requests_nor_streams_nor_the_end(make_service, connect):
    ours, theirs = os.pipe()
    service = make_service(LOG_LEVEL="debug")
    service.error_output = theirs
    service.start()
    os.close(theirs)
    api = connect(service)
    assert dropped(api) == 0
    fill(service)
    lost = dropped(api)
    assert lost > 0
    assert api.ask(api.session(), tokens=100)[-2].status == "complete"
    for _ in range(20):
        start = time.monotonic()
        assert api.http.get("/healthz").status_code == 200
        assert time.monotonic() - start < 2

    # It is read again: what was kept comes whole, with how much was not.
    output, finished = [], threading.Event()

    def read():
        while not finished.is_set() and (part := os.read(ours, 65536)):
            output.append(part)

    def told():
        text = b"".join(output).decode()
        lines = entries(text[: text.rfind("\n") + 1])
        return sum(line["count"] for line in lines if line["message"] == "log lines dropped")

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    wait_until(lambda: told() == dropped(api) >= lost, 10, "the number of dropped lines")
    finished.set()
    api.http.get("/healthz")
    reader.join(10)

    # Full again, and read by nobody, it is no reason to stay.
    fill(service)
    service.signal()
    assert service.wait(10) == 0
    os.close(ours)


def test_a_standard_error_whose_reader_is_gone_ends_nothing(make_service, connect):
    ours, theirs = os.pipe()
    service = make_service(LOG_LEVEL="debug")
    service.error_output = theirs
    service.start()
    os.close(theirs)
    os.close(ours)
    api = connect(service)
    assert api.ask(api.session())[-2].status == "complete"
    wait_until(lambda: dropped(api) > 0, 10, "the count of lost lines")


# The end


def test_a_second_signal_ends_with_a_line_and_also_where_nobody_reads_it(make_service, connect):
    for is_read in (True, False):
        ours, theirs = os.pipe()
        service = make_service(unique("service"), LOG_LEVEL="debug", DRAIN_SECONDS="60")
        service.error_output = theirs
        service.start()
        os.close(theirs)
        api = connect(service)
        stream = api.stream(api.session())
        if not is_read:
            fill(service)
        service.signal()
        assert holds_for(lambda: service.process.poll() is None, 1.2)
        service.signal()
        assert service.wait(10) == 1
        stream.wait_for_end(5)
        if is_read:
            text = b""
            while part := os.read(ours, 65536):
                text += part
            assert entries(text.decode())[-1]["message"] == "ended by a second signal, before all was stored"
        os.close(ours)


def test_what_stands_in_the_way_of_a_start_is_a_line(make_service):
    other = RawListener()
    service = make_service(PORT=str(other.port)).launch()
    assert service.wait(10) == 1
    (line,) = entries(service.stderr)
    assert (line["level"], line["message"]) == ("error", "cannot start")
    assert str(other.port) in line["error"]
    other.close()


class RawListener:
    def __init__(self):
        import socket

        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def close(self):
        self.socket.close()
