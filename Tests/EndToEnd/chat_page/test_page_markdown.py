"""Markdown on the chat page: it is shown as such, and nothing in it is more than text."""

import pytest

from scripted_model import answer


def test_what_a_stored_answer_says_is_text(page, site_api, scripted):
    attack = (
        "<script>window.attacked = 1</script>\n\n<img src=x onerror='window.attacked = 2'> and <b onclick=x>bold</b>\n\n"
        "[one](javascript:window.attacked=3) [two](data:text/html,<script>window.attacked=4</script>) "
        "<javascript:alert(5)> ![pixel](https://spy.example/pixel.png) [good](https://good.example/?a=1&b=2)\n\n"
        "```\"><script>window.attacked=6</script>\n</code></pre><script>window.attacked = 7</script>\n```\n\n&lt;i&gt; &amp; &#60;u&#62;"
    )
    scripted.script(*answer(*[attack[start:start + 7] for start in range(0, len(attack), 7)]))
    page.say("<script>window.attacked = 8</script><i>me</i>")
    page.wait_for(status="completed")
    for _ in range(2):
        last = page.last
        assert last["question"] == "<script>window.attacked = 8</script><i>me</i>"
        for text in ["<script>window.attacked = 1</script>", "<img src=x onerror='window.attacked = 2'>", "<b onclick=x>bold</b>",
                     "</code></pre><script>window.attacked = 7</script>", "<i> & <u>"]:
            assert text in last["answer"]
        assert page.all(".exchange script, .exchange img, .exchange b, .exchange i, .exchange u, .exchange iframe") == []
        assert page.js("return [...document.querySelectorAll('.exchange *')].flatMap(e => e.getAttributeNames()).filter(n => n.startsWith('on'))") == []
        links = {each.text: each.get_attribute("href") for each in page.all(".markdown a")}
        assert links == {"pixel": "https://spy.example/pixel.png", "good": "https://good.example/?a=1&b=2"}
        assert all("noopener" in each.get_attribute("rel") for each in page.all(".markdown a"))
        assert page.js("return window.attacked ?? null") is None
        # The excerpt of the room list too.
        assert page.all(".room script, .room img") == [] and "<script>" in page.text(".room-name")
        page.reload()
    assert site_api.history(page.room_id)["conversations"][0]["agent_response"] == attack


@pytest.mark.parametrize("text", ["> " + ">" * 4000 + " deep", "- " * 4000 + "deep", "**a " * 10_000 + "deep"], ids=["quotes", "lists", "stars"])
def test_markdown_that_is_too_much_for_the_library_is_shown_as_it_is(page, scripted, text):
    scripted.script(*answer("Before.\n\n", text))
    page.say("Nest")
    page.wait_for(status="completed", seconds=15)
    for _ in range(2):
        assert page.last["answer"].startswith("Before.") and "deep" in page.last["answer"]
        page.reload()


def test_markdown_is_shown_as_such(page, scripted):
    text = (
        "# Title\n\nA paragraph with **bold**, *em*, ~~gone~~ and `code`,\nand a second line.\n\n- one\n- two\n  1. inner\n\n"
        "- [x] done\n\n> quoted\n\n```python\nprint('<b>')\n```\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\nhttps://auto.example/x?a=1&b=2 "
    )
    scripted.script(*answer(*text))
    page.say("Show me")
    page.wait_for(status="completed")
    shown = {css: page.text(f".markdown {css}") for css in ["h3", "strong", "em", "del", "p code", "blockquote", "pre code", "ol li"]}
    assert shown == {
        "h3": "Title", "strong": "bold", "em": "em", "del": "gone", "p code": "code", "blockquote": "quoted",
        "pre code": "print('<b>')", "ol li": "inner",
    }
    assert page.js("return [...document.querySelectorAll('.markdown td')].map(e => e.textContent)") == ["1", "2"]
    assert page.find(".markdown .task").get_attribute("aria-label") == "Done"
    assert page.find(".markdown a").get_attribute("href") == "https://auto.example/x?a=1&b=2"


@pytest.mark.embedded
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
        (complaint,) = page.complaints
        assert "No Markdown library" in complaint
    finally:
        page.browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
