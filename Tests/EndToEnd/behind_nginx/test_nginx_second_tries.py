"""What nginx sends to a second instance when the first one fails, and what it does not."""

import json
import re

import pytest

from api import assert_failure
from cluster import FailingInstance, call
from nginx import free_ports
from waiting import wait_until

pytestmark = pytest.mark.mongodb

SENT_ONCE = [
    ("POST", "/api/rooms", {"json": {"user_id": "ada"}}),
    ("POST", "/api/chat/message", {"json": {"query": "secret", "session_id": "s"}}),
    ("POST", "/v1/chat/completions", {"json": {"model": "auto"}}),
    ("PATCH", "/api/rooms/r?user_id=ada", {"json": {"room_name": "x"}}),
    ("DELETE", "/api/rooms/r?user_id=ada", {}),
    ("GET", "/api/chat/message?session_id=s&query=secret", {}),
    ("GET", "/api/chat/stream?session_id=s&message=secret&message_id=m", {}),
]
SENT_AGAIN = [
    ("GET", "/api/rooms?user_id=ada", {}),
    ("GET", "/api/chat/message?session_id=s", {"headers": {"Last-Event-ID": "stream_x:1"}}),
]


@pytest.mark.parametrize(("method", "path", "request_"), SENT_ONCE)
def test_what_may_have_been_taken_is_sent_to_no_second_instance(make_nginx, method, path, request_):
    with FailingInstance() as one, FailingInstance() as other:
        nginx = make_nginx([one.port, other.port])
        assert_failure(call(nginx, method, path, **request_), 502, "ANSWER_LOST")
        assert one.taken + other.taken == [f"{method} {path} HTTP/1.1"]


@pytest.mark.parametrize(("method", "path", "request_"), SENT_AGAIN)
def test_what_changes_nothing_is_sent_again(make_nginx, method, path, request_):
    with FailingInstance() as one, FailingInstance() as other:
        nginx = make_nginx([one.port, other.port])
        response = call(nginx, method, path, **request_)
        body = assert_failure(response, 503, "UNAVAILABLE")
        assert response.headers["retry-after"] == "2"
        assert body["path"] == path.partition("?")[0]
        assert one.taken == other.taken == [f"{method} {path} HTTP/1.1"]


@pytest.mark.parametrize(("method", "path", "request_"), SENT_ONCE + SENT_AGAIN)
def test_an_instance_that_cannot_be_connected_to_is_passed_over(make_nginx, cluster, method, path, request_):
    alive = cluster.instances[0]
    nginx = make_nginx([*free_ports(1), alive.port])
    for _ in range(3):
        # Whatever the instance says to it: none of these rooms and sessions exists.
        assert call(nginx, method, path, **request_).status_code in (200, 201, 400, 404, 422)
    wait_until(lambda: len(nginx.log("access").splitlines()) == 3, 5, "the log")
    # It is left alone then; but not for streams.
    is_stream = path.startswith(("/api/chat/", "/v1/")) and "query" not in path and "message=" not in path
    assert nginx.log("access").count('"502') in ((1, 2, 3) if is_stream else (1,)), nginx.log("access")


def test_when_all_instances_are_gone_an_event_source_is_told_to_come_back(make_nginx):
    nginx = make_nginx(free_ports(2))
    for _ in range(3):
        response = call(nginx, "GET", "/api/chat/message?session_id=s&query=x", headers={"Accept": "text/event-stream"})
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        retry, data = re.fullmatch(r"retry: (\d+)\n\ndata: (.*)\n\n", response.text).groups()
        assert json.loads(data) == {
            "status": "error", "error": "The service is unavailable. Please try again.", "error_code": "UNAVAILABLE",
            "retry_after_ms": int(retry),
        }
    assert_failure(call(nginx, "POST", "/api/rooms", json={"user_id": "ada"}), 503, "UNAVAILABLE")
