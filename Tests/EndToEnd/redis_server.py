"""A Redis server that tests may kill, make hang and bring back, and a way to it that may be cut, frozen or slow."""

import contextlib
import socket
import subprocess
import threading
import time
from pathlib import Path

import redis

from nginx import free_ports
from outage import Outage
from service import CHECKOUT, in_child
from waiting import wait_until

# As scripts/lib/servers.sh unpacks it, or the system's.
UNPACKED = CHECKOUT / ".build/redis/usr/bin/redis-server"
PROGRAM = UNPACKED if UNPACKED.exists() else "redis-server"


class RedisServer(Outage):
    """One server with its port, whichever process it is at the moment. It forgets all when it is killed, unless it `keeps` it."""

    def __init__(self, folder, keeps=False):
        self.folder = Path(folder)
        (self.port,) = free_ports(1)
        self.url = f"redis://127.0.0.1:{self.port}"
        self.keeps = keeps
        self.process = None
        self.client = redis.Redis(port=self.port, decode_responses=True, socket_timeout=5)

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        keeping = ["--appendonly", "yes", "--appendfsync", "always"] if self.keeps else ["--save", ""]
        with open(self.folder / "output", "ab") as output:
            self.process = subprocess.Popen(
                [PROGRAM, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder, *keeping],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=in_child(),
            )
        wait_until(self._answers, 10, "the start of Redis")
        return self

    def _answers(self):
        assert self.process.poll() is None, (self.folder / "output").read_text(errors="replace")
        try:
            return self.client.ping()
        except redis.RedisError:
            return False

    def held(self):
        """The keys of places that somebody holds."""
        return sorted(key for kind in ("session", "user", "members") for key in self.client.scan_iter(f"{kind}:*", 1000))


class Way:
    """A proxy to a port. `delay` is in seconds, for each direction."""

    def __init__(self, port, delay=0):
        self.target = ("127.0.0.1", port)
        self.delay = delay
        self.is_cut = False
        self.flows = threading.Event()
        self.flows.set()
        self.open = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        """Ends all connections, and takes no new one."""
        self.is_cut = True
        self.end_connections()

    def end_connections(self):
        while self.open:
            one = self.open.pop()
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def freeze(self):
        """Lets nothing through: connections stay, and new ones are made, but nobody answers."""
        self.flows.clear()

    def restore(self):
        self.is_cut = False
        self.flows.set()

    def close(self):
        self.cut()
        self.flows.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.is_cut:
                client.close()
                continue
            try:
                server = socket.create_connection(self.target)
            except OSError:
                client.close()
                continue
            self.open += [client, server]
            for source, sink in ((client, server), (server, client)):
                sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                queue = _Delayed(self, sink)
                threading.Thread(target=self._read, args=(source, queue), daemon=True).start()

    def _read(self, source, queue):
        try:
            while data := source.recv(65536):
                queue.put(data)
        except OSError:
            pass
        queue.put(b"")


class _Delayed:
    """Passes on what it gets, in order, each part when its delay is over."""

    def __init__(self, way, sink):
        self.way, self.sink = way, sink
        self.parts = []
        self.changed = threading.Condition()
        threading.Thread(target=self._run, daemon=True).start()

    def put(self, data):
        with self.changed:
            self.parts.append((time.monotonic() + self.way.delay, data))
            self.changed.notify()

    def _run(self):
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.parts)
                due, data = self.parts.pop(0)
            time.sleep(max(0, due - time.monotonic()))
            self.way.flows.wait()
            try:
                if not data:
                    self.sink.shutdown(socket.SHUT_RDWR)
                    self.sink.close()
                    return
                self.sink.sendall(data)
            except OSError:
                return
