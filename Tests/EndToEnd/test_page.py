"""The chat page in a real browser: rooms, questions, answers and their history."""

import re
import threading

import httpx
import pytest
from selenium.webdriver.common.keys import Keys

from api import Api, unique
from chat import write_agents
from page import ChatPage
from scripted_model import DONE, ScriptedModel, answer, chunk, delta, finish, wait
from service import Service
from waiting import holds_for, wait_until


@pytest.fixture(scope="module")
def scripted():
    with ScriptedModel() as model:
        yield model


@pytest.fixture(scope="module")
def site(scripted, tmp_path_factory):
    """A service with two agents that ask the scripted model."""
    folder = tmp_path_factory.mktemp("site")
    agents = [
        {"name": "assistant", "model": "model-a", "description": "Knows a bit of everything"},
        {"name": "researcher", "model": "model-b", "description": "Looks things up"},
    ]
    service = Service(
        folder, OPENAI_BASE_URL=scripted.url, OPENAI_API_KEY="sk-test", DRAIN_SECONDS="1",
        AGENTS_FILE=write_agents(folder / "agents.json", agents, "assistant"),
    ).start()
    yield service
    service.stop()
    service.discard()


@pytest.fixture
def site_api(site):
    client = Api(site.url)
    yield client
    client.close()


@pytest.fixture
def page(browser, site, scripted):
    scripted.script(*answer("An answer."))
    page = ChatPage(browser, site.url).open(unique())
    yield page
    # Whatever a test has done: no script has failed, and nothing was tried that the policy forbids.
    assert page.complaints == []


@pytest.fixture
def gate(scripted):
    """Answers stop in the middle until it is set."""
    event = threading.Event()
    scripted.script(chunk({"role": "assistant", "content": ""}), delta("One, two, "), wait(event), delta("**three**."), finish(), DONE)
    yield event
    event.set()


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


def test_rooms_are_made_renamed_and_deleted_with_an_undo(page, site_api):
    page.click("#new-room")
    wait_until(lambda: page.rooms == ["New room"], what="the room")
    # An empty room is as new as any.
    page.click("#new-room")
    page.say("How are you?")
    page.wait_for(status="completed")
    wait_until(lambda: page.rooms == ["How are you?"], what="the room to be called after its question")

    page.click("#rename-room")
    page.find("#room-name").clear()
    page.find("#room-name").send_keys("Greetings", Keys.ENTER)
    wait_until(lambda: page.rooms == ["Greetings"] and page.text("#room-title") == "Greetings", what="the new name")
    room = page.room_id
    assert site_api.data("GET", f"/api/rooms/{room}")["room_name"] == "Greetings"

    page.click("#delete-room")
    wait_until(lambda: page.rooms == [], what="the room to go")
    page.click(".toast .button")
    wait_until(lambda: page.rooms == ["Greetings"] and page.last, what="the room to be back")
    assert site_api.data("GET", f"/api/rooms/{room}")

    # What is not undone is done when its time is over, or at the latest when the page goes.
    page.click("#delete-room")
    page.wait_for_text(".toast", "“Greetings” is deleted.")
    page.browser.get("about:blank")
    wait_until(lambda: site_api.http.get(f"/api/rooms/{room}").status_code == 404, what="the deletion")
    assert page.open().rooms == []


def test_a_deletion_is_done_when_its_time_is_over(page, site_api):
    page.say("Short-lived")
    page.wait_for(status="completed")
    room = page.room_id
    page.click("#delete-room")
    page.wait_for_text(".toast", "is deleted")
    wait_until(lambda: site_api.http.get(f"/api/rooms/{room}").status_code == 404, 15, "the deletion")
    wait_until(lambda: not page.all(".toast"), what="the message to go")
    assert page.rooms == []


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


def test_a_second_tab_shows_the_same_answer_live(page, gate):
    page.say("What do two see?")
    page.wait_for(answer="One, two, ")
    fragment = f"#{page.room_id}"
    first = page.browser.current_window_handle
    with page.another_tab() as other:
        other.open(fragment=fragment)
        other.wait_for(answer="One, two, ", status="streaming")
        gate.set()
        other.wait_for(answer="One, two, three.", status="completed")
        with page.in_window(first):
            page.wait_for(answer="One, two, three.", status="completed")
        # And the other way round: what is asked here comes there, with its question.
        other.say("And now?")
        other.wait_for(question="And now?", status="completed")
        with page.in_window(first):
            page.wait_for(question="And now?", status="completed")
            assert len(page.exchanges) == 2


