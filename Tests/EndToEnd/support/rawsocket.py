"""A plain socket, for what no well-behaved client sends."""

import re
import socket


# Requests, and beginnings of them.
HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /api/rooms HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


class RawConnection:
    def __init__(self, port, timeout=10, host="127.0.0.1"):
        self.socket = socket.create_connection((host, port), timeout)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def send_request(self, method, path, body=b"", headers=()):
        head = [f"{method} {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers]
        self.send("\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body)

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def read_until(self, end):
        """Everything up to and with `end`."""
        while end not in self.buffer:
            data = self.socket.recv(65536)
            assert data, f"closed before {end!r}: {self.buffer[-500:]!r}"
            self.buffer += data
        found, self.buffer = self.buffer.split(end, 1)
        return found + end

    def read_what_has_arrived(self):
        """Takes what lies in the socket, without waiting."""
        data, self.buffer = self.buffer, b""
        timeout = self.socket.gettimeout()
        self.socket.setblocking(False)
        try:
            while part := self.socket.recv(1 << 20):
                data += part
        except BlockingIOError:
            pass
        finally:
            self.socket.settimeout(timeout)
        return data

    def read_response(self):
        """One response with a Content-Length: its status, its lower-cased headers, its body."""
        head = self.read_until(b"\r\n\r\n").decode("latin-1")
        status, *fields = head.rstrip("\r\n").split("\r\n")
        headers = {name.lower(): value.strip() for name, value in (field.split(":", 1) for field in fields)}
        length = int(headers.get("content-length", 0))
        while len(self.buffer) < length:
            data = self.socket.recv(65536)
            assert data, "closed within a body"
            self.buffer += data
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return int(re.match(r"HTTP/1\.1 (\d{3})", status).group(1)), headers, body

    def read_to_end(self):
        """Everything until the other side closes; a reset counts as a close."""
        data, self.buffer = self.buffer, b""
        while True:
            try:
                part = self.socket.recv(65536)
            except ConnectionResetError:
                return data
            if not part:
                return data
            data += part

    def is_closed(self):
        """Whether the other side has closed, with nothing left to read. Waits for it up to the timeout."""
        try:
            return self.read_to_end() == b""
        except TimeoutError:
            return False
