"""A model over TLS that speaks HTTP/2 with clients that can: an ASGI application on Hypercorn.

And a proxy that clients may be told to go through.
"""

import asyncio
import contextlib
import socket
import threading
import time

import hypercorn.asyncio
import hypercorn.config

from listener import Listener
from scripted_model import answer


class HTTP2Model:
    """Answers every question as an ordinary answer of three words, in a thread of its own, until `close`, which waits for its
    clients to end their connections.

    `certificate` is a trustme certificate for 127.0.0.1.
    """

    def __init__(self, folder, certificate, protocols=("h2", "http/1.1")):
        self.requests = []
        self.running = 0
        self.most_running = 0
        # When clients have given up answers.
        self.given_up_at = []
        # While it is clear, answers do not go on after their first word.
        self.go_on = threading.Event()
        self.go_on.set()
        chain, key = folder / "chain.pem", folder / "key.pem"
        chain.write_bytes(b"".join(each.bytes() for each in certificate.cert_chain_pems))
        key.write_bytes(certificate.private_key_pem.bytes())
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self.url = f"https://127.0.0.1:{self.port}/v1"
        config = hypercorn.config.Config()
        # From here on it is Hypercorn's.
        config.bind = [f"fd://{listener.detach()}"]
        config.certfile, config.keyfile = str(chain), str(key)
        config.alpn_protocols = list(protocols)
        config.errorlog = None
        config.graceful_timeout = 0.1
        self.loop = asyncio.new_event_loop()
        self.ending = asyncio.Event()
        serving = hypercorn.asyncio.serve(self.application, config, shutdown_trigger=self.ending.wait)
        self.thread = threading.Thread(target=self.loop.run_until_complete, args=(serving,), daemon=True)
        self.thread.start()

    async def application(self, scope, receive, send):
        if scope["type"] == "lifespan":
            return await self.lifespan(receive, send)
        while (await receive())["more_body"]:
            pass
        # The client's address tells connections apart.
        self.requests.append((scope["http_version"], scope["client"]))
        self.running += 1
        self.most_running = max(self.running, self.most_running)
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        begin, first, *rest = answer("One ", "two ", "three.")
        for part in (begin, first):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        gone = asyncio.ensure_future(receive())
        while not self.go_on.is_set() and not gone.done():
            await asyncio.sleep(0.002)
        self.running -= 1
        if gone.done():
            self.given_up_at.append(time.monotonic())
            return
        gone.cancel()
        await send({"type": "http.response.body", "body": b"".join(rest)})

    async def lifespan(self, receive, send):
        while (kind := (await receive())["type"]) != "lifespan.shutdown":
            await send({"type": f"{kind}.complete"})
        await send({"type": "lifespan.shutdown.complete"})

    def close(self):
        self.go_on.set()
        self.loop.call_soon_threadsafe(self.ending.set)
        self.thread.join(10)
        self.loop.close()


class Proxy(Listener):
    """A proxy for HTTP, and by CONNECT for all else. It notes the first line of every request."""

    def __init__(self):
        self.lines = []
        super().__init__()
        self.url = f"http://127.0.0.1:{self.port}"

    def serve(self, client):
        with client:
            head = b""
            while b"\r\n\r\n" not in head:
                if not (data := client.recv(65536)):
                    return
                head += data
            line = head.partition(b"\r\n")[0].decode()
            self.lines.append(line)
            method, target, _ = line.split(" ")
            host, port = target.removeprefix("http://").partition("/")[0].split(":")
            with socket.create_connection((host, int(port))) as server:
                if method == "CONNECT":
                    client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                else:
                    server.sendall(head.replace(target.encode(), ("/" + target.split("/", 3)[3]).encode(), 1))
                threading.Thread(target=self.forward, args=(client, server), daemon=True).start()
                self.forward(server, client)

    def forward(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
