"""Rooms: made, listed, changed, deleted, and never more of them than a user may have."""

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from api import TIMESTAMP, assert_failure, unique

LIMIT_REACHED = "Maximum room limit (50) reached. Please delete old rooms."


def test_a_new_room_has_the_given_name_and_metadata(api):
    user = unique()
    room = api.room(user, room_name="  Planning  ", metadata={"colour": "red", "deep": {"a": [1, 2.5, None, True]}})
    assert set(room) - {"updated_at"} == {
        "room_id", "user_id", "room_name", "created_at", "last_activity", "message_count", "metadata",
    }
    assert re.fullmatch(r"room_[0-9a-f-]{36}", room["room_id"])
    assert room["user_id"] == user
    assert room["room_name"] == "Planning"
    assert room["message_count"] == 0
    assert room["metadata"] == {"colour": "red", "deep": {"a": [1, 2.5, None, True]}}
    assert TIMESTAMP.match(room["created_at"]) and room["last_activity"] == room["created_at"]
    assert api.data("GET", f"/api/rooms/{room['room_id']}") == room


def test_a_room_without_a_name_is_named_after_its_time(api):
    room = api.room()
    assert room["room_name"] == f"Chat {room['created_at'][:10]} {room['created_at'][11:16]}"
    assert room["metadata"] == {}


def test_names_of_any_script_come_back_unchanged(api):
    name = "Zimmer „Über“ 房间 🏠"
    room = api.room(room_name=name)
    assert api.data("GET", f"/api/rooms/{room['room_id']}")["room_name"] == name


def test_a_name_may_have_a_hundred_characters(api):
    assert api.room(room_name="ü" * 100)["room_name"] == "ü" * 100


def test_the_fifty_first_room_is_refused_and_a_deletion_makes_place(api):
    user = unique()
    rooms = [api.room(user) for _ in range(50)]
    refused = api.http.post("/api/rooms", json={"user_id": user})
    assert_failure(refused, 400, "ROOM_LIMIT_EXCEEDED", LIMIT_REACHED)
    api.data("DELETE", f"/api/rooms/{rooms[0]['room_id']}", params={"user_id": user})
    api.room(user)
    assert_failure(api.http.post("/api/rooms", json={"user_id": user}), 400, "ROOM_LIMIT_EXCEEDED", LIMIT_REACHED)


def test_a_hundred_racing_creates_make_exactly_fifty_rooms(api):
    user = unique()
    start = threading.Barrier(25)

    def create(index):
        if index < 25:
            start.wait(10)
        return api.http.post("/api/rooms", json={"user_id": user}).status_code

    with ThreadPoolExecutor(25) as pool:
        statuses = list(pool.map(create, range(100)))
    assert sorted(statuses) == [201] * 50 + [400] * 50
    assert api.data("GET", "/api/rooms", params={"user_id": user})["total"] == 50


@pytest.fixture
def five_rooms(api):
    """A user with rooms b, a, d, c, e, made in this order."""
    user = unique()
    rooms = {}
    for name in "badce":
        rooms[name] = api.room(user, room_name=name)
        # The order by time needs times that differ, and they have milliseconds.
        while rooms[name]["created_at"] >= _now():
            time.sleep(0.001)
    return user, rooms


def _now():
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z"


def names(page):
    return "".join(room["room_name"] for room in page["rooms"])


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, "ecdab"),
        ({"order": "asc"}, "badce"),
        ({"sort_by": "created_at"}, "ecdab"),
        ({"sort_by": "created_at", "order": "asc"}, "badce"),
        ({"sort_by": "room_name", "order": "asc"}, "abcde"),
        ({"sort_by": "room_name", "order": "desc"}, "edcba"),
        ({"sort_by": "nothing_known"}, "ecdab"),
    ],
)
def test_rooms_are_listed_in_the_order_asked_for(api, five_rooms, parameters, expected):
    user, _ = five_rooms
    page = api.data("GET", "/api/rooms", params={"user_id": user} | parameters)
    assert names(page) == expected
    assert (page["total"], page["page"], page["page_size"], page["has_more"]) == (5, 1, 50, False)


def test_pages_of_rooms_do_not_overlap_and_miss_nothing(api, five_rooms):
    user, _ = five_rooms

    def page(offset):
        parameters = {"user_id": user, "limit": 2, "offset": offset, "sort_by": "room_name", "order": "asc"}
        return api.data("GET", "/api/rooms", params=parameters)

    pages = [page(0), page(2), page(4)]
    assert [names(each) for each in pages] == ["ab", "cd", "e"]
    assert [each["page"] for each in pages] == [1, 2, 3]
    assert [each["has_more"] for each in pages] == [True, True, False]
    assert {each["page_size"] for each in pages} == {2}
    assert {each["total"] for each in pages} == {5}
    assert names(page(6)) == ""


def test_a_user_without_rooms_has_an_empty_list(api):
    page = api.data("GET", "/api/rooms", params={"user_id": unique()})
    assert page == {"rooms": [], "total": 0, "page": 1, "page_size": 50, "has_more": False}


