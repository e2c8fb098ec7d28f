"""The chat page in several tabs and on several devices: all of them show the same."""

from selenium.webdriver.common.keys import Keys

from waiting import wait_until


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
