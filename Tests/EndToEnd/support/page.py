"""The chat page, as a person uses it: what is seen is read, and what is done goes through keys and clicks."""

import contextlib

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from browser import PHONE
from service import CHECKOUT
from waiting import wait_until

AXE = CHECKOUT / ".build/axe/axe.min.js"

EXCHANGES = """return [...document.querySelectorAll(".exchange")].map(each => ({
    question: each.querySelector(".bubble").textContent,
    answer: each.querySelector(".markdown").textContent,
    agent: each.querySelector(".agent-name span").textContent,
    status: each.dataset.status,
    mark: each.querySelector(".mark span")?.textContent ?? null,
}))"""


class ChatPage:
    """The page in the browser's window that is in front."""

    def __init__(self, browser, url):
        self.browser = browser
        self.url = url

    def open(self, user=None, fragment="", path="/"):
        """Opens the page; as a user who has never been here before, or as the one that is given."""
        self.browser.get(f"{self.url}/assets/page/icon.svg")
        if user:
            self.js("localStorage.clear(); localStorage.setItem('roomservice.user', arguments[0])", user)
        self.browser.get(f"{self.url}{path}{fragment}")
        return self.wait_until_ready()

    def forget_everything(self):
        self.browser.get(f"{self.url}/assets/page/icon.svg")
        self.js("localStorage.clear()")

    def wait_until_ready(self):
        wait_until(lambda: self.js("return !document.querySelector('[aria-busy=true].room-list, .loading')"), what="the page")
        return self

    def reload(self):
        self.browser.refresh()
        return self.wait_until_ready()

    def js(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def find(self, css):
        return self.browser.find_element(By.CSS_SELECTOR, css)

    def all(self, css):
        return self.browser.find_elements(By.CSS_SELECTOR, css)

    def text(self, css):
        """The text of all such elements that are shown."""
        return " ".join(each.text for each in self.all(css) if each.is_displayed())

    def click(self, css):
        wait_until(lambda: any(each.is_displayed() and each.is_enabled() for each in self.all(css)), what=f"{css} to click")
        next(each for each in self.all(css) if each.is_displayed()).click()

    def press(self, *keys):
        self.browser.switch_to.active_element.send_keys(*keys)

    @property
    def focused(self):
        return self.js("return document.activeElement.id || document.activeElement.getAttribute('aria-label') || document.activeElement.textContent")

    # What one does

    def say(self, text):
        self.find("#question").send_keys(text, Keys.ENTER)

    def choose(self, agent):
        self.js("document.querySelector('#agent').focus()")
        self.find(f"#agent option[value={agent}]").click()

    def scroll_up(self):
        self.js("document.querySelector('#scroller').scrollTop = 0")

    # What one sees

    @property
    def exchanges(self):
        return self.js(EXCHANGES)

    @property
    def last(self):
        return (self.exchanges or [None])[-1]

    @property
    def rooms(self):
        return self.js("return [...document.querySelectorAll('.room-name')].map(each => each.textContent)")

    @property
    def room_id(self):
        return self.js("return location.hash.slice(1)")

    @property
    def notice(self):
        return self.text("#notice")

    def wait_for(self, seconds=15, **members):
        """Waits until the last exchange is like that, and returns it."""

        def found():
            last = self.last
            return last if last and members.items() <= last.items() else None

        return wait_until(found, seconds, lambda: f"{members}, but {self.last}")

    def wait_for_text(self, css, text, seconds=15):
        return wait_until(lambda: text in self.text(css), seconds, lambda: f"“{text}” in {css}: {self.text(css)}")

    # The browser

    @contextlib.contextmanager
    def another_tab(self):
        """A page in another window, which is in front meanwhile."""
        first = self.browser.current_window_handle
        self.browser.switch_to.new_window("window")
        try:
            yield ChatPage(self.browser, self.url)
        finally:
            self.browser.close()
            self.browser.switch_to.window(first)

    @contextlib.contextmanager
    def in_window(self, handle):
        before = self.browser.current_window_handle
        self.browser.switch_to.window(handle)
        try:
            yield self
        finally:
            self.browser.switch_to.window(before)

    @contextlib.contextmanager
    def on_a_phone(self):
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
        self.browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
        try:
            yield self
        finally:
            self.browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
            self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    @contextlib.contextmanager
    def in_dark_mode(self):
        features = [{"name": "prefers-color-scheme", "value": "dark"}]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        try:
            yield self
        finally:
            self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

    @property
    def complaints(self):
        """What the browser has complained about since the last look: scripts that failed, and what the page's policy forbids."""
        return [
            entry["message"]
            for entry in self.browser.get_log("browser")
            if entry["source"] != "network" and entry["level"] in ("SEVERE", "WARNING")
        ]

    def violations(self):
        """What axe-core finds, as `rule: elements`."""
        # Animations would be measured half-way.
        self.js("document.getAnimations().forEach(each => { try { each.finish() } catch { each.cancel() } })")
        if not self.js("return typeof axe === 'object'"):
            self.js(AXE.read_text())
        result = self.browser.execute_async_script("const done = arguments[0]; axe.run().then(done, error => done({error: String(error)}))")
        assert "error" not in result, result
        assert len(result["passes"]) > 15, "axe-core has looked at the page"
        return [
            f"{violation['id']}: {[node['html'][:120] for node in violation['nodes']]} {violation['nodes'][0]['failureSummary']}"
            for violation in result["violations"]
        ]
