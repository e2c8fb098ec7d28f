"""What the page says at the side: to the browser's own bars, and to who writes while the connection is away."""

import threading

import pytest
from selenium.webdriver.common.keys import Keys

from api import unique
from page import ChatPage
from scripted_model import DONE, ScriptedModel, chunk, delta, finish, wait
from tcp_proxy import CuttingProxy
from waiting import wait_until

pytestmark = pytest.mark.embedded

# The colour that the browser takes: that of the first element whose media query fits.
BARS = "return [...document.querySelectorAll('meta[name=theme-color]')].find(each => matchMedia(each.media).matches).content"
LIGHT, DARK = "#f4f2ec", "#131413"


def choose(page, number):
    page.click("#account")
    page.click(f".theme-choice label:nth-of-type({number})")
    page.click("#account-form [type=submit]")
    wait_until(lambda: not page.find("#account-dialog").is_displayed(), what="the dialog to close")


def test_the_browsers_bars_follow_the_appearance_that_is_chosen(service, browser):
    page = ChatPage(browser, service.url).open(unique())
    assert page.js(BARS) == LIGHT
    with page.in_dark_mode():
        assert page.js(BARS) == DARK
        choose(page, 2)
        assert page.js(BARS) == LIGHT
        assert page.reload().js(BARS) == LIGHT
    choose(page, 3)
    assert page.js(BARS) == DARK
    with page.in_dark_mode():
        assert page.js(BARS) == DARK
    choose(page, 1)
    assert page.js(BARS) == LIGHT
    with page.in_dark_mode():
        assert page.js(BARS) == DARK


@pytest.fixture
def cut_off(browser, make_service):
    """A page, the network between it and its service, and the model; and what lets the answer go on."""
    gate = threading.Event()
    with ScriptedModel() as model:
        model.script(chunk({"role": "assistant", "content": ""}), delta("As far as this"), wait(gate), delta(", and on."), finish(), DONE)
        service = make_service(OPENAI_BASE_URL=model.url, OPENAI_MODEL="scripted-1", OPENAI_API_KEY="x").start()
        proxy = CuttingProxy(service.port)
        yield ChatPage(browser, proxy.url).open(unique()), proxy, gate
        gate.set()
        proxy.close()


def test_who_writes_while_the_connection_is_lost_is_told_so_and_what_comes_next(cut_off):
    page, proxy, gate = cut_off
    page.say("Go on")
    page.wait_for(answer="As far as this")
    page.say("And then?")
    assert page.text("#composer-count") == "Wait for the answer, or stop it."
    proxy.cut()
    page.wait_for_text("#banner", "The connection is lost. Reconnecting")
    words = "The connection is lost. The answer goes on once it is back; your text stays here."
    assert page.text("#composer-count") == words
    page.press("!")
    assert page.text("#composer-count") == ""
    page.press(Keys.ENTER)
    assert page.text("#composer-count") == words
    proxy.restore()
    page.js("document.querySelector('#banner .button')?.click()")
    wait_until(lambda: page.text("#banner") == "", what="the banner to go")
    assert page.text("#composer-count") == "Wait for the answer, or stop it."
    gate.set()
    page.wait_for(status="completed", answer="As far as this, and on.")
    assert page.text("#composer-count") == ""
    # As the words have promised.
    assert page.find("#question").get_attribute("value") == "And then?!"
