"""HTTP/1.1 as clients meet it: curl, and a bare socket for what curl would not send."""

import json
import subprocess

import pytest

from api import demo, parse_events, text_of, unique
from rawsocket import HEALTHZ, POST, RawConnection


def curl(*arguments):
    command = ["curl", "-sS", "-m", "20", "--noproxy", "*", *arguments]
    return subprocess.run(command, capture_output=True, check=True).stdout


def post(url, body, *options):
    # Not --json: that also asks for an answer in JSON, which for a chat means no stream.
    return curl(*options, "-H", "Content-Type: application/json", "-d", body, url)


def question(session, tokens=20, rate=0):
    return json.dumps({"query": "Curl?", "session_id": session["session_id"], "context": demo(tokens, rate)})


def assert_whole_answer(text, tokens):
    *events, done = parse_events(text)
    assert done == "[DONE]"
    assert [event.sequence for event in events] == list(range(tokens + 2))
    assert events[-1].status == "complete"
    assert events[-1].content == text_of(events)


@pytest.mark.parametrize("version", ["--http1.1", "--http1.0"])
def test_curl_reads_a_whole_answer(api, service, version):
    session = api.session()
    text = post(f"{service.url}/api/chat/message", question(session), "-N", version)
    assert_whole_answer(text, 20)


def test_curl_creates_a_room_a_session_and_a_streamed_reply(service):
    user = unique()
    room = json.loads(post(f"{service.url}/api/rooms", json.dumps({"user_id": user})))["data"]
    body = {"user_id": user, "room_id": room["room_id"]}
    session = json.loads(post(f"{service.url}/api/session/create", json.dumps(body)))["data"]
    assert_whole_answer(post(f"{service.url}/api/chat/message", question(session), "-N"), 20)
    history = json.loads(curl(f"{service.url}/api/rooms/{room['room_id']}/history"))["data"]
    assert history["total"] == 1


def test_curl_resumes_a_stream(api, service):
    session = api.session()
    *events, _ = api.ask(session)
    url = f"{service.url}/api/chat/message?session_id={session['session_id']}"
    rest = parse_events(curl("-N", "-H", f"Last-Event-ID: {events[4].id}", url))
    assert [event.id for event in rest] == [event.id for event in events[5:]]


def test_curl_uses_one_connection_for_many_requests(service):
    urls = [f"{service.url}/healthz"] * 5
    connects = curl("-w", "\n%{num_connects} %{http_code}\n", *urls).decode().splitlines()
    assert [line for line in connects if not line.startswith("{")] == ["1 200"] + ["0 200"] * 4


def test_curl_sends_a_chunked_body(service):
    answer = post(f"{service.url}/api/rooms", '{"user_id":"chunky"}', "-H", "Transfer-Encoding: chunked")
    assert json.loads(answer)["success"] is True


def test_curl_waits_for_continue_before_a_body(service):
    body = json.dumps({"user_id": unique(), "metadata": {"k": "x" * 9000}})
    answer = post(f"{service.url}/api/rooms", body, "-i", "-H", "Expect: 100-continue")
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n")


def test_http_1_0_closes_after_the_answer(service):
    with RawConnection(service.port) as connection:
        connection.send(b"GET /healthz HTTP/1.0\r\n\r\n")
        answer = connection.read_to_end()
    assert b" 200 " in answer.split(b"\r\n")[0]
    assert answer.endswith(b'{"status":"alive"}')


def test_connection_close_is_honoured(service):
    with RawConnection(service.port) as connection:
        connection.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = connection.read_to_end()
    assert b"\r\nconnection: close\r\n" in answer.lower()
    assert answer.endswith(b'{"status":"alive"}')


def test_pipelined_requests_are_answered_in_order(service):
    body = b'{"user_id":"piper"}'
    with RawConnection(service.port) as connection:
        connection.send(HEALTHZ + POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        connection.send(b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n" + HEALTHZ)
        assert [connection.read_response()[0] for _ in range(4)] == [200, 201, 404, 200]


def test_a_request_may_come_byte_by_byte(service):
    body = b'{"user_id":"byte-by-byte"}'
    with RawConnection(service.port) as connection:
        for byte in POST + b"Content-Length: %d\r\n\r\n" % len(body) + body:
            connection.send(bytes([byte]))
        assert connection.read_response()[0] == 201


@pytest.mark.parametrize("path", ["/healthz", "/api/chat/info", "/"])
def test_head_is_get_without_the_body(api, path):
    head, get = api.http.head(path), api.http.get(path)
    assert head.status_code == get.status_code == 200
    assert head.content == b""
    assert head.headers["content-type"] == get.headers["content-type"]
    assert "content-length" in head.headers
    assert api.http.get("/healthz").json() == {"status": "alive"}


def test_a_client_that_half_closes_still_gets_its_answer(api, service):
    session = api.session()
    with RawConnection(service.port) as connection:
        connection.send_request("POST", "/api/chat/message", question(session, 30, 100).encode(), ["Connection: close"])
        connection.half_close()
        answer = connection.read_to_end()
    assert b'"status":"complete"' in answer and b"[DONE]" in answer
    assert answer.count(b'"status":"streaming"') == 30


def test_a_half_closed_plain_request_is_answered_and_closed(service):
    with RawConnection(service.port) as connection:
        connection.send(HEALTHZ)
        connection.half_close()
        assert connection.read_to_end().endswith(b'{"status":"alive"}')


# --- identity of a request


def test_the_callers_request_id_comes_back(api):
    response = api.http.get("/nowhere", headers={"X-Request-ID": "abc-123_x.y"})
    assert response.headers["x-request-id"] == response.json()["request_id"] == "abc-123_x.y"


@pytest.mark.parametrize("insane", ["x" * 1000, "<script>", "a b", 'quo"te', "é"])
def test_an_insane_request_id_is_replaced(api, insane):
    response = api.http.get("/nowhere", headers={"X-Request-ID": insane.encode()})
    assert response.headers["x-request-id"] == response.json()["request_id"]
    assert response.headers["x-request-id"] not in (insane, "")


def test_every_response_has_a_request_id_of_its_own(api):
    identities = {api.http.get("/healthz").headers["x-request-id"] for _ in range(20)}
    assert len(identities) == 20
