"""What the examples of the API's description are about, and how to make it: a room, a session in it, an answered question."""

import json
import urllib.request


def call(url, path, body=None, accept="application/json"):
    headers = {"Content-Type": "application/json", "Accept": accept}
    request = urllib.request.Request(url + path, body and json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.read().decode()


class Samples:
    def __init__(self, url):
        self.url = url
        self.document = json.loads(call(url, "/openapi.json"))
        question = self._example("/api/chat/message", "all")
        self.room, self.session, self.user = question["room_id"], question["session_id"], question["user_id"]
        self.stream = self._example("/api/session/{id}/stop", "one")["stream_id"]

    def _example(self, path, name):
        body = self.document["paths"][path]["post"]["requestBody"]
        return body["content"]["application/json"]["examples"][name]["value"]

    def are_in(self, value):
        text = json.dumps(value, default=str)
        return any(name in text for name in (self.room, self.session, self.stream))

    def make(self):
        """Makes what the examples name; returns its names by theirs."""
        data = json.loads(call(self.url, "/api/session/create", {"user_id": self.user}))["data"]
        question = {"session_id": data["session_id"], "query": "What is a room?"}
        events = call(self.url, "/api/chat/message", question, "text/event-stream")
        stream = events.partition("id: ")[2].partition(":")[0]
        return {self.room: data["room_id"], self.session: data["session_id"], self.stream: stream}


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
