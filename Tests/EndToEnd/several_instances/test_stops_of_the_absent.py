"""Stops of streams whose owners or watchers are paused, cut off from Redis, slow or dead."""

import time

import pytest

from api import demo
from instances import TAKE_OVER_SECONDS
from rawsocket import RawConnection
from running import Running, settle

pytestmark = [pytest.mark.mongodb, pytest.mark.long, pytest.mark.timeout(120)]


def test_a_stop_of_a_stream_whose_owner_is_paused_is_kept_for_it(make_instances):
    instances = make_instances()
    running = Running(instances)
    instances.take_away(0, "paused")
    start = time.monotonic()
    data = running.others[0].stop(running.session)["data"]
    assert time.monotonic() - start < 1.5
    assert (data["status"], data["delivered"]) == ("stop_requested", False)
    assert running.stream.text.startswith(data["partial_response"])
    instances.bring_back(0, "paused")
    clients = [*running.local, *running.remote]
    for each in clients:
        assert each.wait_for_terminal(5).status == "cancelled"
    running.assert_ended_alike(clients, "cancelled")
    instances.wait_until_all_is_free()


@pytest.mark.parametrize("how", ["cut off", "frozen"])
def test_a_stop_reaches_an_owner_without_redis_by_the_store(make_instances, how):
    instances = make_instances()
    running = Running(instances)
    instances.take_away(0, how)
    start = time.monotonic()
    data = running.others[0].stop(running.session)["data"]
    assert time.monotonic() - start < 1.5
    assert (data["status"], data["delivered"]) == ("stop_requested", False)
    for each in running.local:
        assert each.wait_for_terminal(5).status == "cancelled"
    instances.bring_back(0, how)
    assert running.remote[0].wait_for_terminal(10).status == "cancelled"
    running.assert_ended_alike([*running.local, *running.remote], "cancelled")
    instances.wait_until_all_is_free()


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
    instances.wait_until_all_is_free()


def watched(owner, session, instance):
    """Asks for a long answer, and watches it at the instance, over a bare connection on which its first token has come."""
    ask = {"query": "Talk", "session_id": session["session_id"], "context": demo(100_000, 200)}
    owner.http.post("/api/chat/message", json=ask, headers={"Accept": "application/json"})
    connection = RawConnection(instance.port)
    connection.send_request("GET", f"/api/chat/message?session_id={session['session_id']}")
    connection.read_until(b'"status":"streaming"')
    return connection


@pytest.mark.parametrize("delay", [0.05, 0.3])
def test_after_a_stop_a_follower_with_a_slow_redis_shows_no_more(make_instances, delay):
    instances = make_instances()
    owner, follower = instances
    instances.ways[1].delay = delay
    for _ in range(3):
        session = owner.session()
        with watched(owner, session, instances.all[1]) as watcher:
            watcher.read_until(b'"status":"streaming"')
            assert owner.stop(session)["data"]["delivered"] is True
            before = watcher.read_what_has_arrived()
            rest = b"" if b'"cancelled"' in before else watcher.read_until(b'"cancelled"')
        assert b'"status":"streaming"' not in rest, rest.count(b'"status":"streaming"')


def test_after_a_stop_a_follower_that_was_paused_shows_no_more(make_instances):
    instances = make_instances()
    owner, follower = instances
    session = owner.session()
    with watched(owner, session, instances.all[1]) as watcher:
        instances.all[1].pause()
        time.sleep(0.5)
        assert owner.stop(session)["data"]["status"] == "stop_requested"
        watcher.read_what_has_arrived()
        instances.all[1].resume()
        # It may let go of its readers, who come again then.
        rest = b""
        while b'"cancelled"' not in rest and (part := watcher.socket.recv(65536)):
            rest += part
    assert b'"status":"streaming"' not in rest, rest.count(b'"status":"streaming"')


def test_a_dead_follower_does_not_hold_a_stop_up(make_instances):
    instances = make_instances()
    running = Running(instances)
    instances.all[1].pause()
    start = time.monotonic()
    assert running.owner.stop(running.session)["data"]["delivered"] is True
    # It is waited for, but no longer than a second.
    assert time.monotonic() - start < 1.5
    instances.all[1].resume()
