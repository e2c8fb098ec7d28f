"""Documents in MongoDB: what users write is never an operator, and what other programs have written is readable."""

import datetime
import json

import pytest

from api import TIMESTAMP, assert_failure, unique

pytestmark = pytest.mark.mongodb

OPERATOR = '{"$ne": null}'
NOT_A_STRING = json.loads(OPERATOR)


@pytest.fixture
def database(service, database_of):
    return database_of(service)


# --- what users write


@pytest.mark.parametrize(
    "metadata",
    [
        {"$set": {"user_id": "mallory"}},
        {"$where": "sleep(10000)", "$expr": {"$eq": [1, 1]}},
        {"a.b": 1, "a": {"b": 2}},
        {"": "empty", "deep": {"": {"": [{"": None}]}}},
        {"list": [{"$set": {"x.y": {"$where": "1"}}}, ["$a", {"a.b.c": ".", ".": "a."}]]},
        {"_id": 7, "__proto__": {}, "$": 1, ".": 2, "$$ROOT": "$$ROOT"},
        # Not "$date": nx-27017 takes a document with that key for a date, whoever stores it.
        {"$oid": "0123456789abcdef01234567", "$numberLong": "5", "$binary": "AA=="},
    ],
)
def test_metadata_with_any_keys_come_back_unchanged(api, metadata):
    user = unique()
    room = api.room(user, metadata=metadata)
    path = f"/api/rooms/{room['room_id']}"
    assert room["metadata"] == metadata
    assert api.data("GET", path)["metadata"] == metadata
    api.data("PATCH", path, params={"user_id": user}, json={"metadata": {}})
    changed = api.data("PATCH", path, params={"user_id": user}, json={"metadata": metadata})
    assert changed["metadata"] == metadata
    listed = api.data("GET", "/api/rooms", params={"user_id": user})["rooms"]
    assert [each["metadata"] for each in listed] == [metadata]
    assert changed["user_id"] == user


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/rooms", {"user_id": NOT_A_STRING}),
        ("/api/rooms", {"user_id": OPERATOR}),
        ("/api/rooms", {"user_id": "u", "room_name": NOT_A_STRING}),
        ("/api/session/create", {"user_id": NOT_A_STRING}),
        ("/api/session/create", {"user_id": "u", "room_id": NOT_A_STRING}),
        ("/api/chat/message", {"session_id": NOT_A_STRING, "query": "?"}),
        ("/api/chat/message", {"session_id": "s", "query": NOT_A_STRING}),
        ("/api/chat/message", {"session_id": "s", "query": "?", "message_id": NOT_A_STRING}),
    ],
)
def test_an_operator_in_the_place_of_a_string_is_refused(api, path, body):
    assert_failure(api.http.post(path, json=body), 422, "VALIDATION_ERROR")


def test_a_text_that_reads_like_an_operator_is_a_text(api):
    user = unique()
    room = api.room(user, room_name=OPERATOR)
    session = api.session(user, room_id=room["room_id"])
    for message_id in (OPERATOR, "$ne"):
        assert api.ask(session, OPERATOR, message_id=message_id)[-2].status == "complete"
    assert api.data("GET", f"/api/rooms/{room['room_id']}")["room_name"] == OPERATOR
    assert [each["user_input"] for each in api.history(room["room_id"])["conversations"]] == [OPERATOR] * 2


def test_an_operator_as_an_id_finds_nothing(api):
    session = api.session()
    api.ask(session)
    for path in (f"/api/rooms/{OPERATOR}", f"/api/rooms/{OPERATOR}/history", f"/api/session/{OPERATOR}"):
        assert_failure(api.http.get(path), 404, "NOT_FOUND")
    unknown = {"user_id": session["user_id"], "room_id": OPERATOR}
    assert_failure(api.http.post("/api/session/create", json=unknown), 404, "NOT_FOUND")
    assert_failure(api.http.post("/api/chat/message", json={"session_id": OPERATOR, "query": "?"}), 404, "NOT_FOUND")
    assert_failure(api.http.get("/api/rooms", params={"user_id": OPERATOR}), 422, "VALIDATION_ERROR")
    history = api.http.get(f"/api/chat/history/{OPERATOR}", params={"user_id": session["user_id"]}).json()
    assert history["count"] == 0
    room = f"/api/rooms/{session['room_id']}"
    for method, request in (("PATCH", {"json": {"room_name": "mine"}}), ("DELETE", {})):
        assert api.http.request(method, room, params={"user_id": OPERATOR}, **request).status_code in (403, 422)
    assert api.history(session["room_id"])["total"] == 1


# --- what other programs have written


@pytest.fixture
def foreign(database):
    """A room and two conversations as another implementation may store them: without all that is new."""
    user, room_id, session_id = unique(), unique("room"), unique("session")
    at = datetime.datetime(2024, 5, 6, 7, 8, 9, 123_000, datetime.timezone.utc)
    later = at + datetime.timedelta(minutes=1)
    database.chat_rooms.insert_one(
        {"room_id": room_id, "user_id": user, "room_name": "From before", "created_at": at, "last_activity": later}
    )
    database.conversation_history.insert_many(
        {
            "user_id": user, "session_id": session_id, "room_id": room_id, "agent_type": "assistant",
            "user_input": f"Question {number}", "agent_response": f"Answer {number}", "timestamp": time,
        }
        for number, time in enumerate((at, later))
    )
    return {"user_id": user, "room_id": room_id}


def test_a_room_of_another_program_is_readable(api, foreign):
    room = api.data("GET", f"/api/rooms/{foreign['room_id']}")
    assert room.items() >= {
        "room_id": foreign["room_id"], "user_id": foreign["user_id"], "room_name": "From before",
        "created_at": "2024-05-06T07:08:09.123Z", "last_activity": "2024-05-06T07:09:09.123Z",
        "message_count": 2, "metadata": {},
    }.items()
    page = api.data("GET", "/api/rooms", params={"user_id": foreign["user_id"]})
    assert page["total"] == 1
    message = page["rooms"][0].pop("last_message")
    assert page["rooms"] == [room]
    assert (message["user_input"], message["agent_response"]) == ("Question 1", "Answer 1")


def test_conversations_of_another_program_are_readable_and_completed(api, foreign):
    history = api.history(foreign["room_id"])
    assert history["total"] == 2
    for number, conversation in enumerate(history["conversations"]):
        assert conversation["user_input"] == f"Question {number}"
        assert conversation["agent_response"] == f"Answer {number}"
        assert conversation["status"] == "completed"
        assert conversation["conversation_id"] and conversation["metadata"] == {}
        assert TIMESTAMP.match(conversation["timestamp"])
    flat = api.http.get("/api/chat/history", params={"user_id": foreign["user_id"]}).json()
    assert flat["count"] == 2


def test_a_room_of_another_program_is_used_and_counted_and_deleted_like_any(api, foreign):
    user, room_id = foreign["user_id"], foreign["room_id"]
    session = api.session(user, room_id=room_id)
    assert api.ask(session)[-2].status == "complete"
    assert api.data("GET", f"/api/rooms/{room_id}")["message_count"] == 3
    assert [each["status"] for each in api.history(room_id)["conversations"]] == ["completed"] * 3
    for _ in range(49):
        api.room(user)
    assert_failure(api.http.post("/api/rooms", json={"user_id": user}), 400, "ROOM_LIMIT_EXCEEDED")
    deleted = api.data("DELETE", f"/api/rooms/{room_id}", params={"user_id": user})
    assert deleted["conversations_deleted"] == 3
    api.room(user)
