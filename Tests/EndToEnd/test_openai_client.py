"""The official `openai` package against this service, with nothing but its `base_url` changed."""

import asyncio
import re
import threading
import time

import openai
import pytest
from openai.types import Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from api import unique
from service import Service
from waiting import wait_until

QUESTION = [{"role": "user", "content": "What is a room?"}]


@pytest.fixture(scope="module")
def unpaced(tmp_path_factory):
    """A service whose answers are there at once."""
    service = Service(tmp_path_factory.mktemp("unpaced"), DEMO_RATE="0", DRAIN_SECONDS="1").start()
    yield service
    service.stop()
    service.discard()


@pytest.fixture
def client_of():
    """Makes clients of services, which try each request once unless they are told otherwise."""
    made = []

    def make(service, kind=openai.OpenAI, **options):
        http = {openai.OpenAI: openai.DefaultHttpxClient, openai.AsyncOpenAI: openai.DefaultAsyncHttpxClient}[kind]
        options = {"max_retries": 0, "timeout": 20, "http_client": http(trust_env=False, verify=False)} | options
        client = kind(base_url=f"{service.url}/v1", api_key="sk-nobody-looks-at-it", **options)
        if kind is openai.OpenAI:
            made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(unpaced, client_of):
    return client_of(unpaced)


def in_session(session):
    return {"user": session["user_id"], "metadata": {"session_id": session["session_id"]}}


def figure(api, name):
    """A value of `/metrics`."""
    return int(re.search(rf"^roomservice_{name} (\d+)$", api.http.get("/metrics").text, re.MULTILINE).group(1))


def text_of(chunks):
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_an_answer_in_one_piece(client):
    completion = client.chat.completions.create(model="assistant", messages=QUESTION)
    ChatCompletion.model_validate(completion.model_dump(), strict=True)
    assert completion.id.startswith("chatcmpl-")
    assert completion.object == "chat.completion"
    assert completion.model == "assistant"
    assert abs(completion.created - time.time()) < 60
    [choice] = completion.choices
    assert choice.finish_reason == "stop"
    assert choice.message.role == "assistant"
    assert "What is a room?" in choice.message.content
    words = len(choice.message.content.split())
    assert (completion.usage.completion_tokens, completion.usage.total_tokens) == (words, words)
    assert completion._request_id


def test_a_streamed_answer_is_the_same(client):
    whole = client.chat.completions.create(model="auto", messages=QUESTION)
    options = {"include_usage": True}
    with client.chat.completions.create(model="auto", messages=QUESTION, stream=True, stream_options=options) as stream:
        chunks = list(stream)
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk.model_dump(), strict=True)
        assert (chunk.id, chunk.created, chunk.model) == (chunks[0].id, chunks[0].created, "assistant")
    assert chunks[0].choices[0].delta.role == "assistant"
    assert text_of(chunks) == whole.choices[0].message.content
    *_, last, usage = chunks
    assert last.choices[0].finish_reason == "stop"
    assert not usage.choices and usage.usage == whole.usage


def test_a_paced_answer_comes_word_by_word(service, client_of):
    arrivals = []
    for chunk in client_of(service).chat.completions.create(model="auto", messages=QUESTION, stream=True):
        arrivals.append((time.monotonic(), chunk))
    # A hundred words a second.
    assert len(arrivals) > 30
    assert arrivals[-1][0] - arrivals[0][0] > 0.3


def test_the_package_s_own_gathering_of_a_stream_works(client):
    with client.chat.completions.stream(model="auto", messages=QUESTION) as stream:
        text = "".join(event.delta for event in stream if event.type == "content.delta")
        final = stream.get_final_completion()
    assert final.choices[0].message.content == text
    assert final.choices[0].finish_reason == "stop"


