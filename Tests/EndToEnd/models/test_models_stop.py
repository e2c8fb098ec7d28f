"""Stop means stop: when it has answered, the model has been told too, by the end of its connection."""

import threading
import time

import pytest

from scripted_model import DONE, answer, delta, finish, forever, refuse, silence, wait
from waiting import holds_for, wait_until

CLOSED_WITHIN = 0.1
TALK = forever(delta("word "))


def assert_closed(request, since):
    """The client of the model, that is the service, has closed that request's connection, and in time."""
    wait_until(lambda: request.closed_at, 5, "the end of the model's connection")
    assert request.closed_at - since < CLOSED_WITHIN


def test_a_stop_ends_the_models_connection_and_keeps_the_text_so_far(chat_with, model):
    model.script(TALK)
    chat = chat_with()
    stream = chat.stream()
    stream.wait_for(10)
    stopped = chat.stop()
    assert_closed(model.requests[0], time.monotonic())

    assert stopped["status"] == "stop_requested"
    terminal = stream.wait_for_end(5).events[-1]
    assert terminal.status == "cancelled"
    assert terminal.content == stream.text == stopped["partial_response"] != ""
    conversation = chat.last()
    assert conversation["status"] == "cancelled"
    assert conversation["agent_response"] == terminal.content
    assert len(model.requests) == 1


def test_each_of_many_stops_ends_its_own_answer_only(chat_with, model):
    model.script(TALK)
    first = chat_with()
    chats = [first, *(first.another() for _ in range(9))]
    streams = [chat.stream(f"Question {number}") for number, chat in enumerate(chats)]
    for stream in streams:
        stream.wait_for(5)
    requests = {request.messages[-1][1]: request for request in model.requests}
    for number, (chat, stream) in enumerate(zip(chats, streams)):
        chat.stop()
        assert_closed(requests.pop(f"Question {number}"), time.monotonic())
        assert stream.wait_for_terminal(5).status == "cancelled"
        assert not any(request.closed_at for request in requests.values())


@pytest.mark.embedded
def test_whoever_is_stopped_in_a_crowd_nothing_is_left_of_it(chat_with, model):
    rest = threading.Event()
    model.script(delta("First"), wait(rest), delta(" and last."), finish(), DONE)
    first = chat_with([{"name": "ada"}])
    chats = [first, *(first.another() for _ in range(59))]
    accepted = {"Accept": "application/json"}
    for chat in chats:
        body = {"query": "What is a room?", "session_id": chat.session["session_id"]}
        chat.api.data("POST", "/api/chat/message", 202, json=body, headers=accepted)
    model.wait_for(len(chats))
    for chat in chats[::2]:
        chat.stop()
    wait_until(lambda: sum(request.closed_at is not None for request in model.requests) == 30, 5)
    rest.set()
    ends = [chat.api.ended_conversation(chat.session)["status"] for chat in chats]
    assert ends == ["cancelled", "completed"] * 30
    assert sum(request.ended for request in model.requests) == 30

    def at_rest():
        check = first.api.http.get("/api/health").json()["checks"]["agents"]["ada"]
        return (check["running"], check["waiting"], check["status"]) == (0, 0, "healthy")

    wait_until(at_rest, 5, "rest")


def test_a_model_that_has_not_said_a_word_is_stopped_too(chat_with, model):
    model.script(silence)
    chat = chat_with()
    stream = chat.stream()
    request = model.wait_for(1)
    assert chat.stop()["partial_response"] == ""
    assert_closed(request, time.monotonic())
    assert stream.wait_for_terminal(5).status == "cancelled"
    conversation = chat.last()
    assert (conversation["status"], conversation["agent_response"]) == ("cancelled", "")
    assert len(model.requests) == 1


@pytest.mark.embedded
def test_a_stop_while_it_still_connects_is_no_slower(chat_with, mute_port):
    chat = chat_with(OPENAI_BASE_URL=f"http://127.0.0.1:{mute_port}/v1")
    stream = chat.stream()
    began = time.monotonic()
    chat.stop()
    assert stream.wait_for_terminal(1).status == "cancelled"
    assert time.monotonic() - began < 0.5


