"""Chats that go on while instances, Redis and clients are killed, paused and cut off at random; and what must hold afterwards.

    CHAOS_SECONDS=120 CHAOS_SEED=7 scripts/lib/with-mongodb .venv/bin/python -m pytest Tests/EndToEnd/several_instances/test_chaos.py -s
"""

import os
import threading

import pytest

from api import Api
from chaos import SEED, Chaos, Chat, Records
from instances import Instances, knows_redis
from load import conversations_by_question
from nginx import Nginx
from service import ORPHAN_SECONDS
from waiting import wait_until

SECONDS = float(os.environ.get("CHAOS_SECONDS", 10))
INSTANCES = int(os.environ.get("CHAOS_INSTANCES", 3))
CHATS = int(os.environ.get("CHAOS_CHATS", 6))

pytestmark = [pytest.mark.mongodb, pytest.mark.long, pytest.mark.timeout(SECONDS + 200)]

STATUSES = {"complete": "completed", "cancelled": "cancelled", "interrupted": "interrupted", "error": "failed"}


def conversations(chats, api):
    stored = {}
    for chat in chats:
        for session in chat.sessions:
            stored |= conversations_by_question(api, session["room_id"])
    return stored


def assert_consistent(records, stored):
    assert records.faults == [], f"{len(records.faults)} faults: " + "\n".join(records.faults[:20])
    for stream, ends in records.terminals.items():
        assert len(ends) == 1, (stream, ends)
    assert stored
    for _, query, stream in records.accepted:
        assert query in stored, f"{query} ({stream}) was accepted and is not stored"
        conversation = stored[query]
        for _, status in records.terminals.get(stream, ()):
            assert conversation["status"] == STATUSES[status], (stream, status, conversation)


def test_chats_stay_whole_whatever_breaks(tmp_path):
    records, finishing = Records(), threading.Event()
    instances = Instances(tmp_path / "instances", INSTANCES, MAX_STREAMS_PER_USER="20").start()
    nginx = Nginx(tmp_path / "nginx", [each.settings["PORT"] for each in instances.all])
    chaos = Chaos(instances)
    try:
        nginx.start()
        chats = [Chat(nginx.url, number, records, finishing) for number in range(CHATS)]
        chaos.run(SECONDS)
        finishing.set()
        for each in chats:
            each.join(40)
            assert not each.is_alive()
        print(f"\nseed {SEED}: {chaos.log}\n{dict(records.counts)}, {len(records.accepted)} questions")
        api = Api(instances.all[0].url)
        wait_until(lambda: all(knows_redis(Api(each.url)) for each in instances.all), 10, "all instances to be members")

        def runs():
            return sum(
                Api(each.url).http.get("/api/health").json()["checks"]["streams"]["active_count"] for each in instances.all
            )

        wait_until(lambda: runs() == 0, 40, "all streams to end")

        def ended():
            stored = conversations(chats, api)
            return all(each["status"] in STATUSES.values() for each in stored.values()) and stored

        # Of an instance that was killed and whose lease Redis has lost before it was over, the store alone tells.
        assert_consistent(records, wait_until(ended, ORPHAN_SECONDS, "all stored answers to have ended"))
        # Of instances that were killed, once their leases are over, and those who end their streams have settled.
        wait_until(lambda: instances.redis.client.zcard("instances") == INSTANCES, 25, "no dead member")
        instances.wait_until_all_is_free(10)
        assert records.accepted, records.counts
    finally:
        finishing.set()
        print(f"\nseed {SEED}: {chaos.log}\n{dict(records.counts)}, faults: {len(records.faults)}")
        for each in records.faults[:10]:
            print(each)
        nginx.stop()
        instances.end()
