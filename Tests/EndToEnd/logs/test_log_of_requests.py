"""What the log tells of requests, and at which level."""

from log import MARK, assert_ids
from rawsocket import RawConnection


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
