"""What is understood of a model's answer: any framing that is allowed, and all that is not text."""

import json

import openai
import pytest

from api import text_of
from chat import KEY
from scripted_model import DONE, answer, chunk, delta, event, finish, head, pause, refuse, silence, usage

WORDS = ["Rooms – ", "部屋, ", "комната, é, ", "🏠👩‍👩‍👧."]
TEXT = "".join(WORDS)
BODY = b"".join(answer(*WORDS, usage=usage(9, 7)))
# What is no ASCII as escapes, and those beyond 16 bits as pairs of them.
ESCAPED = b"".join(b"data: " + json.dumps({"choices": [{"delta": {"content": word}}]}).encode() + b"\n\n" for word in WORDS)


@pytest.fixture
def answers(chat_with, model):
    """The events of the answer that a script gives."""

    def ask(*script, **settings):
        model.script(*script)
        return chat_with(**settings).ask()

    return ask


def framed(text=TEXT, line="\n", field="data: ", between=""):
    """An answer as events whose JSON has several lines."""
    chunks = [chunk({"content": text}), chunk(finish_reason="stop"), DONE]
    events = []
    for each in chunks:
        data = each.decode().removeprefix("data: ").strip()
        if data != "[DONE]":
            data = json.dumps(json.loads(data), indent=1, ensure_ascii=False)
        events.append("".join(f"{field}{part}{line}" for part in data.split("\n")) + line)
    return (between + between.join(events)).encode()


FRAMINGS = {
    "LF": BODY,
    "escapes": ESCAPED + finish() + DONE,
    "CRLF": BODY.replace(b"\n", b"\r\n"),
    "CR": BODY.replace(b"\n", b"\r"),
    "several lines": framed(),
    "several lines with CRLF": framed(line="\r\n"),
    "several lines with CR": framed(line="\r"),
    "no space": framed(field="data:"),
    "a byte order mark": b"\xef\xbb\xbf" + BODY,
    "comments": framed(between=": OPENROUTER PROCESSING\n\n:\n"),
    "other fields": framed(between="event: message\nid: 7\nretry: 1000\nnonsense\nother: data\n"),
    "empty events": framed(between="\n\nevent: ping\n\n"),
}


@pytest.mark.embedded
@pytest.mark.parametrize("split", [False, True], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("body", FRAMINGS.values(), ids=FRAMINGS)
def test_every_framing_of_events_is_understood(answers, body, split):
    events = answers(*([bytes([each]) for each in body] if split else [body]))
    assert events[-1].status == "complete"
    assert events[-1].content == text_of(events) == TEXT


def test_openais_own_client_understands_the_scripted_model_alike(model):
    model.script(*answer("So ", "far.", usage=usage(9, 7)))
    with openai.OpenAI(base_url=model.url, api_key=KEY, max_retries=0) as client:
        messages = [{"role": "user", "content": "?"}]
        chunks = list(client.chat.completions.create(model="scripted-1", stream=True, messages=messages))
    assert "".join(each.choices[0].delta.content or "" for each in chunks if each.choices) == "So far."
    assert chunks[-1].usage.total_tokens == 16


@pytest.mark.embedded
def test_an_event_of_a_megabyte_is_understood(answers):
    text = "é" * 500_000
    assert answers(*answer(text))[-1].content == text


@pytest.mark.embedded
def test_an_answer_is_over_when_the_model_says_so_though_its_connection_stays(answers, model):
    assert answers(*answer("All."), silence)[-1].content == "All."


@pytest.mark.embedded
def test_done_may_be_missing_where_the_model_has_said_why_it_ends(answers):
    assert answers(delta("All."), finish())[-1].content == "All."


@pytest.mark.embedded
def test_an_answer_may_end_with_its_connection(answers):
    events = answers(head(200, Content_Type="text/event-stream", Connection="close"), *answer("All."))
    assert events[-1].content == "All."


FORMS = {
    "a delta": lambda text: {"delta": {"content": text}},
    "a list of parts": lambda text: {"delta": {"content": [{"type": "text", "text": text}]}},
    "an empty list of tools": lambda text: {"delta": {"content": text, "tool_calls": [], "reasoning": ""}},
    "the filter's results": lambda text: {"delta": {"content": text}, "content_filter_results": {"a": [1, -2.5e3, "}"]}},
    "a message": lambda text: {"message": {"role": "assistant", "content": text}},
    "a text": lambda text: {"text": text},
}


@pytest.mark.embedded
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_chunk_counts_whichever_form_its_text_has(answers, form):
    words = ["One ", "two ", "three."]
    chunks = [event({"choices": [{"index": 0, "finish_reason": None} | form(word)]}) for word in words]
    assert answers(*chunks, finish(), DONE)[-1].content == "One two three."


@pytest.mark.embedded
def test_half_a_character_does_not_end_an_answer(answers):
    # As services in JavaScript send it that cut between UTF-16's units.
    halves = [b'data: {"choices":[{"delta":{"content":"%b"}}]}\n\n' % half for half in (b"\\ud83c", b"\\udfe0")]
    events = answers(delta("A house: "), *halves, delta("."), finish(), DONE)
    assert events[-1].status == "complete"
    assert events[-1].content.startswith("A house: ") and events[-1].content.endswith(".")


@pytest.mark.embedded
def test_done_is_an_end_as_well(answers):
    assert answers(delta("All."), DONE)[-1].status == "complete"


@pytest.mark.embedded
def test_nothing_counts_that_comes_after_the_end(answers):
    assert answers(*answer("All."), delta("never"))[-1].content == "All."


@pytest.mark.embedded
def test_an_answer_that_comes_faster_than_it_is_taken_is_whole(answers):
    texts = [f"{number:05} ".ljust(1000, "é") for number in range(1500)]
    assert answers(b"".join(map(delta, texts)), finish(), DONE)[-1].content == "".join(texts)


@pytest.mark.embedded
def test_any_character_may_be_in_an_answer(answers):
    text = "\0 \x01 \x7f \u2028 \\ \" \r\n \ufeff \U0010ffff"
    assert answers(*answer(text))[-1].content == text


@pytest.mark.embedded
def test_usage_counts_though_it_comes_late(chat_with, model):
    model.script(delta("All.", usage=None), finish(), pause(0.2), chunk(choices=[], usage=usage(9, 7)), DONE)
    chat = chat_with()
    chat.ask()
    assert chat.last()["metadata"]["tokens_used"] == 16


WHOLE = {
    "id": "chatcmpl-1", "object": "chat.completion", "model": "scripted-1", "usage": usage(9, 7),
    "choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "length"}],
}


def test_an_answer_that_is_not_streamed_is_understood(chat_with, model):
    model.script(refuse(200, WHOLE))
    chat = chat_with()
    events = chat.ask()
    assert text_of(events) == events[-1].content == TEXT
    metadata = chat.last()["metadata"]
    assert (metadata["tokens_used"], metadata["finish_reason"]) == (16, "length")


@pytest.mark.parametrize("reason", ["stop", "length", "content_filter"])
def test_the_history_tells_what_the_answer_took_and_why_it_ended(chat_with, model, reason):
    model.script(*answer("So ", "far.", reason=reason, usage=usage(9, 7)))
    chat = chat_with()
    assert chat.ask()[-1].status == "complete"
    conversation = chat.last()
    assert conversation["status"] == "completed"
    metadata = conversation["metadata"]
    assert metadata["model"] == "scripted-1"
    assert metadata["tokens_used"] == 16
    assert metadata["finish_reason"] == reason
    assert 0 <= metadata["first_token_ms"] <= metadata["response_time_ms"]


def call(index, identifier=None, name=None, arguments=""):
    function = ({"name": name} if name else {}) | {"arguments": arguments}
    begun = {"id": identifier, "type": "function"} if identifier else {}
    return {"index": index, **begun, "function": function}


WITH_CALLS = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"reasoning_content": "Let me "}),
    chunk({"reasoning": "think. 部"}),
    delta("I look it up. "),
    chunk({"tool_calls": [call(0, "call_1", "find_room", '{"name"')]}),
    chunk({"tool_calls": [call(0, arguments=':"blue"}'), call(1, "call_2", "count_rooms", "{}")]}),
    delta("There."),
    finish("tool_calls", usage=usage(9, 7)),
    DONE,
]


