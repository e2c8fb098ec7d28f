"""EventSource in a real browser: Debian's chromium, on a page of another origin."""

import http.server
import json
import threading
import urllib.parse

import pytest
from api import demo
from tcp_proxy import CuttingProxy
from service import MONGODB_TEST_URI
from waiting import holds_for, wait_until

pytestmark = pytest.mark.skipif(MONGODB_TEST_URI is not None, reason="is about the connection, whatever the store")

PAGE = b"""<!doctype html><meta charset="utf-8"><title>EventSource</title><script>
const log = {events: [], opens: 0, errors: 0};
const source = new EventSource(new URLSearchParams(location.search).get("url"));
source.onopen = () => log.opens++;
source.onerror = () => log.errors++;
source.onmessage = message => log.events.push({id: message.lastEventId, data: JSON.parse(message.data)});
</script>"""


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def page_url():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


class EventSourcePage:
    """A page whose EventSource listens to `url`."""

    def __init__(self, browser, page_url, url, parameters):
        self.browser = browser
        source = f"{url}/api/chat/message?{urllib.parse.urlencode(parameters)}"
        browser.get(f"{page_url}?{urllib.parse.urlencode({'url': source})}")

    @property
    def events(self):
        return self.browser.execute_script("return log.events")

    @property
    def opens(self):
        return self.browser.execute_script("return log.opens")

    @property
    def ready_state(self):
        return self.browser.execute_script("return source.readyState")

    def wait_for_closed(self, seconds=30):
        wait_until(lambda: self.ready_state == 2, seconds, "the EventSource to be closed")
        return self.events


@pytest.fixture
def paced(make_service, connect):
    """A service whose answers take 1.5 s, and its Api."""
    service = make_service(DEMO_RATE="100", DEMO_TOKENS="150").start()
    return service, connect(service)


def parameters(session):
    return {"query": "What does a browser see?", "session_id": session["session_id"], "message_id": "browser-1"}


def assert_whole_answer(events, conversation):
    sequences = [int(event["id"].rsplit(":", 1)[1]) for event in events]
    assert sequences == list(range(152))
    assert [event["data"]["status"] for event in events] == ["started"] + ["streaming"] * 150 + ["complete"]
    text = "".join(event["data"]["content"] for event in events[1:-1])
    assert events[-1]["data"]["content"] == text == conversation["agent_response"]


def test_a_browser_receives_a_whole_answer_and_stops_reconnecting(browser, page_url, paced):
    service, api = paced
    session = api.session()
    proxy = CuttingProxy(service.port)
    page = EventSourcePage(browser, page_url, proxy.url, parameters(session))
    events = page.wait_for_closed()
    assert_whole_answer(events, api.only_conversation(session))

    assert proxy.requests == 2, "the question, and the reconnection that was answered by 204"
    # It would come back after 2 s.
    assert holds_for(lambda: proxy.requests == 2 and page.ready_state == 2, 3)
    assert len(page.events) == 152
    proxy.close()


def test_a_browser_that_is_cut_resumes_without_loss_or_repetition(browser, page_url, paced):
    service, api = paced
    session = api.session()
    proxy = CuttingProxy(service.port, cuts=[4_000, 6_001])
    page = EventSourcePage(browser, page_url, proxy.url, parameters(session))
    events = page.wait_for_closed()
    assert page.opens == 3
    assert proxy.requests == 4
    assert_whole_answer(events, api.only_conversation(session))
    proxy.close()


def test_a_browser_that_is_cut_before_the_first_event_asks_once(browser, page_url, paced):
    service, api = paced
    session = api.session()
    proxy = CuttingProxy(service.port, cuts=[0])
    # Without a `retry` the browser comes back after 3 s: the answer must still be running then.
    slow = {"context": json.dumps(demo(150, 25))}
    page = EventSourcePage(browser, page_url, proxy.url, parameters(session) | slow)
    events = page.wait_for_closed()
    assert_whole_answer(events, api.only_conversation(session))
    proxy.close()


def test_a_browser_that_watches_sees_every_stream_of_its_session(browser, page_url, paced):
    service, api = paced
    session = api.session()
    page = EventSourcePage(browser, page_url, service.url, {"session_id": session["session_id"]})
    wait_until(lambda: page.ready_state == 1, what="the EventSource to be open")
    expected = [event.id for _ in range(2) for event in api.ask(session, tokens=20)[:-1]]
    wait_until(lambda: len(page.events) == len(expected), what="all events")
    assert [event["id"] for event in page.events] == expected
    assert page.ready_state == 1