def test_a_stop_between_two_tries_leaves_it_at_the_first(chat_with, model):
    model.script(refuse(503, "", Retry_After="1"))
    chat = chat_with()
    stream = chat.stream()
    model.wait_for(1)
    chat.stop()
    assert stream.wait_for_terminal(1).status == "cancelled"
    assert holds_for(lambda: len(model.requests) == 1, 1.5)


def test_after_a_stop_the_next_question_is_asked(chat_with, model):
    model.script_each([TALK], answer("The next answer."))
    chat = chat_with()
    stream = chat.stream()
    stream.wait_for(3)
    chat.stop()
    assert chat.ask("And now?")[-1].content == "The next answer."
    assert [each["status"] for each in chat.conversations()] == ["cancelled", "completed"]


def test_the_end_of_a_session_ends_the_models_connection(chat_with, model):
    model.script(TALK)
    chat = chat_with()
    stream = chat.stream()
    stream.wait_for(5)
    chat.api.data("DELETE", f"/api/session/{chat.session['session_id']}")
    assert_closed(model.requests[0], time.monotonic())
    terminal = stream.wait_for_terminal(5)
    assert terminal.status == "cancelled"
    conversation = chat.api.ended_conversation(chat.session)
    assert conversation["status"] == "cancelled"
    assert conversation["agent_response"] == terminal.content != ""


def test_the_end_of_a_room_ends_the_models_connection(chat_with, model):
    model.script(TALK)
    chat = chat_with()
    stream = chat.stream()
    stream.wait_for(5)
    user = {"user_id": chat.session["user_id"]}
    chat.api.data("DELETE", f"/api/rooms/{chat.session['room_id']}", params=user)
    assert_closed(model.requests[0], time.monotonic())
    assert stream.wait_for_terminal(5).status == "cancelled"


def test_a_shutdown_ends_the_models_connection_after_the_drain(chat_with, connect, model):
    model.script(TALK)
    chat = chat_with(DRAIN_SECONDS="1")
    stream = chat.stream()
    stream.wait_for(5)
    chat.service.signal()
    since = time.monotonic()
    request = model.requests[0]
    wait_until(lambda: request.closed_at, 5, "the end of the model's connection")
    assert 0.9 < request.closed_at - since < 2
    terminal = stream.wait_for_end(5).events[-1]
    assert terminal.status == "interrupted"
    assert chat.service.wait(5) == 0

    conversation = connect(chat.service.start()).only_conversation(chat.session)
    assert conversation["status"] == "interrupted"
    assert conversation["agent_response"] == terminal.content != ""


def test_a_shutdown_waits_for_an_answer_that_ends_in_time(chat_with, connect, model):
    rest = threading.Event()
    model.script(delta("First"), wait(rest), delta(" and last."), finish(), DONE)
    chat = chat_with(DRAIN_SECONDS="20")
    stream = chat.stream()
    stream.wait_for(2)
    chat.service.signal()
    rest.set()
    assert stream.wait_for_terminal(5).content == "First and last."
    assert chat.service.wait(5) == 0
    assert connect(chat.service.start()).only_conversation(chat.session)["status"] == "completed"


def test_a_client_that_leaves_does_not_stop_the_model(chat_with, model):
    rest = threading.Event()
    model.script(delta("First"), wait(rest), delta(" and last."), finish(), DONE)
    chat = chat_with()
    stream = chat.stream()
    stream.wait_for(2)
    stream.leave()
    assert holds_for(lambda: model.requests[0].closed_at is None, 0.5)
    rest.set()
    conversation = chat.api.ended_conversation(chat.session)
    assert conversation["status"] == "completed"
    assert conversation["agent_response"] == "First and last."
    assert model.requests[0].ended and model.requests[0].closed_at is None


def test_an_answer_that_has_become_too_long_ends_the_models_connection(chat_with, model):
    model.script(forever(delta("x" * 1000)))
    chat = chat_with(MAX_ANSWER_BYTES="10000")
    terminal = chat.ask()[-1]
    assert_closed(model.requests[0], time.monotonic())
    assert (terminal.status, terminal.data["finish_reason"]) == ("complete", "length")
    assert len(terminal.content) <= 10_000
