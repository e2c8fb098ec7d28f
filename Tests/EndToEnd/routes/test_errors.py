"""Failures: every one has the same envelope, and says exactly what is wrong."""

import pytest

from api import assert_failure, demo, faults, places, unique

NOT_OWNED = "Access denied: You don't own this room"
NO_ROOM = "Room not found"
NO_SESSION = "Session not found or expired"


@pytest.mark.parametrize(
    ("method", "path", "request_"),
    [
        ("GET", "/api/rooms/room_nowhere", {}),
        ("GET", "/api/rooms/room_nowhere/history", {}),
        ("PATCH", "/api/rooms/room_nowhere", {"params": {"user_id": "u"}, "json": {"room_name": "x"}}),
        ("DELETE", "/api/rooms/room_nowhere", {"params": {"user_id": "u"}}),
    ],
)
def test_an_unknown_room_is_not_found(api, method, path, request_):
    assert_failure(api.http.request(method, path, **request_), 404, "NOT_FOUND", NO_ROOM)


@pytest.mark.parametrize(
    ("method", "path", "request_"),
    [
        ("GET", "/api/session/session_nowhere", {}),
        ("DELETE", "/api/session/session_nowhere", {}),
        ("POST", "/api/session/session_nowhere/reset", {}),
        ("POST", "/api/session/session_nowhere/stop", {}),
        ("DELETE", "/api/session/session_nowhere/history", {"params": {"room_id": "room_x"}}),
        ("POST", "/api/chat/message", {"json": {"query": "?", "session_id": "session_nowhere"}}),
        ("POST", "/api/chat/stream", {"json": {"query": "?", "session_id": "session_nowhere"}}),
        ("GET", "/api/chat/message", {"params": {"query": "?", "session_id": "session_nowhere"}}),
        ("GET", "/api/chat/message", {"params": {"session_id": "session_nowhere"}}),
    ],
)
def test_an_unknown_session_is_not_found(api, method, path, request_):
    assert_failure(api.http.request(method, path, **request_), 404, "NOT_FOUND", NO_SESSION)


@pytest.mark.parametrize(("method", "request_"), [("PATCH", {"json": {"room_name": "mine"}}), ("DELETE", {})])
def test_a_room_of_another_user_is_refused(api, method, request_):
    room = api.room(room_name="theirs")
    path = f"/api/rooms/{room['room_id']}"
    response = api.http.request(method, path, params={"user_id": unique()}, **request_)
    assert_failure(response, 403, "ACCESS_DENIED", NOT_OWNED)
    assert api.data("GET", path) == room


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_question_by_another_user_is_refused(api, method):
    session = api.session()
    values = {"query": "?", "session_id": session["session_id"], "user_id": unique()}
    request = {"json": values} if method == "POST" else {"params": values}
    assert_failure(api.http.request(method, "/api/chat/message", **request), 403, "ACCESS_DENIED")
    assert api.history(session["room_id"])["total"] == 0


def test_a_question_in_another_room_is_refused(api):
    user = unique()
    session, other = api.session(user), api.room(user)
    body = {"query": "?", "session_id": session["session_id"], "room_id": other["room_id"]}
    assert_failure(api.http.post("/api/chat/message", json=body), 409, "ROOM_MISMATCH")


def test_the_user_and_room_of_the_session_may_be_given(api):
    session = api.session()
    events = api.ask(session, user_id=session["user_id"], room_id=session["room_id"])
    assert events[-2].status == "complete"


def test_all_faults_of_a_question_are_told_at_once(api):
    body = {
        "room_id": 5, "user_id": "no spaces allowed", "agent_type": [], "user_profile": "x", "context": 1,
        "message_id": {},
    }
    failure = assert_failure(api.http.post("/api/chat/message", json=body), 422, "VALIDATION_ERROR")
    assert ("body.session_id", "missing") in faults(failure)
    assert ("body.query", "missing") in faults(failure)
    assert places(failure) == {
        "body.query", "body.session_id", "body.room_id", "body.user_id", "body.agent_type", "body.user_profile",
        "body.context", "body.message_id",
    }


def test_a_missing_field_is_told_in_both_lists_with_the_input(api):
    body = assert_failure(api.http.post("/api/rooms", json={"room_name": "x"}), 422, "VALIDATION_ERROR")
    assert body["detail"] == [
        {"type": "missing", "loc": ["body", "user_id"], "msg": "Field required", "input": {"room_name": "x"}}
    ]
    assert body["details"] == [{"field": "body.user_id", "message": "Field required", "type": "missing"}]


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"user_id": None}, "body.user_id"),
        ({"user_id": 7}, "body.user_id"),
        ({"user_id": ""}, "body.user_id"),
        ({"user_id": "a" * 129}, "body.user_id"),
        ({"user_id": "with space"}, "body.user_id"),
        ({"user_id": "a/b"}, "body.user_id"),
        ({"room_name": ""}, "body.room_name"),
        ({"room_name": "   "}, "body.room_name"),
        ({"room_name": "x" * 101}, "body.room_name"),
        ({"room_name": "a\u0007b"}, "body.room_name"),
        ({"room_name": "a\nb"}, "body.room_name"),
        ({"room_name": 5}, "body.room_name"),
        ({"metadata": []}, "body.metadata"),
        ({"metadata": "x"}, "body.metadata"),
        ({"metadata": {"k": "x" * 10_240}}, "body.metadata"),
    ],
)
def test_a_bad_field_of_a_new_room_is_named(api, fields, place):
    response = api.http.post("/api/rooms", json={"user_id": unique()} | fields)
    assert places(assert_failure(response, 422, "VALIDATION_ERROR")) == {place}