def test_a_tab_that_was_there_before_the_first_question_sees_it_too(page):
    page.click("#new-room")
    wait_until(lambda: page.rooms == ["New room"], what="the room")
    fragment, first = f"#{page.room_id}", page.browser.current_window_handle
    with page.another_tab() as other:
        other.open(fragment=fragment)
        other.say("Who is there?")
        other.wait_for(status="completed")
        with page.in_window(first):
            page.wait_for(question="Who is there?", answer="An answer.", status="completed")
        # Rooms too are the same in all tabs.
        other.click("#rename-room")
        other.find("#room-name").send_keys(Keys.CONTROL, "a", Keys.NULL, "Both of us", Keys.ENTER)
        with page.in_window(first):
            wait_until(lambda: page.rooms == ["Both of us"] and page.text("#room-title") == "Both of us", what="the new name")


def test_both_tabs_can_stop_the_answer(page, gate):
    page.say("Who stops it?")
    page.wait_for(answer="One, two, ")
    first, fragment = page.browser.current_window_handle, f"#{page.room_id}"
    with page.another_tab() as other:
        other.open(fragment=fragment)
        other.wait_for(answer="One, two, ", status="streaming")
        other.click("#stop")
        other.wait_for(status="cancelled")
        with page.in_window(first):
            assert page.wait_for(status="cancelled")["answer"].strip() == "One, two,"


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


def test_older_messages_come_as_one_scrolls_up(browser, service, api):
    user = unique()
    session = api.session(user)
    for number in range(45):
        api.ask(session, f"Question {number}", tokens=12)
    page = ChatPage(browser, service.url).open(user, f"#{session['room_id']}")
    assert [each["question"] for each in page.exchanges] == [f"Question {number}" for number in range(25, 45)]
    assert page.find(".exchange:last-child").rect["y"] < 800, "the newest one is seen"
    page.scroll_up()
    wait_until(lambda: len(page.exchanges) == 40, what="the page before")
    # What one was reading has not moved far: it is not the top of the older page.
    assert page.js("return document.querySelector('#scroller').scrollTop") > 500
    page.scroll_up()
    wait_until(lambda: len(page.exchanges) == 45, what="the first page")
    assert [each["question"] for each in page.exchanges] == [f"Question {number}" for number in range(45)]
    page.scroll_up()
    assert holds_for(lambda: len(page.exchanges) == 45, 0.3)
    page.click("#to-latest")
    wait_until(lambda: page.find(".exchange:last-child").rect["y"] < 800, what="the newest one")
    assert page.complaints == []


def test_what_a_stored_answer_says_is_text(page, site_api, scripted):
    attack = (
        "<script>window.attacked = 1</script>\n\n<img src=x onerror='window.attacked = 2'> and <b onclick=x>bold</b>\n\n"
        "[one](javascript:window.attacked=3) [two](data:text/html,<script>window.attacked=4</script>) "
        "<javascript:alert(5)> ![pixel](https://spy.example/pixel.png) [good](https://good.example/?a=1&b=2)\n\n"
        "```\"><script>window.attacked=6</script>\n</code></pre><script>window.attacked = 7</script>\n```\n\n&lt;i&gt; &amp; &#60;u&#62;"
    )
    scripted.script(*answer(*[attack[start:start + 7] for start in range(0, len(attack), 7)]))
    page.say("<script>window.attacked = 8</script><i>me</i>")
    page.wait_for(status="completed")
    for _ in range(2):
        last = page.last
        assert last["question"] == "<script>window.attacked = 8</script><i>me</i>"
        for text in ["<script>window.attacked = 1</script>", "<img src=x onerror='window.attacked = 2'>", "<b onclick=x>bold</b>",
                     "</code></pre><script>window.attacked = 7</script>", "<i> & <u>"]:
            assert text in last["answer"]
        assert page.all(".exchange script, .exchange img, .exchange b, .exchange i, .exchange u, .exchange iframe") == []
        assert page.js("return [...document.querySelectorAll('.exchange *')].flatMap(e => e.getAttributeNames()).filter(n => n.startsWith('on'))") == []
        links = {each.text: each.get_attribute("href") for each in page.all(".markdown a")}
        assert links == {"pixel": "https://spy.example/pixel.png", "good": "https://good.example/?a=1&b=2"}
        assert all("noopener" in each.get_attribute("rel") for each in page.all(".markdown a"))
        assert page.js("return window.attacked ?? null") is None
        # The excerpt of the room list too.
        assert page.all(".room script, .room img") == [] and "<script>" in page.text(".room-name")
        page.reload()
    assert history(site_api, page)[0]["agent_response"] == attack


