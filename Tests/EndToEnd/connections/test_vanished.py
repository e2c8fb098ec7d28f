"""Clients that are gone: those that say so, and those whose cable was pulled, of whom nothing is heard any more."""

import concurrent.futures
import ctypes
import ipaddress
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import threading
import time

import pytest

from api import demo
from rawsocket import RawConnection
from service import MONGODB_TEST_URI
from waiting import holds_for, wait_until

CLONE_NEWNET = 0x40000000
INSIDE_MAC = "02:00:00:00:00:02"

# The defaults: STUCK_READER_SECONDS, and twice HEARTBEAT_SECONDS.
LET_GO_SECONDS = 30

BOTH = {"talking": 1, "watching": 1}

_libc = ctypes.CDLL(None, use_errno=True)


class Elsewhere:
    """Another network of this machine, and a cable that leads there (a veth pair).

    It is a network namespace without a name: it belongs to a thread, which makes the sockets in it, and is gone when
    the thread and its sockets are, even when this process is killed; and the cable with it.
    """

    def __init__(self):
        # Of the range for tests between networks (RFC 2544), which no real network uses, four addresses a process.
        first = ipaddress.ip_address("198.18.0.0") + os.getpid() % 32768 * 4
        self.here, self.there = str(first + 1), str(first + 2)
        self.cable = f"rs{os.getpid()}"
        self.connections = []
        self.thread = concurrent.futures.ThreadPoolExecutor(1)

    def run(self, function, *arguments):
        """Runs it in the other network."""
        return self.thread.submit(function, *arguments).result(30)

    def open(self):
        if refusal := self.run(self._unshare):
            pytest.skip(f"cannot make a network namespace, which takes root (CAP_SYS_ADMIN): {refusal}")
        if not shutil.which("ip"):
            pytest.skip("finds no program `ip`, of Debian's package iproute2")
        thread = self.run(threading.get_native_id)
        peer = f"peer name inside address {INSIDE_MAC} netns {thread}"
        try:
            ip(f"link add {self.cable} type veth {peer}")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"cannot make a pair of veth devices: {error.stderr.strip()}")
        ip(f"address add {self.here}/30 dev {self.cable}")
        ip(f"link set {self.cable} up")
        # The service's side never has to ask who has the address: a router in between would not go away either, and an
        # address that nobody answers for is an error of its own.
        ip(f"neighbour replace {self.there} lladdr {INSIDE_MAC} dev {self.cable} nud permanent")
        self.run(ip, f"address add {self.there}/30 dev inside")
        self.run(ip, "link set inside up")

    def _unshare(self):
        return None if _libc.unshare(CLONE_NEWNET) == 0 else os.strerror(ctypes.get_errno())

    def connect(self, service):
        """A client there. Its socket stays there, whichever thread uses it."""
        connection = self.run(RawConnection, service.port, 10, service.host)
        self.connections.append(connection)
        # Otherwise the kernel would hold on to it, and to its network, until it gave up sending its end.
        reset_at_close(connection)
        return connection

    def vanish(self):
        """From now on nothing that is sent there has anyone who takes it or answers, and nothing comes from there.

        As when a distant cable is pulled, the link on the service's side stays up, and the sockets are not closed.
        """
        self.run(ip, f"address del {self.there}/30 dev inside")

    def close(self):
        try:
            subprocess.run(["ip", "link", "delete", self.cable], capture_output=True, timeout=10)
            for connection in self.connections:
                connection.socket.close()
        except FileNotFoundError:
            pass  # No program `ip`: there was nothing to remove.
        finally:
            self.thread.shutdown()


def ip(command):
    subprocess.run(["ip", *command.split()], check=True, capture_output=True, text=True, timeout=10)


def reset_at_close(connection):
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.fixture
def elsewhere():
    network = Elsewhere()
    try:
        network.open()
        yield network
    finally:
        network.close()


def metrics(api):
    """What the service says of its readers, by the names of /metrics."""
    found = re.findall(r"^roomservice_(\S+) (\d+)$", api.http.get("/metrics").text, re.MULTILINE)
    return {name: int(value) for name, value in found}


def readers(api):
    """How many read an answer, and how many watch a session in which nothing happens."""
    found = metrics(api)
    watching = found["stream_followers"]
    return {"talking": found["stream_readers"] - watching, "watching": watching}


def seconds_until_let_go(api, since, limit):
    """Waits until the service has no reader any more; returns after how long it had none of each kind."""
    seconds = {}

    def let_go():
        for kind, count in readers(api).items():
            if count == 0:
                seconds.setdefault(kind, round(time.monotonic() - since, 3))
        return len(seconds) == 2

    wait_until(let_go, limit, "the end of all readers")
    return seconds


def start_talking(api, connection):
    """Reads an answer that outlasts the test and always has something to send."""
    session = api.session()
    body = {"query": "Talk", "session_id": session["session_id"], "context": demo(100_000, 50)}
    connection.send_request("POST", "/api/chat/message", json.dumps(body).encode())
    connection.read_until(b'"status":"streaming"')
    return session


def start_watching(api, connection):
    """Watches a session in which nothing happens, where only keep-alive comments are sent."""
    session = api.session()
    connection.send(f"GET /api/chat/message?session_id={session['session_id']} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert connection.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")


@pytest.mark.skipif(MONGODB_TEST_URI is not None, reason="the store has no part in it, and it takes half a minute")
@pytest.mark.timeout(90)
def test_clients_that_vanish_without_a_word_are_let_go_within_half_a_minute(elsewhere, make_service, connect):
    service = make_service(HOST=elsewhere.here).start()
    api = connect(service)
    session = start_talking(api, elsewhere.connect(service))
    start_watching(api, elsewhere.connect(service))
    wait_until(lambda: readers(api) == BOTH, 5, "both readers")
    # The watcher has just been sent something and taken it: for the keep-alive that must find it out, the worst moment.
    elsewhere.vanish()
    since = time.monotonic()
    assert holds_for(lambda: readers(api) == BOTH, 2), "they did not vanish without a word"
    seconds = seconds_until_let_go(api, since, LET_GO_SECONDS + 10)
    assert max(seconds.values()) <= LET_GO_SECONDS, seconds
    wait_until(lambda: metrics(api)["connections"] == 1, 1, "the end of every connection but ours")
    # The answer goes on: whoever asked may come back for it.
    assert api.data("GET", f"/api/session/{session['session_id']}")["active_stream"]


def test_clients_that_reset_their_connections_are_let_go_at_once(make_service, connect):
    service = make_service().start()
    api = connect(service)
    with RawConnection(service.port) as talking, RawConnection(service.port) as watching:
        start_talking(api, talking)
        start_watching(api, watching)
        wait_until(lambda: readers(api) == BOTH, 5, "both readers")
        for connection in (talking, watching):
            reset_at_close(connection)
            connection.socket.close()
        seconds = seconds_until_let_go(api, time.monotonic(), 10)
    assert max(seconds.values()) <= 1, seconds
    wait_until(lambda: metrics(api)["connections"] == 1, 1, "the end of every connection but ours")
    assert metrics(api)['readers_cut_total{reason="vanished"}'] == 0
