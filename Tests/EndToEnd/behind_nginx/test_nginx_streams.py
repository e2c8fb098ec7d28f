"""Streams through nginx: what the proxy must not break."""

import json
import re
import time

import pytest

from api import demo, events_in
from cluster import metric, running_answers
from waiting import wait_until

pytestmark = pytest.mark.mongodb

# An event that waits in a buffer comes with the end of its answer, seconds later.
PROMPT_SECONDS = 0.5


def status_of(event):
    return event if isinstance(event, str) else event.status


def test_an_answer_comes_token_by_token_over_http2(api):
    session = api.session()
    body = {"query": "Slowly", "session_id": session["session_id"]}
    body["context"] = {"demo": {"tokens": 40, "rate": 20, "timestamps": True}}
    arrivals = []
    with api.http.stream("POST", "/api/chat/message", json=body) as response:
        assert response.http_version == "HTTP/2"
        assert response.headers["content-type"] == "text/event-stream"
        assert "content-encoding" not in response.headers
        for event in events_in(response):
            arrivals.append((time.time(), event))
    assert [status_of(event) for _, event in arrivals] == ["started"] + ["streaming"] * 40 + ["complete", "[DONE]"]
    # Each token says when it was due.
    due = [int(re.match(r"t=(\d+) ", event.content).group(1)) / 1e9 for _, event in arrivals[1:41]]
    late = [arrival - when for (arrival, _), when in zip(arrivals[1:41], due, strict=True)]
    assert max(late) < PROMPT_SECONDS, late
    assert arrivals[40][0] - arrivals[1][0] > 39 / 20 - PROMPT_SECONDS


def test_a_completion_comes_token_by_token(api):
    body = {"model": "auto", "messages": [{"role": "user", "content": "Slowly"}], "stream": True}
    arrivals = []
    with api.http.stream("POST", "/v1/chat/completions", json=body) as response:
        for line in response.iter_lines():
            if line.startswith("data: {") and json.loads(line[6:])["choices"][0]["delta"].get("content"):
                arrivals.append(time.monotonic())
    gaps = [later - earlier for earlier, later in zip(arrivals, arrivals[1:], strict=False)]
    assert len(arrivals) >= 20
    # At 100 tokens a second. In one piece they would come at once.
    assert arrivals[-1] - arrivals[0] > 0.5 * len(arrivals) / 100
    assert max(gaps) < PROMPT_SECONDS


def test_answers_share_a_connection_and_are_spread_over_the_instances(cluster, api):
    def question():
        body = {"query": "Long", "session_id": api.session()["session_id"], "context": demo(60, 20)}
        return api.http.build_request("POST", "/api/chat/message", json=body)

    questions = [question() for _ in range(30)]
    answers = [api.http.send(each, stream=True) for each in questions]
    shares = [running_answers(each) for each in cluster.instances]
    for answer in answers:
        assert [status_of(event) for event in events_in(answer)][-2:] == ["complete", "[DONE]"]
    assert len({answer.extensions["network_stream"] for answer in answers}) == 1
    assert sum(shares) == 30 and min(shares) >= 10, shares


def test_comments_keep_a_silent_stream_alive(api):
    session = api.session()
    seen = []
    with api.http.stream("GET", "/api/chat/message", params={"session_id": session["session_id"]}) as response:
        for line in response.iter_lines():
            if line.startswith(":"):
                seen.append(time.monotonic())
            if len(seen) == 2:
                break
    assert seen[1] - seen[0] < 4


def test_histories_are_compressed_and_streams_are_not(api):
    session = api.session()
    ask = {"session_id": session["session_id"], "query": "Long", "context": demo(400)}
    # httpx accepts gzip by itself.
    answer = api.http.post("/api/chat/message", json=ask)
    assert "content-encoding" not in answer.headers
    history = api.http.get(f"/api/rooms/{session['room_id']}/history")
    assert history.headers["content-encoding"] == "gzip"
    assert history.json()["data"]["total"] == 1


def test_a_client_that_leaves_lets_go_of_the_instance_and_its_answer_goes_on(cluster, api):
    wait_until(lambda: not cluster.answering(), 10, "the end of other tests' answers")
    session = api.session()
    stream = api.stream(session, tokens=60, rate=20)
    stream.wait_for(3)
    (instance,) = cluster.answering()
    assert metric(instance, "stream_readers") == 1
    stream.leave()
    wait_until(lambda: metric(instance, "stream_readers") == 0, 3, "the instance to have no reader")
    assert running_answers(instance) == 1
    assert api.ended_conversation(session)["status"] == "completed"


def test_a_stop_is_heard_by_whichever_instance_it_reaches(cluster, api):
    for _ in range(4):
        session = api.session()
        stream = api.stream(session)
        stream.wait_for(5)
        assert api.stop(session)["data"]["status"] == "stop_requested"
        assert stream.wait_for_terminal(5).status == "cancelled"
