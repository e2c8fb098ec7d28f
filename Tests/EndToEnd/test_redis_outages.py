"""Redis away, full, read-only, empty, loading or slow: no request fails for it, no local watcher waits for it, and when it is back
instances act as one again."""

import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from api import unique
from instances import NOTICE_SECONDS, RETURN_SECONDS, Instances, assert_agree, assert_in_order, knows_redis, redis_check, seen
from waiting import holds_for, wait_until

pytestmark = [pytest.mark.mongodb, pytest.mark.long, pytest.mark.timeout(120)]

# The longest time between tokens of a stream of 20 a second that its local watchers may notice.
LONGEST_GAP = 0.5


@pytest.fixture
def make_instances(tmp_path):
    made = []

    def make(count=2, with_redis=True, **settings):
        made.append(Instances(tmp_path / unique("instances"), count, **settings).start(with_redis))
        return made[-1]

    yield make
    for each in made:
        if each.redis.process and each.redis.process.poll() is None:
            each.redis.resume()
        each.stop()


def warnings(service, start=0):
    """Those in its log from there on."""
    return re.findall('"level":"warning","message":"(Redis is away[^"]*)"', service.stderr[start:])


class Gaps(threading.Thread):
    """Looks for the longest time between two events of a stream."""

    def __init__(self, stream):
        super().__init__(daemon=True)
        self.stream, self.longest, self.finished = stream, 0, threading.Event()
        self.start()

    def run(self):
        count, last = len(self.stream.events), time.monotonic()
        while not self.finished.wait(0.005):
            now = time.monotonic()
            if len(self.stream.events) > count:
                count, last = len(self.stream.events), now
            self.longest = max(self.longest, now - last)

    def end(self):
        self.finished.set()
        self.join()
        return self.longest


def assert_works_alone(instances):
    """Every kind of request on every instance, with streams that are answered and stopped."""
    for api in instances:
        session = api.session()
        assert api.ask(session, tokens=3)[-2].status == "complete"
        stream = api.stream(session)
        watcher = api.watch(session_id=session["session_id"])
        watcher.wait_for(5)
        assert api.stop(session)["data"]["delivered"] is True
        assert stream.wait_for_terminal(5).status == watcher.wait_for_terminal(5).status == "cancelled"
        assert seen(watcher)[-1] == seen(stream)[-1]
        watcher.leave()
        api.data("DELETE", f"/api/rooms/{session['room_id']}", params={"user_id": session["user_id"]})


def assert_one_again(instances):
    here, there = list(instances)[:2]
    session = here.session()
    follower = there.watch(session_id=session["session_id"])
    follower.wait_for_response()
    stream = here.stream(session)
    follower.wait_for(5)
    assert there.stop(session)["data"]["delivered"] is True
    assert follower.wait_for_terminal(5).status == "cancelled"
    assert_agree(stream, follower)
    follower.leave()


def nobody_knows_redis(instances):
    return not any(map(knows_redis, instances))


@pytest.mark.parametrize("how", ["kill", pytest.param("pause", marks=pytest.mark.long)])
def test_without_redis_each_instance_goes_on_alone_and_comes_back(make_instances, how):
    instances = make_instances()
    here, there = instances
    session = here.session()
    follower = there.watch(session_id=session["session_id"])
    stream = here.stream(session, tokens=260, rate=20)
    follower.wait_for(5)
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
    for each in (stream, follower):
        assert each.wait_for_terminal(40).status == "complete"
        assert_in_order(each)
    assert seen(follower) == seen(stream)
    assert_one_again(instances)
    wait_until(lambda: not instances.redis.held(), 5, "all places to be free")


@pytest.mark.long
@pytest.mark.parametrize("how", ["kill", "pause"])
def test_streams_outlive_a_redis_that_was_away_for_longer_than_a_lease(make_instances, how):
    """And that still knows what it knew before."""
    instances = make_instances(keeps=True)
    here, there = instances
    session = here.session()
    follower = there.watch(session_id=session["session_id"])
    stream = here.stream(session, tokens=700, rate=20)
    follower.wait_for(5)
    with instances.redis.away(how):
        time.sleep(13)
    instances.wait_until_members()
    for each in (stream, follower):
        assert each.wait_for_terminal(60).status == "complete"
        assert_in_order(each)
    assert seen(follower) == seen(stream)
    assert here.only_conversation(session)["status"] == "completed"
    wait_until(lambda: not instances.redis.held(), 20, "all places to be free")
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
    for each in (stream, follower):
        assert each.wait_for_terminal(20).status == "complete"
    assert seen(follower) == seen(stream)
    late = there.watch(headers={"Last-Event-ID": stream.events[0].id}, session_id=session["session_id"]).wait_for_end()
    assert seen(late) == seen(stream)[1:]
    assert_one_again(instances)
    wait_until(lambda: not instances.redis.held(), 5, "all places to be free")
    assert there.http.get("/api/chat/message", params={"session_id": other["session_id"]}, headers={"Last-Event-ID": "x:1"}).status_code == 404


@pytest.mark.long
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


def test_a_full_redis_stops_nobody(make_instances):
    instances = make_instances()
    here, there = instances
    session = here.session()
    follower = there.watch(session_id=session["session_id"])
    stream = here.stream(session, tokens=200, rate=20)
    follower.wait_for(10)
    watched = Gaps(stream)
    instances.redis.client.config_set("maxmemory-policy", "noeviction")
    instances.redis.client.config_set("maxmemory", 1)
    wait_until(lambda: nobody_knows_redis(instances), NOTICE_SECONDS + 2, "instances to say that Redis is of no use")
    assert_works_alone(instances)
    instances.redis.client.config_set("maxmemory", 0)
    instances.wait_until_members()
    assert watched.end() < LONGEST_GAP
    for each in (stream, follower):
        assert each.wait_for_terminal(30).status == "complete"
    assert seen(follower) == seen(stream)
    assert_one_again(instances)
    wait_until(lambda: not instances.redis.held(), 5, "all places to be free")


@pytest.mark.long
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
    for each in (stream, follower):
        assert each.wait_for_terminal(30).status == "complete"
    assert seen(follower) == seen(stream)
    assert_one_again(instances)
    wait_until(lambda: not instances.redis.held(), 5, "all places to be free")


class Loading:
    """Answers everything as a Redis that reads its data set, on a Redis's port."""

    def __init__(self, port):
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with connection:
            while data := connection.recv(65536):
                count = len(re.findall(rb"(?:^|\r\n)\*\d+\r\n", data))
                connection.sendall(b"-LOADING Redis is loading the dataset in memory\r\n" * count)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


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


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.parametrize("kind", [pytest.param("normal", marks=pytest.mark.long), "pubsub"])
def test_connections_that_are_cut_lose_no_event(make_instances, kind):
    instances = make_instances()
    here, there = instances
    session = here.session()
    follower = there.watch(session_id=session["session_id"])
    stream = here.stream(session, tokens=200, rate=50)
    for count in range(20, 160, 20):
        stream.wait_for(count)
        instances.redis.client.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
    for each in (stream, follower):
        assert each.wait_for_terminal(20).status == "complete"
    assert seen(follower) == seen(stream)
    instances.wait_until_members()
    wait_until(lambda: not instances.redis.held(), 5, "all places to be free")


@pytest.mark.long
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
    wait_until(lambda: not instances.redis.held(), RETURN_SECONDS, "all places to be free")
    assert holds_for(lambda: not instances.redis.held(), 0.5)
