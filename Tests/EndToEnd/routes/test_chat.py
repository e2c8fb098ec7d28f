"""Chat: a question becomes a stream of events, watched by any number of clients."""

import threading
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from api import assert_failure, demo, events_in, parse_events, text_of, unique
from waiting import wait_until

BUSY = "This session is already streaming another message"


@pytest.mark.parametrize("path", ["/api/chat/message", "/api/chat/stream"])
@pytest.mark.parametrize("field", ["query", "message"])
def test_a_question_is_answered_by_started_words_complete_and_done(api, path, field):
    session = api.session()
    body = {field: "What is a room?", "session_id": session["session_id"], "context": demo(20)}
    response = api.http.post(path, json=body)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-cache, no-transform"
    assert response.headers["x-accel-buffering"] == "no"
    assert response.headers["x-request-id"]
    assert 1000 <= int(re.match(r"retry: (\d+)\n\n", response.text)[1]) <= 4000
    assert response.text.endswith("data: [DONE]\n\n")

    *events, done = parse_events(response.text)
    assert done == "[DONE]"
    assert [event.status for event in events] == ["started"] + ["streaming"] * 20 + ["complete"]
    assert [event.sequence for event in events] == list(range(22))
    stream_id = events[0].data["stream_id"]
    assert stream_id.startswith("stream_")
    assert {event.stream_id for event in events} == {stream_id}
    assert {event.data["stream_id"] for event in events} == {stream_id}
    assert all(event.data["agent_type"] for event in events[1:-1])
    assert events[-1].content == text_of(events)


def test_the_complete_answer_is_in_the_history_when_it_is_announced(api):
    session = api.session()
    body = {"query": "Is it stored?", "session_id": session["session_id"], "context": demo(5)}
    with api.http.stream("POST", "/api/chat/message", json=body) as response:
        announced = next(event for event in events_in(response) if event.status == "complete")
        conversation = api.only_conversation(session)
    assert conversation["status"] == "completed"
    assert conversation["agent_response"] == announced.content


def test_started_comes_before_the_agent_has_said_anything(api):
    session = api.session()
    stream = api.stream(session, tokens=10, rate=1)
    assert [event.status for event in stream.events][:1] == ["started"]
    active = api.data("GET", f"/api/session/{session['session_id']}")["active_stream"]
    assert active["stream_id"] == stream.events[0].stream_id
    api.stop(session)
    stream.wait_for_end()


def test_with_accept_json_the_question_is_accepted_at_once(api):
    session = api.session()
    body = {"query": "Answer elsewhere", "session_id": session["session_id"], "context": demo(10, 50)}
    data = api.data("POST", "/api/chat/message", 202, json=body, headers={"Accept": "application/json"})
    assert data["stream_id"].startswith("stream_")
    watcher = api.watch(session_id=session["session_id"])
    terminal = watcher.wait_for_terminal()
    assert terminal.status == "complete"
    assert terminal.stream_id == data["stream_id"]
    watcher.leave()


def test_a_get_with_a_query_answers_without_done(api):
    session = api.session()
    watcher = api.watch(session_id=session["session_id"], query="Asked by GET")
    watcher.wait_for_end()
    assert watcher.error is None
    assert not watcher.done
    assert [event.sequence for event in watcher.events] == list(range(len(watcher.events)))
    assert watcher.events[-1].status == "complete"
    assert watcher.events[-1].content == watcher.text
    assert api.only_conversation(session)["user_input"] == "Asked by GET"


def test_a_get_takes_the_context_as_json(api):
    session = api.session()
    watcher = api.watch(
        session_id=session["session_id"], query="Seven words", context='{"demo":{"tokens":7,"rate":0}}'
    )
    watcher.wait_for_end()
    assert len(watcher.events) == 9


def test_a_get_with_the_same_message_id_joins_the_running_stream(api):
    session = api.session()
    first = api.stream(session, message_id="question-1", rate=100, tokens=60)
    first.wait_for(10)
    second = api.watch(session_id=session["session_id"], query="Other words", message_id="question-1")
    assert second.wait_for_terminal().status == "complete"
    first.wait_for_end()
    assert [(event.id, event.data) for event in second.events] == [(event.id, event.data) for event in first.events]
    assert api.history(session["room_id"])["total"] == 1
    second.leave()


def test_a_get_with_the_same_query_joins_the_running_stream(api):
    session = api.session()
    first = api.stream(session, "The same words", rate=100, tokens=60)
    first.wait_for(10)
    second = api.watch(session_id=session["session_id"], query="The same words")
    assert second.wait_for_terminal().status == "complete"
    assert second.events[0].sequence == 0
    assert second.events[0].stream_id == first.events[0].stream_id
    assert api.history(session["room_id"])["total"] == 1
    second.leave()


def test_a_get_never_answers_an_ended_question_again(api):
    session = api.session()
    api.ask(session, "Once only", message_id="question-2")
    again = api.watch(session_id=session["session_id"], query="Once only", message_id="question-2")
    again.wait_for_end()
    assert again.response.status_code in (200, 204)
    assert api.history(session["room_id"])["total"] == 1


def test_a_get_with_another_question_does_not_interrupt_the_running_one(api):
    session = api.session()
    stream = api.stream(session, "The running one")
    other = api.http.get("/api/chat/message", params={"session_id": session["session_id"], "query": "Another one"})
    body = assert_failure(other, 409, "STREAM_ACTIVE", BUSY, data=True)
    assert body["data"]["stream_id"] == stream.events[0].stream_id
    api.stop(session)
    stream.wait_for_end()


