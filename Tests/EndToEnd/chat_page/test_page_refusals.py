"""The chat page when it is refused something, or an answer fails: it says why, keeps what was written, and shows a way on."""

import pytest

from api import unique
from page import ChatPage
from scripted_model import answer, refuse
from waiting import holds_for, wait_until

pytestmark = pytest.mark.embedded


def test_an_answer_that_fails_says_why_and_can_be_asked_for_again(page, scripted):
    scripted.script_each([refuse(503, {"error": {"message": "down"}})], answer("All of it."))
    page.say("Will you fail?")
    failed = page.wait_for(status="failed")
    assert failed["mark"] == "The model cannot be reached at the moment."
    page.reload()
    assert page.last["mark"] == failed["mark"]
    page.click(".mark .quiet")
    assert page.wait_for(status="completed")["answer"] == "All of it."


def test_a_session_that_has_ended_is_replaced(page, site_api):
    page.say("In the first session")
    page.wait_for(status="completed")
    room = page.room_id
    first = page.js("return localStorage.getItem('roomservice.session.' + arguments[0])", room)
    site_api.data("DELETE", f"/api/session/{first}")
    page.say("In the next one")
    page.wait_for(question="In the next one", status="completed")
    assert page.js("return localStorage.getItem('roomservice.session.' + arguments[0])", room) not in (None, first)
    assert len(site_api.history(room)["conversations"]) == 2


def test_a_room_that_is_gone_is_told_of(page, site_api):
    page.say("Here")
    page.wait_for(status="completed")
    room, user = page.room_id, page.text("#account-name")
    site_api.data("DELETE", f"/api/rooms/{room}", params={"user_id": user})
    page.reload()
    page.wait_for_text("#transcript", "This room is no longer there")
    page.click("#transcript .button")
    page.say("Somewhere else")
    page.wait_for(question="Somewhere else", status="completed")
    assert page.room_id != room


def test_who_is_too_fast_is_told_when_to_go_on(browser, make_service, connect, site_settings):
    service = make_service(**site_settings, RATE_LIMITS="messages=12/m,writes=off,reads=off").start()
    user = unique()
    page = ChatPage(browser, service.url).open(user)
    api = connect(service)
    session = api.session(user)["session_id"]
    headers = {"Accept": "application/json"}
    wait_until(
        lambda: api.http.post("/api/chat/message", json={"query": "?", "session_id": session}, headers=headers).status_code == 429,
        what="the limit",
    )
    page.say("Two")
    page.wait_for_text("#notice", "That was a little too fast.")
    page.click("#notice .button")
    page.wait_for(question="Two", status="completed")


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (503, "UNAVAILABLE", "The service cannot get at its store at the moment."),
        (503, "OVERLOADED", "The service has too much to do at the moment."),
        (503, "SHUTTING_DOWN", "The service is being restarted."),
        (429, "STREAM_LIMIT_EXCEEDED", "Too many of your answers are being written at the same time."),
        (409, "STREAM_ACTIVE", "An answer is already being written in this room."),
        (500, "INTERNAL_ERROR", "Something went wrong in the service."),
    ],
)
def test_a_refused_question_is_given_back_with_the_reason(page, status, code, words):
    page.js(
        """window.fetch = (real => (path, ...rest) => {
            if (path !== '/api/chat/message' || window.isBack) return real(path, ...rest);
            const body = JSON.stringify({success: false, error: 'x', error_code: arguments[1]});
            return Promise.resolve(new Response(body, {status: arguments[0]}));
        })(fetch)""".replace("arguments[", "window.refusal["),
    )
    page.js("window.refusal = [arguments[0], arguments[1]]", status, code)
    page.say("Please")
    page.wait_for_text("#notice", words)
    assert page.find("#question").get_attribute("value") == "Please" and page.exchanges == []
    page.js("window.isBack = true")
    page.click("#notice .button")
    page.wait_for(question="Please", status="completed")


def test_who_has_too_many_rooms_is_told_so(browser, make_service, site_settings):
    service = make_service(**site_settings, MAX_ROOMS_PER_USER="1").start()
    page = ChatPage(browser, service.url).open(unique())
    page.say("The only room")
    page.wait_for(status="completed")
    page.click("#new-room")
    page.wait_for_text(".toast", "Delete one that you no longer need.")


def test_a_question_that_is_too_long_is_not_sent(page):
    page.js("const text = document.querySelector('#question'); text.value = 'x'.repeat(32769); text.dispatchEvent(new Event('input'))")
    assert page.text("#composer-count") == "Too long by 1"
    assert not page.find("#send").is_enabled()
    assert holds_for(lambda: page.exchanges == [], 0.2)
