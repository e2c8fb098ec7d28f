"""Answers to the official `openai` package: whole, streamed, and in sessions that others see."""

import asyncio
import time

import openai
import pytest
from openai.types import Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from api import unique
from completions import QUESTION, in_session, text_of


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


# --- sessions


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
