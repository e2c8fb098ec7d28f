"""The pages of the documentation: in light and dark, without a complaint of the browser, and with presets that work."""

import re

import pytest

from page import ChatPage
from waiting import wait_until

pytestmark = pytest.mark.embedded

SHOWN = {
    "docs": "return document.querySelectorAll('.opblock').length > 30",
    "redoc": "return document.querySelectorAll('[id*=\"operation/\"]').length > 30",
}
# The colours that are seen behind and in the page's heading, each as its lightness.
LIGHTNESS = """
    const gray = color => color.match(/[\\d.]+/g).slice(0, 3).reduce((sum, each) => sum + Number(each), 0) / 3;
    let behind = document.querySelector('h1, h2');
    if (!behind) return null;
    const ink = gray(getComputedStyle(behind).color);
    while (behind && /rgba\\(.*, 0\\)|transparent/.test(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
    return {ink, paper: gray(getComputedStyle(behind ?? document.body).backgroundColor)};
"""


def opened(browser, service, name):
    page = ChatPage(browser, service.url)
    browser.get_log("browser")
    browser.get(f"{service.url}/{name}")
    wait_until(lambda: page.js(SHOWN[name]), 30, f"/{name}")
    return page


@pytest.mark.parametrize("name", SHOWN)
def test_a_page_follows_the_systems_scheme_and_nothing_in_it_makes_the_browser_complain(service, browser, name):
    page = opened(browser, service, name)

    def is_dark():
        seen = page.js(LIGHTNESS)
        return seen and seen["paper"] < 60 and seen["ink"] > 180

    def is_light():
        seen = page.js(LIGHTNESS)
        return seen and seen["paper"] > 240 and seen["ink"] < 90

    assert is_light(), page.js(LIGHTNESS)
    with page.in_dark_mode():
        wait_until(lambda: page.js(SHOWN[name]) and is_dark(), 30, "the dark page")
        browser.refresh()
        wait_until(lambda: page.js(SHOWN[name]), 30, f"/{name}")
        assert is_dark(), page.js(LIGHTNESS)
    wait_until(lambda: page.js(SHOWN[name]) and is_light(), 30, "the light page")
    assert [each for each in browser.get_log("browser") if each["level"] in ("WARNING", "SEVERE")] == []


def execute(page, operation):
    """Presses what a newcomer presses, with what is preset; returns the request, and the status and text of the response."""
    block = f"[id$='-{operation}']"
    press = "document.querySelector(arguments[0]).click()"
    page.js(press, f"{block} .opblock-summary-control")
    wait_until(lambda: page.all(f"{block} .try-out__btn"), what="the button")
    page.js(press, f"{block} .try-out__btn")
    wait_until(lambda: page.all(f"{block} .execute"), what="the other button")
    page.js(press, f"{block} .execute")
    row = f"{block} .live-responses-table tbody .response-col_status"
    wait_until(lambda: page.all(row), 20, lambda: f"a response to {operation}: {page.js('return document.body.innerText')[-500:]}")
    read = "return document.querySelector(arguments[0])?.textContent ?? ''"
    url, status, body = (page.js(read, css) for css in (f"{block} .request-url pre", row, f"{block} .live-responses-table .highlight-code"))
    page.js(press, f"{block} .opblock-summary-control")
    return url, int(status.split()[0][:3]), body


def test_what_swagger_ui_presets_works_from_the_first_press_on(make_service, browser, connect):
    service = make_service(DEMO_RATE="0", DEMO_TOKENS="5").start()
    api = connect(service)
    page = opened(browser, service, "docs")
    # Nothing is there yet: what it asks in is made.
    url, status, body = execute(page, "ask")
    assert status == 200 and '"status":"complete"' in body, body
    (room,) = api.data("GET", "/api/rooms", params={"user_id": "ada"})["rooms"]
    assert room["message_count"] == 1

    url, status, body = execute(page, "listRooms")
    assert status == 200 and room["room_id"] in body
    for preset in ("user_id=ada", "limit=50", "offset=0", "sort_by=last_activity", "order=desc"):
        assert preset in url, url
    assert execute(page, "createRoom")[1] == 201
    made = api.data("GET", "/api/rooms", params={"user_id": "ada"})["rooms"][0]
    assert (made["room_name"], made["metadata"]) == ("First room", {"topic": "greetings"})
    url, status, body = execute(page, "getRoom")
    assert status == 200 and url.endswith(made["room_id"]), "the room that was made last"
    assert execute(page, "updateRoom")[1] == 200

    url, status, body = execute(page, "createSession")
    assert status == 201
    session = {f"{kind}_id": re.search(rf"{kind}_[0-9a-f-]{{36}}", body).group() for kind in ("session", "room")}
    for operation in ("getSession", "stop", "resetSession"):
        url, status, body = execute(page, operation)
        assert status == 200 and session["session_id"] in url + body, operation
    url, status, body = execute(page, "watch")
    assert status == 200 and '"status":"complete"' in body
    assert "session_id=" + session["session_id"] in url and "query=" in url
    assert "room_id" not in url and "user_id" not in url and "context=%7B%7D" in url, url
    url, status, body = execute(page, "getRoomHistory")
    assert status == 200 and session["room_id"] in url and "limit=50" in url
    assert execute(page, "createChatCompletion")[1] == 200
    # What is deleted is not asked for again.
    assert execute(page, "deleteSession")[1] == 200
    assert execute(page, "askStream")[1] == 200
