"""What a model is sent: who asks, what was said before, and how it should answer."""

import json

import pytest

from api import unique
from chat import KEY, Chat
from scripted_model import answer, delta, forever


def said(request):
    """The messages of a request without the system's."""
    return [message for message in request.messages if message[0] != "system"]


def turn(question, answer):
    return [("user", question), ("assistant", answer)]


def numbered(model, *texts):
    """The model answers the first question with the first text, and so on."""
    model.script_each(*(answer(text) for text in texts))


@pytest.mark.embedded
def test_a_question_is_sent_as_openai_wants_it(chat_with, model):
    chat = chat_with()
    chat.ask("What is a room?")
    (request,) = model.requests
    assert request.target == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["content-type"].startswith("application/json")
    assert request.headers["host"] == f"127.0.0.1:{model.port}"
    assert "text/event-stream" in request.headers["accept"]
    body = request.body
    assert body["model"] == "scripted-1"
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}
    assert said(request) == [("user", "What is a room?")]
    # What nobody has set is left to the model.
    assert "temperature" not in body and "max_tokens" not in body


@pytest.mark.embedded
@pytest.mark.parametrize("slash", ["", "/"])
def test_an_agents_own_settings_win(chat_with, model, slash):
    agent = {
        "name": "ada", "base_url": model.url.replace("/v1", "/of/ada") + slash, "api_key_env": "ADA_KEY",
        "model": "ada-1", "temperature": 0.25, "max_tokens": 77, "stream_usage": False,
    }
    chat = chat_with([agent], ADA_KEY="key-of-ada")
    chat.ask()
    (request,) = model.requests
    assert request.target == "/of/ada/chat/completions"
    assert request.headers["authorization"] == "Bearer key-of-ada"
    body = request.body
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("ada-1", 0.25, 77)
    assert "stream_options" not in body


@pytest.mark.embedded
def test_without_a_key_none_is_sent(chat_with, model):
    chat_with(OPENAI_API_KEY=None).ask()
    assert "authorization" not in model.requests[0].headers


@pytest.mark.embedded
def test_the_system_prompt_is_filled_in_from_the_request(chat_with, model):
    agent = {
        "name": "ada",
        "system_prompt": "You help {{user_profile.name}} in {{context.locale}}.\nNobody: [{{context.nobody}}]\n{{user_profile}}",
    }
    chat = chat_with([agent])
    # What the values say is never filled in itself.
    profile = {"name": 'Zoë "{{context.locale}}"', "age": 7, "likes": ["rooms", None]}
    chat.ask(user_profile=profile, context={"locale": "de-AT"})
    role, text = model.requests[0].messages[0]
    assert role == "system"
    first, second, third = text.split("\n")
    assert first == 'You help Zoë "{{context.locale}}" in de-AT.'
    assert second == "Nobody: []"
    assert json.loads(third) == profile

    chat.ask("And now?")
    assert model.requests[1].messages[0] == ("system", "You help  in .\nNobody: []\n")


@pytest.mark.embedded
@pytest.mark.parametrize("text", ['"quotes" and \\ and \n lines', "部屋 комната 🏠", "\u2028 \u0001 \x7f", "x" * 30_000])
def test_any_text_arrives_as_it_was_asked(chat_with, model, text):
    chat_with(CONTEXT_MAX_CHARS="100000").ask(text)
    assert said(model.requests[0]) == [("user", text)]


def test_earlier_turns_come_first_and_the_oldest_first_of_all(chat_with, model):
    numbered(model, "Answer 1", "Answer 2", "Answer 3")
    chat = chat_with()
    for number in (1, 2, 3):
        chat.ask(f"Question {number}")
    assert said(model.requests[2]) == [
        *turn("Question 1", "Answer 1"), *turn("Question 2", "Answer 2"), ("user", "Question 3"),
    ]


def test_nothing_of_another_session_is_sent(chat_with, model):
    chat = chat_with()
    chat.ask("Mine")
    user, room = chat.session["user_id"], chat.session["room_id"]
    for other in (chat.another(), Chat(chat.service, chat.api, user=user, room_id=room)):
        other.ask("Another")
        assert said(model.requests[-1]) == [("user", "Another")]


