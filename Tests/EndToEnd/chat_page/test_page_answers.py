"""Questions and answers on the chat page."""

import re
import threading

from selenium.webdriver.common.keys import Keys

from page import ChatPage
from scripted_model import DONE, answer, chunk, delta, finish, wait
from waiting import wait_until


def history(site_api, page):
    return site_api.history(page.room_id)["conversations"]


def test_from_the_first_visit_to_a_streamed_answer(browser, site, gate):
    # As it says itself where it is.
    address = re.search(r"^Page: +(http://\S+)/ ", site.stdout, re.MULTILINE)[1]
    page = ChatPage(browser, address)
    page.forget_everything()
    page.open()
    assert page.text("#account-name").startswith("guest-")
    assert "No rooms yet" in page.text("#room-note")
    assert page.focused == "question"
    page.say("What is a room?")
    running = page.wait_for(answer="One, two, ", status="streaming")
    assert running["question"] == "What is a room?" and running["agent"] == "assistant"
    assert page.find("#stop").is_displayed() and not page.find("#send").is_displayed()
    gate.set()
    assert page.wait_for(status="completed")["answer"] == "One, two, three."
    assert page.find(".markdown strong").text == "three"
    assert not page.find("#stop").is_displayed()
    # The answer is told once it is there, not token by token.
    assert "One, two, three." in page.js("return document.querySelector('#announcer').textContent")
    wait_until(lambda: page.rooms == ["What is a room?"], what="the room in the list")
    page.wait_for_text(".room-text", "One, two, three.")
    assert page.find(".room-time").get_attribute("datetime")
    guest = page.text("#account-name")
    assert page.reload().text("#account-name") == guest and page.last["answer"] == "One, two, three."


def test_a_stopped_answer_stays_and_is_marked(page, site_api, scripted, gate):
    page.say("Count to three")
    page.wait_for(answer="One, two, ")
    page.click("#stop")
    stopped = page.wait_for(status="cancelled")
    assert stopped["answer"].strip() == "One, two," and "Stopped" in stopped["mark"]
    assert history(site_api, page)[0]["status"] == "cancelled"
    assert page.focused == "question"
    page.reload()
    assert page.last == stopped

    scripted.script(*answer("Now all of it."))
    page.click(".mark .quiet")
    assert page.wait_for(status="completed")["question"] == "Count to three"
    assert len(page.exchanges) == 2


def test_a_reload_in_mid_answer_goes_on_where_it_was(page, site_api, scripted):
    gates = [threading.Event() for _ in range(2)]
    numbers = [f"{number} " for number in range(300)]
    scripted.script(
        chunk({"role": "assistant", "content": ""}), *map(delta, numbers[:100]), wait(gates[0]), *map(delta, numbers[100:200]),
        wait(gates[1]), *map(delta, numbers[200:]), finish(), DONE,
    )
    page.say("Count")
    page.wait_for(answer="".join(numbers[:100]))
    page.reload()
    assert page.wait_for(answer="".join(numbers[:100]))["status"] == "streaming"
    assert page.find("#stop").is_displayed()
    gates[0].set()
    page.wait_for(answer="".join(numbers[:200]))
    page.reload()
    gates[1].set()
    page.wait_for(status="completed")
    # No token is lost, and none is there twice.
    assert page.last["answer"].split() == "".join(numbers).split()
    stored = history(site_api, page)
    assert len(stored) == 1 and stored[0]["agent_response"] == "".join(numbers)
    assert len(page.exchanges) == 1


def test_who_answers_can_be_chosen(page, scripted):
    page.choose("researcher")
    scripted.forget()
    page.say("Look it up")
    assert page.wait_for(status="completed")["agent"] == "researcher"
    assert scripted.wait_for().body["model"] == "model-b"
    page.reload()
    assert page.find("#agent").get_attribute("value") == "researcher"
    page.choose("assistant")
    page.say("And you?")
    assert page.wait_for(question="And you?", status="completed")["agent"] == "assistant"
    assert scripted.wait_for(2).body["model"] == "model-a"


def test_a_long_answer_is_whole_and_followed(page, site_api, scripted):
    blocks = [f"Paragraph {number} with some **words** in it, and `code`.\n\n" for number in range(400)]
    scripted.script(*answer(*blocks))
    page.say("At length")
    page.wait_for(30, status="completed")
    assert page.js("return document.querySelectorAll('.markdown > p').length") == 400
    assert page.text(".markdown > p:last-child") == "Paragraph 399 with some words in it, and code."
    rest = "const s = document.querySelector('#scroller'); return s.scrollHeight - s.scrollTop - s.clientHeight"
    wait_until(lambda: page.js(rest) < 5, what="the end to be in view")


def test_everything_is_done_by_keyboard(page):
    page.press("First question", Keys.ENTER)
    page.wait_for(status="completed")
    wait_until(lambda: len(page.rooms) == 1, what="the room")

    def walk_to(name, back=False):
        for _ in range(40):
            if page.focused == name:
                return
            page.press(*([Keys.SHIFT, Keys.TAB, Keys.NULL] if back else [Keys.TAB]))
        raise AssertionError(f"{name} cannot be reached; at {page.focused}")

    walk_to("rename-room", back=True)
    page.press(Keys.ENTER)
    page.press(Keys.CONTROL, "a", Keys.NULL, "By keyboard", Keys.ENTER)
    wait_until(lambda: page.rooms == ["By keyboard"], what="the new name")
    assert page.focused == "rename-room", "a dialog gives the focus back"
    walk_to("delete-room")
    page.press(Keys.ENTER)
    wait_until(lambda: page.rooms == [], what="the room to go")
    walk_to("Undo")
    page.press(Keys.ENTER)
    wait_until(lambda: page.rooms == ["By keyboard"], what="the room to be back")

    walk_to("new-room", back=True)
    page.press(Keys.ENTER)
    wait_until(lambda: page.rooms == ["New room", "By keyboard"] and page.focused == "question", what="a new room")
    page.press("One line", Keys.SHIFT, Keys.ENTER, Keys.NULL, "and another", Keys.ENTER)
    assert page.wait_for(status="completed")["question"] == "One line\nand another"
    walk_to("skip", back=True)
    page.press(Keys.ENTER)
    assert page.focused == "question"


def test_a_draft_survives_a_reload(page):
    page.find("#question").send_keys("Not yet sent")
    page.reload()
    assert page.find("#question").get_attribute("value") == "Not yet sent"
