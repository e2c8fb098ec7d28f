"""Several instances that share a MongoDB and a Redis, each asked directly."""

import uuid
from itertools import pairwise
from pathlib import Path

import pymongo

from api import Api
from nginx import free_ports
from redis_server import RedisServer
from service import MONGODB_TEST_URI, Service, migrate
from tcp_proxy import TCPProxy
from waiting import wait_until

# How soon after its owner's death a stream has ended everywhere.
TAKE_OVER_SECONDS = 15
# How soon an instance notices that Redis is gone; and what a busy machine may add.
NOTICE_SECONDS = 2.5
# How soon after Redis's return all instances are members again.
RETURN_SECONDS = 5


class Instances:
    """Instances with a database and a Redis of their own, whose ways to Redis may be cut. `with` starts them, and ends them for
    good."""

    def __init__(self, folder, count=2, keeps=False, **settings):
        self.folder = Path(folder)
        self.redis = RedisServer(self.folder / "redis", keeps)
        self.database = f"test_{uuid.uuid4().hex}"
        shared = {
            "MONGODB_URI": MONGODB_TEST_URI, "MONGODB_DB_NAME": self.database, "DRAIN_SECONDS": "1", "DEMO_RATE": "100",
            "LOG_LEVEL": "info",
        } | settings
        self.ways = [TCPProxy(self.redis.port) for _ in range(count)]
        # Each keeps its port.
        self.all = [
            Service(self.folder / f"instance-{number}", PORT=str(port), REDIS_URL=f"redis://127.0.0.1:{way.port}", **shared)
            for number, (port, way) in enumerate(zip(free_ports(count), self.ways, strict=True), 1)
        ]
        self.apis = []

    def __iter__(self):
        """A client of each."""
        return iter(self.apis)

    def start(self, with_redis=True):
        if with_redis:
            self.redis.start()
        migrate(MONGODB_TEST_URI, self.database)
        for each in self.all:
            each.start()
        self.apis = [Api(each.url) for each in self.all]
        if with_redis:
            self.wait_until_members()
        return self

    def wait_until_members(self, seconds=RETURN_SECONDS):
        def are_members():
            # Those who say so may not have found out yet that Redis has forgotten them.
            names = [f"instance:{redis_check(each)['instance']}" for each in self.apis]
            leases = [self.redis.client.exists(name) for name in names]
            # The connection over which they are told something comes back by itself.
            listeners = [count for _, count in self.redis.client.pubsub_numsub(*names)]
            return all(leases) and all(listeners) and all(map(knows_redis, self.apis))

        wait_until(are_members, seconds, "all instances to be members")

    def wait_until_all_is_free(self, seconds=5):
        """Nobody has a place any more."""
        wait_until(lambda: not self.redis.held(), seconds, lambda: f"all places to be free: {self.redis.held()}")

    def end(self):
        """Ends all; the instances that still run must end cleanly, and leave nobody's places taken."""
        try:
            for each in [self.redis, *self.all]:
                # What a failed test has left paused would not end.
                if each.process:
                    each.resume()
            for each in self.apis:
                each.close()
            for each in self.all:
                if each.process:
                    each.signal()
            for each in self.all:
                if each.process:
                    # Asked twice it would end at once. Killed ones were killed by their test.
                    assert each.wait() in (0, -9), each.stderr
                    assert "Fatal error" not in each.stderr
        finally:
            for each in self.all:
                each.kill()
            for each in self.ways:
                each.close()
            self.redis.kill()
            with pymongo.MongoClient(MONGODB_TEST_URI) as client:
                client.drop_database(self.database)

    def take_away(self, number, how):
        """Has an instance disappear for the others: it is "killed", "paused", or its way to Redis is "cut off" or "frozen"."""
        actions = {"killed": self.all[number].kill, "paused": self.all[number].pause}
        actions |= {"cut off": self.ways[number].cut, "frozen": self.ways[number].freeze}
        actions[how]()

    def bring_back(self, number, how):
        actions = {"killed": self.all[number].start, "paused": self.all[number].resume}
        actions.get(how, self.ways[number].restore)()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.end()


def redis_check(api):
    response = api.http.get("/api/health")
    return response.json()["checks"]["redis"]


def knows_redis(api):
    return redis_check(api)["status"] == "healthy"


def followed_stream(instances, count=5, tokens=200, rate=20):
    """A session of the first instance, its stream, and who follows it at the second one and has seen so many events."""
    here, there = list(instances)[:2]
    session = here.session()
    follower = there.watch(session_id=session["session_id"])
    stream = here.stream(session, tokens=tokens, rate=rate)
    follower.wait_for(count)
    return session, stream, follower


def seen(stream):
    """What a client has seen: each event's id and what is in it."""
    return [(event.id, event.data) for event in list(stream.events)]


def assert_in_order(stream):
    """No event twice, none out of order, none missing but before a reset, after a stop, or before the end that another instance has
    told; at most one terminal event, which is the last."""
    sequences = [event.sequence for event in stream.events]
    assert sequences == sorted(set(sequences)), sequences
    terminal = [place for place, event in enumerate(stream.events) if event.status in ("complete", "cancelled", "error", "interrupted")]
    assert terminal in ([], [len(sequences) - 1]), [event.status for event in stream.events]
    if terminal and stream.events[-1].status == "interrupted":
        sequences.pop()
    if not any(event.status in ("reset", "cancelled") for event in stream.events):
        assert all(after == before + 1 for before, after in pairwise(sequences)), sequences


def assert_complete_alike(stream, *others, seconds=30):
    """All see the end of a whole answer, and the others what its asker has seen."""
    for each in (stream, *others):
        assert each.wait_for_terminal(seconds).status == "complete"
    for each in others:
        assert seen(each) == seen(stream)


def assert_agree(*streams):
    """No two clients have seen different things under the same id."""
    known = {}
    for stream in streams:
        for id, data in seen(stream):
            if data["status"] != "reset":
                assert known.setdefault(id, data) == data, f"{id}: {known[id]} and {data}"
