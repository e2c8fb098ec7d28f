"""Instances that die, are paused or cut off from Redis while they make answers: others end their streams, once and for all clients
alike."""

import time

import pymongo
import pytest

from api import TERMINAL, demo, unique
from instances import TAKE_OVER_SECONDS, Instances, assert_agree, assert_in_order, seen
from rawsocket import RawConnection
from service import MONGODB_TEST_URI
from waiting import holds_for, wait_until

pytestmark = [pytest.mark.mongodb, pytest.mark.long, pytest.mark.timeout(120)]


@pytest.fixture
def make_instances(tmp_path):
    made = []

    def make(count=2, **settings):
        made.append(Instances(tmp_path / unique("instances"), count, **settings).start())
        return made[-1]

    yield make
    for each in made:
        for instance in each.all:
            # One that a failed test has left paused would not end.
            if instance.process and instance.process.poll() is None:
                instance.signal(18)
        each.stop()


def settle(instances):
    """Waits until the instances take dead ones over: for six seconds after they have become members they do not."""
    time.sleep(6)


def conversation_of(instances, session):
    """As it is stored, whoever may answer."""
    with pymongo.MongoClient(MONGODB_TEST_URI) as client:
        (found,) = client[instances.database].conversation_history.find({"session_id": session["session_id"]})
    return found


def stored_status(instances, session):
    return conversation_of(instances, session)["status"]


class Running:
    """A stream of the first instance, its asker, and watchers of all instances."""

    def __init__(self, instances, tokens=4000, rate=20, user=None):
        self.instances = instances
        self.owner, *self.others = instances
        self.session = self.owner.session(user)
        self.watchers = [each.watch(session_id=self.session["session_id"]) for each in instances]
        for each in self.watchers:
            each.wait_for_response()
        self.stream = self.owner.stream(self.session, tokens=tokens, rate=rate)
        for each in self.watchers:
            each.wait_for(10)

    @property
    def local(self):
        return [self.stream, self.watchers[0]]

    @property
    def remote(self):
        return self.watchers[1:]

    def assert_ended_alike(self, clients, status):
        terminals = [each.wait_for_terminal(5) for each in clients]
        assert {each.status for each in terminals} == {status}, terminals
        assert len({each.id for each in terminals}) == 1, terminals
        for each in clients:
            assert_in_order(each)
        assert_agree(*clients)
        stored = conversation_of(self.instances, self.session)
        names = {"interrupted": "interrupted", "complete": "completed", "cancelled": "cancelled"}
        assert stored["status"] == names[status]
        for each in terminals:
            assert each.content == stored["agent_response"]
        for each in clients:
            assert stored["agent_response"].startswith(each.text)


def take_away(instances, how):
    """Has the first instance disappear for the others."""
    if how == "killed":
        instances.all[0].kill()
    elif how == "paused":
        instances.all[0].signal(19)
    elif how == "cut off":
        instances.ways[0].cut()
    else:
        instances.ways[0].freeze()


def bring_back(instances, how):
    if how == "killed":
        instances.all[0].start()
    elif how == "paused":
        instances.all[0].signal(18)
    else:
        instances.ways[0].restore()


def long(*values):
    return pytest.param(*values, marks=pytest.mark.long)


every_way = pytest.mark.parametrize("how", ["killed", long("paused"), long("cut off"), long("frozen")])


# --- owners that are gone


@every_way
def test_the_streams_of_an_owner_that_is_gone_end_everywhere(make_instances, how):
    instances = make_instances(3)
    settle(instances)
    running = Running(instances)
    take_away(instances, how)
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
    wait_until(lambda: not instances.redis.held(), 5, "all places to be free")
    late = other.watch(headers={"Last-Event-ID": running.remote[0].events[3].id}, session_id=running.session["session_id"])
    late.wait_for_end()
    first = [event for event in running.remote[1].events if event.stream_id == running.stream.events[0].stream_id]
    assert seen(late) == [(event.id, event.data) for event in first[4:]]
    assert len([event for event in first if event.status in TERMINAL]) == 1
    bring_back(instances, how)


@pytest.mark.long
@pytest.mark.parametrize("how", ["paused", "cut off", "frozen"])
def test_an_owner_that_comes_back_after_it_was_replaced_changes_nothing(make_instances, how):
    instances = make_instances(3)
    settle(instances)
    running = Running(instances)
    take_away(instances, how)
    for each in running.remote:
        each.wait_for_terminal(TAKE_OVER_SECONDS)
    stored = conversation_of(instances, running.session)
    count = {each: len(each.events) for each in running.remote}
    bring_back(instances, how)
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


