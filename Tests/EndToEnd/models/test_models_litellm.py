"""Models behind LiteLLM's proxy: what the service asks and understands is what others do."""

import pytest

from api import text_of
from litellm_proxy import MASTER_KEY, LiteLLMProxy

ADA = "Rooms keep what was said – in every language: 部屋, комната, 🏠."
BOB = "I am Bob."


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    proxy = LiteLLMProxy(tmp_path_factory.mktemp("litellm"), ada=ADA, bob=BOB)
    try:
        yield proxy.start()
    finally:
        proxy.kill()


@pytest.fixture
def chat_at(proxy, chat_with):
    """Starts a service that asks the proxy."""

    def start(model="ada", key=MASTER_KEY, **settings):
        return chat_with(OPENAI_BASE_URL=proxy.url, OPENAI_API_KEY=key, OPENAI_MODEL=model, **settings)

    return start


def test_the_models_answer_is_streamed_and_stored(chat_at):
    chat = chat_at()
    events = chat.ask()
    assert events[0].status == "started"
    assert len(events) > 3
    assert {event.status for event in events[1:-1]} == {"streaming"}
    assert events[-1].status == "complete"
    assert events[-1].content == text_of(events) == ADA

    conversation = chat.last()
    assert conversation["status"] == "completed"
    assert conversation["agent_response"] == ADA
    assert conversation["agent_type"] == "assistant"
    metadata = conversation["metadata"]
    assert metadata["model"] == "ada"
    assert metadata["finish_reason"] == "stop"
    assert metadata["tokens_used"] > 0
    assert 0 <= metadata["first_token_ms"] <= metadata["response_time_ms"]


def test_a_wrong_key_is_a_rejection_and_is_shown_to_nobody(chat_at):
    wrong = "sk-a-wrong-key"
    chat = chat_at(key=wrong)
    chat.assert_failed(chat.ask()[-1], "AGENT_REJECTED")
    assert wrong not in str(chat.last())
    assert wrong not in chat.service.stdout + chat.service.stderr


def test_an_unknown_model_is_a_rejection(chat_at):
    chat = chat_at(model="nobody")
    chat.assert_failed(chat.ask()[-1], "AGENT_REJECTED")


def test_each_agent_of_a_file_asks_its_own_model(chat_at):
    agents = [
        {"name": "ada", "model": "ada", "description": "Knows about rooms"},
        {"name": "bob", "model": "bob", "description": "Knows his name"},
    ]
    chat = chat_at(agents=agents, default="bob")
    info = chat.api.http.get("/api/chat/info").json()
    assert info["default_agent"] == "bob"
    told = {agent["agent_type"]: agent["description"] for agent in info["agents"]}
    assert told.items() >= {"ada": "Knows about rooms", "bob": "Knows his name"}.items()

    for name, text in [("ada", ADA), ("bob", BOB)]:
        events = chat.ask(agent_type=name)
        assert events[-1].content == text
        assert {event.data["agent_type"] for event in events} == {name}
        assert chat.last()["agent_type"] == name
        assert chat.last()["metadata"]["model"] == name