def test_an_answer_that_was_stopped_is_known_as_far_as_it_got(chat_with, model):
    model.script_each([forever(delta("word "))], answer("Yes."))
    chat = chat_with()
    stream = chat.stream("Talk")
    stream.wait_for(5)
    partial = chat.stop()["partial_response"]
    assert partial.startswith("word word ")
    chat.ask("Go on?")
    assert said(model.requests[1]) == [*turn("Talk", partial), ("user", "Go on?")]


def test_a_reset_forgets_all_that_was_said_or_what_one_agent_said(chat_with, model):
    chat = chat_with([{"name": "ada"}, {"name": "bob"}], default="ada")
    path = f"/api/session/{chat.session['session_id']}/reset"

    def ask_both(number):
        model.forget()
        for agent in ("ada", "bob"):
            model.script(*answer(f"{agent} {number}"))
            chat.ask(f"{number} for {agent}?", agent_type=agent)
        return [str(said(request)) for request in model.requests]

    ask_both(1)
    chat.api.data("POST", path, json={"agent_type": "ada"})
    ada, bob = ask_both(2)
    assert "ada 1" not in ada + bob
    assert "bob 1" in bob
    chat.api.data("POST", path)
    ada, bob = ask_both(3)
    for earlier in ("ada 1", "ada 2", "bob 1", "bob 2"):
        assert earlier not in ada + bob
    assert "ada 3" not in ada


@pytest.mark.embedded
def test_only_the_newest_turns_that_fit_are_sent(chat_with, model):
    count = 8
    numbered(model, *(f"Answer {number} ".ljust(100, ".") for number in range(count)))
    chat = chat_with(CONTEXT_MAX_CHARS="500")
    for number in range(count):
        chat.ask(f"Question {number} ".ljust(50, "?"))
    *turns, last = said(model.requests[-1])
    assert last[1].startswith(f"Question {count - 1} ")
    assert 0 < sum(len(text) for _, text in turns) <= 500
    kept = len(turns) // 2
    assert 2 <= kept < count - 1
    expected = [f"{what} {number} " for number in range(count - 1 - kept, count - 1) for what in ("Question", "Answer")]
    assert [text[: len(start)] for (_, text), start in zip(turns, expected, strict=True)] == expected


@pytest.mark.embedded
def test_questions_one_after_the_other_share_a_connection(chat_with, model):
    model.script(*answer("An ", "answer."))
    chat = chat_with(LOOPS="1")
    for number in range(5):
        assert chat.ask(f"Question {number}?")[-1].content == "An answer."
    assert len(model.requests) == 5
    assert len(model.connections) == 1


@pytest.mark.embedded
def test_a_connection_that_the_model_has_closed_in_between_is_no_failure(chat_with, model):
    chat = chat_with(AGENT_RETRIES="0")
    for _ in range(3):
        assert chat.ask()[-1].status == "complete"
        for connection in model.connections:
            model.loop.call_soon_threadsafe(connection.transport.close)


AGENTS = [{"name": "ada"}, {"name": "bob"}, {"name": "eve"}]


def answering(chat, **fields):
    return chat.ask(**fields)[-1].data["agent_type"]


@pytest.mark.embedded
def test_auto_takes_the_default_until_another_agent_has_been_chosen(chat_with):
    chat = chat_with(AGENTS, default="bob")
    assert answering(chat) == "bob"
    assert answering(chat, agent_type="eve") == "eve"
    assert answering(chat, agent_type="auto") == "eve"
    assert answering(chat.another()) == "bob"


@pytest.mark.embedded
def test_without_a_named_default_the_first_agent_is_it(chat_with):
    assert answering(chat_with(AGENTS)) == "ada"


@pytest.mark.embedded
def test_auto_takes_the_agent_that_its_room_names(chat_with):
    user = unique()
    chat = chat_with(AGENTS, default="bob")
    room = chat.api.room(user, metadata={"initial_agent": "ada"})
    chat = Chat(chat.service, chat.api, user=user, room_id=room["room_id"])
    assert answering(chat) == "ada"
    assert answering(chat, agent_type="eve") == "eve"
    assert answering(chat) == "ada"
