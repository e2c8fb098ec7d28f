"""The chat page's files: how they are served, and what is said where they are missing."""

import shutil

import httpx
import pytest

from service import BINARY


def test_the_page_and_its_files_are_served_for_browsers_alone(site):
    with httpx.Client(base_url=site.url, trust_env=False) as http:
        page = http.get("/", headers={"Accept": "text/html,*/*;q=0.8"})
        assert page.headers["content-type"].startswith("text/html") and page.headers["vary"] == "Accept"
        assert http.get("/app").content == page.content
        assert http.get("/").json()["status"] == "running"
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "trusted-types 'none'" in policy
        files = [part.split('"')[0] for part in page.text.split('"/assets/')[1:]]
        assert len(files) > 6
        for file in [*files, "page/markdown.js", "marked/marked.esm.js"]:
            response = http.get(f"/assets/{file}")
            assert response.status_code == 200 and response.headers["x-content-type-options"] == "nosniff", file
            again = http.get(f"/assets/{file}", headers={"If-None-Match": response.headers["etag"]})
            assert again.status_code == 304 and again.content == b""
    # Nothing from anywhere else, and nothing inline.
    assert "://" not in page.text and "<style" not in page.text and " style=" not in page.text and " onclick=" not in page.text


@pytest.mark.embedded
def test_a_program_without_its_files_says_what_is_missing(make_service, tmp_path, monkeypatch):
    program = tmp_path / "installed" / "RoomService"
    program.parent.mkdir()
    shutil.copy(BINARY, program)
    monkeypatch.setattr("service.BINARY", program)
    alone = make_service("alone", LOG_LEVEL="warning").start()
    assert "no page: its files are not beside the program" in alone.stderr
    browser = {"Accept": "text/html,*/*;q=0.8"}
    assert httpx.get(alone.url, headers=browser, trust_env=False).json()["status"] == "running"
    missing = httpx.get(f"{alone.url}/app", headers=browser, trust_env=False)
    assert missing.status_code == 404 and "RoomService_WebResources.resources must lie beside the program" in missing.json()["error"]

    resources = "RoomService_WebResources.resources"
    shutil.copytree(BINARY.parent / resources, program.parent / resources, ignore=shutil.ignore_patterns("marked"))
    plain = make_service("plain", LOG_LEVEL="warning").start()
    assert "the page shows plain text: its Markdown library is not there" in plain.stderr
    assert "<!doctype html>" in httpx.get(plain.url, headers=browser, trust_env=False).text