def test_the_async_client_and_many_answers_at_once(unpaced, client_of):
    async def answer(client, number):
        messages = [{"role": "user", "content": f"What is number {number}?"}]
        stream = await client.chat.completions.create(model="auto", messages=messages, stream=True, user=unique())
        return text_of([chunk async for chunk in stream])

    async def answers():
        async with client_of(unpaced, openai.AsyncOpenAI) as client:
            return await asyncio.gather(*(answer(client, number) for number in range(20)))

    for number, text in enumerate(asyncio.run(answers())):
        assert f"What is number {number}?" in text


def test_the_agents_are_the_models(client):
    models = client.models.list().data
    assert [model.id for model in models] == ["assistant", "auto"]
    for model in models:
        Model.model_validate(model.model_dump(), strict=True)
        assert client.models.retrieve(model.id) == model
    with pytest.raises(openai.NotFoundError) as raised:
        client.models.retrieve("org/gpt-5")
    assert raised.value.code == "model_not_found"


def test_a_conversation_without_a_session_leaves_nothing_behind(client, connect, unpaced):
    user = unique()
    messages = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": [{"type": "text", "text": "And now?"}]},
    ]
    completion = client.chat.completions.create(
        model="auto", messages=messages, user=user, temperature=0.5, max_completion_tokens=50, stop=["END"], seed=7
    )
    assert "And now?" in completion.choices[0].message.content
    history = connect(unpaced).http.get("/api/chat/history", params={"user_id": user}).json()
    assert history == {"count": 0, "conversations": []}


def test_an_exchange_in_a_session_is_in_the_room_s_history(client, connect, unpaced):
    api = connect(unpaced)
    session = api.session()
    first = client.chat.completions.create(model="auto", messages=QUESTION, **in_session(session))
    messages = [*QUESTION, first.choices[0].message, {"role": "user", "content": "And a session?"}]
    second = text_of(client.chat.completions.create(model="auto", messages=messages, stream=True, **in_session(session)))
    conversations = api.history(session["room_id"])["conversations"]
    assert [(each["user_input"], each["agent_response"], each["status"]) for each in conversations] == [
        ("What is a room?", first.choices[0].message.content, "completed"),
        ("And a session?", second, "completed"),
    ]


def test_others_watch_the_answer_live(api, service, client_of):
    session = api.session()
    watcher = api.watch(session_id=session["session_id"])
    chunks = list(
        client_of(service).chat.completions.create(model="auto", messages=QUESTION, stream=True, **in_session(session))
    )
    terminal = watcher.wait_for_terminal()
    assert terminal.status == "complete"
    assert terminal.content == watcher.text == text_of(chunks)
    assert terminal.data["stream_id"].removeprefix("stream_") == chunks[0].id.removeprefix("chatcmpl-")
    watcher.leave()


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
    assert figure(api, "streams_running") == 1
    stream.close()
    wait_until(lambda: figure(api, "streams_running") == 0, 5, "the end of the answer")


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


def test_an_answer_that_the_service_s_end_interrupts(make_service, client_of):
    service = make_service(DEMO_RATE="10", DEMO_TOKENS="10000", DRAIN_SECONDS="1").start()
    stream = client_of(service).chat.completions.create(model="auto", messages=QUESTION, stream=True)
    next(stream)
    service.signal()
    with pytest.raises(openai.APIError) as raised:
        list(stream)
    assert raised.value.code == "interrupted"
    assert service.wait() == 0


def test_one_service_is_the_model_of_another(unpaced, make_service, connect, client_of):
    service = make_service(OPENAI_BASE_URL=f"{unpaced.url}/v1", OPENAI_MODEL="assistant", OPENAI_API_KEY="any").start()
    session = connect(service).session()
    direct = client_of(unpaced).chat.completions.create(model="auto", messages=QUESTION)
    client = client_of(service)
    through = client.chat.completions.create(model="auto", messages=QUESTION, temperature=1, **in_session(session))
    assert through.choices[0].message.content == direct.choices[0].message.content
    assert through.usage == direct.usage
    streamed = text_of(client.chat.completions.create(model="auto", messages=QUESTION, stream=True))
    assert streamed == direct.choices[0].message.content
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="auto", messages=QUESTION, temperature=3)
    assert raised.value.param == "temperature"
