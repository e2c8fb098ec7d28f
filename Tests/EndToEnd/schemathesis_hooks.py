"""Loaded by schemathesis: has its requests meet rooms, sessions and streams that exist.

The examples of the description are about one room, one session and one stream. Where a request names one of them, it gets
one of its own, so that it is answered as it would be.
"""

import json
import os
import urllib.request

import schemathesis

URL = os.environ["ROOMSERVICE_URL"]
WATCHING = {"watch", "watchStream"}


def post(path, body, accept="application/json"):
    headers = {"Content-Type": "application/json", "Accept": accept}
    request = urllib.request.Request(URL + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.read()


def replaced(value, names):
    """The value with each text that is one of the names, or has one before a colon, replaced."""
    if isinstance(value, dict):
        return {key: replaced(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [replaced(each, names) for each in value]
    if isinstance(value, str):
        head, colon, tail = value.partition(":")
        return names.get(head, head) + colon + tail
    return value


class Samples:
    """The names that the description's examples have, and how to make what they stand for."""

    # Requests that meet the same session.
    USES = 10

    def __init__(self):
        self.uses_left = 0
        with urllib.request.urlopen(URL + "/openapi.json", timeout=10) as response:
            paths = json.load(response)["paths"]
        question = self.example(paths["/api/chat/message"], "all")
        self.room, self.session, self.user = question["room_id"], question["session_id"], question["user_id"]
        self.stream = self.example(paths["/api/session/{id}/stop"], "one")["stream_id"]

    @staticmethod
    def example(path, name):
        return path["post"]["requestBody"]["content"]["application/json"]["examples"][name]["value"]

    def made(self, text, is_deleted):
        """What of them the text mentions, by their names. What is deleted is nobody else's."""
        if not any(name in text for name in (self.room, self.session, self.stream)):
            return {}
        if is_deleted or self.uses_left == 0:
            self.uses_left = self.USES
            self.live = self.make()
        self.uses_left = 0 if is_deleted else self.uses_left - 1
        return self.live

    def make(self):
        data = json.loads(post("/api/session/create", {"user_id": self.user}))["data"]
        question = {"session_id": data["session_id"], "query": "What is a room?"}
        events = post("/api/chat/message", question, "text/event-stream").decode()
        stream = events.partition("id: ")[2].partition(":")[0]
        return {self.room: data["room_id"], self.session: data["session_id"], self.stream: stream}


samples = Samples()


def follows(case):
    """Whether it asks for the streams of a session to come: an answer without an end."""
    asks = {name for name in ("query", "message", "last_event_id") if (case.query or {}).get(name) not in (None, "")}
    has_id = any(name.lower() == "last-event-id" and value for name, value in (case.headers or {}).items())
    return case.operation.definition.raw.get("operationId") in WATCHING and not asks and not has_id


def hastened(context):
    """The context with an answer that ends soon, where its length and pace are such as it may have."""
    demo = context.get("demo") if isinstance(context, dict) else None
    if not isinstance(demo, dict):
        return context
    most = {"tokens": 5, "rate": 100_000}
    soon = {
        name: most[name] for name, value in demo.items()
        if name in most and type(value) in (int, float) and 0 < value <= 1_000_000 and value == int(value)
    }
    return context | {"demo": demo | soon}


def hasten(case):
    if isinstance(case.body, dict) and "context" in case.body:
        case.body = case.body | {"context": hastened(case.body["context"])}
    text = (case.query or {}).get("context")
    if isinstance(text, str):
        try:
            case.query["context"] = json.dumps(hastened(json.loads(text)))
        except ValueError:
            pass  # What is no JSON, on purpose, stays as it is.


@schemathesis.hook
def before_call(context, case, kwargs):
    hasten(case)
    if follows(case):
        # Of a session that there is, it would be read until that ends.
        if str((case.query or {}).get("session_id", "")).startswith("session_"):
            case.query["session_id"] = "none"
        return
    parts = [case.path_parameters or {}, case.query or {}, dict(case.headers or {})]
    parts.append(case.body if isinstance(case.body, (dict, list)) else {})
    names = samples.made(json.dumps(parts, default=str), case.method == "DELETE")
    if not names:
        return
    for container in (case.path_parameters, case.query, case.headers):
        for key in list(container or {}):
            container[key] = replaced(container[key], names)
    if isinstance(case.body, (dict, list)):
        case.body = replaced(case.body, names)
