"""How the chat page looks and feels: on a phone, in the dark, and to those who cannot see it. axe-core finds nothing to complain about."""

import contextlib
import threading

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from scripted_model import DONE, answer, chunk, delta, finish, refuse, wait
from waiting import wait_until

pytestmark = pytest.mark.embedded

ANSWER = (
    "Some **text** with a [link](https://example.org/), and `code`:\n\n- one\n- two\n\n- [ ] to do\n\n```python\n" + "print('wide') " * 20
    + "\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> quoted\n"
)
LOOKS = ["light", "dark", "phone", "dark phone"]


@pytest.fixture
def page(page, scripted):
    scripted.script(*answer(ANSWER))
    return page


@contextlib.contextmanager
def looking(page, look):
    with contextlib.ExitStack() as stack:
        if "dark" in look:
            stack.enter_context(page.in_dark_mode())
        if "phone" in look:
            stack.enter_context(page.on_a_phone())
        page.reload()
        yield


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing(page, scripted, look):
    gate = threading.Event()
    with looking(page, look):
        found = {"first visit": page.violations()}
        page.say("Show me everything")
        page.wait_for(status="completed")
        scripted.script(refuse(400, {"error": {"message": "no"}}))
        page.say("Fail")
        page.wait_for(question="Fail", status="failed")
        scripted.script(chunk({"role": "assistant", "content": ""}), delta("As far as this"), wait(gate), finish(), DONE)
        page.say("Go on")
        page.wait_for(question="Go on", answer="As far as this")
        found["a running answer"] = page.violations()
        page.click("#stop")
        page.wait_for(status="cancelled")
        gate.set()
        page.scroll_up()
        found["a conversation"] = page.violations()
        page.click("#open-drawer" if "phone" in look else "#account")
        if "phone" in look:
            wait_until(lambda: page.js("return document.getAnimations().length === 0"), what="the drawer to be open")
            found["the drawer"] = page.violations()
            page.click("#account")
        found["a dialog"] = page.violations()
        page.press(Keys.ESCAPE)
        if "phone" in look:
            page.click("#close-drawer")
        page.click("#delete-room")
        page.wait_for_text(".toast", "is deleted")
        found["a deletion"] = page.violations()
        page.click(".toast .button")
    assert {where: what for where, what in found.items() if what} == {}


def test_nothing_is_too_wide_for_a_phone_and_everything_is_large_enough_to_touch(page):
    page.say("Show me everything, with_a_very_long_word_" + "x" * 200)
    page.wait_for(status="completed")
    with page.on_a_phone():
        page.reload()
        for has_drawer in (False, True):
            if has_drawer:
                page.click("#open-drawer")
                wait_until(lambda: page.js("return document.getAnimations().length === 0"), what="the drawer to be open")
            assert page.js("return document.documentElement.scrollWidth") == 390
            assert page.js("const s = document.querySelector('#scroller'); return s.scrollWidth <= s.clientWidth")
            small = page.js("""return [...document.querySelectorAll('button, select, textarea, .room-link')]
                .filter(e => e.checkVisibility({visibilityProperty: true}) && !e.closest('[inert]'))
                .map(e => [e.id || e.className, e.getBoundingClientRect().width, e.getBoundingClientRect().height])
                .filter(([, width, height]) => Math.min(width, height) < 43.9)""")
            assert small == []


def test_on_a_phone_the_rooms_are_a_drawer(page):
    page.say("First")
    page.wait_for(status="completed")
    first = page.room_id
    with page.on_a_phone():
        page.reload()
        assert not page.find("#sidebar").is_displayed()
        page.click("#open-drawer")
        assert page.focused == "close-drawer" and page.js("return document.querySelector('#main').inert")
        page.press(Keys.ESCAPE)
        wait_until(lambda: not page.find("#sidebar").is_displayed(), what="the drawer to close")
        assert page.focused == "open-drawer"
        page.click("#open-drawer")
        page.click("#new-room")
        page.say("Second")
        page.wait_for(question="Second", status="completed")
        page.click("#open-drawer")
        wait_until(lambda: page.rooms == ["Second", "First"], what="both rooms")
        page.click(f".room-link[href='#{first}']")
        page.wait_for(question="First", status="completed")
        wait_until(lambda: not page.find("#sidebar").is_displayed(), what="the drawer to close")
        assert page.text("#room-title") == "First"


def test_the_appearance_can_be_chosen(page):
    background = "return getComputedStyle(document.body).backgroundColor"
    light = page.js(background)
    page.click("#account")
    page.click(".theme-choice label:nth-of-type(3)")
    page.click("#account-form [type=submit]")
    wait_until(lambda: page.js(background) != light, what="the dark one")
    dark = page.js(background)
    assert page.reload().js(background) == dark
    with page.in_dark_mode():
        page.click("#account")
        page.click(".theme-choice label:nth-of-type(1)")
        page.click("#account-form [type=submit]")
        assert page.js(background) == dark
    wait_until(lambda: page.js(background) == light, what="the system's")


def test_who_wants_no_motion_gets_none(page):
    features = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    duration = page.js("return getComputedStyle(document.querySelector('.send')).transitionDuration")
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert float(duration.split(",")[0].rstrip("s")) < 0.001


def test_the_list_of_rooms_has_its_buttons_at_hand(page):
    page.say("Point at me")
    page.wait_for(status="completed")
    wait_until(lambda: page.rooms == ["Point at me"], what="the room")
    ActionChains(page.browser).move_to_element(page.find(".room-link")).perform()
    page.click("[aria-label='Rename Point at me']")
    page.find("#room-name").send_keys(Keys.CONTROL, "a", Keys.NULL, "Pointed", Keys.ENTER)
    wait_until(lambda: page.rooms == ["Pointed"], what="the new name")
    page.find("[aria-label='Delete Pointed']").send_keys(Keys.ENTER)
    wait_until(lambda: page.rooms == [], what="the room to go")
    page.find("#scroller").send_keys(Keys.CONTROL, "z")
    wait_until(lambda: page.rooms == ["Pointed"], what="the room to be back")
