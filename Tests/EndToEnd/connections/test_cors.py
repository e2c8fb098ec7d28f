"""CORS: pages of other origins may use the service, or those alone that the settings name."""

import httpx
import pytest

from api import DIRECT


def preflight(url, origin, method="POST"):
    return httpx.options(
        f"{url}/api/rooms",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "content-type, x-request-id",
        },
        **DIRECT,
    )


def listed(response, name):
    return {each.strip().lower() for each in response.headers[name].split(",")}


def test_a_preflight_is_answered(service):
    response = preflight(service.url, "https://app.example", "PATCH")
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] in ("*", "https://app.example")
    assert response.headers["access-control-max-age"] == "600"
    assert {"get", "post", "patch", "delete"} <= listed(response, "access-control-allow-methods")
    assert {"content-type", "x-request-id", "last-event-id"} <= listed(response, "access-control-allow-headers")


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/api/rooms"])
def test_every_answer_to_another_origin_may_be_read_by_it(api, path):
    response = api.http.get(path, headers={"Origin": "https://app.example"})
    assert response.headers["access-control-allow-origin"] in ("*", "https://app.example")
    assert "x-request-id" in listed(response, "access-control-expose-headers")


def test_only_configured_origins_are_allowed(make_service):
    url = make_service(CORS_ORIGINS="https://one.example, https://two.example").start().url
    for origin in ("https://one.example", "https://two.example"):
        for response in (preflight(url, origin), httpx.get(f"{url}/healthz", headers={"Origin": origin}, **DIRECT)):
            assert response.headers["access-control-allow-origin"] == origin
            assert "origin" in listed(response, "vary")
    for response in (
        preflight(url, "https://three.example"),
        httpx.get(f"{url}/healthz", headers={"Origin": "https://three.example"}, **DIRECT),
    ):
        assert "access-control-allow-origin" not in response.headers
