"""Rooms on the chat page: made, renamed, deleted, and one's own."""

import pytest
from selenium.webdriver.common.keys import Keys

from api import unique
from page import ChatPage
from waiting import holds_for, wait_until


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


@pytest.mark.parametrize("how", ["pointer", "keyboard"])
def test_what_was_undone_stays_undone(page, site_api, how):
    page.say("Still here")
    page.wait_for(status="completed")
    room = page.room_id
    page.click("#delete-room")
    page.wait_for_text(".toast", "is deleted")
    if how == "pointer":
        page.click(".toast .button")
    else:
        page.find(".toast .button").send_keys(Keys.ENTER)
    wait_until(lambda: page.rooms == ["Still here"], what="the room to be back")
    # For longer than one can undo.
    assert holds_for(lambda: site_api.http.get(f"/api/rooms/{room}").status_code == 200, 8)
    assert page.rooms == ["Still here"]


def test_a_deletion_is_done_when_its_time_is_over(page, site_api):
    page.say("Short-lived")
    page.wait_for(status="completed")
    room = page.room_id
    page.click("#delete-room")
    page.wait_for_text(".toast", "is deleted")
    wait_until(lambda: site_api.http.get(f"/api/rooms/{room}").status_code == 404, 15, "the deletion")
    wait_until(lambda: not page.all(".toast"), what="the message to go")
    assert page.rooms == []


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
