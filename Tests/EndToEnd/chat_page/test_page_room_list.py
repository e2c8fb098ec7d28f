"""The list of rooms: what it shows of an answer that is being written."""

import threading

import pytest

from scripted_model import DONE, answer, chunk, delta, finish, wait
from waiting import wait_until

pytestmark = pytest.mark.embedded


@pytest.fixture
def gates():
    """What the scripted answer waits for, one after the other."""
    made = [threading.Event() for _ in range(3)]
    yield made
    for each in made:
        each.set()


def begin(scripted, first, then, last):
    """Has the model write in three pieces: the first at once, and each other one when its gate is opened."""
    script = [chunk({"role": "assistant", "content": ""}), delta("Once")]
    for gate, text in ((first, " upon a"), (then, " time"), (last, " it ended.")):
        script += [wait(gate), delta(text)]
    scripted.script(*script, finish(), DONE)


PREVIEW = """return [...document.querySelectorAll('.room-link')]
    .find(each => each.querySelector('.room-name').textContent === arguments[0])?.querySelector('.room-text').textContent"""


def wait_for_preview(page, text, room="Tell me a story"):
    wait_until(lambda: page.js(PREVIEW, room) == text, 15, lambda: f"“{text}” in the list: {page.js(PREVIEW, room)}")


def test_the_last_message_follows_the_answer_and_is_right_at_its_end(page, scripted, gates):
    begin(scripted, *gates)
    page.say("Tell me a story")
    wait_for_preview(page, "Once")
    gates[0].set()
    wait_for_preview(page, "Once upon a")
    # A look at the list of the service, which lags behind, takes nothing away.
    page.js("document.dispatchEvent(new Event('visibilitychange'))")
    gates[1].set()
    wait_for_preview(page, "Once upon a time")
    gates[2].set()
    page.wait_for(status="completed")
    wait_for_preview(page, "Once upon a time it ended.")
    page.reload()
    wait_for_preview(page, "Once upon a time it ended.")


def test_a_stopped_answer_stays_as_far_as_it_got(page, scripted, gates):
    begin(scripted, *gates)
    page.say("Tell me a story")
    gates[0].set()
    wait_for_preview(page, "Once upon a")
    page.click("#stop")
    page.wait_for(status="cancelled")
    wait_for_preview(page, "Once upon a")


def test_it_changes_a_few_times_a_second_however_fast_the_answer_comes(page, scripted):
    scripted.script(*answer("Go on"))
    page.say("First")
    page.wait_for(status="completed")
    # One letter a token.
    letters = "abcdefghijklmnopqrstuvwxyz" * 3
    scripted.script(chunk({"role": "assistant", "content": ""}), *(delta(letter) for letter in letters), finish(), DONE)
    page.js("""window.changes = 0;
        new MutationObserver(() => (window.changes += 1)).observe(document.querySelector('.room-text'), {childList: true, characterData: true, subtree: true})""")
    page.say("Second")
    page.wait_for(answer=letters, status="completed")
    wait_for_preview(page, letters, "First")
    assert page.js("return window.changes") < len(letters) / 4


def test_a_room_that_was_left_goes_on_in_the_list(page, scripted, gates):
    begin(scripted, *gates)
    page.say("Tell me a story")
    wait_for_preview(page, "Once")
    page.click("#new-room")
    wait_until(lambda: page.rooms == ["New room", "Tell me a story"], what="the other room")
    for gate in gates:
        gate.set()
    wait_for_preview(page, "Once upon a time it ended.")
