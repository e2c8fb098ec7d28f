"""The API's description: that it is valid, that its examples are true, and that the service does as it says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from description import Description
from openapi_samples import Samples, replaced
from rawsocket import RawConnection
from service import CHECKOUT


@pytest.fixture
def described(make_service):
    """A service whose answers end soon and whose limits are out of the way."""
    limits = {"MAX_ROOMS_PER_USER": "1000000", "MAX_STREAMS_PER_USER": "1000000"}
    return make_service("described", DEMO_RATE="0", DEMO_TOKENS="5", **limits).start()


def test_the_description_is_valid(description):
    assert list(OpenAPIV31SpecValidator(description.document).iter_errors()) == []
    assert description.document["openapi"].startswith("3.1.")


def test_every_route_and_every_error_has_examples_that_fit(description):
    for method, path, operation in description.operations:
        described = [("request", operation["requestBody"])] if "requestBody" in operation else []
        described += [(status, description.resolved(each)) for status, each in operation["responses"].items()]
        for name, message in described:
            contents = message.get("content", {})
            examples = [
                (media_type, content, example["value"])
                for media_type, content in contents.items() for example in content["examples"].values()
            ]
            assert examples or not contents, f"{method} {path} {name} has no example"
            for media_type, content, value in examples:
                faults = description.faults_in_body(media_type, content, value)
                assert faults == [], f"{method} {path} {name}: {faults}"
        for parameter in operation.get("parameters", []):
            schema = parameter.get("schema") or parameter["content"]["application/json"]["schema"]
            assert "example" not in parameter or description.faults(schema, parameter["example"]) == [], parameter


def example_requests(operation):
    """A request for each example of its body; its parameters are those of the examples, with only the required ones and
    with all of them."""
    bodies = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("examples", {})
    for body in [example["value"] for example in bodies.values()] or [None]:
        for all_of_them in (False, True):
            places = {"path": {}, "query": {}, "header": {}}
            for parameter in operation.get("parameters", []):
                json_example = parameter.get("content", {}).get("application/json", {}).get("example")
                value = json.dumps(json_example) if json_example else parameter.get("example")
                if value is not None and (parameter["required"] or all_of_them):
                    places[parameter["in"]][parameter["name"]] = value
            yield places, body


def test_each_example_of_a_request_works(described, connect):
    samples = Samples(described.url)
    description = Description(samples.document)
    http = connect(described).http
    for method, path, operation in description.operations:
        for places, body in example_requests(operation):
            # Without a question, the streams to come are followed, which has no end.
            if operation["operationId"] in ("watch", "watchStream"):
                places["query"].setdefault("query", "What is a room?")
            names = samples.make()
            places, body = replaced(places, names), replaced(body, names)
            if operation["operationId"] == "getAgentHistory":
                places["query"].setdefault("user_id", samples.user)
            request = {"params": places["query"], "headers": places["header"]} | ({"json": body} if body is not None else {})
            if "text/event-stream" in str(operation["responses"]["200" if "200" in operation["responses"] else "201"]):
                request["headers"] |= {"Accept": "text/event-stream, application/json;q=0.5"}
            response = http.request(method, path.format(**places["path"]), **request)
            assert response.is_success, f"{method} {path} {places} {body}: {response.text}"
            description.check(method, path, response)


def test_a_question_is_accepted_and_a_stream_resumed_as_described(described, connect):
    samples = Samples(described.url)
    description = Description(samples.document)
    http = connect(described).http
    names = samples.make()
    question = {"session_id": names[samples.session], "query": "What is a room?"}
    accepted = http.post("/api/chat/message", json=question, headers={"Accept": "application/json"})
    assert accepted.status_code == 202
    description.check("post", "/api/chat/message", accepted)
    for sequence, status in ((2, 200), (6, 204)):
        parameters = {"session_id": names[samples.session], "last_event_id": f"{names[samples.stream]}:{sequence}"}
        rest = http.get("/api/chat/message", params=parameters)
        assert rest.status_code == status
        description.check("get", "/api/chat/message", rest)


def test_errors_are_as_their_examples_say(make_service, connect, api):
    service = make_service("strict", MAX_ROOMS_PER_USER="1", MAX_STREAMS_PER_USER="1", DEMO_TOKENS="1000").start()
    strict = connect(service)
    description = Description(strict.http.get("/openapi.json").json())
    session, other = strict.session("ada"), strict.session("bob")
    busy = strict.stream(session, rate=10)
    at = f"/api/session/{session['session_id']}"
    question = {"session_id": session["session_id"], "query": "And now?"}
    again = {"model": "auto", "messages": [{"role": "user", "content": "Hello"}], "user": "ada"}
    text = {"content": b"x", "headers": {"Content-Type": "text/plain"}}
    cases = [
        ("post", "/api/rooms", {"json": {"user_id": "ada"}}, "ROOM_LIMIT_EXCEEDED"),
        ("post", "/api/rooms", {"content": b"{"}, "BAD_REQUEST"),
        ("post", "/api/rooms", text, "UNSUPPORTED_MEDIA_TYPE"),
        ("post", "/api/rooms", {"json": {}}, "VALIDATION_ERROR"),
        ("post", "/api/rooms", {"json": {"user_id": "ada", "metadata": {"a": "a" * (1 << 20)}}}, "CONTENT_TOO_LARGE"),
        ("get", "/api/rooms", {"params": {"user_id": "a" * 9000}}, "URI_TOO_LONG"),
        ("get", "/api/rooms", {"headers": {f"X-{number}": "x" for number in range(120)}}, "HEADER_FIELDS_TOO_LARGE"),
        ("get", "/api/rooms", {"headers": {"Expect": "miracles"}}, "EXPECTATION_FAILED"),
        ("get", "/api/rooms/{room_id}", {"as": "/api/rooms/none"}, "NOT_FOUND"),
        (
            "patch", "/api/rooms/{room_id}",
            {"as": f"/api/rooms/{session['room_id']}", "params": {"user_id": "bob"}, "json": {}}, "ACCESS_DENIED",
        ),
        ("get", "/api/session/{id}", {"as": "/api/session/none"}, "NOT_FOUND"),
        (
            "delete", "/api/session/{id}/history",
            {"as": f"{at}/history", "params": {"room_id": other["room_id"]}}, "ROOM_MISMATCH",
        ),
        ("post", "/api/chat/message", {"json": question}, "STREAM_ACTIVE"),
        ("post", "/api/chat/message", {"json": question, "headers": {"Accept": "text/html"}}, "NOT_ACCEPTABLE"),
        ("post", "/api/chat/message", {"json": question | {"user_id": "bob"}}, "ACCESS_DENIED"),
        ("get", "/api/chat/message", {"params": {"session_id": other["session_id"], "last_event_id": "x:1"}}, "NOT_FOUND"),
        ("get", "/assets/{bundle}/{file}", {"as": "/assets/page/none"}, "NOT_FOUND"),
        ("get", "/v1/models/{model}", {"as": "/v1/models/gpt-4"}, "model_not_found"),
        ("post", "/v1/chat/completions", {"json": again}, "stream_limit_exceeded"),
        ("post", "/v1/chat/completions", {"json": {}}, "missing_required_parameter"),
        ("post", "/v1/chat/completions", text, "unsupported_media_type"),
    ]
    for method, path, request, code in cases:
        response = strict.http.request(method, request.pop("as", path), **request)
        body = response.json()
        assert body.get("error_code", body["error"]["code"] if path.startswith("/v1") else None) == code, response.text
        description.check(method, path, response)
        content = description.response(method, path, response.status_code)["content"]["application/json"]
        assert code in json.dumps(list(content["examples"].values())), f"{method} {path} has no example of {code}"
    busy.leave()
    strict.stop(session)


def test_what_no_client_sends_is_answered_as_described(service, description):
    cases = [
        (b"GET /api/rooms HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400),
        (b"GET /api/rooms HTTP/3.0\r\nHost: a\r\n\r\n", 505),
        (b"GET /api/rooms HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    ]
    for request, status in cases:
        with RawConnection(service.port) as connection:
            connection.send(request)
            got, headers, body = connection.read_response()
        assert got == status
        description.check("get", "/api/rooms", httpx.Response(status, headers=headers, content=body))


def test_limits_of_rates_and_of_time_are_as_described(make_service, connect):
    limits = {"RATE_LIMITS": "reads=1/h,writes=1/h,messages=off", "HEADER_TIMEOUT_SECONDS": "0.5"}
    limited = make_service("limited", **limits).start()
    http = connect(limited).http
    description = Description(http.get("/openapi.json").json())
    for method, path, request in (
        ("get", "/api/rooms", {"params": {"user_id": "ada"}}),
        ("post", "/api/rooms", {"json": {"user_id": "ada"}}),
        ("get", "/v1/models", {}),
    ):
        response = [http.request(method, path, **request) for _ in range(2)][1]
        assert response.status_code == 429 and int(response.headers["retry-after"]) > 0
        description.check(method, path, response)
    parameters = {"session_id": "none", "query": "What?"}
    not_now = http.get("/api/chat/message", params=parameters, headers={"Accept": "text/event-stream"})
    assert not_now.status_code == 200 and '"retry_after_ms"' in not_now.text
    description.check("get", "/api/chat/message", not_now)
    with RawConnection(limited.port) as connection:
        connection.send(b"GET /api/rooms HTTP/1.1\r\n")
        status, headers, body = connection.read_response()
    assert status == 408
    description.check("get", "/api/rooms", httpx.Response(status, headers=headers, content=body))


@pytest.mark.timeout(180)
def test_schemathesis_finds_nothing(described, tmp_path):
    """No server error, no status, body or header that is not described, no sound request refused, no faulty one taken."""
    report, support = tmp_path / "report.json", CHECKOUT / "Tests/EndToEnd/support"
    environment = os.environ | {
        "ROOMSERVICE_URL": described.url, "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(support),
    }
    command = [
        Path(sys.executable).with_name("schemathesis"), "--config-file", support / "schemathesis.toml",
        "run", f"{described.url}/openapi.json", "--max-examples", "10", "--no-color",
        "--report", "json", "--report-json-path", report,
    ]
    run = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=170)
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-2000:]
    found = json.loads(report.read_text())
    # All but that which it has the description from.
    operations = list(Description(Samples(described.url).document).operations)
    assert found["operations"]["tested"] == found["operations"]["total"] == len(operations) - 1
    assert {name: phase["status"] for name, phase in found["phases"].items()} == dict.fromkeys(
        ("examples", "coverage", "fuzzing", "stateful"), "success"
    )
    assert found["test_cases"]["generated"] > 1000
    # That it got through to what it asked for, and not just to refusals.
    assert found["warnings"]["missing_test_data"] == []
