"""The log of a service, line by line."""

import json
import re

from waiting import wait_until

# In everything that users write, in every password and key: it is found nowhere.
MARK = "Xk7secret"


def entries(text):
    """The lines of a log in JSON."""
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        assert list(line)[:3] == ["time", "level", "message"], line
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert line["level"] in ("trace", "debug", "info", "warning", "error")
    return lines


class Log:
    """What a service has written."""

    def __init__(self, service):
        self.service = service

    @property
    def entries(self):
        return entries(self.service.stderr)

    def of(self, request_id):
        return [entry for entry in self.entries if entry.get("request_id") == request_id]

    def wait_for(self, message, **fields):
        """The only line with that message and those fields."""

        def found():
            # The last line may be on its way.
            text = self.service.stderr
            lines = entries(text[: text.rfind("\n") + 1])
            return [line for line in lines if line["message"] == message and fields.items() <= line.items()]

        (line,) = wait_until(found, 10, lambda: f"{message} {fields} in {self.service.stderr}")
        return line


def assert_ids(line, session, stream=None):
    for name in ("user_id", "session_id", "room_id"):
        assert line[name] == session[name], line
    assert line.get("stream_id") == stream