def test_metadata_may_have_ten_kibibytes(api):
    metadata = {"k": "x" * (10_240 - len('{"k":""}'))}
    assert api.room(metadata=metadata)["metadata"] == metadata


@pytest.mark.parametrize(
    ("path", "parameters", "expected"),
    [
        ("/api/rooms", {}, {"query.user_id"}),
        ("/api/rooms", {"limit": "0", "offset": "-1"}, {"query.user_id", "query.limit", "query.offset"}),
        ("/api/rooms", {"user_id": "u", "limit": "101"}, {"query.limit"}),
        ("/api/rooms", {"user_id": "u", "limit": "ten", "order": "sideways"}, {"query.limit", "query.order"}),
        ("/api/rooms", {"user_id": "u", "offset": "99999999999999999999"}, {"query.offset"}),
        ("/api/rooms/room_x/history", {"limit": "201", "offset": "x"}, {"query.limit", "query.offset"}),
        ("/api/chat/message", {}, {"query.session_id"}),
        ("/api/chat/message", {"query": "?"}, {"query.session_id"}),
        ("/api/chat/history", {"limit": "0"}, {"query.user_id", "query.limit"}),
        ("/api/chat/rooms", {}, {"query.user_id"}),
    ],
)
def test_bad_query_parameters_are_all_named(api, path, parameters, expected):
    body = assert_failure(api.http.get(path, params=parameters), 422, "VALIDATION_ERROR")
    assert places(body) == expected


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_changing_a_room_needs_a_user(api, method):
    request = {"json": {"room_name": "x"}} if method == "PATCH" else {}
    response = api.http.request(method, f"/api/rooms/{api.room()['room_id']}", **request)
    assert "query.user_id" in places(assert_failure(response, 422, "VALIDATION_ERROR"))


def test_a_session_needs_a_user(api):
    body = assert_failure(api.http.post("/api/session/create", json={}), 422, "VALIDATION_ERROR")
    assert faults(body) == {("body.user_id", "missing")}


@pytest.mark.parametrize("path", ["/api/rooms", "/api/session/create", "/api/chat/message", "/api/chat/stream"])
@pytest.mark.parametrize(
    "body", [b"{", b'{"user_id":}', b"{'user_id':'u'}", b'{"a":1} x', b'{"a":"\xff"}', b'{"a":01}']
)
def test_malformed_json_is_a_bad_request(api, path, body):
    response = api.http.post(path, content=body, headers={"Content-Type": "application/json"})
    assert_failure(response, 400, "BAD_REQUEST")


def test_deeply_nested_json_does_not_take_the_service_down(api):
    response = api.http.post("/api/rooms", content=b"[" * 100_000, headers={"Content-Type": "application/json"})
    assert_failure(response, 400, "BAD_REQUEST")
    assert api.http.get("/healthz").status_code == 200


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"5", b"null"])
def test_a_body_that_is_no_object_is_refused(api, body):
    response = api.http.post("/api/rooms", content=body, headers={"Content-Type": "application/json"})
    assert_failure(response, 422, "VALIDATION_ERROR")


@pytest.mark.parametrize("query", ["user_id=%zz", "user_id=%", "user_id=%ff%fe"])
def test_a_malformed_query_string_is_a_bad_request(api, query):
    assert_failure(api.http.get(f"/api/rooms?{query}"), 400, "BAD_REQUEST")


def test_another_content_type_is_refused(api):
    response = api.http.post("/api/rooms", content=b"user_id=u", headers={"Content-Type": "text/plain"})
    assert_failure(response, 415, "UNSUPPORTED_MEDIA_TYPE")


def test_a_charset_on_the_content_type_is_taken(api):
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert api.http.post("/api/rooms", content=b'{"user_id":"u1"}', headers=headers).status_code == 201


def test_an_answer_in_a_type_that_there_is_not_is_refused(api):
    session = api.session()
    body = {"query": "?", "session_id": session["session_id"], "context": demo(1)}
    response = api.http.post("/api/chat/message", json=body, headers={"Accept": "image/png"})
    assert_failure(response, 406, "NOT_ACCEPTABLE")
    assert api.history(session["room_id"])["total"] == 0


@pytest.mark.parametrize(
    "path", ["/nowhere", "/api", "/api/", "/api/rooms/a/b/c", "/api/chat/message/x", "/API/rooms"]
)
def test_an_unknown_route_is_not_found(api, path):
    assert_failure(api.http.get(path), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/rooms", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("PUT", "/api/rooms/room_x", {"GET", "HEAD", "PATCH", "DELETE", "OPTIONS"}),
        ("POST", "/api/rooms/room_x/history", {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/api/session/create", None),
        ("GET", "/api/session/session_x/stop", {"POST", "OPTIONS"}),
        ("PUT", "/api/chat/message", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("POST", "/healthz", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_a_wrong_method_is_told_which_are_right(api, method, path, allowed):
    response = api.http.request(method, path)
    if allowed is None:  # The path is also that of a session called "create".
        assert response.status_code in (404, 405)
        return
    assert_failure(response, 405, "METHOD_NOT_ALLOWED")
    told = {each.strip() for each in response.headers["allow"].split(",")}
    assert told | {"HEAD", "OPTIONS"} == allowed | {"HEAD", "OPTIONS"}
