"""A model that does as it is told: a server that speaks OpenAI's chat completions, byte for byte what the test says.

A script is a list of steps for one request. A step is bytes, which are sent as they are, or one of the functions below.
The head of a streamed answer is sent before the first bytes that have none; a script that ends ends the answer, and leaves
the connection open for the next request.
"""

import asyncio
import json
import socket
import struct
import threading
import time

from waiting import wait_until

STREAM_HEAD = {"Content-Type": "text/event-stream; charset=utf-8", "Transfer-Encoding": "chunked"}
DONE = b"data: [DONE]\n\n"


def event(value):
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def chunk(delta=None, finish_reason=None, **members):
    """One event as OpenAI sends it."""
    choice = {"index": 0, "delta": delta or {}, "logprobs": None, "finish_reason": finish_reason}
    return event(
        {
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "scripted-1",
            "choices": [choice],
        }
        | members
    )


def delta(text, **members):
    return chunk({"content": text} | members)


def finish(reason="stop", usage=None):
    """The end of an answer; usage comes, as it does from OpenAI, in an event of its own that has no choices."""
    return chunk(finish_reason=reason) + (chunk(choices=[], usage=usage) if usage else b"")


def usage(prompt, completion):
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def answer(*texts, **end):
    """The script of an ordinary answer."""
    return [chunk({"role": "assistant", "content": ""}), *map(delta, texts), finish(**end), DONE]


def head(status, **fields):
    """Sends another head than that of a stream; `_` in a name stands for `-`. The body follows as it is."""

    async def step(exchange):
        exchange.send_head(status, {name.replace("_", "-"): value for name, value in fields.items()})

    return step


def refuse(status, body="", **fields):
    """The whole of an answer that is no stream. A body that is no text becomes JSON."""

    async def step(exchange):
        text = body if isinstance(body, str) else json.dumps(body)
        kind = "text/html" if text.startswith("<") else "application/json"
        data = text.encode()
        await head(status, Content_Type=kind, Content_Length=str(len(data)), **fields)(exchange)
        exchange.transport.write(data)

    return step


def pause(seconds):
    async def step(exchange):
        await asyncio.sleep(seconds)

    return step


def wait(event):
    """Goes on when the test sets the event."""

    async def step(exchange):
        while not event.is_set():
            await asyncio.sleep(0.001)

    return step


async def silence(exchange):
    """Says nothing more, for as long as the client stays."""
    await asyncio.Event().wait()


async def cut(exchange):
    """Ends the connection in the middle (FIN)."""
    exchange.transport.close()
    await silence(exchange)


async def reset(exchange):
    """Ends the connection the hard way (RST)."""
    linger = struct.pack("ii", 1, 0)
    exchange.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    exchange.transport.abort()
    await silence(exchange)


def forever(*steps, every=0.01):
    """Repeats the steps until the client is gone."""

    async def step(exchange):
        while True:
            for each in steps:
                await exchange.do(each)
            await asyncio.sleep(every)

    return step


class Exchange:
    """A request, and what became of its answer."""

    def __init__(self, connection, target, headers, body):
        self.connection = connection.number
        self.transport = connection.transport
        self.target = target
        # By their names in lower case.
        self.headers = headers
        self.raw_body = body
        self.time = time.monotonic()
        # When the client closed the connection in the middle of the answer; None: it did not.
        self.closed_at = None
        self.ended = False
        self.is_chunked = None

    @property
    def body(self):
        return json.loads(self.raw_body)

    @property
    def messages(self):
        """What was said, as (role, content)."""
        return [(message["role"], message["content"]) for message in self.body["messages"]]

    def send_head(self, status, fields):
        lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        self.is_chunked = fields.get("Transfer-Encoding") == "chunked"
        self.transport.write("\r\n".join(lines).encode())

    async def do(self, step):
        if not isinstance(step, bytes):
            return await step(self)
        if self.is_chunked is None:
            self.send_head(200, STREAM_HEAD)
        self.transport.write(b"%x\r\n%b\r\n" % (len(step), step) if self.is_chunked else step)
        # So that nothing is put together with what follows, and a client that has gone is noticed.
        await asyncio.sleep(0)

    async def run(self, steps):
        for step in steps:
            await self.do(step)
        if self.is_chunked:
            self.transport.write(b"0\r\n\r\n")
        self.ended = True


class Connection(asyncio.Protocol):
    def __init__(self, model):
        self.model = model
        self.buffer = b""
        self.exchange = None
        self.task = None

    def connection_made(self, transport):
        self.transport = transport
        self.number = len(self.model.connections)
        self.model.connections.append(self)

    def data_received(self, data):
        self.buffer += data
        self.begin_next()

    def begin_next(self):
        top, end, rest = self.buffer.partition(b"\r\n\r\n")
        if not end or self.task:
            return
        line, *fields = top.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, value in (field.split(":", 1) for field in fields)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        body, self.buffer = rest[:length], rest[length:]
        self.exchange = Exchange(self, line.split(" ")[1], headers, body)
        self.task = asyncio.ensure_future(self.answer(self.model.take(self.exchange)))

    async def answer(self, steps):
        await self.exchange.run(steps)
        self.task = None
        self.begin_next()

    def eof_received(self):
        self.note_close()

    def connection_lost(self, error):
        # A reset, or the end of what we ended ourselves, which is none of the client's.
        if error is not None:
            self.note_close()
        if self.task:
            self.task.cancel()

    def note_close(self):
        if self.task and self.exchange.closed_at is None:
            self.exchange.closed_at = time.monotonic()


class ScriptedModel:
    """Serves on a free port, in a thread of its own, until `close`."""

    def __init__(self, tls=None):
        self.connections = []
        self.requests = []
        self.scripts = [answer("An answer.")]
        self.lock = threading.Lock()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.server = self.call(self.loop.create_server(lambda: Connection(self), "127.0.0.1", 0, ssl=tls))
        self.port = self.server.sockets[0].getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/v1"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def script(self, *steps):
        """From now on, every request is answered like this."""
        self.script_each(steps)

    def script_each(self, *scripts):
        """From now on, one script for each request; the last of them for all that follow."""
        with self.lock:
            self.scripts = list(scripts)

    def take(self, exchange):
        with self.lock:
            self.requests.append(exchange)
            return self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]

    def wait_for(self, count=1, seconds=10):
        """Waits until so many requests have come, and returns the last of them."""
        wait_until(lambda: len(self.requests) >= count, seconds, f"request {count}")
        return self.requests[count - 1]

    def forget(self):
        """As if nothing had been asked yet."""
        self.requests.clear()

    def close(self):
        async def end():
            self.server.close()
            for connection in self.connections:
                connection.transport.abort()
            # One turn, in which the connections learn of their end and let go of their scripts.
            await asyncio.sleep(0)
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        if not self.loop.is_closed():
            self.call(end())
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(5)
            self.loop.close()
