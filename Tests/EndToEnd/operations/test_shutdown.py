"""SIGTERM: no new work, the running streams get their time, and nothing is lost."""

import signal
import socket

import pytest

from rawsocket import RawConnection
from service import ORPHAN_SECONDS
from waiting import holds_for, wait_until


def refuses_connections(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except (ConnectionRefusedError, ConnectionResetError):
        # Reset: it was in the queue when the socket was closed.
        return True
    except TimeoutError:
        # The kernel drops a SYN that comes while the socket is being closed; the next one is refused.
        return False
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_service_ends_at_once(make_service, number):
    service = make_service(DRAIN_SECONDS="30").start()
    service.signal(number)
    assert service.wait(5) == 0


def test_a_stream_that_outlasts_the_drain_is_interrupted_with_its_text(make_service, connect):
    service = make_service(DRAIN_SECONDS="1").start()
    api = connect(service)
    session = api.session()
    stream = api.stream(session, rate=50)
    watcher = api.watch(session_id=session["session_id"])
    stream.wait_for(20)
    watcher.wait_for(20)

    service.signal()
    wait_until(lambda: refuses_connections(service.port), 5, "refused connections")
    during = len(stream.events)
    stream.wait_for(during + 5)
    terminal = stream.wait_for_terminal(5)
    assert terminal.status == "interrupted"
    assert terminal.content == stream.text
    assert stream.wait_for_end(5).done and stream.error is None
    assert watcher.wait_for_end(5).events[-1].id == terminal.id
    assert service.wait(5) == 0

    api = connect(service.start())
    conversation = api.only_conversation(session)
    assert conversation["status"] == "interrupted"
    assert conversation["agent_response"] == terminal.content


def test_a_stream_that_ends_in_time_is_complete(make_service, connect):
    service = make_service(DRAIN_SECONDS="20").start()
    api = connect(service)
    session = api.session()
    stream = api.stream(session, rate=20, tokens=30)
    stream.wait_for(5)
    service.signal()
    terminal = stream.wait_for_terminal(10)
    assert terminal.status == "complete"
    assert stream.wait_for_end(5).done
    assert service.wait(5) == 0

    conversation = connect(service.start()).only_conversation(session)
    assert conversation["status"] == "completed"
    assert conversation["agent_response"] == terminal.content == stream.text


def test_idle_connections_are_closed_while_a_stream_still_runs(make_service, connect):
    service = make_service(DRAIN_SECONDS="20").start()
    api = connect(service)
    session = api.session()
    stream = api.stream(session, rate=20, tokens=40)
    with RawConnection(service.port) as idle, RawConnection(service.port) as silent:
        idle.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.read_response()[0] == 200
        service.signal()
        assert idle.is_closed()
        assert silent.is_closed()
    assert not stream.ended
    assert stream.wait_for_terminal(10).status == "complete"
    assert service.wait(5) == 0


def test_a_watcher_that_waits_does_not_hold_the_end_back(make_service, connect):
    service = make_service(DRAIN_SECONDS="20").start()
    api = connect(service)
    watcher = api.watch(session_id=api.session()["session_id"])
    watcher.wait_for_response()
    service.signal()
    assert service.wait(5) == 0
    watcher.wait_for_end(5)


def test_a_signal_that_comes_twice_at_once_is_one_and_a_later_one_ends_the_drain(make_service, connect):
    service = make_service(DRAIN_SECONDS="60").start()
    api = connect(service)
    session = api.session()
    stream = api.stream(session)
    service.signal()
    service.signal()
    wait_until(lambda: refuses_connections(service.port), 5, "refused connections")
    assert holds_for(lambda: service.process.poll() is None, 0.5)
    wait_until(lambda: service.process.poll() is not None or service.signal(), 5, "the end by a later signal")
    service.wait(10)
    stream.wait_for_end(5)
    conversation = connect(service.start()).ended_conversation(session, ORPHAN_SECONDS)
    assert conversation["status"] == "interrupted"
