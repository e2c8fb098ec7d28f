"""What is too large, too slow, or not quite HTTP: it is refused, and its connection closed."""

import json

import pytest

from rawsocket import CHUNKED, HEALTHZ, POST, RawConnection
from service import Service
from waiting import wait_until


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
        connection.send(POST + b"\r\n")
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
    timeouts = dict.fromkeys(["HEADER_TIMEOUT_SECONDS", "BODY_TIMEOUT_SECONDS", "IDLE_TIMEOUT_SECONDS"], "1")
    with Service(tmp_path_factory.mktemp("impatient"), DRAIN_SECONDS="1", **timeouts) as service:
        yield service


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
    watcher = api.follow(session)
    with RawConnection(impatient.port) as connection:
        connection.send(HEALTHZ)
        assert connection.read_response()[0] == 200
        assert connection.is_closed()
    # Over a new connection: the one before has been idle, too.
    assert connect(impatient).ask(session)[-2].status == "complete"
    assert watcher.wait_for_terminal().status == "complete"
    watcher.leave()
