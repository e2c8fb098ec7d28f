"""What spares a model: a limit on what it is asked at the same time, and a breaker when it keeps failing."""

import threading
import time

import pytest

from scripted_model import DONE, answer, cut, delta, finish, refuse, silence, wait
from waiting import wait_until

pytestmark = pytest.mark.embedded


def health(chat, name="ada"):
    return chat.api.http.get("/api/health").json()["checks"]["agents"][name]


def fragile(**fields):
    """An agent that gives up at the first failure, and whose breaker opens after the fifth in a row."""
    return {"name": "ada", "retries": 0, "breaker_failures": 5, "breaker_seconds": 1} | fields


def fail(chat, times):
    for _ in range(times):
        chat.assert_failed(chat.ask()[-1], "AGENT_UNAVAILABLE")


def test_after_five_failures_in_a_row_the_model_is_left_alone(chat_with, model):
    model.script(refuse(503))
    chat = chat_with([fragile(breaker_seconds=60)])
    fail(chat, 4)
    assert health(chat)["status"] == "healthy"
    fail(chat, 1)
    assert health(chat)["status"] == "open"
    assert len(model.requests) == 5

    began = time.monotonic()
    fail(chat, 3)
    assert time.monotonic() - began < 1
    assert len(model.requests) == 5


def test_an_answer_in_between_starts_the_count_anew(chat_with, model):
    no = [refuse(503)]
    model.script_each(no, no, no, no, answer("Yes."), no)
    chat = chat_with([fragile(breaker_seconds=60)])
    fail(chat, 4)
    assert chat.ask()[-1].content == "Yes."
    fail(chat, 4)
    assert health(chat)["status"] == "healthy"
    assert len(model.requests) == 9


def test_rejections_do_not_open_the_breaker(chat_with, model):
    model.script(refuse(400, {}))
    chat = chat_with([fragile(breaker_seconds=60)])
    for _ in range(6):
        chat.assert_failed(chat.ask()[-1], "AGENT_REJECTED")
    assert health(chat)["status"] == "healthy"


def test_a_probe_that_is_answered_closes_the_breaker(chat_with, model):
    model.script(refuse(503))
    chat = chat_with([fragile()])
    fail(chat, 5)
    model.script(*answer("Back."))
    # Nothing reaches the model before the breaker's time has passed.
    fail(chat, 1)
    wait_until(lambda: chat.ask()[-1].content == "Back.", 5, "an answer")
    assert model.requests[5].time - model.requests[4].time > 0.9
    assert health(chat)["status"] == "healthy"
    for _ in range(3):
        assert chat.ask()[-1].content == "Back."


def test_a_probe_is_alone_and_opens_the_breaker_again_when_it_fails(chat_with, model):
    probing = threading.Event()
    model.script(refuse(503))
    chat = chat_with([fragile()])
    other = chat.another()
    fail(chat, 5)
    model.script(wait(probing), refuse(503))

    # The first question after the breaker's time is the probe; those before it fail at once.
    def probe():
        stream = chat.stream()
        wait_until(lambda: len(model.requests) > 5 or stream.ended, 5)
        return None if stream.ended else stream

    stream = wait_until(probe, 5, "the probe")
    assert health(chat)["status"] == "half_open"
    fail(other, 3)
    assert len(model.requests) == 6
    probing.set()
    stream.wait_for_end()
    assert health(chat)["status"] == "open"
    fail(other, 1)
    assert len(model.requests) == 6


def test_the_breaker_of_one_model_leaves_the_others_alone(chat_with, model, closed_port):
    agents = [fragile(base_url=f"http://127.0.0.1:{closed_port}/v1", breaker_seconds=60), {"name": "bob"}]
    chat = chat_with(agents)
    for _ in range(5):
        chat.assert_failed(chat.ask(agent_type="ada")[-1], "AGENT_UNAVAILABLE")
    assert health(chat)["status"] == "open"
    assert health(chat, "bob")["status"] == "healthy"
    assert chat.ask(agent_type="bob")[-1].content == "An answer."