@pytest.mark.parametrize("text", ["> " + ">" * 4000 + " deep", "- " * 4000 + "deep", "**a " * 10_000 + "deep"], ids=["quotes", "lists", "stars"])
def test_markdown_that_is_too_much_for_the_library_is_shown_as_it_is(page, scripted, text):
    scripted.script(*answer("Before.\n\n", text))
    page.say("Nest")
    page.wait_for(status="completed", seconds=15)
    for _ in range(2):
        assert page.last["answer"].startswith("Before.") and "deep" in page.last["answer"]
        page.reload()


def test_markdown_is_shown_as_such(page, scripted):
    text = (
        "# Title\n\nA paragraph with **bold**, *em*, ~~gone~~ and `code`,\nand a second line.\n\n- one\n- two\n  1. inner\n\n"
        "- [x] done\n\n> quoted\n\n```python\nprint('<b>')\n```\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\nhttps://auto.example/x?a=1&b=2 "
    )
    scripted.script(*answer(*text))
    page.say("Show me")
    page.wait_for(status="completed")
    shown = {css: page.text(f".markdown {css}") for css in ["h3", "strong", "em", "del", "p code", "blockquote", "pre code", "ol li"]}
    assert shown == {
        "h3": "Title", "strong": "bold", "em": "em", "del": "gone", "p code": "code", "blockquote": "quoted",
        "pre code": "print('<b>')", "ol li": "inner",
    }
    assert page.js("return [...document.querySelectorAll('.markdown td')].map(e => e.textContent)") == ["1", "2"]
    assert page.find(".markdown .task").get_attribute("aria-label") == "Done"
    assert page.find(".markdown a").get_attribute("href") == "https://auto.example/x?a=1&b=2"


def test_a_long_answer_is_whole_and_followed(page, site_api, scripted):
    blocks = [f"Paragraph {number} with some **words** in it, and `code`.\n\n" for number in range(400)]
    scripted.script(*answer(*blocks))
    page.say("At length")
    page.wait_for(30, status="completed")
    assert page.js("return document.querySelectorAll('.markdown > p').length") == 400
    assert page.text(".markdown > p:last-child") == "Paragraph 399 with some words in it, and code."
    rest = "const s = document.querySelector('#scroller'); return s.scrollHeight - s.scrollTop - s.clientHeight"
    wait_until(lambda: page.js(rest) < 5, what="the end to be in view")


def test_another_name_has_other_rooms(page):
    page.say("Mine")
    page.wait_for(status="completed")
    wait_until(lambda: page.rooms == ["Mine"], what="the room")
    user, other = page.text("#account-name"), unique()
    for name, rooms in [(other, []), (user, ["Mine"])]:
        page.click("#account")
        page.find("#user-id").clear()
        page.find("#user-id").send_keys(name, Keys.ENTER)
        wait_until(lambda: page.text("#account-name") == name and page.rooms == rooms, what=f"the rooms of {name}")


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


def test_an_answer_that_somebody_else_has_asked_for_is_seen(page, site_api):
    """Another device has a session of its own in the same room."""
    page.say("Mine")
    page.wait_for(status="completed")
    session = site_api.session(page.text("#account-name"), room_id=page.room_id)
    body = {"query": "From elsewhere", "session_id": session["session_id"]}
    assert site_api.http.post("/api/chat/message", json=body).status_code == 200
    page.js("dispatchEvent(new Event('online'))")
    page.wait_for(question="From elsewhere", status="completed")
    assert len(page.exchanges) == 2


def test_the_page_and_its_files_are_served_for_browsers_alone(site):
    with httpx.Client(base_url=site.url, trust_env=False) as http:
        page = http.get("/", headers={"Accept": "text/html,*/*;q=0.8"})
        assert page.headers["content-type"].startswith("text/html") and page.headers["vary"] == "Accept"
        assert http.get("/app").content == page.content
        assert http.get("/").json()["status"] == "running"
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "trusted-types 'none'" in policy
        files = [part.split('"')[0] for part in page.text.split('"/assets/')[1:]]
        assert len(files) > 6
        for file in [*files, "page/markdown.js", "marked/marked.esm.js"]:
            response = http.get(f"/assets/{file}")
            assert response.status_code == 200 and response.headers["x-content-type-options"] == "nosniff", file
            again = http.get(f"/assets/{file}", headers={"If-None-Match": response.headers["etag"]})
            assert again.status_code == 304 and again.content == b""
    # Nothing from anywhere else, and nothing inline.
    assert "://" not in page.text and "<style" not in page.text and " style=" not in page.text and " onclick=" not in page.text
