"""The pages that show the API's description: Swagger UI and ReDoc."""

import httpx
import pytest

from api import DIRECT
from waiting import wait_until

pytestmark = pytest.mark.embedded


@pytest.mark.parametrize(("page", "operation"), [("docs", ".opblock"), ("redoc", "[data-section-id*='operation/'], [id*='operation/']")])
def test_a_page_shows_every_operation_from_this_host_alone(service, description, browser, page, operation):
    browser.get_log("browser")
    browser.get(f"{service.url}/{page}")
    expected = len(list(description.operations))
    wait_until(lambda: len(browser.find_elements("css selector", operation)) >= expected, 30, f"{expected} operations")
    text = browser.execute_script("return document.body.textContent")
    for _, path, each in description.operations:
        assert each["summary"] in text and (page == "redoc" or path.replace("/", "/\u200b") in text or path in text), path
    # Whatever the page has asked for came from here, and nothing was refused by its policy.
    loaded = browser.execute_script("return performance.getEntriesByType('resource').map(each => each.name)")
    assert f"{service.url}/openapi.json" in loaded
    assert [name for name in loaded if not name.startswith((service.url, "data:", f"blob:{service.url}"))] == []
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.mark.parametrize("page", ["docs", "redoc"])
def test_a_page_has_a_strict_policy(service, page):
    with httpx.Client(**DIRECT) as http:
        policy = http.get(f"{service.url}/{page}").headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"} <= set(policy)
