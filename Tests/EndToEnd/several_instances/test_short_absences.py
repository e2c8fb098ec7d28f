"""Instances that are paused or cut off from Redis for a moment: their streams go on, and nobody misses anything."""

import time

import pytest

from instances import seen
from running import Running

pytestmark = [pytest.mark.mongodb, pytest.mark.long, pytest.mark.timeout(120)]


@pytest.mark.parametrize("how", ["cut off", "frozen", "paused"])
def test_an_owner_that_is_away_for_a_moment_goes_on(make_instances, how):
    instances = make_instances()
    running = Running(instances, tokens=200, rate=20)
    instances.take_away(0, how)
    time.sleep(3)
    instances.bring_back(0, how)
    clients = [*running.local, *running.remote]
    for each in clients:
        assert each.wait_for_terminal(20).status == "complete"
    running.assert_ended_alike(clients, "complete")
    assert seen(running.remote[0]) == seen(running.stream)
    instances.wait_until_all_is_free()


def while_away(instances, work, seconds=3):
    """Does something while the first instance has no Redis, for less than a lease."""
    instances.ways[0].cut()
    start = time.monotonic()
    result = work()
    time.sleep(max(0, seconds - (time.monotonic() - start)))
    instances.ways[0].restore()
    instances.wait_until_members()
    return result


def test_a_stream_that_ended_while_its_owner_had_no_redis_ends_elsewhere_too(make_instances):
    instances = make_instances()
    running = Running(instances, tokens=60, rate=20)
    while_away(instances, running.stream.wait_for_end)
    assert running.remote[0].wait_for_terminal(10).status == "complete"
    running.assert_ended_alike([*running.local, *running.remote], "complete")


def test_places_of_a_stream_that_ended_while_its_owner_had_no_redis_are_free(make_instances):
    instances = make_instances()
    running = Running(instances, tokens=60, rate=20)
    while_away(instances, running.stream.wait_for_end)
    instances.wait_until_all_is_free()
    for api in instances:
        assert api.ask(running.session, "And now?", tokens=1)[-2].status == "complete"


def test_a_stream_that_began_while_its_owner_had_no_redis_is_announced(make_instances):
    instances = make_instances()
    here, there = instances
    session = here.session()
    follower = there.follow(session)
    stream = while_away(instances, lambda: here.stream(session, tokens=400, rate=20))
    # Its place is known everywhere from now on.
    body = {"query": "Another", "session_id": session["session_id"]}
    assert there.http.post("/api/chat/message", json=body, headers={"Accept": "application/json"}).status_code == 409
    follower.wait_for(len(stream.events))
    assert seen(follower)[:20] == seen(stream)[:20]
    assert there.stop(session)["data"]["delivered"] is True


def test_a_follower_that_had_no_redis_for_a_moment_sees_what_began_meanwhile(make_instances):
    instances = make_instances()
    here, there = instances
    session = here.session()
    follower = there.follow(session)
    instances.ways[1].cut()
    stream = here.stream(session, tokens=100, rate=20)
    stream.wait_for(20)
    instances.ways[1].restore()
    follower.wait_for(20, seconds=5)
    assert follower.wait_for_terminal(10).status == "complete"
    assert seen(follower) == seen(stream)


@pytest.mark.parametrize("how", ["cut off", "frozen", "paused"])
def test_a_follower_that_was_away_for_a_moment_misses_nothing(make_instances, how):
    instances = make_instances()
    running = Running(instances, tokens=200, rate=20)
    instances.take_away(1, how)
    time.sleep(3)
    instances.bring_back(1, how)
    assert running.remote[0].wait_for_terminal(20).status == "complete"
    running.assert_ended_alike([*running.local, *running.remote], "complete")
    assert seen(running.remote[0]) == seen(running.stream)
