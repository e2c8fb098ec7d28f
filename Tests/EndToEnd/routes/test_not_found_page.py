"""Addresses that are none: people get a page with a way on, programs the error."""

import pytest

from api import assert_failure
from page import ChatPage

pytestmark = pytest.mark.embedded

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize("look", ["light", "dark"])
def test_a_mistyped_address_shows_a_page_that_leads_to_the_chat(service, browser, look):
    page = ChatPage(browser, service.url)
    page.forget_everything()
    # The page's own switch counts here, too.
    page.js("localStorage.setItem('roomservice.theme', arguments[0])", look)
    browser.get(f"{service.url}/chats/of/mine?x=1")
    assert page.text("h1") == "There is nothing at this address"
    paper = page.js("return getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(253, 252, 249)", "dark": "rgb(23, 24, 22)"}[look]
    # axe-core looks at what there is: less than in a conversation.
    assert page.js("return document.documentElement.scrollWidth <= innerWidth")
    assert page.complaints == []
    page.click("a[href='/app']")
    page.wait_until_ready()
    assert browser.current_url == f"{service.url}/app" and page.all("#question")
    page.js("localStorage.clear()")


def test_a_program_still_gets_the_error(api):
    for accept in ("*/*", "application/json", "application/json, text/html", "text/event-stream", "", "text/html;q=0, */*"):
        assert_failure(api.http.get("/chats/of/mine", headers={"Accept": accept}), 404, "NOT_FOUND", "Not Found")
    for method in ("POST", "PUT", "DELETE"):
        response = api.http.request(method, "/chats/of/mine", headers={"Accept": BROWSER})
        assert_failure(response, 404, "NOT_FOUND", "Not Found")
    # What a route says of what it has not found is for programs.
    assert_failure(api.http.get("/api/rooms/room_nowhere", headers={"Accept": BROWSER}), 404, "NOT_FOUND", "Room not found")


def test_the_page_is_a_404_that_nobody_keeps_with_the_pages_own_policy(api):
    response = api.http.get("/chats/of/mine", headers={"Accept": BROWSER, "If-None-Match": "*"})
    assert response.status_code == 404
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-store" and response.headers["vary"] == "Accept"
    assert response.headers["content-security-policy"] == api.http.get("/app").headers["content-security-policy"]
    assert response.headers["x-request-id"]
    head = api.http.head("/chats/of/mine", headers={"Accept": BROWSER})
    assert (head.status_code, head.content) == (404, b"")


def test_the_icon_is_where_browsers_look_for_it(api, service, browser):
    icon = api.http.get("/favicon.ico")
    assert (icon.status_code, icon.headers["content-type"]) == (200, "image/svg+xml")
    assert icon.content == api.http.get("/assets/page/icon.svg").content
    again = api.http.get("/favicon.ico", headers={"If-None-Match": icon.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    # The browser shows it.
    browser.get(f"{service.url}/app")
    load = "const done = arguments[0], image = new Image(); image.onload = () => done(image.width); image.onerror = () => done(0); image.src = '/favicon.ico';"
    assert browser.execute_async_script(load) > 0
