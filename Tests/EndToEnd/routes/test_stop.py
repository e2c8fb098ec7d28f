"""Stop: once it has answered, the stream has said its last word."""

import json

from api import demo
from rawsocket import RawConnection


def test_a_stopped_stream_ends_cancelled_with_what_it_had_said(api):
    session = api.session()
    stream = api.stream(session)
    stream.wait_for(10)
    answer = api.stop(session)
    assert answer["success"] is True
    assert answer["message"] == "Stream stop requested"
    data = answer["data"]
    assert data["delivered"] is True
    assert {key: data[key] for key in ("session_id", "room_id", "status", "stream_id")} == {
        "session_id": session["session_id"],
        "room_id": session["room_id"],
        "status": "stop_requested",
        "stream_id": stream.events[0].stream_id,
    }

    stream.wait_for_end(5)
    terminal = stream.events[-1]
    assert terminal.status == "cancelled"
    assert terminal.data["message"] == "Stream stopped by user"
    assert terminal.content == stream.text == data["partial_response"]
    assert stream.done
    conversation = api.only_conversation(session)
    assert conversation["status"] == "cancelled"
    assert conversation["agent_response"] == data["partial_response"]


def test_with_nothing_to_stop_the_answer_is_not_found(api):
    session = api.session()
    answer = api.stop(session)
    assert answer["success"] is True
    assert answer["message"] == "No active stream found for this session"
    assert answer["data"]["status"] == "not_found"
    assert answer["data"]["session_id"] == session["session_id"]

    api.ask(session)
    assert api.stop(session)["data"]["status"] == "not_found"


def test_stopping_a_stream_that_has_ended_spares_the_next_one(api):
    session = api.session()
    ended = api.ask(session, tokens=1)[0].stream_id
    stream = api.stream(session)
    assert api.stop(session, stream_id=ended)["data"]["status"] == "not_found"
    stream.wait_for(len(stream.events) + 5)
    running = stream.events[0].stream_id
    assert api.stop(session, stream_id=running)["data"]["status"] == "stop_requested"
    assert stream.wait_for_terminal(5).status == "cancelled"


def test_every_watcher_of_a_stopped_stream_sees_it_cancelled_once(api):
    session = api.session()
    stream = api.stream(session)
    watchers = [api.watch(session_id=session["session_id"]) for _ in range(5)]
    for watcher in watchers:
        watcher.wait_for(5)
    api.stop(session)
    stream.wait_for_end(5)
    expected = [event.id for event in stream.events]
    for watcher in watchers:
        assert watcher.wait_for_terminal(5).status == "cancelled"
        assert [event.id for event in watcher.events] == expected
        watcher.leave()


def test_a_session_answers_again_after_a_stop(api):
    session = api.session()
    stream = api.stream(session)
    api.stop(session)
    stream.wait_for_end(5)
    assert api.ask(session, "And now?")[-2].status == "complete"
    statuses = [each["status"] for each in api.history(session["room_id"])["conversations"]]
    assert statuses == ["cancelled", "completed"]


def test_after_stop_has_answered_no_streaming_event_reaches_the_client(api, service):
    for _ in range(20):
        session = api.session()
        body = {"query": "Talk", "session_id": session["session_id"], "context": demo(100_000, 1000)}
        with RawConnection(service.port) as connection:
            connection.send_request("POST", "/api/chat/message", json.dumps(body).encode())
            connection.read_until(b'"status":"streaming"')
            answer = api.stop(session)
            # On loopback what was sent has arrived: what comes after this was sent after the answer.
            before = connection.read_what_has_arrived()
            rest = b"" if b"[DONE]" in before else connection.read_until(b"[DONE]")
        assert answer["data"]["status"] == "stop_requested"
        assert b'"status":"cancelled"' in before + rest
        assert b'"status":"streaming"' not in rest
