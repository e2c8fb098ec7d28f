"""Calls of the service in the words of its contract, over httpx and httpx-sse."""

import json
import re
import socket
import threading
import uuid
from dataclasses import dataclass

import httpx
import httpx_sse

from waiting import wait_until

# Nothing here goes over a proxy or TLS, and looking for either takes time.
DIRECT = {"trust_env": False, "verify": False}

TIMESTAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
TERMINAL = {"complete", "cancelled", "error", "interrupted"}


def unique(prefix="user"):
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def demo(tokens, rate=0):
    """A chat body's `context` that sets the demo agent's length and pace."""
    return {"demo": {"tokens": tokens, "rate": rate}}


@dataclass
class Event:
    id: str
    data: dict

    @property
    def status(self):
        return self.data["status"]

    @property
    def content(self):
        return self.data.get("content", "")

    @property
    def sequence(self):
        return int(self.id.rsplit(":", 1)[1])

    @property
    def stream_id(self):
        return self.id.rsplit(":", 1)[0]


def text_of(events):
    return "".join(event.content for event in events if event.status == "streaming")


def events_in(response):
    """Yields an httpx response's events; `[DONE]` comes as the string."""
    for message in httpx_sse.EventSource(response).iter_sse():
        if message.data == "[DONE]":
            yield message.data
        elif message.data:
            yield Event(message.id, json.loads(message.data))


def parse_events(text):
    """The events of a whole body that another client has received."""
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=text)
    return list(events_in(response))


class Stream(threading.Thread):
    """A client that reads a stream in the background and keeps what it gets."""

    def __init__(self, url, method, path, http2=False, **request):
        super().__init__(daemon=True)
        self.client = httpx.Client(base_url=url, timeout=httpx.Timeout(10, read=60), http2=http2, **DIRECT)
        self.request = self.client.build_request(method, path, **request)
        self.response = None
        self.error = None
        self.events = []
        self.done = False
        self.ended = False
        self.start()

    def run(self):
        try:
            self.response = self.client.send(self.request, stream=True)
            if self.response.status_code != 200:
                self.response.read()
                return
            for event in events_in(self.response):
                if event == "[DONE]":
                    self.done = True
                else:
                    self.events.append(event)
        except (httpx.HTTPError, httpx.StreamError) as error:
            self.error = error
        finally:
            self.ended = True

    def wait_for(self, count, seconds=10):
        """Waits for `count` events, and returns them all."""
        wait_until(lambda: len(self.events) >= count or self.ended, seconds, f"{count} events")
        assert len(self.events) >= count, f"the stream ended after {len(self.events)} events: {self.error}"
        return list(self.events)

    def wait_for_terminal(self, seconds=20):
        terminal = wait_until(
            lambda: next((event for event in self.events if event.status in TERMINAL), self.ended),
            seconds,
            "the terminal event",
        )
        assert isinstance(terminal, Event), f"the stream ended without a terminal event: {self.error}"
        return terminal

    def wait_for_end(self, seconds=20):
        wait_until(lambda: self.ended, seconds, "the end of the stream")
        return self

    def wait_for_response(self, seconds=10):
        return wait_until(lambda: self.response or self.ended, seconds, "the response") and self.response

    @property
    def text(self):
        return text_of(list(self.events))

    def leave(self):
        """Closes the connection as a client that goes away does."""
        if self.response is not None and not self.ended:
            try:
                self.response.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.join(5)


