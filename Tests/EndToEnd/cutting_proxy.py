"""A TCP proxy that cuts connections: after so many bytes of the answer, or when the test says so."""

import socket
import threading


class CuttingProxy:
    """Forwards to `port`. The first connections to be answered are cut, each after so many bytes of body."""

    def __init__(self, port, cuts=()):
        self.target = ("127.0.0.1", port)
        self.cuts = list(cuts)
        self.received = b""
        # While it is set, whoever connects is sent away.
        self.is_away = False
        self.open = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.is_away:
                client.close()
                continue
            server = socket.create_connection(self.target)
            self.open += [client, server]
            threading.Thread(target=self._requests, args=(client, server), daemon=True).start()
            threading.Thread(target=self._answers, args=(server, client), daemon=True).start()

    def _requests(self, client, server):
        try:
            while data := client.recv(65536):
                self.received += data
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _answers(self, server, client):
        # Taken with the first byte of an answer: browsers also open connections that they do not use.
        head, limit = b"", None
        try:
            while b"\r\n\r\n" not in head and (data := server.recv(65536)):
                head += data
            if self.cuts:
                limit = head.find(b"\r\n\r\n") + 4 + self.cuts.pop(0)
            data = head
            while data:
                client.sendall(data[:limit])
                if limit is not None:
                    limit -= len(data)
                    if limit <= 0:
                        break
                data = server.recv(65536)
        except OSError:
            pass
        finally:
            for each in (client, server):
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                each.close()

    def cut(self):
        """Cuts all connections there are."""
        connections, self.open = self.open, []
        for each in connections:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @property
    def requests(self):
        """How many chat requests have come."""
        return self.received.count(b"GET /api/chat/message")

    def close(self):
        self.listener.close()