@pytest.mark.long
def test_a_paused_owner_that_wakes_does_not_free_what_is_another_ones(make_instances):
    """The session's next stream runs elsewhere when the old owner wakes, and neither it nor its place is touched."""
    instances = make_instances(3)
    settle(instances)
    running = Running(instances)
    owner, there, other = instances
    take_away(instances, "paused")
    running.remote[0].wait_for_terminal(TAKE_OVER_SECONDS)
    next_one = there.stream(running.session, "And now?", tokens=300, rate=20)
    next_one.wait_for(3)
    bring_back(instances, "paused")
    for each in running.local:
        each.wait_for_terminal(10)
    body = {"query": "Another", "session_id": running.session["session_id"]}
    assert holds_for(lambda: other.http.post("/api/chat/message", json=body).status_code == 409, 3)
    assert owner.http.post("/api/chat/message", json=body).status_code == 409
    assert next_one.wait_for_terminal(30).status == "complete"


@pytest.mark.long
def test_all_streams_of_an_owner_that_is_gone_end(make_instances):
    instances = make_instances(2, MAX_STREAMS_PER_USER="100")
    settle(instances)
    user = unique()
    all_running = [Running(instances, user=user) for _ in range(30)]
    instances.all[0].kill()
    for each in all_running:
        each.remote[0].wait_for_terminal(TAKE_OVER_SECONDS)
        each.assert_ended_alike(each.remote, "interrupted")
    wait_until(lambda: not instances.redis.held(), 5, "all places to be free")
    assert instances.redis.client.zcard("instances") == 1


# --- owners that are away for a moment


@pytest.mark.long
@pytest.mark.parametrize("how", ["cut off", "frozen", "paused"])
def test_an_owner_that_is_away_for_a_moment_goes_on(make_instances, how):
    instances = make_instances()
    running = Running(instances, tokens=200, rate=20)
    take_away(instances, how)
    time.sleep(3)
    bring_back(instances, how)
    clients = [*running.local, *running.remote]
    for each in clients:
        assert each.wait_for_terminal(20).status == "complete"
    running.assert_ended_alike(clients, "complete")
    assert seen(running.remote[0]) == seen(running.stream)
    wait_until(lambda: not instances.redis.held(), 5, "all places to be free")


def while_away(instances, work, seconds=3):
    """Does something while the first instance has no Redis, for less than a lease."""
    instances.ways[0].cut()
    start = time.monotonic()
    result = work()
    time.sleep(max(0, seconds - (time.monotonic() - start)))
    instances.ways[0].restore()
    instances.wait_until_members()
    return result


@pytest.mark.long
def test_a_stream_that_ended_while_its_owner_had_no_redis_ends_elsewhere_too(make_instances):
    instances = make_instances()
    running = Running(instances, tokens=60, rate=20)
    while_away(instances, running.stream.wait_for_end)
    assert running.remote[0].wait_for_terminal(10).status == "complete"
    running.assert_ended_alike([*running.local, *running.remote], "complete")


@pytest.mark.long
def test_places_of_a_stream_that_ended_while_its_owner_had_no_redis_are_free(make_instances):
    instances = make_instances()
    running = Running(instances, tokens=60, rate=20)
    while_away(instances, running.stream.wait_for_end)
    wait_until(lambda: not instances.redis.held(), 5, f"all places to be free: {instances.redis.held()}")
    for api in instances:
        assert api.ask(running.session, "And now?", tokens=1)[-2].status == "complete"


@pytest.mark.long
def test_a_stream_that_began_while_its_owner_had_no_redis_is_announced(make_instances):
    instances = make_instances()
    here, there = instances
    session = here.session()
    follower = there.watch(session_id=session["session_id"])
    follower.wait_for_response()
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
    follower = there.watch(session_id=session["session_id"])
    follower.wait_for_response()
    instances.ways[1].cut()
    stream = here.stream(session, tokens=100, rate=20)
    stream.wait_for(20)
    instances.ways[1].restore()
    follower.wait_for(20, seconds=5)
    assert follower.wait_for_terminal(10).status == "complete"
    assert seen(follower) == seen(stream)


@pytest.mark.long
@pytest.mark.parametrize("how", ["cut off", "frozen", "paused"])
def test_a_follower_that_was_away_for_a_moment_misses_nothing(make_instances, how):
    instances = make_instances()
    running = Running(instances, tokens=200, rate=20)
    if how == "paused":
        instances.all[1].signal(19)
    elif how == "cut off":
        instances.ways[1].cut()
    else:
        instances.ways[1].freeze()
    time.sleep(3)
    instances.all[1].signal(18)
    instances.ways[1].restore()
    assert running.remote[0].wait_for_terminal(20).status == "complete"
    running.assert_ended_alike([*running.local, *running.remote], "complete")
    assert seen(running.remote[0]) == seen(running.stream)