def test_a_listed_room_shows_its_last_message_cut_at_a_hundred_characters(api):
    user = unique()
    session = api.session(user)
    room = api.data("GET", "/api/rooms", params={"user_id": user})["rooms"][0]
    assert room["last_message"] is None

    api.ask(session, "The first?", tokens=1)
    answer = api.ask(session, "The second?", tokens=80)[-2].content
    room = api.data("GET", "/api/rooms", params={"user_id": user})["rooms"][0]
    message = room["last_message"]
    assert set(message) == {"user_input", "agent_response", "agent_type", "timestamp"}
    assert message["user_input"] == "The second?"
    assert len(answer) > 100
    assert message["agent_response"] == answer[:100] + "..."
    assert room["message_count"] == 2


def test_a_message_moves_its_room_to_the_top(api, five_rooms):
    user, rooms = five_rooms
    session = api.session(user, room_id=rooms["b"]["room_id"])
    api.ask(session)
    page = api.data("GET", "/api/rooms", params={"user_id": user})
    assert names(page) == "becda"
    assert page["rooms"][0]["last_activity"] > rooms["b"]["last_activity"]


def test_a_patch_replaces_the_metadata_and_keeps_the_rest(api):
    user = unique()
    room = api.room(user, room_name="Before", metadata={"a": 1, "b": 2})
    path = f"/api/rooms/{room['room_id']}"

    changed = api.data("PATCH", path, params={"user_id": user}, json={"metadata": {"c": 3}})
    assert changed["metadata"] == {"c": 3}
    assert changed["room_name"] == "Before"
    assert TIMESTAMP.match(changed["updated_at"])

    changed = api.data("PATCH", path, params={"user_id": user}, json={"room_name": "After"})
    assert changed["metadata"] == {"c": 3}
    assert changed["room_name"] == "After"
    assert api.data("GET", path) == changed


def test_a_deleted_room_is_gone_for_every_call(api):
    user = unique()
    session = api.session(user)
    room_id = session["room_id"]
    path = f"/api/rooms/{room_id}"
    api.ask(session)
    api.ask(session)

    deleted = api.data("DELETE", path, params={"user_id": user})
    assert deleted == {"room_id": room_id, "conversations_deleted": 2}

    gone = [
        ("GET", path, {}),
        ("GET", f"{path}/history", {}),
        ("PATCH", path, {"params": {"user_id": user}, "json": {"room_name": "again"}}),
        ("DELETE", path, {"params": {"user_id": user}}),
        ("POST", "/api/session/create", {"json": {"user_id": user, "room_id": room_id}}),
    ]
    for method, route, request in gone:
        assert_failure(api.http.request(method, route, **request), 404, "NOT_FOUND", "Room not found")
    assert api.data("GET", "/api/rooms", params={"user_id": user})["total"] == 0
    ended = api.http.get(f"/api/session/{session['session_id']}")
    assert_failure(ended, 404, "NOT_FOUND", "Session not found or expired")


def test_deleting_a_room_stops_its_streams(api):
    user = unique()
    room = api.room(user)
    streams = [api.stream(api.session(user, room_id=room["room_id"])) for _ in range(3)]
    api.data("DELETE", f"/api/rooms/{room['room_id']}", params={"user_id": user})
    for stream in streams:
        assert stream.wait_for_terminal(5).status == "cancelled"
        assert stream.wait_for_end(5).error is None
    checks = api.http.get("/api/health").json()["checks"]
    assert checks["streams"]["active_count"] == 0


def test_history_comes_as_the_newest_page_in_order_of_time(api):
    session = api.session()
    for number in range(1, 6):
        api.ask(session, f"Question {number}", tokens=3)

    def page(**parameters):
        history = api.history(session["room_id"], **parameters)
        assert history["room_id"] == session["room_id"]
        assert history["total"] == 5
        return [each["user_input"][-1] for each in history["conversations"]], history["page"], history["has_more"]

    assert page() == (["1", "2", "3", "4", "5"], 1, False)
    assert page(limit=2) == (["4", "5"], 1, True)
    assert page(limit=2, offset=2) == (["2", "3"], 2, True)
    assert page(limit=2, offset=4) == (["1"], 3, False)
    assert api.history(session["room_id"])["page_size"] == 50


def test_a_conversation_in_history_has_every_field(api):
    session = api.session()
    events = api.ask(session, "What is kept?", tokens=5)
    conversation = api.only_conversation(session)
    assert set(conversation) == {
        "conversation_id", "timestamp", "user_input", "agent_response", "agent_type", "session_id", "room_id",
        "status", "metadata",
    }
    assert conversation["user_input"] == "What is kept?"
    assert conversation["session_id"] == session["session_id"]
    assert conversation["room_id"] == session["room_id"]
    assert conversation["status"] == "completed"
    assert conversation["agent_response"] == events[-2].content
    assert TIMESTAMP.match(conversation["timestamp"])
    metadata = conversation["metadata"]
    assert metadata["chunks"] == 5
    assert 0 <= metadata["first_token_ms"] <= metadata["response_time_ms"] < 10_000
