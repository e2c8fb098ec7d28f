"""A way to a server that may be cut, frozen or slow, also after so many bytes of an answer."""

import contextlib
import itertools
import socket
import threading
import time

from listener import Listener, parts_of


class TCPProxy(Listener):
    """Forwards to a port of this machine. `delay` is in seconds, for each direction."""

    def __init__(self, port, delay=0):
        self.target = ("127.0.0.1", port)
        self.delay = delay
        self.is_cut = False
        self.flows = threading.Event()
        self.flows.set()
        self.open = []
        super().__init__()

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
        super().close()

    def serve(self, client):
        try:
            server = None if self.is_cut else socket.create_connection(self.target)
        except OSError:
            server = None
        if server is None:
            client.close()
            return
        self.open += [client, server]
        for sink, parts in ((server, self.requests_of(client)), (client, self.answers_of(server))):
            sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._forward, args=(parts, _Delayed(self, sink)), daemon=True).start()
        if self.is_cut:
            # It came just when all others were ended.
            self.end_connections()

    def requests_of(self, client):
        """What is passed on of what a client sends."""
        return parts_of(client)

    def answers_of(self, server):
        """What is passed on of what the server sends; when that is over, both connections are ended."""
        return parts_of(server)

    def _forward(self, parts, queue):
        for data in parts:
            queue.put(data)
        queue.put(b"")


class CuttingProxy(TCPProxy):
    """One for HTTP. The first connections to be answered are cut, each after so many bytes of body."""

    def __init__(self, port, cuts=()):
        self.cuts = list(cuts)
        self.received = b""
        super().__init__(port)
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def requests(self):
        """How many chat requests have come."""
        return self.received.count(b"GET /api/chat/message")

    def requests_of(self, client):
        for data in super().requests_of(client):
            self.received += data
            yield data

    def answers_of(self, server):
        parts = super().answers_of(server)
        head = b""
        while b"\r\n\r\n" not in head and (data := next(parts, b"")):
            head += data
        # Taken with the first byte of an answer: browsers also open connections that they do not use.
        if not head or not self.cuts:
            yield from itertools.chain([head] if head else [], parts)
            return
        left = head.find(b"\r\n\r\n") + 4 + self.cuts.pop(0)
        for data in itertools.chain([head], parts):
            yield data[:left]
            left -= len(data)
            if left <= 0:
                return


class _Delayed:
    """Passes on what it gets, in order, each part when its delay is over. An empty part is the end."""

    def __init__(self, proxy, sink):
        self.proxy, self.sink = proxy, sink
        self.parts = []
        self.changed = threading.Condition()
        threading.Thread(target=self._run, daemon=True).start()

    def put(self, data):
        with self.changed:
            self.parts.append((time.monotonic() + self.proxy.delay, data))
            self.changed.notify()

    def _run(self):
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.parts)
                due, data = self.parts.pop(0)
            time.sleep(max(0, due - time.monotonic()))
            self.proxy.flows.wait()
            try:
                if not data:
                    self.sink.shutdown(socket.SHUT_RDWR)
                    self.sink.close()
                    return
                self.sink.sendall(data)
            except OSError:
                return
