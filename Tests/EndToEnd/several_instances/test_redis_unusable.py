"""Redis full, read-only, loading, slow or mute: it stops nobody, and delays no local watcher."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from instances import NOTICE_SECONDS, assert_complete_alike, followed_stream, knows_redis, seen
from listener import Listener, parts_of
from waiting import wait_until
from without_redis import LONGEST_GAP, Gaps, assert_one_again, assert_works_alone, nobody_knows_redis

pytestmark = [pytest.mark.mongodb, pytest.mark.long, pytest.mark.timeout(120)]


def test_a_full_redis_stops_nobody(make_instances):
    instances = make_instances()
    _, stream, follower = followed_stream(instances, 10, tokens=200, rate=20)
    watched = Gaps(stream)
    instances.redis.client.config_set("maxmemory-policy", "noeviction")
    instances.redis.client.config_set("maxmemory", 1)
    wait_until(lambda: nobody_knows_redis(instances), NOTICE_SECONDS + 2, "instances to say that Redis is of no use")
    assert_works_alone(instances)
    instances.redis.client.config_set("maxmemory", 0)
    instances.wait_until_members()
    assert watched.end() < LONGEST_GAP
    assert_complete_alike(stream, follower, seconds=30)
    assert_one_again(instances)
    instances.wait_until_all_is_free()


def test_a_redis_that_is_a_replica_stops_nobody(make_instances):
    instances = make_instances()
    here, there = instances
    session = here.session()
    stream = here.stream(session, tokens=300, rate=20)
    watched = Gaps(stream)
    instances.redis.client.execute_command("REPLICAOF", "127.0.0.1", "1")
    wait_until(lambda: nobody_knows_redis(instances), NOTICE_SECONDS + 2, "instances to say that Redis is of no use")
    assert_works_alone(instances)
    instances.redis.client.execute_command("REPLICAOF", "NO", "ONE")
    instances.wait_until_members()
    assert watched.end() < LONGEST_GAP
    follower = there.watch(session_id=session["session_id"])
    assert_complete_alike(stream, follower, seconds=30)
    assert_one_again(instances)
    instances.wait_until_all_is_free()


class Loading(Listener):
    """Answers everything as a Redis that reads its data set."""

    def serve(self, connection):
        with connection:
            for data in parts_of(connection):
                count = len(re.findall(rb"(?:^|\r\n)\*\d+\r\n", data))
                connection.sendall(b"-LOADING Redis is loading the dataset in memory\r\n" * count)


def test_a_redis_that_is_loading_is_waited_for(make_instances):
    instances = make_instances()
    instances.redis.kill()
    loading = Loading(instances.redis.port)
    wait_until(lambda: nobody_knows_redis(instances), NOTICE_SECONDS, "Redis to be missed")
    assert_works_alone(instances)
    loading.close()
    for each in instances.ways:
        each.end_connections()
    instances.redis.start()
    instances.wait_until_members()
    assert_one_again(instances)


def test_a_slow_redis_delays_no_local_watcher(make_instances):
    instances = make_instances()
    here, there = instances
    session = here.session()
    stream = here.stream(session, tokens=80, rate=20)
    follower = there.watch(session_id=session["session_id"])
    follower.wait_for(5)
    for each in instances.ways:
        # There and back.
        each.delay = 0.25
    watched = Gaps(stream)
    stream.wait_for_terminal(20)
    assert watched.end() < LONGEST_GAP
    assert follower.wait_for_terminal(5).status == "complete"
    assert seen(follower) == seen(stream)
    for api in instances:
        start = time.monotonic()
        assert api.ask(api.session(), tokens=1)[-2].status == "complete"
        assert time.monotonic() - start < 4
    assert all(map(knows_redis, instances))


def test_a_slow_redis_has_no_answer_cancelled(make_instances):
    """Questions whose place is being asked for while heartbeats are told, every three seconds."""
    instances = make_instances(1)
    (api,) = instances
    instances.ways[0].delay = 0.25

    def ask(number):
        time.sleep(number / 4)
        *events, _ = api.ask(api.session(), tokens=2)
        return [event.status for event in events]

    with ThreadPoolExecutor(24) as pool:
        assert list(pool.map(ask, range(24))) == [["started", "streaming", "streaming", "complete"]] * 24


def test_half_open_connections_are_noticed(make_instances):
    instances = make_instances()
    here, there = instances
    session = here.session()
    stream = here.stream(session, tokens=300, rate=20)
    watched = Gaps(stream)
    for each in instances.ways:
        each.freeze()
    wait_until(lambda: nobody_knows_redis(instances), NOTICE_SECONDS + 1, "Redis to be missed")
    assert_works_alone(instances)
    for each in instances.ways:
        each.restore()
    instances.wait_until_members()
    assert watched.end() < LONGEST_GAP
    follower = there.watch(session_id=session["session_id"])
    assert follower.wait_for_terminal(30).status == "complete"
    assert seen(follower) == seen(stream)