def test_reasoning_and_tool_calls_are_events_and_no_part_of_the_answer(chat_with, model):
    model.script(*WITH_CALLS)
    chat = chat_with()
    events = chat.ask()
    assert {event.status for event in events} == {"started", "streaming", "reasoning", "tool_call", "complete"}
    assert events[-1].content == text_of(events) == chat.last()["agent_response"] == "I look it up. There."
    assert "".join(event.data["reasoning"] for event in events if event.status == "reasoning") == "Let me think. 部"

    calls = {}
    for each in (event.data["tool_call"] for event in events if event.status == "tool_call"):
        known = calls.setdefault(each["index"], {"arguments": ""})
        known |= {name: each[name] for name in ("id", "type") if each.get(name)}
        known |= {"name": each["function"]["name"]} if each["function"].get("name") else {}
        known["arguments"] += each["function"].get("arguments") or ""
    assert calls == {
        0: {"id": "call_1", "type": "function", "name": "find_room", "arguments": '{"name":"blue"}'},
        1: {"id": "call_2", "type": "function", "name": "count_rooms", "arguments": "{}"},
    }
    # In the order in which the model said it.
    order = [event.status for event in events]
    assert order.index("reasoning") < order.index("streaming") < order.index("tool_call")
    assert [event.sequence for event in events] == list(range(len(events)))


def test_a_client_resumes_over_events_that_are_no_text(chat_with, model):
    model.script(*WITH_CALLS)
    chat = chat_with()
    events = chat.ask()
    for position, each in enumerate(events[:-1]):
        parameters = {"session_id": chat.session["session_id"]}
        rest = chat.api.watch(headers={"Last-Event-ID": each.id}, **parameters).wait_for_end()
        assert [(event.id, event.data) for event in rest.events] == [
            (event.id, event.data) for event in events[position + 1 :]
        ]


@pytest.mark.embedded
def test_tool_calls_alone_are_an_answer_without_text(chat_with, model):
    model.script(chunk({"tool_calls": [call(0, "call_1", "find_room", "{}")]}), finish("tool_calls"), DONE)
    chat = chat_with()
    assert [event.status for event in chat.ask()] == ["started", "tool_call", "complete"]
    conversation = chat.last()
    assert (conversation["status"], conversation["agent_response"]) == ("completed", "")
    assert conversation["metadata"]["finish_reason"] == "tool_calls"


@pytest.mark.embedded
def test_reasoning_alone_is_no_answer(chat_with, model):
    model.script(chunk({"reasoning_content": "Hm."}), finish(), DONE)
    chat = chat_with(AGENT_RETRIES="0")
    chat.assert_failed(chat.ask()[-1], "AGENT_PROTOCOL")


@pytest.mark.embedded
def test_what_the_model_adds_of_its_own_is_passed_over(answers):
    more = event({"object": "ping"} | {"choices": []})
    events = answers(more, chunk({"content": None, "refusal": None}), delta("All."), more, delta(""), finish(), DONE)
    assert [event.status for event in events] == ["started", "streaming", "complete"]
    assert events[-1].content == "All."
