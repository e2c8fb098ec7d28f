"""Instances that die, are paused or cut off from Redis for long while they make answers: others end their streams, once and for all
clients alike."""

import time

import pytest

from api import TERMINAL, unique
from instances import TAKE_OVER_SECONDS, assert_agree, assert_in_order, seen
from running import Running, conversation_of, settle
from waiting import holds_for

pytestmark = [pytest.mark.mongodb, pytest.mark.long, pytest.mark.timeout(120)]


@pytest.mark.parametrize("how", ["killed", "paused", "cut off", "frozen"])
def test_the_streams_of_an_owner_that_is_gone_end_everywhere(make_instances, how):
    instances = make_instances(3)
    settle(instances)
    running = Running(instances)
    instances.take_away(0, how)
    gone = time.monotonic()
    for each in running.remote:
        assert each.wait_for_terminal(TAKE_OVER_SECONDS).status == "interrupted"
    assert time.monotonic() - gone < TAKE_OVER_SECONDS
    running.assert_ended_alike(running.remote, "interrupted")
    # What watchers were shown is kept, and what its owner has stored while it had no Redis.
    assert conversation_of(instances, running.session)["agent_response"].startswith(running.remote[0].text)
    # Its places are free.
    _, there, other = instances
    assert there.ask(running.session, "And now?", tokens=1)[-2].status == "complete"
    instances.wait_until_all_is_free()
    late = other.resume(running.session, running.remote[0].events[3])
    late.wait_for_end()
    first = [event for event in running.remote[1].events if event.stream_id == running.stream.events[0].stream_id]
    assert seen(late) == [(event.id, event.data) for event in first[4:]]
    assert len([event for event in first if event.status in TERMINAL]) == 1
    instances.bring_back(0, how)


@pytest.mark.parametrize("how", ["paused", "cut off", "frozen"])
def test_an_owner_that_comes_back_after_it_was_replaced_changes_nothing(make_instances, how):
    instances = make_instances(3)
    settle(instances)
    running = Running(instances)
    instances.take_away(0, how)
    for each in running.remote:
        each.wait_for_terminal(TAKE_OVER_SECONDS)
    stored = conversation_of(instances, running.session)
    count = {each: len(each.events) for each in running.remote}
    instances.bring_back(0, how)
    for each in running.local:
        each.wait_for_terminal(10)
    instances.wait_until_members(10)
    assert holds_for(lambda: all(len(each.events) == count[each] for each in running.remote), 3)
    assert conversation_of(instances, running.session) == stored
    running.assert_ended_alike(running.remote, "interrupted")
    if how == "paused":
        # Its own clients have seen the same.
        running.assert_ended_alike([*running.local, *running.remote], "interrupted")
    else:
        # It went on alone: its own clients have seen more than others, all of them the same.
        terminals = [each.wait_for_terminal(5) for each in running.local]
        assert terminals[0].status == "interrupted"
        assert terminals[0].id == terminals[1].id
        assert_agree(*running.local)
        for each in running.local:
            assert_in_order(each)
    assert instances.redis.held() == []
    assert running.owner.ask(running.session, "And now?", tokens=1)[-2].status == "complete"


def test_a_paused_owner_that_wakes_does_not_free_what_is_another_ones(make_instances):
    """The session's next stream runs elsewhere when the old owner wakes, and neither it nor its place is touched."""
    instances = make_instances(3)
    settle(instances)
    running = Running(instances)
    owner, there, other = instances
    instances.take_away(0, "paused")
    running.remote[0].wait_for_terminal(TAKE_OVER_SECONDS)
    next_one = there.stream(running.session, "And now?", tokens=300, rate=20)
    next_one.wait_for(3)
    instances.bring_back(0, "paused")
    for each in running.local:
        each.wait_for_terminal(10)
    body = {"query": "Another", "session_id": running.session["session_id"]}
    assert holds_for(lambda: other.http.post("/api/chat/message", json=body).status_code == 409, 3)
    assert owner.http.post("/api/chat/message", json=body).status_code == 409
    assert next_one.wait_for_terminal(30).status == "complete"


def test_all_streams_of_an_owner_that_is_gone_end(make_instances):
    instances = make_instances(2, MAX_STREAMS_PER_USER="100")
    settle(instances)
    user = unique()
    all_running = [Running(instances, user=user) for _ in range(30)]
    instances.all[0].kill()
    for each in all_running:
        each.remote[0].wait_for_terminal(TAKE_OVER_SECONDS)
        each.assert_ended_alike(each.remote, "interrupted")
    instances.wait_until_all_is_free()
    assert instances.redis.client.zcard("instances") == 1
