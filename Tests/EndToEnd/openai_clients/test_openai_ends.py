"""Answers to the official `openai` package that end early, or do not begin: its own errors tell why."""

import threading
import time

import openai
import pytest

from api import unique
from completions import QUESTION, in_session, text_of
from waiting import wait_until


def test_a_session_s_answer_goes_on_when_its_client_leaves(api, service, client_of):
    session = api.session()
    stream = client_of(service).chat.completions.create(
        model="auto", messages=QUESTION, stream=True, **in_session(session)
    )
    next(stream)
    stream.close()
    assert api.ended_conversation(session)["status"] == "completed"


def test_an_answer_without_a_session_ends_when_its_client_leaves(make_service, connect, client_of):
    service = make_service(DEMO_RATE="10", DEMO_TOKENS="10000").start()
    api = connect(service)
    client = client_of(service)
    stream = client.chat.completions.create(model="auto", messages=QUESTION, stream=True)
    next(stream)
    assert api.metric("streams_running") == 1
    stream.close()
    wait_until(lambda: api.metric("streams_running") == 0, 5, "the end of the answer")


def test_an_answer_that_the_service_s_end_interrupts(make_service, client_of):
    service = make_service(DEMO_RATE="10", DEMO_TOKENS="10000", DRAIN_SECONDS="1").start()
    stream = client_of(service).chat.completions.create(model="auto", messages=QUESTION, stream=True)
    next(stream)
    service.signal()
    with pytest.raises(openai.APIError) as raised:
        list(stream)
    assert raised.value.code == "interrupted"
    assert service.wait() == 0


# --- stops


def test_a_stop_ends_the_stream_with_an_error_of_its_own(make_service, connect, client_of):
    service = make_service(DEMO_RATE="50", DEMO_TOKENS="10000").start()
    api = connect(service)
    session = api.session()
    stream = client_of(service).chat.completions.create(
        model="auto", messages=QUESTION, stream=True, **in_session(session)
    )
    chunks = [next(stream) for _ in range(10)]
    stopped = api.stop(session)["data"]["partial_response"]
    with pytest.raises(openai.APIError, match="stopped") as raised:
        chunks.extend(stream)
    assert raised.value.code == "cancelled"
    assert stopped.startswith(text_of(chunks)) and len(text_of(chunks)) > 10
    conversation = api.only_conversation(session)
    assert (conversation["status"], conversation["agent_response"]) == ("cancelled", stopped)


def test_a_stop_gives_a_client_that_waits_what_there_is(make_service, connect, client_of):
    service = make_service(DEMO_RATE="50", DEMO_TOKENS="10000").start()
    api = connect(service)
    session = api.session()
    client = client_of(service)
    answers = []

    def ask():
        answers.append(client.chat.completions.create(model="auto", messages=QUESTION, **in_session(session)))

    asking = threading.Thread(target=ask)
    asking.start()
    watcher = api.watch(session_id=session["session_id"])
    watcher.wait_for(10)
    stopped = api.stop(session)["data"]["partial_response"]
    asking.join(10)
    assert answers[0].choices[0].message.content == stopped != ""
    watcher.leave()


# --- refusals


def test_errors_are_the_package_s_own(client, connect, unpaced):
    api = connect(unpaced)
    create = client.chat.completions.create
    with pytest.raises(openai.NotFoundError) as raised:
        create(model="gpt-5", messages=QUESTION)
    assert (raised.value.code, raised.value.param) == ("model_not_found", "model")
    assert raised.value.type == "invalid_request_error"

    with pytest.raises(openai.BadRequestError, match="temperature") as raised:
        create(model="auto", messages=QUESTION, temperature=3)
    assert (raised.value.code, raised.value.param) == ("invalid_value", "temperature")

    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    with pytest.raises(openai.BadRequestError) as raised:
        create(model="auto", messages=QUESTION, tools=tools)
    assert (raised.value.code, raised.value.param) == ("unsupported_parameter", "tools")

    image = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]
    with pytest.raises(openai.BadRequestError) as raised:
        create(model="auto", messages=[{"role": "user", "content": image}])
    assert (raised.value.code, raised.value.param) == ("unsupported_value", "messages[0].content[0].type")

    session = api.session()
    with pytest.raises(openai.BadRequestError) as raised:
        create(model="auto", messages=QUESTION, metadata={"session_id": session["session_id"]})
    assert raised.value.param == "user"
    with pytest.raises(openai.PermissionDeniedError):
        create(model="auto", messages=QUESTION, **in_session(session | {"user_id": unique()}))
    with pytest.raises(openai.NotFoundError, match="Session"):
        create(model="auto", messages=QUESTION, **in_session(session | {"session_id": "none"}))
    assert api.history(session["room_id"])["total"] == 0

    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="auto", input="a")


def test_limits_are_the_package_s_own_errors(make_service, client_of):
    service = make_service(RATE_LIMITS="messages=1/m", DEMO_RATE="0").start()
    client = client_of(service)
    client.chat.completions.create(model="auto", messages=QUESTION)
    with pytest.raises(openai.RateLimitError) as raised:
        client.chat.completions.create(model="auto", messages=QUESTION, stream=True)
    assert raised.value.code == "rate_limit_exceeded"
    assert int(raised.value.response.headers["retry-after"]) > 50


def test_the_package_tries_again_when_it_was_too_fast(make_service, client_of):
    service = make_service(RATE_LIMITS="messages=1/s", DEMO_RATE="0").start()
    client = client_of(service, max_retries=3)
    start = time.monotonic()
    for _ in range(3):
        assert client.chat.completions.create(model="auto", messages=QUESTION).choices
    assert time.monotonic() - start > 1.5


def test_the_package_tries_again_when_the_service_was_full(make_service, client_of):
    service = make_service(MAX_STREAMS="1", DEMO_RATE="50", DEMO_TOKENS="60").start()
    client = client_of(service, max_retries=5)
    running = client.chat.completions.create(model="auto", messages=QUESTION, stream=True)
    next(running)
    with pytest.raises(openai.InternalServerError) as raised:
        client.with_options(max_retries=0).chat.completions.create(model="auto", messages=QUESTION, user="eve")
    assert (raised.value.status_code, raised.value.code) == (503, "overloaded")
    second = client.chat.completions.create(model="auto", messages=QUESTION, user="eve")
    assert len(second.choices[0].message.content.split()) == 60
    assert len(text_of(running).split()) == 60
