"""A session of a service whose agents ask a model, and what is said in it."""

import json
import re

KEY = "sk-secret-key-of-the-tests"
PASSWORD = "secret-password-of-the-tests"


def write_agents(path, agents, default=None):
    """Writes an AGENTS_FILE, and returns its path."""
    path.write_text(json.dumps({"agents": agents} | ({"default": default} if default else {})))
    return str(path)


def assert_no_secrets(text):
    """Nothing that a client or a reader of the logs may not see: neither keys, nor passwords, nor stacks."""
    assert KEY not in text
    assert PASSWORD not in text
    assert not re.search(r"\.swift\b|Fatal error|Stack dump", text), text


class Chat:
    def __init__(self, service, api, **session):
        self.service = service
        self.api = api
        self.session = api.session(**session)

    def another(self, **session):
        """Another session of the same service, of another user."""
        return Chat(self.service, self.api, **session)

    def ask(self, query="What is a room?", **fields):
        """Asks and reads the whole answer; returns its events, of which the last is the terminal one."""
        *events, done = self.api.ask(self.session, query, **{"context": {}} | fields)
        assert done == "[DONE]"
        assert_no_secrets(json.dumps([event.data for event in events]))
        return events

    def stream(self, query="What is a room?", **fields):
        """Asks, and reads the answer in the background."""
        return self.api.stream(self.session, query, **{"context": {}} | fields)

    def stop(self):
        return self.api.stop(self.session)["data"]

    def conversations(self):
        return self.api.history(self.session["room_id"])["conversations"]

    def last(self):
        return self.conversations()[-1]

    def assert_failed(self, terminal, code, content=""):
        """The answer has ended with an error after so much of it, for the client and in the history."""
        assert terminal.status == "error", terminal.data
        assert terminal.data["error_code"] == code, terminal.data
        assert isinstance(terminal.data["error"], str) and terminal.data["error"]
        assert terminal.data["content"] == content
        conversation = self.last()
        assert conversation["status"] == "failed"
        assert conversation["agent_response"] == content
        assert_no_secrets(json.dumps([terminal.data, conversation]))
