"""Stops of streams of other instances."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from api import demo
from instances import assert_agree, assert_in_order
from rawsocket import RawConnection

pytestmark = pytest.mark.mongodb


def test_a_stop_elsewhere_is_delivered(pair, nothing_is_left):
    here, there = pair
    session = here.session()
    stream = here.stream(session)
    watcher = there.watch(session_id=session["session_id"])
    watcher.wait_for(10)
    data = there.stop(session)["data"]
    assert (data["status"], data["delivered"], data["stream_id"]) == ("stop_requested", True, stream.events[0].stream_id)
    conversation = there.only_conversation(session)
    assert (conversation["status"], conversation["agent_response"]) == ("cancelled", data["partial_response"])
    for each in (stream, watcher):
        terminal = each.wait_for_terminal(5)
        assert (terminal.status, terminal.content) == ("cancelled", data["partial_response"])
        assert_in_order(each)
    assert_agree(stream, watcher)
    assert stream.events[-1].id == watcher.events[-1].id
    watcher.leave()
    assert there.stop(session)["data"]["status"] == "not_found"


@pytest.mark.parametrize("stopped_at", ["the owner", "a follower", "another one"])
def test_after_a_stop_has_answered_no_streaming_event_reaches_any_client(make_instances, stopped_at):
    instances = make_instances(3)
    owner, follower, other = instances
    stopper = {"the owner": owner, "a follower": follower, "another one": other}[stopped_at]
    for _ in range(15):
        session = owner.session()
        ask = {"query": "Talk", "session_id": session["session_id"], "context": demo(100_000, 1000)}
        watch = f"/api/chat/message?session_id={session['session_id']}"
        with RawConnection(instances.all[0].port) as asker, RawConnection(instances.all[1].port) as watcher:
            asker.send_request("POST", "/api/chat/message", json.dumps(ask).encode())
            asker.read_until(b'"status":"streaming"')
            watcher.send_request("GET", watch)
            watcher.read_until(b'"status":"streaming"')
            data = stopper.stop(session)["data"]
            for each in (asker, watcher):
                # On loopback what was sent has arrived: what comes after this was sent after the answer.
                before = each.read_what_has_arrived()
                rest = b"" if b'"cancelled"' in before else each.read_until(b'"cancelled"')
                assert b'"status":"streaming"' not in rest
        assert data["delivered"] is True


def test_a_stop_is_a_fence_elsewhere_too(pair, nothing_is_left):
    here, there = pair
    session = here.session()
    ended = here.ask(session, tokens=1)[0].stream_id
    stream = here.stream(session)
    assert there.stop(session, stream_id=ended)["data"]["status"] == "not_found"
    stream.wait_for(len(stream.events) + 5)
    assert there.stop(session, stream_id=stream.events[0].stream_id)["data"]["status"] == "stop_requested"
    assert stream.wait_for_terminal(5).status == "cancelled"


def test_a_late_stop_never_hits_the_next_stream(pair, nothing_is_left):
    """Stops that race with the end of one stream and the beginning of the next."""
    here, there = pair
    session = here.session()
    for number in range(20):
        first = here.stream(session, f"First {number}", tokens=8, rate=200)
        id = first.events[0].stream_id
        with ThreadPoolExecutor(3) as pool:
            stops = [pool.submit(api.stop, session, stream_id=id) for api in (there, here, there)]
            first.wait_for_terminal()
            second = (here, there)[number % 2].stream(session, f"Second {number}", tokens=3, rate=200)
            for each in stops:
                each.result()
        assert second.wait_for_terminal().status == "complete"


def test_many_stops_at_once_end_a_stream_once(pair, nothing_is_left):
    here, there = pair
    for _ in range(5):
        session = here.session()
        stream = here.stream(session)
        stream.wait_for(5)
        with ThreadPoolExecutor(8) as pool:
            answers = [each["data"] for each in pool.map(lambda api: api.stop(session), [here, there] * 4)]
        stopped = [each for each in answers if each["status"] == "stop_requested"]
        assert len(stopped) == 1, answers
        assert stream.wait_for_terminal().content == stopped[0]["partial_response"]