# --- stops


def test_a_stop_of_a_stream_whose_owner_is_paused_is_kept_for_it(make_instances):
    instances = make_instances()
    running = Running(instances)
    take_away(instances, "paused")
    start = time.monotonic()
    data = running.others[0].stop(running.session)["data"]
    assert time.monotonic() - start < 1.5
    assert (data["status"], data["delivered"]) == ("stop_requested", False)
    assert running.stream.text.startswith(data["partial_response"])
    bring_back(instances, "paused")
    clients = [*running.local, *running.remote]
    for each in clients:
        assert each.wait_for_terminal(5).status == "cancelled"
    running.assert_ended_alike(clients, "cancelled")
    wait_until(lambda: not instances.redis.held(), 5, "all places to be free")


@pytest.mark.parametrize("how", ["cut off", long("frozen")])
def test_a_stop_reaches_an_owner_without_redis_by_the_store(make_instances, how):
    instances = make_instances()
    running = Running(instances)
    take_away(instances, how)
    start = time.monotonic()
    data = running.others[0].stop(running.session)["data"]
    assert time.monotonic() - start < 1.5
    assert (data["status"], data["delivered"]) == ("stop_requested", False)
    for each in running.local:
        assert each.wait_for_terminal(5).status == "cancelled"
    bring_back(instances, how)
    assert running.remote[0].wait_for_terminal(10).status == "cancelled"
    running.assert_ended_alike([*running.local, *running.remote], "cancelled")
    wait_until(lambda: not instances.redis.held(), 5, "all places to be free")


@pytest.mark.long
def test_a_stop_is_not_lost_with_its_owner(make_instances):
    """Asked for while the owner was dead and not yet found so."""
    instances = make_instances()
    settle(instances)
    running = Running(instances)
    instances.all[0].kill()
    data = running.others[0].stop(running.session)["data"]
    assert (data["status"], data["delivered"]) == ("stop_requested", False)
    terminal = running.remote[0].wait_for_terminal(TAKE_OVER_SECONDS)
    assert terminal.status in ("cancelled", "interrupted")
    running.assert_ended_alike(running.remote, terminal.status)
    wait_until(lambda: not instances.redis.held(), 5, "all places to be free")


@pytest.mark.parametrize("delay", [0.05, long(0.3)])
def test_after_a_stop_a_follower_with_a_slow_redis_shows_no_more(make_instances, delay):
    instances = make_instances()
    owner, follower = instances
    session = owner.session()
    instances.ways[1].delay = delay
    for _ in range(3):
        session = owner.session()
        ask = {"query": "Talk", "session_id": session["session_id"], "context": demo(100_000, 200)}
        owner.http.post("/api/chat/message", json=ask, headers={"Accept": "application/json"})
        with RawConnection(instances.all[1].port) as watcher:
            watcher.send_request("GET", f"/api/chat/message?session_id={session['session_id']}")
            watcher.read_until(b'"status":"streaming"')
            watcher.read_until(b'"status":"streaming"')
            assert owner.stop(session)["data"]["delivered"] is True
            before = watcher.read_what_has_arrived()
            rest = b"" if b'"cancelled"' in before else watcher.read_until(b'"cancelled"')
        assert b'"status":"streaming"' not in rest, rest.count(b'"status":"streaming"')


def test_after_a_stop_a_follower_that_was_paused_shows_no_more(make_instances):
    instances = make_instances()
    owner, follower = instances
    session = owner.session()
    ask = {"query": "Talk", "session_id": session["session_id"], "context": demo(100_000, 200)}
    owner.http.post("/api/chat/message", json=ask, headers={"Accept": "application/json"})
    with RawConnection(instances.all[1].port) as watcher:
        watcher.send_request("GET", f"/api/chat/message?session_id={session['session_id']}")
        watcher.read_until(b'"status":"streaming"')
        instances.all[1].signal(19)
        time.sleep(0.5)
        assert owner.stop(session)["data"]["status"] == "stop_requested"
        before = watcher.read_what_has_arrived()
        instances.all[1].signal(18)
        # It may let go of its readers, who come again then.
        rest = b""
        while b'"cancelled"' not in rest and (part := watcher.socket.recv(65536)):
            rest += part
    assert b'"status":"streaming"' not in rest, rest.count(b'"status":"streaming"')


def test_a_dead_follower_does_not_hold_a_stop_up(make_instances):
    instances = make_instances()
    running = Running(instances)
    instances.all[1].signal(19)
    start = time.monotonic()
    assert running.owner.stop(running.session)["data"]["delivered"] is True
    # It is waited for, but no longer than a second.
    assert time.monotonic() - start < 1.5
    instances.all[1].signal(18)
