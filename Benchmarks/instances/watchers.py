"""Clients that watch sessions as EventSource does, over TLS: whoever is cut off waits as long as it was told, comes again and resumes where
it was. They count what they miss."""

import asyncio
import json
import random
import ssl
import time
from collections import Counter

TERMINAL = ("complete", "cancelled", "error", "interrupted")


class Chunks:
    """A chunked body (RFC 9112, section 7.1), taken apart as it comes."""

    def __init__(self, reader):
        self.reader = reader

    async def lines(self):
        rest = b""
        while size := int(await self.reader.readline() or b"0", 16):
            rest += await self.reader.readexactly(size)
            await self.reader.readexactly(2)
            *lines, rest = rest.split(b"\n")
            for line in lines:
                yield line


class Watchers:
    def __init__(self, port):
        self.port = port
        self.tls = ssl.create_default_context()
        self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE
        self.finishing = False
        self.counts = Counter()
        self.faults = []
        # Connections by the second in which they were begun.
        self.connections = Counter()
        self.reconnections = Counter()
        self.watching = 0
        # session -> the stream whose end was seen last.
        self.ended = {}

    async def request(self, method, path, headers=(), body=None):
        """Status, reader and writer of an answer whose head has been read."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls, limit=1 << 20)
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close"]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + (body or b""))
        status = int((await reader.readline()).split()[1])
        while (await reader.readline()).strip():
            pass
        return status, reader, writer

    async def ask(self, session, tokens, rate):
        """Asks one question after the other, whoever answers."""
        number = 0
        while not self.finishing:
            number += 1
            body = {"session_id": session, "query": f"question {number}", "message_id": f"{number}"}
            body["context"] = {"demo": {"tokens": tokens, "rate": rate}}
            headers = ["Accept: application/json"]
            try:
                status, reader, writer = await self.request("POST", "/api/chat/message", headers, json.dumps(body).encode())
                answer = json.loads(await reader.read()) if status == 202 else {}
                writer.close()
            except (OSError, asyncio.IncompleteReadError, ValueError, IndexError):
                status = 0
            self.counts[f"asked {status}"] += 1
            if status != 202:
                # A question whose answer was lost on the way is asked again under the same name.
                number -= status in (0, 502, 503, 504)
                await asyncio.sleep(0.5)
                continue
            while not self.finishing and answer["data"]["stream_id"] not in self.ended.setdefault(session, set()):
                await asyncio.sleep(0.1)

    async def watch(self, session):
        """Until it is cancelled."""
        last, delay, expected = None, 1.0, {}
        is_first = True
        while True:
            if not is_first:
                self.reconnections[int(time.monotonic())] += 1
            is_first = False
            headers = [f"Last-Event-ID: {last}"] if last else []
            writer = None
            try:
                status, reader, writer = await self.request("GET", f"/api/chat/message?session_id={session}", headers)
                self.counts[f"watched {status}"] += 1
                if status == 200:
                    self.watching += 1
                    try:
                        async for line in Chunks(reader).lines():
                            if line.startswith(b"retry:"):
                                delay = int(line[6:]) / 1000
                            elif line.startswith(b"id: "):
                                last = line[4:].strip().decode()
                            elif line.startswith(b"data: {"):
                                last = self.take(session, last, line, expected)
                    finally:
                        self.watching -= 1
                elif status == 204:
                    last = None
            except (OSError, asyncio.IncompleteReadError, ValueError, IndexError):
                self.counts["broken"] += 1
            finally:
                if writer:
                    writer.close()
            await asyncio.sleep(delay if last else random.uniform(0, 0.2))

    def take(self, session, id, line, expected):
        """Looks whether an event is the one that was to come. Returns the id to resume from."""
        stream, _, sequence = id.rpartition(":")
        sequence = int(sequence)
        status = json.loads(line[6:])["status"]
        self.counts["events"] += 1
        wanted = expected.get(stream)
        if wanted is None and sequence and status != "reset":
            self.fault(f"{id} ({status}) is the first of its stream")
        elif wanted is not None and sequence < wanted:
            self.fault(f"{id} ({status}) came again")
            self.counts["repeated"] += 1
        elif wanted is not None and sequence > wanted and status != "reset":
            self.fault(f"{id} ({status}) came, {wanted} did not")
            self.counts["lost"] += sequence - wanted
        expected[stream] = sequence + 1
        if status == "reset":
            self.counts["resets"] += 1
        if status not in TERMINAL:
            return id
        self.counts[status] += 1
        self.ended.setdefault(session, set()).add(stream)
        # Each stream's end must be seen before the next one's.
        del expected[stream]
        for other in expected:
            self.fault(f"{other} had no end before {stream}'s")
            self.counts["lost"] += 1
        expected.clear()
        return None

    def fault(self, text):
        self.faults.append(text)

    async def wait_until(self, condition, seconds, what):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"{what} did not come true within {seconds} s: {self.counts}")
            await asyncio.sleep(0.1)
