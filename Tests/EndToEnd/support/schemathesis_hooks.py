"""Loaded by schemathesis: has its requests meet rooms, sessions and streams that exist.

Where a request names what the examples of the description are about, it gets such things of its own, so that it is
answered as it would be.
"""

import json
import os

import schemathesis

from openapi_samples import Samples, replaced


class Live:
    """What the examples name, made anew now and then, and after a request that deletes it."""

    # Requests that meet the same session.
    USES = 10

    def __init__(self, samples):
        self.samples = samples
        self.names = {}
        self.uses_left = 0

    def names_for(self, parts, deletes):
        if not self.samples.are_in(parts):
            return {}
        if deletes or self.uses_left == 0:
            self.names = self.samples.make()
            self.uses_left = self.USES
        self.uses_left = 0 if deletes else self.uses_left - 1
        return self.names


live = Live(Samples(os.environ["ROOMSERVICE_URL"]))


def follows(case):
    """Whether it asks for the streams of a session to come: an answer without an end."""
    if case.operation.definition.raw["operationId"] not in ("watch", "watchStream"):
        return False
    asks = any((case.query or {}).get(name) for name in ("query", "message", "last_event_id"))
    return not asks and not any(name.lower() == "last-event-id" and value for name, value in (case.headers or {}).items())


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
    containers = [each for each in (case.path_parameters, case.query, case.headers) if each]
    body = case.body if isinstance(case.body, (dict, list)) else None
    names = live.names_for([*map(dict, containers), body], case.method == "DELETE")
    for container in containers if names else []:
        for key in list(container):
            container[key] = replaced(container[key], names)
    if body is not None and names:
        case.body = replaced(body, names)
