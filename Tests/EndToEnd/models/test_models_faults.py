"""Models that fail: what clients are told, what is kept, and what is tried again."""

import json

import pytest

from chat import KEY, PASSWORD
from scripted_model import (
    DONE, STREAM_HEAD, answer, chunk, cut, delta, event, finish, forever, head, refuse, reset, silence, usage,
)
from waiting import wait_until

pytestmark = pytest.mark.embedded

ONCE = {"AGENT_RETRIES": "0"}
TOO_LONG = delta("x" * (1 << 20))
WRONG_KEY = {"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}}
IN_STREAM = event({"error": {"message": f"The server had an error, {KEY}", "type": "server_error", "code": 500}})
ROLE = chunk({"role": "assistant", "content": ""})


def test_nobody_at_the_address(chat_with, closed_port):
    chat = chat_with(OPENAI_BASE_URL=f"http://127.0.0.1:{closed_port}/v1")
    chat.assert_failed(chat.ask()[-1], "AGENT_UNAVAILABLE")


def test_no_connection_in_time(chat_with, mute_port):
    url = f"http://127.0.0.1:{mute_port}/v1"
    chat = chat_with(OPENAI_BASE_URL=url, AGENT_CONNECT_TIMEOUT_SECONDS="1", **ONCE)
    chat.assert_failed(chat.ask()[-1], "AGENT_TIMEOUT")


@pytest.mark.parametrize(
    "script",
    [
        [silence],
        [head(200, Content_Type="text/event-stream"), silence],
        [ROLE, silence],
    ],
    ids=["no head", "a head only", "a role only"],
)
def test_no_token_in_time(chat_with, model, script):
    model.script(*script)
    chat = chat_with(AGENT_TIMEOUT_SECONDS="1", **ONCE)
    chat.assert_failed(chat.ask()[-1], "AGENT_TIMEOUT")
    # Nobody waits for the rest.
    wait_until(lambda: model.requests[0].closed_at, 2, "the end of the model's connection")


def test_no_further_token_in_time(chat_with, model):
    model.script(ROLE, delta("So far"), silence)
    chat = chat_with(AGENT_TIMEOUT_SECONDS="1")
    chat.assert_failed(chat.ask()[-1], "AGENT_TIMEOUT", "So far")
    wait_until(lambda: model.requests[0].closed_at, 2, "the end of the model's connection")
    assert len(model.requests) == 1


def test_tokens_for_too_long(chat_with, model):
    model.script(forever(delta("on "), every=0.05))
    chat = chat_with(AGENT_TIMEOUT_SECONDS="5", AGENT_TOTAL_TIMEOUT_SECONDS="1")
    events = chat.ask()
    text = "".join(each.content for each in events[1:-1])
    assert text.startswith("on on on ")
    chat.assert_failed(events[-1], "AGENT_TIMEOUT", text)
    wait_until(lambda: model.requests[0].closed_at, 2, "the end of the model's connection")
    assert len(model.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refusal_is_a_rejection_and_is_not_tried_again(chat_with, model, status):
    model.script(refuse(status, WRONG_KEY))
    chat = chat_with()
    chat.assert_failed(chat.ask()[-1], "AGENT_REJECTED")
    assert len(model.requests) == 1


@pytest.mark.parametrize(
    ("status", "code"), [(429, "AGENT_RATE_LIMITED"), (500, "AGENT_UNAVAILABLE"), (503, "AGENT_UNAVAILABLE")]
)
def test_what_may_pass_is_tried_twice_again(chat_with, model, status, code):
    model.script(refuse(status, {"error": {"message": f"Not now, {KEY}"}}))
    chat = chat_with()
    chat.assert_failed(chat.ask()[-1], code)
    assert len(model.requests) == 3


@pytest.mark.parametrize(("status", "code"), [(429, "AGENT_RATE_LIMITED"), (503, "AGENT_UNAVAILABLE")])
def test_without_retries_there_is_one_request(chat_with, model, status, code):
    model.script(refuse(status, "<html>"))
    chat = chat_with(**ONCE)
    chat.assert_failed(chat.ask()[-1], code)
    assert len(model.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_the_model_says_when_to_come_back(chat_with, model, status):
    model.script_each([refuse(status, {}, Retry_After="2")], answer("Back."))
    chat = chat_with()
    assert chat.ask()[-1].content == "Back."
    first, second = model.requests
    assert 1.99 <= second.time - first.time < 4


@pytest.mark.parametrize(("status", "code"), [(401, "AGENT_REJECTED"), (503, "AGENT_UNAVAILABLE")])
def test_a_refusal_counts_though_its_body_never_comes(chat_with, model, status, code):
    model.script(head(status, Content_Length="10"), silence)
    chat = chat_with(AGENT_TIMEOUT_SECONDS="1", **ONCE)
    chat.assert_failed(chat.ask()[-1], code)


@pytest.mark.parametrize(("status", "code"), [(429, "AGENT_RATE_LIMITED"), (503, "AGENT_UNAVAILABLE")])
def test_a_model_that_wants_to_be_left_alone_for_long_is_not_waited_for(chat_with, model, status, code):
    model.script(refuse(status, {}, Retry_After="3600"))
    chat = chat_with()
    chat.assert_failed(chat.ask()[-1], code)
    assert len(model.requests) == 1


BEFORE = {
    "closed": [cut],
    "reset": [reset],
    "closed after the head": [head(200, **STREAM_HEAD), cut],
    "closed after the role": [ROLE, cut],
    "reset after the role": [ROLE, reset],
}


@pytest.mark.parametrize("script", BEFORE.values(), ids=BEFORE)
def test_a_cut_before_the_first_token_is_tried_again_and_not_seen(chat_with, model, script):
    model.script_each(script, script, answer("At", " last."))
    chat = chat_with()
    events = chat.ask()
    assert [each.status for each in events] == ["started", "streaming", "streaming", "complete"]
    assert events[-1].content == "At last."
    assert len(model.requests) == 3
    assert chat.last()["status"] == "completed"


@pytest.mark.parametrize("end", [cut, reset], ids=["closed", "reset"])
def test_a_cut_after_the_first_token_is_told_and_never_tried_again(chat_with, model, end):
    model.script(ROLE, delta("So "), delta("far"), end)
    chat = chat_with()
    events = chat.ask()
    assert [each.content for each in events[1:-1]] == ["So ", "far"]
    chat.assert_failed(events[-1], "AGENT_UNAVAILABLE", "So far")
    assert len(model.requests) == 1


def test_an_answer_that_ends_without_a_word_of_its_end_was_cut(chat_with, model):
    model.script(delta("So far"))
    chat = chat_with()
    chat.assert_failed(chat.ask()[-1], "AGENT_UNAVAILABLE", "So far")
    assert len(model.requests) == 1


async def no_http(exchange):
    exchange.transport.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    exchange.transport.close()


NONSENSE = {
    "no JSON": [b"data: what is this?\n\n"],
    "no object": [b"data: 7\n\n"],
    "no choices": [event({"answer": 42})],
    "bytes": [bytes(range(256)) * 20],
    "no HTTP": [no_http],
    "somewhere else": [refuse(302, "", Location="http://127.0.0.1:1/")],
    "a page": [refuse(200, "<!DOCTYPE html><title>Log in</title>")],
    "other JSON": [refuse(200, {"answer": 42})],
    "broken JSON": [refuse(200, '{"choices":[')],
    "nothing": [head(200, Content_Type="text/event-stream", Content_Length="0")],
    "no text": [ROLE, finish(usage=usage(5, 0)), DONE],
    "too long": [TOO_LONG, finish(), DONE],
}


@pytest.mark.parametrize("script", NONSENSE.values(), ids=NONSENSE)
def test_what_is_no_answer_is_told_so(chat_with, model, script):
    model.script(*script)
    chat = chat_with(**ONCE)
    chat.assert_failed(chat.ask()[-1], "AGENT_PROTOCOL")
    assert len(model.requests) == 1


@pytest.mark.parametrize(
    "nonsense", [b"data: what is this?\n\n", TOO_LONG], ids=["no JSON", "too long"]
)
def test_what_is_no_answer_after_the_first_token_keeps_the_text_so_far(chat_with, model, nonsense):
    model.script(ROLE, delta("So far"), nonsense, delta(" and on"), finish(), DONE)
    chat = chat_with()
    chat.assert_failed(chat.ask()[-1], "AGENT_PROTOCOL", "So far")
    assert len(model.requests) == 1


def test_an_error_in_the_stream_before_the_first_token(chat_with, model):
    model.script(ROLE, IN_STREAM, DONE)
    chat = chat_with(**ONCE)
    chat.assert_failed(chat.ask()[-1], "AGENT_UNAVAILABLE")


def test_an_error_in_the_stream_after_the_first_token(chat_with, model):
    model.script(ROLE, delta("So far"), IN_STREAM, DONE)
    chat = chat_with()
    chat.assert_failed(chat.ask()[-1], "AGENT_UNAVAILABLE", "So far")
    assert len(model.requests) == 1


def test_an_address_with_a_password_shows_it_to_nobody(chat_with, model, closed_port):
    for port in (closed_port, model.port):
        model.script(refuse(500, {"error": {"message": "No"}}))
        agents = [{"name": "ada", "base_url": f"http://user:{PASSWORD}@127.0.0.1:{port}/v1"}]
        chat = chat_with(agents)
        chat.assert_failed(chat.ask()[-1], "AGENT_UNAVAILABLE")
        answers = [chat.api.http.get(path).text for path in ("/api/chat/info", "/api/health", "/metrics")]
        assert PASSWORD not in json.dumps(answers) + chat.service.stderr
        chat.service.stop()


def test_after_a_failure_the_next_question_is_answered(chat_with, model):
    model.script_each([delta("So far"), cut], answer("Again."))
    chat = chat_with()
    chat.ask("One?")
    assert chat.ask("Two?")[-1].content == "Again."
    assert [each["status"] for each in chat.conversations()] == ["failed", "completed"]
