"""The API's description, and what it says of a response."""

import json

from jsonschema import Draft202012Validator

METHODS = ("get", "post", "put", "patch", "delete")


class Description:
    """The document, with what it says of a response."""

    def __init__(self, document):
        self.document = document

    @property
    def operations(self):
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield method, path, item[method]

    def resolved(self, value):
        while "$ref" in value:
            name = value["$ref"].split("/")[1:]
            value = self.document
            for part in name:
                value = value[part]
        return value

    def response(self, method, path, status):
        responses = self.document["paths"][path][method]["responses"]
        assert str(status) in responses, f"{method} {path}: {status} is not described"
        return self.resolved(responses[str(status)])

    def faults(self, schema, value):
        """What is wrong with the value, in words."""
        # The schemas refer to each other from the document's root.
        validator = Draft202012Validator({"components": self.document["components"], "allOf": [schema]})
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]

    def faults_in_body(self, media_type, content, body):
        """Of an event stream, each event is looked at, and the JSON in it."""
        if media_type != "text/event-stream":
            return self.faults(content["schema"], body)
        events = [read_event(block) for block in body.split("\n\n") if block]
        assert any("data" in event for event in events), body
        faults = [fault for event in events for fault in self.faults(content["schema"], event)]
        texts = self.resolved(content["schema"])["properties"]["data"]["anyOf"]
        schema = next(each["contentSchema"] for each in texts if "contentSchema" in each)
        for event in events:
            if event.get("data", "[DONE]") != "[DONE]":
                faults += self.faults(schema, json.loads(event["data"]))
        return faults

    def check(self, method, path, response):
        """That a real response is as it is described."""
        described = self.response(method, path, response.status_code)
        for name, header in described.get("headers", {}).items():
            assert name in response.headers or not self.resolved(header)["required"], name
        if not response.content:
            assert "content" not in described
            return
        media_type = response.headers["content-type"].partition(";")[0]
        content = described["content"][media_type]
        body = response.json() if media_type == "application/json" else response.text
        assert self.faults_in_body(media_type, content, body) == []


def read_event(block):
    event = {}
    for line in block.split("\n"):
        name, _, value = line.partition(": ")
        event[name] = int(value) if name == "retry" else value
    return event
