"""The chat page when the network or the service goes: it goes on where it was, and loses nothing that was written."""

import threading

import pytest

from api import unique
from page import ChatPage
from scripted_model import DONE, answer, chunk, delta, finish, wait
from tcp_proxy import CuttingProxy
from waiting import wait_until

pytestmark = pytest.mark.embedded


@pytest.fixture
def proxy(site):
    """The network between the browser and the service."""
    between = CuttingProxy(site.port)
    yield between
    between.close()


@pytest.fixture
def page(browser, proxy, scripted):
    scripted.script(*answer("An answer."))
    return ChatPage(browser, proxy.url).open(unique())


def numbers(start, end):
    return [f"{number} " for number in range(start, end)]


def count_to(end, page, scripted):
    """Asks for numbers, and waits for half of them; the others come when the event is set that it returns."""
    gate = threading.Event()
    half = end // 2
    scripted.script(
        chunk({"role": "assistant", "content": ""}), *map(delta, numbers(0, half)), wait(gate), *map(delta, numbers(half, end)),
        finish(), DONE,
    )
    page.say("Count")
    page.wait_for(answer="".join(numbers(0, half)))
    return gate


# --- answers


def test_an_answer_goes_on_after_the_network_was_cut(page, proxy, site_api, scripted):
    gate = count_to(200, page, scripted)
    proxy.cut()
    page.wait_for_text("#banner", "Reconnecting")
    assert page.last["answer"] == "".join(numbers(0, 100)) and page.last["status"] == "streaming"
    # It goes on meanwhile; what was missed comes when the network is back.
    gate.set()
    wait_until(lambda: site_api.history(page.room_id)["conversations"][0]["status"] == "completed", what="the answer's end")
    proxy.restore()
    # Unless the browser has been faster.
    page.js("document.querySelector('#banner .button')?.click()")
    page.wait_for(status="completed", answer="".join(numbers(0, 200)))
    wait_until(lambda: page.text("#banner") == "", what="the banner to go")
    assert len(page.exchanges) == 1


def test_a_cut_that_the_browser_mends_by_itself_loses_nothing(page, proxy, scripted):
    gate = count_to(100, page, scripted)
    proxy.end_connections()
    gate.set()
    page.wait_for(status="completed", answer="".join(numbers(0, 100)))


def test_an_answer_that_the_end_of_the_service_interrupts_stays_and_is_marked(browser, make_service, site_settings, scripted):
    gate = threading.Event()
    scripted.script(chunk({"role": "assistant", "content": ""}), delta("As far as this"), wait(gate), finish(), DONE)
    service = make_service(**site_settings).start()
    page = ChatPage(browser, service.url).open(unique())
    page.say("Tell me")
    page.wait_for(answer="As far as this")
    service.stop()
    interrupted = page.wait_for(status="interrupted")
    assert interrupted["answer"] == "As far as this" and "restarted" in interrupted["mark"]
    gate.set()


# --- questions


def test_a_question_that_cannot_be_sent_is_given_back_and_sent_once(page, proxy, site_api):
    page.say("The first one")
    page.wait_for(status="completed")
    proxy.cut()
    page.say("Is anybody there?")
    page.wait_for_text("#notice", "Your question was not sent. The service cannot be reached.")
    assert page.find("#question").get_attribute("value") == "Is anybody there?"
    assert len(page.exchanges) == 1
    proxy.restore()
    page.click("#notice .button")
    page.wait_for(question="Is anybody there?", status="completed")
    assert page.notice == "" and page.find("#question").get_attribute("value") == ""
    assert [each["user_input"] for each in site_api.history(page.room_id)["conversations"]] == ["The first one", "Is anybody there?"]


def test_the_page_can_be_offline(page):
    page.say("Hello")
    page.wait_for(status="completed")
    conditions = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    page.browser.execute_cdp_cmd("Network.enable", {})
    page.browser.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": True} | conditions)
    try:
        page.say("Anybody?")
        page.wait_for_text("#notice", "This device is offline.")
    finally:
        page.browser.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": False} | conditions)
    page.click("#notice .button")
    page.wait_for(question="Anybody?", status="completed")


def test_who_leaves_a_room_while_a_question_fails_finds_it_again(page):
    page.say("First")
    page.wait_for(status="completed")
    fragment = f"#{page.room_id}"
    page.js("window.fetch = (real => (path, ...rest) => path === '/api/chat/message' ? new Promise((_, fail) => window.fail = fail) : real(path, ...rest))(fetch)")
    page.say("Into the void")
    wait_until(lambda: page.js("return Boolean(window.fail)"), what="the question")
    page.click("#new-room")
    wait_until(lambda: f"#{page.room_id}" != fragment, what="the new room")
    page.js("window.fail(new TypeError('gone'))")
    page.click(f".room-link[href='{fragment}']")
    wait_until(lambda: page.find("#question").get_attribute("value") == "Into the void", what="the question")


# --- rooms


def test_rooms_and_histories_that_cannot_be_loaded_can_be_asked_for_again(page, proxy, scripted):
    page.say("Something")
    page.wait_for(status="completed")
    # The page itself is there, the service behind it goes.
    page.js("window.fetch = ((real, away) => (...of) => window.isAway ? Promise.reject(new TypeError(away)) : real(...of))(fetch, 'away'); window.isAway = true")
    page.js("const hash = location.hash; history.pushState(null, '', location.pathname); dispatchEvent(new PopStateEvent('popstate')); history.pushState(null, '', hash); dispatchEvent(new PopStateEvent('popstate')); dispatchEvent(new Event('online'))")
    page.wait_for_text("#transcript", "This conversation could not be loaded")
    page.wait_for_text("#room-note", "Your rooms could not be loaded. The service cannot be reached.")
    page.js("window.isAway = false")
    page.click("#transcript .button")
    page.wait_for(question="Something", status="completed")
    page.click("#room-note .button")
    wait_until(lambda: page.text("#room-note") == "" and page.rooms == ["Something"], what="the rooms")