class Api:
    """The contract's calls on one service."""

    def __init__(self, url, http2=False):
        self.url = url
        self.http2 = http2
        self.http = httpx.Client(base_url=url, timeout=20, http2=http2, **DIRECT)

    def close(self):
        self.http.close()

    def data(self, method, path, status=200, **request):
        """The `data` of a successful answer, whose envelope is checked."""
        response = self.http.request(method, path, **request)
        assert response.status_code == status, response.text
        body = response.json()
        assert set(body) == {"success", "message", "data", "timestamp"}, body
        assert body["success"] is True
        assert isinstance(body["message"], str) and body["message"]
        assert TIMESTAMP.match(body["timestamp"])
        return body["data"]

    def room(self, user=None, **fields):
        return self.data("POST", "/api/rooms", 201, json={"user_id": user or unique()} | fields)

    def session(self, user=None, **fields):
        return self.data("POST", "/api/session/create", 201, json={"user_id": user or unique()} | fields)

    def ask(self, session, query="What is a room?", tokens=10, rate=0, **fields):
        """Asks and reads the whole answer."""
        body = {"query": query, "session_id": session["session_id"], "context": demo(tokens, rate)} | fields
        response = self.http.post("/api/chat/message", json=body)
        assert response.status_code == 200, response.text
        return list(events_in(response))

    def stream(self, session, query="Tell me a long story", tokens=1000, rate=50, **fields):
        """Asks, and reads the answer in the background; returns once the stream has started."""
        body = {"query": query, "session_id": session["session_id"], "context": demo(tokens, rate)} | fields
        stream = Stream(self.url, "POST", "/api/chat/message", self.http2, json=body)
        stream.wait_for(1)
        return stream

    def watch(self, headers=None, **parameters):
        return Stream(self.url, "GET", "/api/chat/message", self.http2, params=parameters, headers=headers)

    def follow(self, session):
        """Watches whatever comes in the session from now on."""
        stream = self.watch(session_id=session["session_id"])
        stream.wait_for_response()
        return stream

    def resume(self, session, event, **more):
        """Watches what comes after that event."""
        return self.watch(headers={"Last-Event-ID": event.id}, session_id=session["session_id"], **more)

    def stop(self, session, **body):
        request = {"json": body} if body else {}
        response = self.http.post(f"/api/session/{session['session_id']}/stop", **request)
        assert response.status_code == 200, response.text
        return response.json()

    def history(self, room_id, **parameters):
        return self.data("GET", f"/api/rooms/{room_id}/history", params=parameters)

    def only_conversation(self, session):
        history = self.history(session["room_id"])
        assert history["total"] == 1, history
        return history["conversations"][0]

    def ended_conversation(self, session, seconds=10):
        """The session's only conversation, once it no longer runs."""

        def ended():
            conversation = self.only_conversation(session)
            return conversation if conversation["status"] != "streaming" else None

        return wait_until(ended, seconds, "the end of the conversation")

    def metric(self, name):
        """A whole number of `/metrics` that has no labels."""
        return int(re.search(rf"^roomservice_{name} (\d+)$", self.http.get("/metrics").text, re.MULTILINE).group(1))


def assert_failure(response, status, code, error=None, data=False):
    """Checks every field of the failure envelope, and that nothing else is in it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/json")
    body = response.json()
    expected = {"success", "error", "error_code", "path", "timestamp", "request_id", "detail"}
    if status == 422:
        expected.add("details")
    if data:
        expected.add("data")
    assert set(body) == expected, body
    assert body["success"] is False
    assert body["error_code"] == code
    assert isinstance(body["error"], str) and body["error"]
    if error is not None:
        assert body["error"] == error
    # As it was sent, with its escapes.
    assert body["path"] == response.request.url.raw_path.decode().partition("?")[0]
    assert TIMESTAMP.match(body["timestamp"])
    assert body["request_id"] == response.headers["x-request-id"]
    if status == 422:
        assert_same_faults(body)
    else:
        assert body["detail"] == body["error"]
    return body


def assert_same_faults(body):
    assert body["detail"], body
    for fault in body["detail"]:
        assert {"type", "loc", "msg"} <= set(fault), fault
    assert body["details"] == [
        {"field": ".".join(map(str, fault["loc"])), "message": fault["msg"], "type": fault["type"]}
        for fault in body["detail"]
    ]


def faults(body):
    """The faults of a 422 as a set of (place, type)."""
    return {(".".join(map(str, fault["loc"])), fault["type"]) for fault in body["detail"]}


def places(body):
    return {place for place, _ in faults(body)}
