"""Sessions: made in a room or with a room, reset, and ended."""

from api import TIMESTAMP, assert_failure, unique
from waiting import wait_until

GONE = "Session not found or expired"


def test_a_session_without_a_room_makes_one(api):
    user = unique()
    session = api.session(user)
    assert set(session) == {"session_id", "user_id", "room_id", "created_at", "expires_at"}
    assert session["user_id"] == user
    assert TIMESTAMP.match(session["created_at"]) and session["created_at"] < session["expires_at"]
    assert api.data("GET", f"/api/rooms/{session['room_id']}")["user_id"] == user


def test_a_session_in_a_room_of_its_user_uses_that_room(api):
    user = unique()
    room = api.room(user)
    assert api.session(user, room_id=room["room_id"])["room_id"] == room["room_id"]
    assert api.data("GET", "/api/rooms", params={"user_id": user})["total"] == 1


def test_a_session_in_a_room_of_another_user_is_refused(api):
    room = api.room()
    response = api.http.post("/api/session/create", json={"user_id": unique(), "room_id": room["room_id"]})
    assert_failure(response, 403, "ACCESS_DENIED", "Access denied: You don't own this room")


def test_a_session_in_an_unknown_room_is_refused(api):
    response = api.http.post("/api/session/create", json={"user_id": unique(), "room_id": "room_nowhere"})
    assert_failure(response, 404, "NOT_FOUND", "Room not found")


def test_a_session_made_beyond_the_room_limit_is_refused(api):
    user = unique()
    for _ in range(50):
        api.room(user)
    response = api.http.post("/api/session/create", json={"user_id": user})
    assert_failure(response, 400, "ROOM_LIMIT_EXCEEDED")
    assert api.data("GET", "/api/rooms", params={"user_id": user})["total"] == 50


def test_a_session_tells_what_has_happened_in_it(api):
    session = api.session()
    path = f"/api/session/{session['session_id']}"
    before = api.data("GET", path)
    assert before.items() >= session.items()
    assert before["conversation_count"] == 0
    assert before["active_stream"] is None

    events = api.ask(session)
    after = api.data("GET", path)
    assert after["conversation_count"] == 1
    assert after["active_agent"] == events[0].data["agent_type"]
    assert after["last_activity"] > before["last_activity"]


def test_a_session_shows_its_running_stream_until_it_ends(api):
    session = api.session()
    path = f"/api/session/{session['session_id']}"
    stream = api.stream(session)
    active = api.data("GET", path)["active_stream"]
    assert set(active) == {"stream_id", "status", "started_at"}
    assert active["stream_id"] == stream.events[0].stream_id
    assert TIMESTAMP.match(active["started_at"])
    api.stop(session)
    stream.wait_for_end()
    wait_until(lambda: api.data("GET", path)["active_stream"] is None, what="the stream to leave the session")


def test_a_reset_clears_the_context_and_keeps_the_history(api):
    session = api.session()
    path = f"/api/session/{session['session_id']}/reset"
    api.ask(session, "One?")
    agent = api.ask(session, "Two?")[0].data["agent_type"]

    cleared = api.data("POST", path, json={"agent_type": "nobody-of-this-name"})
    assert cleared["reset_scope"] == "nobody-of-this-name"
    assert cleared["conversations_cleared"] == 0
    cleared = api.data("POST", path, json={"agent_type": agent})
    assert cleared == {"session_id": session["session_id"], "reset_scope": agent, "conversations_cleared": 2}

    api.ask(session, "Three?")
    cleared = api.data("POST", path)
    assert cleared == {"session_id": session["session_id"], "reset_scope": "all", "conversations_cleared": 1}
    assert api.history(session["room_id"])["total"] == 3


def test_deleting_a_sessions_history_empties_the_room_and_keeps_the_session(api):
    session = api.session()
    api.ask(session)
    api.ask(session)
    path = f"/api/session/{session['session_id']}"
    deleted = api.data("DELETE", f"{path}/history", params={"room_id": session["room_id"]})
    assert deleted == {
        "session_id": session["session_id"], "room_id": session["room_id"], "conversations_deleted": 2,
    }
    assert api.history(session["room_id"])["conversations"] == []
    assert api.data("GET", f"/api/rooms/{session['room_id']}")["message_count"] == 0
    assert api.data("GET", path)["session_id"] == session["session_id"]


def test_a_deleted_session_is_gone_and_its_history_stays(api):
    session = api.session()
    api.ask(session)
    path = f"/api/session/{session['session_id']}"
    assert api.data("DELETE", path) == {"session_id": session["session_id"], "status": "deleted"}
    assert_failure(api.http.get(path), 404, "NOT_FOUND", GONE)
    assert_failure(api.http.delete(path), 404, "NOT_FOUND", GONE)
    assert api.history(session["room_id"])["total"] == 1


def test_deleting_a_session_stops_its_stream_and_keeps_what_it_had_said(api):
    session = api.session()
    stream = api.stream(session)
    stream.wait_for(5)
    api.data("DELETE", f"/api/session/{session['session_id']}")
    terminal = stream.wait_for_terminal(5)
    assert terminal.status == "cancelled"
    conversation = api.ended_conversation(session)
    assert conversation["status"] == "cancelled"
    assert conversation["agent_response"] == terminal.content == stream.text
