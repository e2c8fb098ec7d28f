"""What is left of streams: nothing of those that were deleted, and of others only what is still needed."""

import pytest

from api import assert_failure, demo
from instances import assert_in_order, seen
from waiting import holds_for, wait_until

pytestmark = pytest.mark.mongodb


# --- deletions


def delete_room(api, session):
    api.data("DELETE", f"/api/rooms/{session['room_id']}", params={"user_id": session["user_id"]})


def delete_session(api, session):
    api.data("DELETE", f"/api/session/{session['session_id']}")


@pytest.mark.parametrize("delete", [delete_room, delete_session])
def test_what_is_deleted_elsewhere_streams_no_more(pair, nothing_is_left, delete):
    here, there = pair
    session = here.session()
    follower = there.watch(session_id=session["session_id"])
    local = here.watch(session_id=session["session_id"])
    stream = here.stream(session)
    follower.wait_for(5)
    delete(there, session)
    count = len(follower.events), len(stream.events)
    for each in (stream, follower):
        assert each.wait_for_terminal(5).status == "cancelled"
        assert_in_order(each)
    assert (len(follower.events), len(stream.events)) <= (count[0] + 2, count[1] + 2)
    for each in (follower, local):
        each.wait_for_end(5)


@pytest.mark.parametrize("delete", [delete_room, delete_session])
def test_who_follows_what_is_deleted_elsewhere_is_let_go(pair, delete):
    here, there = pair
    session = here.session()
    followers = [api.watch(session_id=session["session_id"]) for api in pair]
    for each in followers:
        each.wait_for_response()
    delete(there, session)
    for each in followers:
        each.wait_for_end(5)


def delete_history(api, session):
    api.data("DELETE", f"/api/session/{session['session_id']}/history", params={"room_id": session["room_id"]})


@pytest.mark.parametrize("delete", [delete_room, delete_history])
@pytest.mark.parametrize("watched", [False, True])
def test_nobody_can_resume_what_has_been_deleted(pair, delete, watched):
    here, there = pair
    session = here.session()
    *events, _ = here.ask(session, "A secret", tokens=10)
    if watched:
        assert there.resume(session, events[0]).wait_for_end().events
    delete(here, session)
    for api in pair:
        headers = {"Last-Event-ID": events[2].id}
        response = api.http.get("/api/chat/message", params={"session_id": session["session_id"]}, headers=headers)
        assert_failure(response, 404, "NOT_FOUND")


# --- what Redis holds


def test_what_redis_holds_of_a_stream_has_an_end(make_instances):
    instances = make_instances(STREAM_RETENTION_SECONDS="2")
    here, there = instances
    session = here.session()
    stream = here.stream(session, tokens=200, rate=200)
    key = f"stream:{stream.events[0].stream_id}"
    # Its own reader sees the first event before Redis has it.
    wait_until(lambda: instances.redis.client.pttl(key) > 0, 5, "the stream in Redis")
    stream.wait_for_end()
    wait_until(lambda: instances.redis.client.pttl(key) <= 2000, 2, "the stream to be kept for its retention")
    wait_until(lambda: not instances.redis.client.exists(key), 5, "the stream to be forgotten")
    watcher = there.resume(session, stream.events[3]).wait_for_end()
    assert [event.status for event in watcher.events] == ["reset", "complete"]


def test_a_long_stream_does_not_grow_in_redis_without_bound(make_instances):
    instances = make_instances(STREAM_LOG_MB="1")
    here, there = instances
    session = here.session()
    body = {"query": "Long", "session_id": session["session_id"], "context": demo(60_000, 20_000)}
    answer = here.http.post("/api/chat/message", json=body, headers={"Accept": "application/json"})
    id = answer.json()["data"]["stream_id"]
    conversation = here.ended_conversation(session, 20)
    size = lambda: instances.redis.client.memory_usage(f"stream:{id}", samples=0)
    wait_until(lambda: size() < 4 << 20, 5, "the text in place of the events")
    watcher = there.watch(headers={"Last-Event-ID": f"{id}:10"}, session_id=session["session_id"]).wait_for_end()
    assert (watcher.events[0].status, watcher.events[-1].content) == ("reset", conversation["agent_response"])
    assert_in_order(watcher)


# --- an instance that ends


def test_sigterm_tells_watchers_elsewhere_and_leaves_nothing(make_instances):
    instances = make_instances(MAX_STREAMS_PER_USER="100", DRAIN_SECONDS="1")
    here, there = instances
    sessions = [here.session() for _ in range(20)]
    watchers = [there.watch(session_id=each["session_id"]) for each in sessions]
    streams = [here.stream(each, tokens=2000, rate=20) for each in sessions]
    for each in watchers:
        each.wait_for(5)
    instances.all[0].signal()
    assert instances.all[0].wait(20) == 0
    for stream, watcher in zip(streams, watchers, strict=True):
        assert watcher.wait_for_terminal(5).status == "interrupted"
        assert seen(watcher) == seen(stream)
        watcher.leave()
    assert instances.redis.held() == []
    assert instances.redis.client.zcard("instances") == 1
    assert holds_for(lambda: instances.redis.held() == [], 0.5)
