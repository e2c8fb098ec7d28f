"""The chat page when something goes wrong: it says what, keeps what was written, and shows a way on."""

import threading

import pytest

from api import Api, unique
from chat import write_agents
from cutting_proxy import CuttingProxy
from page import ChatPage
from scripted_model import DONE, ScriptedModel, answer, chunk, delta, finish, refuse, wait
from service import Service
from waiting import holds_for, wait_until

pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def scripted():
    with ScriptedModel() as model:
        yield model


@pytest.fixture(scope="module")
def settings(scripted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("agents")
    agents = [{"name": "assistant", "model": "scripted-1", "retries": 0, "breaker_failures": 100}]
    return {"OPENAI_BASE_URL": scripted.url, "AGENTS_FILE": write_agents(folder / "agents.json", agents), "DRAIN_SECONDS": "1"}


@pytest.fixture(scope="module")
def site(settings, tmp_path_factory):
    service = Service(tmp_path_factory.mktemp("site"), **settings).start()
    yield service
    service.stop()


@pytest.fixture
def proxy(site):
    """The network between the browser and the service."""
    between = CuttingProxy(site.port)
    yield between
    between.cut()
    between.close()


@pytest.fixture
def page(browser, proxy, scripted):
    scripted.script(*answer("An answer."))
    return ChatPage(browser, proxy.url).open(unique())


@pytest.fixture
def site_api(site):
    client = Api(site.url)
    yield client
    client.close()


def numbers(start, end):
    return [f"{number} " for number in range(start, end)]


def test_an_answer_goes_on_after_the_network_was_cut(page, proxy, site_api, scripted):
    gate = threading.Event()
    scripted.script(
        chunk({"role": "assistant", "content": ""}), *map(delta, numbers(0, 100)), wait(gate), *map(delta, numbers(100, 200)),
        finish(), DONE,
    )
    page.say("Count")
    page.wait_for(answer="".join(numbers(0, 100)))
    proxy.is_away = True
    proxy.cut()
    page.wait_for_text("#banner", "Reconnecting")
    assert page.last["answer"] == "".join(numbers(0, 100)) and page.last["status"] == "streaming"
    # It goes on meanwhile; what was missed comes when the network is back.
    gate.set()
    wait_until(lambda: site_api.history(page.room_id)["conversations"][0]["status"] == "completed", what="the answer's end")
    proxy.is_away = False
    # Unless the browser has been faster.
    page.js("document.querySelector('#banner .button')?.click()")
    page.wait_for(status="completed", answer="".join(numbers(0, 200)))
    wait_until(lambda: page.text("#banner") == "", what="the banner to go")
    assert len(page.exchanges) == 1


def test_a_cut_that_the_browser_mends_by_itself_loses_nothing(page, proxy, scripted):
    gate = threading.Event()
    scripted.script(
        chunk({"role": "assistant", "content": ""}), *map(delta, numbers(0, 50)), wait(gate), *map(delta, numbers(50, 100)),
        finish(), DONE,
    )
    page.say("Count")
    page.wait_for(answer="".join(numbers(0, 50)))
    proxy.cut()
    gate.set()
    page.wait_for(status="completed", answer="".join(numbers(0, 100)))


def test_a_question_that_cannot_be_sent_is_given_back_and_sent_once(page, proxy, site_api):
    page.say("The first one")
    page.wait_for(status="completed")
    proxy.is_away = True
    proxy.cut()
    page.say("Is anybody there?")
    page.wait_for_text("#notice", "Your question was not sent. The service cannot be reached.")
    assert page.find("#question").get_attribute("value") == "Is anybody there?"
    assert len(page.exchanges) == 1
    proxy.is_away = False
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


def test_who_is_too_fast_is_told_when_to_go_on(browser, make_service, connect, settings):
    service = make_service(**settings, RATE_LIMITS="messages=12/m,writes=off,reads=off").start()
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


def test_who_has_too_many_rooms_is_told_so(browser, make_service, settings):
    service = make_service(**settings, MAX_ROOMS_PER_USER="1").start()
    page = ChatPage(browser, service.url).open(unique())
    page.say("The only room")
    page.wait_for(status="completed")
    page.click("#new-room")
    page.wait_for_text(".toast", "Delete one that you no longer need.")


def test_an_answer_that_the_end_of_the_service_interrupts_stays_and_is_marked(browser, make_service, settings, scripted):
    gate = threading.Event()
    scripted.script(chunk({"role": "assistant", "content": ""}), delta("As far as this"), wait(gate), finish(), DONE)
    service = make_service(**settings).start()
    page = ChatPage(browser, service.url).open(unique())
    page.say("Tell me")
    page.wait_for(answer="As far as this")
    service.stop()
    interrupted = page.wait_for(status="interrupted")
    assert interrupted["answer"] == "As far as this" and "restarted" in interrupted["mark"]
    gate.set()


def test_without_the_markdown_library_answers_are_plain_text(page, scripted):
    text = "Some **Markdown**\n\n<b>and</b> more"
    scripted.script(*answer(text))
    page.browser.execute_cdp_cmd("Network.enable", {})
    page.browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/assets/marked/*"]})
    try:
        page.reload()
        page.wait_for_text(".toast", "Answers are shown as plain text")
        page.say("Plainly")
        assert page.wait_for(status="completed")["answer"] == text
    finally:
        page.browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})


def test_a_question_that_is_too_long_is_not_sent(page):
    page.js("const text = document.querySelector('#question'); text.value = 'x'.repeat(32769); text.dispatchEvent(new Event('input'))")
    assert page.text("#composer-count") == "Too long by 1"
    assert not page.find("#send").is_enabled()
    assert holds_for(lambda: page.exchanges == [], 0.2)
