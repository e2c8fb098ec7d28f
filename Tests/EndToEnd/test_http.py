"""HTTP/1.1 as clients meet it: curl, and a bare socket for what curl would not send."""

import json
import subprocess

import httpx
import pytest

from api import DIRECT, demo, parse_events, text_of, unique
from rawsocket import RawConnection
from service import Service
from waiting import wait_until

POST = b"POST /api/rooms HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


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
    request = b"POST /api/rooms HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with RawConnection(service.port) as connection:
        for byte in request + b"Content-Length: %d\r\n\r\n" % len(body) + body:
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


# --- CORS


def preflight(url, origin, method="POST"):
    return httpx.options(
        f"{url}/api/rooms",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "content-type, x-request-id",
        },
        **DIRECT,
    )


def listed(response, name):
    return {each.strip().lower() for each in response.headers[name].split(",")}


def test_a_preflight_is_answered(service):
    response = preflight(service.url, "https://app.example", "PATCH")
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] in ("*", "https://app.example")
    assert response.headers["access-control-max-age"] == "600"
    assert {"get", "post", "patch", "delete"} <= listed(response, "access-control-allow-methods")
    assert {"content-type", "x-request-id", "last-event-id"} <= listed(response, "access-control-allow-headers")


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/api/rooms"])
def test_every_answer_to_another_origin_may_be_read_by_it(api, path):
    response = api.http.get(path, headers={"Origin": "https://app.example"})
    assert response.headers["access-control-allow-origin"] in ("*", "https://app.example")
    assert "x-request-id" in listed(response, "access-control-expose-headers")


def test_only_configured_origins_are_allowed(make_service):
    url = make_service(CORS_ORIGINS="https://one.example, https://two.example").start().url
    for origin in ("https://one.example", "https://two.example"):
        for response in (preflight(url, origin), httpx.get(f"{url}/healthz", headers={"Origin": origin}, **DIRECT)):
            assert response.headers["access-control-allow-origin"] == origin
            assert "origin" in listed(response, "vary")
    for response in (
        preflight(url, "https://three.example"),
        httpx.get(f"{url}/healthz", headers={"Origin": "https://three.example"}, **DIRECT),
    ):
        assert "access-control-allow-origin" not in response.headers


# --- limits


def refused(port, request, status):
    """Sends a request that must be refused and the connection closed; returns the failure's body."""
    with RawConnection(port) as connection:
        connection.send(request)
        code, headers, body = connection.read_response()
        assert code == status, body
        assert connection.is_closed()
    failure = json.loads(body)
    assert failure["success"] is False
    assert failure["detail"] == failure["error"]
    assert failure["request_id"] == headers["x-request-id"]
    return failure


def test_a_body_that_is_announced_too_large_is_refused_without_being_read(service):
    head = POST + b"Content-Length: 1048577\r\n\r\n"
    assert refused(service.port, head, 413)["error_code"] == "CONTENT_TOO_LARGE"


def test_a_chunked_body_that_grows_too_large_is_refused(service):
    refused(service.port, CHUNKED + b"100001\r\n", 413)


def test_a_body_of_one_mebibyte_is_read(api):
    body = b'{"user_id":"large","x":"' + b"x" * (1_048_576 - 26) + b'"}'
    assert len(body) == 1_048_576
    response = api.http.post("/api/rooms", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 201


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "URI_TOO_LONG"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 431, "HEADER_FIELDS_TOO_LARGE"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431, "HEADER_FIELDS_TOO_LARGE"),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505, "HTTP_VERSION_NOT_SUPPORTED"),
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501, "NOT_IMPLEMENTED"),
    ],
)
def test_what_is_beyond_the_limits_is_refused_and_closed(service, request_, status, code):
    assert refused(service.port, request_, status)["error_code"] == code


def test_a_post_without_a_body_is_refused(service):
    with RawConnection(service.port) as connection:
        connection.send(b"POST /api/rooms HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\r\n")
        status, _, body = connection.read_response()
    assert status in (400, 411, 422)
    assert json.loads(body)["success"] is False


SMUGGLED = {
    "both lengths": POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    "a list of lengths": POST + b"Content-Length: 2, 3\r\n\r\n{} ",
    "a length with a sign": POST + b"Content-Length: +2\r\n\r\n{}",
    "a hexadecimal length": POST + b"Content-Length: 0x2\r\n\r\n{}",
    "a space before the colon": POST + b"Content-Length : 2\r\n\r\n{}",
    "a bare line feed": POST + b"Content-Length: 2\n\r\n{}",
    "a bare carriage return": POST + b"X-A: b\rc\r\n\r\n",
    "a folded line": POST + b"X-A: b\r\n folded\r\n\r\n",
    "a negative chunk size": CHUNKED + b"-1\r\n{}\r\n0\r\n\r\n",
    "a prefixed chunk size": CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
    "a chunk longer than its size": CHUNKED + b"2\r\n{}X\r\n0\r\n\r\n",
    "a bare line feed after a chunk size": CHUNKED + b"2\n{}\r\n0\r\n\r\n",
    "an enormous chunk size": CHUNKED + b"ffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    "two hosts": POST + b"Host: y\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two spaces": b"GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "a zero byte": b"GET /heal\x00thz HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
}


@pytest.mark.parametrize("request_", SMUGGLED.values(), ids=SMUGGLED.keys())
def test_what_smugglers_send_is_refused_and_the_connection_closed(service, request_):
    failure = refused(service.port, request_ + HEALTHZ, 400)
    assert failure["error_code"] == "BAD_REQUEST"


# --- slow clients


@pytest.fixture(scope="module")
def impatient(tmp_path_factory):
    service = Service(
        tmp_path_factory.mktemp("impatient"),
        HEADER_TIMEOUT_SECONDS="1", BODY_TIMEOUT_SECONDS="1", IDLE_TIMEOUT_SECONDS="1", DRAIN_SECONDS="1",
    ).start()
    yield service
    service.stop()
    service.discard()


@pytest.mark.parametrize(
    "part",
    [
        b"GET /healthz HTT",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n",
        POST + b'Content-Length: 20\r\n\r\n{"user_id',
        POST + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"u',
    ],
)
def test_a_request_that_does_not_go_on_is_ended(impatient, part):
    with RawConnection(impatient.port) as connection:
        connection.send(part)
        answer = connection.read_to_end()
    assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")


def test_a_request_that_trickles_does_not_keep_its_connection(impatient):
    with RawConnection(impatient.port) as connection:
        connection.send(b"GET /healthz HTTP/1.1\r\n")

        def refused():
            try:
                connection.send(b"X-A: b\r\n")
            except (BrokenPipeError, ConnectionResetError):
                return True
            return False

        connection.socket.settimeout(5)
        wait_until(refused, 5, "the end of a trickling request")


def test_an_idle_connection_is_closed_and_a_watching_one_is_not(impatient, connect):
    api = connect(impatient)
    session = api.session()
    watcher = api.watch(session_id=session["session_id"])
    watcher.wait_for_response()
    with RawConnection(impatient.port) as connection:
        connection.send(HEALTHZ)
        assert connection.read_response()[0] == 200
        assert connection.is_closed()
    # Over a new connection: the one before has been idle, too.
    assert connect(impatient).ask(session)[-2].status == "complete"
    assert watcher.wait_for_terminal().status == "complete"
    watcher.leave()
