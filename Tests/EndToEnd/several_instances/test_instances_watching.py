"""Streams of other instances: they are watched, resumed and joined as if they were here."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from api import assert_failure, unique
from instances import assert_in_order, seen
from waiting import wait_until

pytestmark = pytest.mark.mongodb

# An event that another instance has made comes after at most this; a batch waits 25 ms, and the machine is busy.
PROMPT_SECONDS = 0.3


def test_a_follower_elsewhere_sees_what_the_asker_sees(pair, nothing_is_left):
    here, there = pair
    session = here.session()
    follower = there.follow(session)
    stream = here.stream(session, tokens=60, rate=50)
    assert stream.wait_for_terminal().status == "complete"
    follower.wait_for_terminal()
    assert seen(follower) == seen(stream)
    follower.leave()


def test_a_watcher_that_comes_later_sees_the_stream_from_its_beginning(pair, nothing_is_left):
    here, there = pair
    session = here.session()
    stream = here.stream(session, tokens=60, rate=50)
    stream.wait_for(20)
    watcher = there.watch(session_id=session["session_id"])
    assert watcher.wait_for_terminal().status == "complete"
    stream.wait_for_end()
    assert seen(watcher) == seen(stream)
    watcher.leave()


def test_resumed_anywhere_a_stream_has_the_same_bytes(pair, nothing_is_left):
    here, there = pair
    session = here.session()
    stream = here.stream(session, tokens=80, rate=50)
    event = stream.wait_for(10)[5]

    def rest(api):
        headers = {"Last-Event-ID": event.id}
        content = api.http.get("/api/chat/message", params={"session_id": session["session_id"]}, headers=headers).content
        retry, events = content.split(b"\n\n", 1)
        assert retry.startswith(b"retry: ")
        return events

    with ThreadPoolExecutor(2) as pool:
        while_it_runs = list(pool.map(rest, pair))
    stream.wait_for_end()
    assert while_it_runs[0] == while_it_runs[1]
    assert [rest(api) for api in pair] == while_it_runs
    assert while_it_runs[0].count(b"\nid: ") + while_it_runs[0].startswith(b"id: ") == len(stream.events) - 6


def test_tokens_come_elsewhere_as_soon_as_they_are_made(pair, nothing_is_left):
    here, there = pair
    session = here.session()
    watcher = there.follow(session)
    body = {"query": "Slowly", "session_id": session["session_id"], "context": {"demo": {"tokens": 10, "rate": 5, "timestamps": True}}}
    assert here.http.post("/api/chat/message", json=body, headers={"Accept": "application/json"}).status_code == 202
    late = []
    for count in range(2, 12):
        token = watcher.wait_for(count)[count - 1]
        late.append(time.time() - int(token.content[2:].split(" ")[0]) / 1e9)
    assert max(late) < PROMPT_SECONDS, late
    watcher.leave()


def test_many_watchers_elsewhere_need_one_subscription(pair, nothing_is_left):
    here, there = pair
    session = here.session()
    stream = here.stream(session, tokens=150, rate=50)
    first = stream.wait_for(5)[0]
    watchers = [there.watch(session_id=session["session_id"]) for _ in range(10)]
    watchers += [there.resume(session, first) for _ in range(10)]
    for each in watchers:
        each.wait_for(5)
    channel = f"events:{first.stream_id}"
    assert pair.redis.client.pubsub_numsub(channel) == [(channel, 1)]
    stream.wait_for_end()
    for each in watchers:
        assert each.wait_for_terminal().status == "complete"
        assert seen(each)[-100:] == seen(stream)[-100:]
        assert_in_order(each)
        each.leave()


@pytest.mark.parametrize("begins", ["while it is quiet", "while a stream runs there", "while a stream runs elsewhere"])
def test_who_follows_a_session_sees_the_streams_of_all_instances(pair, nothing_is_left, begins):
    here, there = pair
    session = here.session()
    before = {"while it is quiet": None, "while a stream runs there": there, "while a stream runs elsewhere": here}[begins]
    asked = [before.stream(session, "First", tokens=30)] if before else []
    follower = there.follow(session)
    for each in asked:
        each.wait_for_end()
    for number, api in enumerate([here, there, here, there]):
        asked.append(api.stream(session, f"Question {number}", tokens=5, rate=100))
        asked[-1].wait_for_end()
    expected = [each for stream in asked for each in seen(stream)]
    wait_until(lambda: len(follower.events) >= len(expected), 5, f"{len(expected)} events, not {len(follower.events)}")
    assert seen(follower) == expected
    follower.leave()


@pytest.mark.parametrize("how", ["POST with a message_id", "GET with a message_id", "GET with the same query"])
def test_the_same_question_asked_elsewhere_joins_its_answer(pair, nothing_is_left, how):
    here, there = pair
    session = here.session()
    message = {} if how == "GET with the same query" else {"message_id": unique("message")}
    stream = here.stream(session, "Once", tokens=100, rate=50, **message)
    stream.wait_for(5)
    if how.startswith("POST"):
        other = there.stream(session, "Once", **message)
    else:
        other = there.watch(session_id=session["session_id"], query="Once", **message)
    assert other.wait_for_terminal().status == "complete"
    stream.wait_for_end()
    assert seen(other) == seen(stream)
    assert here.history(session["room_id"])["total"] == 1


def test_an_ended_answer_is_resumed_elsewhere_event_by_event(pair):
    here, there = pair
    session = here.session()
    *events, _ = here.ask(session, tokens=20)
    watcher = there.resume(session, events[5]).wait_for_end()
    assert seen(watcher) == [(event.id, event.data) for event in events[6:]]
    last = there.http.get(
        "/api/chat/message", params={"session_id": session["session_id"]}, headers={"Last-Event-ID": events[-1].id}
    )
    assert last.status_code == 204


def test_a_stream_is_resumed_elsewhere_by_its_owner_only(pair, nothing_is_left):
    here, there = pair
    session, other = here.session(), here.session()
    stream = here.stream(session, tokens=100)
    event = stream.wait_for(3)[0]

    def answer(session, **parameters):
        parameters["session_id"] = session["session_id"]
        return there.http.get("/api/chat/message", params=parameters, headers={"Last-Event-ID": event.id})

    assert_failure(answer(other), 404, "NOT_FOUND")
    assert_failure(answer(session, user_id="somebody-else"), 403, "ACCESS_DENIED")
    here.stop(session)


def test_a_session_shows_its_running_stream_everywhere(pair, nothing_is_left):
    here, there = pair
    session = here.session()
    stream = here.stream(session)
    id = stream.wait_for(2)[0].stream_id
    views = [api.data("GET", f"/api/session/{session['session_id']}")["active_stream"] for api in pair]
    here.stop(session)
    assert views[1] and views[1]["stream_id"] == id and views[1]["status"] == "streaming", views
    assert views[0] == views[1]
    for api in pair:
        assert api.data("GET", f"/api/session/{session['session_id']}")["active_stream"] is None