def test_a_second_question_while_one_is_answered_is_refused_with_its_stream(api):
    session = api.session()
    stream = api.stream(session, "The running one")
    body = {"query": "Another one", "session_id": session["session_id"]}
    failure = assert_failure(api.http.post("/api/chat/message", json=body), 409, "STREAM_ACTIVE", BUSY, data=True)
    assert failure["data"]["stream_id"] == stream.events[0].stream_id
    api.stop(session)
    stream.wait_for_end()
    assert api.history(session["room_id"])["total"] == 1


def test_racing_questions_in_a_session_start_one_stream(api):
    session = api.session()
    start = threading.Barrier(8)

    def ask(number):
        start.wait(10)
        body = {"query": f"Racer {number}", "session_id": session["session_id"], "context": demo(1000, 20)}
        return api.http.post("/api/chat/message", json=body, headers={"Accept": "application/json"}).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(ask, range(8)))
    assert statuses == [202] + [409] * 7
    api.stop(session)
    assert api.history(session["room_id"])["total"] == 1


def test_twenty_racing_streams_of_one_user_start_exactly_five(api):
    user = unique()
    room = api.room(user)
    sessions = [api.session(user, room_id=room["room_id"]) for _ in range(20)]
    start = threading.Barrier(20)

    def ask(session):
        start.wait(10)
        body = {"query": "Race", "session_id": session["session_id"], "context": demo(1000, 20)}
        return api.http.post("/api/chat/message", json=body, headers={"Accept": "application/json"})

    with ThreadPoolExecutor(20) as pool:
        responses = list(pool.map(ask, sessions))
    assert sorted(response.status_code for response in responses) == [202] * 5 + [429] * 15
    for response in responses:
        if response.status_code == 429:
            assert_failure(response, 429, "STREAM_LIMIT_EXCEEDED", "Maximum of 5 concurrent streams reached")
            assert int(response.headers["retry-after"]) >= 1
    assert api.history(room["room_id"])["total"] == 5

    running = [session for session, response in zip(sessions, responses) if response.status_code == 202]
    api.stop(running[0])
    wait_until(
        lambda: api.http.post(
            "/api/chat/message",
            json={"query": "Place made", "session_id": running[0]["session_id"], "context": demo(1)},
        ).status_code == 200,
        what="a place for the next stream",
    )
    for session in running[1:]:
        api.stop(session)


def test_a_watcher_gets_the_running_stream_from_its_start_and_each_later_one(api):
    session = api.session()
    first = api.stream(session, rate=100, tokens=40)
    first.wait_for(10)
    watcher = api.watch(session_id=session["session_id"])
    first.wait_for_end()
    second = api.ask(session, "The next", tokens=5)[:-1]
    third = api.ask(session, "The one after", tokens=5)[:-1]
    expected = [event.id for event in first.events + second + third]
    watcher.wait_for(len(expected))
    assert [event.id for event in watcher.events] == expected
    assert not watcher.ended
    watcher.leave()


def test_a_watcher_of_an_idle_session_waits_for_its_first_stream(api):
    session = api.session()
    watcher = api.watch(session_id=session["session_id"])
    assert watcher.wait_for_response().status_code == 200
    events = api.ask(session, tokens=3)[:-1]
    assert [event.id for event in watcher.wait_for(5)] == [event.id for event in events]
    watcher.leave()


def test_fifty_watchers_get_the_same_events(api):
    session = api.session()
    stream = api.stream(session, tokens=10_000, rate=50)
    watchers = [api.watch(session_id=session["session_id"]) for _ in range(50)]
    for watcher in watchers:
        watcher.wait_for(20)
    api.stop(session)
    stream.wait_for_end()
    for watcher in watchers:
        watcher.wait_for_terminal()
        watcher.leave()
    seen = [[event.id for event in each.events] for each in [stream, *watchers]]
    most = max(seen, key=len)
    for *shown, terminal in seen:
        # Who was a little behind is not shown any more what came before the stop.
        assert shown == most[: len(shown)] and len(shown) >= 20
        assert terminal == most[-1]


def test_a_client_that_leaves_does_not_stop_the_stream(api):
    session = api.session()
    stream = api.stream(session, tokens=60, rate=100)
    stream.wait_for(5)
    stream.leave()
    seen = stream.text
    conversation = api.ended_conversation(session)
    assert conversation["status"] == "completed"
    assert conversation["metadata"]["chunks"] == 60
    assert len(conversation["agent_response"]) > len(seen)
    assert conversation["agent_response"].startswith(seen)


def test_a_quiet_stream_is_kept_alive_by_comments(make_service, connect):
    api = connect(make_service(HEARTBEAT_SECONDS="1").start())
    session = api.session()
    with api.http.stream("GET", "/api/chat/message", params={"session_id": session["session_id"]}) as response:
        for line in response.iter_lines():
            if line.startswith(":"):
                break
        else:
            pytest.fail("the stream ended without a comment")


def test_a_profile_and_a_context_are_taken_and_an_unknown_field_ignored(api):
    events = api.ask(api.session(), user_profile={"age": 40}, something_else=[1, 2])
    assert events[-2].status == "complete"


def test_two_sessions_of_a_room_stream_side_by_side(api):
    user = unique()
    room = api.room(user)
    streams = [api.stream(api.session(user, room_id=room["room_id"]), tokens=30, rate=100) for _ in range(2)]
    for stream in streams:
        assert stream.wait_for_terminal().content == stream.text
    assert streams[0].events[0].stream_id != streams[1].events[0].stream_id
    assert api.data("GET", f"/api/rooms/{room['room_id']}")["message_count"] == 2


def test_a_question_of_any_script_comes_back_in_history(api):
    session = api.session()
    question = 'Wie heißt „das"? 你好 🙂 \\ \n\t end'
    events = api.ask(session, question)
    assert events[-2].content == text_of(events[:-1])
    assert api.only_conversation(session)["user_input"] == question