class Gates:
    """The model answers each question, by its words, when the test opens its gate."""

    def __init__(self, model):
        self.model = model
        self.gates = {}
        model.script(self.step, finish(), DONE)

    def gate(self, question):
        return self.gates.setdefault(question, threading.Event())

    async def step(self, exchange):
        question = exchange.messages[-1][1]
        await exchange.do(delta("About "))
        await wait(self.gate(question))(exchange)
        await exchange.do(delta(question))

    def open(self, question):
        self.gate(question).set()

    @property
    def asked(self):
        return [request.messages[-1][1] for request in list(self.model.requests)]


@pytest.fixture
def gates(model):
    return Gates(model)


def limited(running=1, waiting=1):
    return {"name": "ada", "max_concurrent": running, "max_waiting": waiting}


@pytest.fixture
def one_of_two_waits(chat_with, gates):
    """Three chats, of which the first is being answered, and the second waits; and their streams."""
    first = chat_with([limited()])
    second, third = first.another(), first.another()
    running = first.stream("one")
    running.wait_for(2)
    waiting = second.stream("two")
    wait_until(lambda: health(first)["waiting"] == 1)
    return first, second, third, running, waiting


def test_a_second_question_waits_and_a_third_is_refused(one_of_two_waits, gates):
    first, _, third, running, waiting = one_of_two_waits
    assert health(first).items() >= {"running": 1, "waiting": 1, "max_concurrent": 1, "max_waiting": 1}.items()
    third.assert_failed(third.ask("three")[-1], "AGENT_RATE_LIMITED")
    assert gates.asked == ["one"]

    gates.open("one")
    assert running.wait_for_terminal().content == "About one"
    waiting.wait_for(2)
    assert gates.asked == ["one", "two"]
    gates.open("two")
    assert waiting.wait_for_terminal().content == "About two"
    wait_until(lambda: (health(first)["running"], health(first)["waiting"]) == (0, 0))


def test_those_who_wait_are_served_in_the_order_of_their_arrival(chat_with, gates):
    words = ["one", "two", "three", "four", "five", "six"]
    first = chat_with([limited(1, 5)])
    streams = []
    for number, word in enumerate(words):
        streams.append((first.another() if number else first).stream(word))
        wait_until(lambda: health(first)["running"] + health(first)["waiting"] == number + 1)
    for word, stream in zip(words, streams):
        gates.open(word)
        assert stream.wait_for_terminal().content == f"About {word}"
    assert gates.asked == words


def test_who_waits_and_is_stopped_gives_the_place_to_another(one_of_two_waits, gates):
    first, second, third, running, waiting = one_of_two_waits
    second.stop()
    assert waiting.wait_for_terminal(2).status == "cancelled"
    assert health(first)["waiting"] == 0

    after = third.stream("three")
    wait_until(lambda: health(first)["waiting"] == 1)
    gates.open("one")
    gates.open("three")
    assert running.wait_for_terminal().status == "complete"
    assert after.wait_for_terminal().content == "About three"
    assert gates.asked == ["one", "three"]


@pytest.mark.parametrize("how", ["stopped", "failed"])
def test_a_place_is_free_again_however_an_answer_ends(chat_with, model, how):
    model.script_each([silence] if how == "stopped" else [delta("So far"), cut], answer("Mine."))
    first = chat_with([limited()])
    running = first.stream("one")
    model.wait_for(1)
    if how == "stopped":
        first.stop()
    running.wait_for_terminal()
    assert first.another().ask("two")[-1].content == "Mine."


def test_two_models_have_each_their_own_places(chat_with, model, gates):
    agents = [limited(), limited() | {"name": "bob", "base_url": model.url + "/of/bob"}]
    first = chat_with(agents)
    running = first.stream("one", agent_type="ada")
    running.wait_for(2)
    gates.open("two")
    assert first.another().ask("two", agent_type="bob")[-1].content == "About two"
    assert not running.ended
    gates.open("one")
    assert running.wait_for_terminal().status == "complete"


def test_nobody_waits_longer_for_a_place_than_for_a_first_token(chat_with, gates):
    first = chat_with([limited() | {"first_token_timeout_seconds": 1}])
    running = first.stream("one")
    running.wait_for(2)
    waiting = first.another()
    waiting.assert_failed(waiting.ask("two")[-1], "AGENT_RATE_LIMITED")
    gates.open("one")
    assert running.wait_for_terminal().status == "complete"
    assert gates.asked == ["one"]
