"""Redis away, or empty when it is back: no request fails for it, no local watcher waits for it, and then instances act as one again."""

import re
import threading
import time

import pytest

from api import unique
from instances import NOTICE_SECONDS, RETURN_SECONDS, assert_complete_alike, assert_in_order, followed_stream, redis_check, seen
from waiting import holds_for, wait_until
from without_redis import LONGEST_GAP, Gaps, assert_one_again, assert_works_alone, nobody_knows_redis

pytestmark = [pytest.mark.mongodb, pytest.mark.long, pytest.mark.timeout(120)]


def warnings(service, start=0):
    """Those in its log from there on."""
    return re.findall('"level":"warning","message":"(Redis is away[^"]*)"', service.stderr[start:])


@pytest.mark.parametrize("how", ["kill", "pause"])
def test_without_redis_each_instance_goes_on_alone_and_comes_back(make_instances, how):
    instances = make_instances()
    here, there = instances
    session, stream, follower = followed_stream(instances, 5, tokens=260, rate=20)
    before = {each: len(each.stderr) for each in instances.all}
    watched = Gaps(stream)
    with instances.redis.away(how):
        wait_until(lambda: nobody_knows_redis(instances), NOTICE_SECONDS, "Redis to be missed")
        assert_works_alone(instances)
        assert here.http.get("/readyz").status_code == 200
        # Whether it is still away is seen with the next renewal of a lease.
        wait_until(lambda: all(warnings(each, before[each]) for each in instances.all), NOTICE_SECONDS, "the warnings")
        assert_works_alone(instances)
    instances.wait_until_members()
    assert watched.end() < LONGEST_GAP
    assert [len(warnings(each, before[each])) for each in instances.all] == [1, 1]
    # What ran on is told again.
    body = {"query": "Another", "session_id": session["session_id"]}
    assert there.http.post("/api/chat/message", json=body, headers={"Accept": "application/json"}).status_code == 409
    assert_complete_alike(stream, follower, seconds=40)
    for each in (stream, follower):
        assert_in_order(each)
    assert_one_again(instances)
    instances.wait_until_all_is_free()


@pytest.mark.parametrize("how", ["kill", "pause"])
def test_streams_outlive_a_redis_that_was_away_for_longer_than_a_lease(make_instances, how):
    """And that still knows what it knew before."""
    instances = make_instances(keeps=True)
    here, there = instances
    session, stream, follower = followed_stream(instances, 5, tokens=700, rate=20)
    with instances.redis.away(how):
        time.sleep(13)
    instances.wait_until_members()
    assert_complete_alike(stream, follower, seconds=60)
    for each in (stream, follower):
        assert_in_order(each)
    assert here.only_conversation(session)["status"] == "completed"
    instances.wait_until_all_is_free(20)
    wait_until(lambda: instances.redis.client.zcard("instances") == 2, 20, "two members")


def test_a_start_without_redis_is_no_fault(make_instances):
    instances = make_instances(with_redis=False)
    assert nobody_knows_redis(instances)
    assert_works_alone(instances)
    instances.redis.start()
    instances.wait_until_members()
    assert_one_again(instances)


def test_a_start_with_redis_warns_of_nothing(make_instances):
    instances = make_instances()
    assert [warnings(each) for each in instances.all] == [[], []]


def test_redis_that_forgets_all_is_told_again(make_instances):
    instances = make_instances()
    here, there = instances
    session, other = here.session(), here.session()
    follower = there.watch(session_id=session["session_id"])
    stream = here.stream(session, tokens=100, rate=20)
    follower.wait_for(10)
    instances.redis.client.flushall()
    assert_complete_alike(stream, follower, seconds=20)
    late = there.watch(headers={"Last-Event-ID": stream.events[0].id}, session_id=session["session_id"]).wait_for_end()
    assert seen(late) == seen(stream)[1:]
    assert_one_again(instances)
    instances.wait_until_all_is_free()
    assert there.http.get("/api/chat/message", params={"session_id": other["session_id"]}, headers={"Last-Event-ID": "x:1"}).status_code == 404


def test_a_stream_that_ends_just_when_redis_has_forgotten_all_ends_everywhere(make_instances):
    instances = make_instances()
    here, there = instances
    for _ in range(3):
        session = here.session()
        follower = there.watch(session_id=session["session_id"])
        stream = here.stream(session, tokens=40, rate=20)
        follower.wait_for(35)
        instances.redis.client.flushall()
        stream.wait_for_terminal(5)
        assert follower.wait_for_terminal(10).status == "complete"
        assert seen(follower) == seen(stream)
        instances.wait_until_members()


@pytest.mark.parametrize("kind", ["normal", "pubsub"])
def test_connections_that_are_cut_lose_no_event(make_instances, kind):
    instances = make_instances()
    here, there = instances
    session = here.session()
    follower = there.watch(session_id=session["session_id"])
    stream = here.stream(session, tokens=200, rate=50)
    for count in range(20, 160, 20):
        stream.wait_for(count)
        instances.redis.client.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
    assert_complete_alike(stream, follower, seconds=20)
    instances.wait_until_members()
    instances.wait_until_all_is_free()


def test_many_short_streams_over_an_outage_leave_nothing(make_instances):
    """Streams that begin and end just when Redis goes and comes."""
    instances = make_instances(MAX_STREAMS_PER_USER="1000")
    finished = threading.Event()
    faults = []

    def work(api, number):
        session = api.session()
        while not finished.is_set():
            try:
                events = api.ask(session, unique("q"), tokens=3, rate=30)
            except AssertionError as error:
                faults.append(str(error))
                continue
            if events[-2].status != "complete":
                faults.append(events[-2].data)

    threads = [threading.Thread(target=work, args=(api, number)) for number in range(4) for api in instances]
    for each in threads:
        each.start()
    for _ in range(3):
        for each in instances.ways:
            each.end_connections()
        time.sleep(0.5)
        with instances.redis.away("pause"):
            time.sleep(2)
        time.sleep(1)
    finished.set()
    for each in threads:
        each.join(10)
    assert faults == []
    instances.wait_until_members()
    assert redis_check(instances.apis[0])["instance"].startswith("instance_")
    instances.wait_until_all_is_free(RETURN_SECONDS)
    assert holds_for(lambda: not instances.redis.held(), 0.5)
