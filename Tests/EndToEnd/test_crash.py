"""kill -9 under load: what was acknowledged is there, once, and what ran is interrupted."""

import threading
import time

import httpx
import pytest

from api import DIRECT, Api, Event, demo, events_in, unique
from waiting import wait_until

CHECKPOINT_SECONDS = 1.5


class Load:
    """Clients that create rooms and ask questions until the service dies, and remember what it acknowledged."""

    def __init__(self, url):
        self.url = url
        self.rooms = {}
        self.asked = []  # (session, question) whose `started` was seen
        self.completed = {}  # question -> text
        self.slow = []
        self.threads = [threading.Thread(target=each, daemon=True) for each in [self.create] * 3 + [self.ask] * 3]
        for thread in self.threads:
            thread.start()

    def create(self):
        with httpx.Client(base_url=self.url, **DIRECT) as client:
            try:
                while True:
                    name = unique("room")
                    response = client.post("/api/rooms", json={"user_id": unique(), "room_name": name})
                    if response.status_code == 201:
                        self.rooms[response.json()["data"]["room_id"]] = name
            except httpx.TransportError:
                pass

    def ask(self):
        api = Api(self.url)
        try:
            session = api.session()
            while True:
                question = unique("question")
                body = {"query": question, "session_id": session["session_id"], "context": demo(40, 2000)}
                with api.http.stream("POST", "/api/chat/message", json=body) as response:
                    for event in events_in(response):
                        if isinstance(event, Event) and event.status == "started":
                            self.asked.append((session, question))
                        if isinstance(event, Event) and event.status == "complete":
                            self.completed[question] = event.content
        except httpx.TransportError:
            pass
        finally:
            api.close()

    def join(self):
        for thread in self.threads:
            thread.join(10)
            assert not thread.is_alive()


class Seen:
    """The text that a slow stream's client had, and when."""

    def __init__(self, api):
        self.session = api.session()
        self.stream = api.stream(self.session, rate=40, tokens=100_000)
        self.texts = []

    def note(self):
        self.texts.append((time.monotonic(), self.stream.text))

    def text_before(self, moment):
        return max((text for at, text in self.texts if at <= moment), key=len, default="")


@pytest.mark.timeout(120)
def test_nothing_acknowledged_is_lost_and_nothing_is_doubled(make_service, connect):
    service = make_service().start()
    for _ in range(2):
        api = connect(service)
        slow = [Seen(api) for _ in range(4)]
        load = Load(service.url)

        def enough():
            for each in slow:
                each.note()
            return len(load.rooms) >= 200 and len(load.completed) >= 30 and slow[-1].texts[0][0] + 3 < time.monotonic()

        wait_until(enough, 30, "load")
        killed = time.monotonic()
        service.kill()
        load.join()

        api = connect(service.start())
        assert_rooms_exist(api, load)
        assert_answers_are_there_once(api, load)
        for each in slow:
            each.stream.wait_for_end()
            assert_interrupted(api, each, killed)


def assert_rooms_exist(api, load):
    for room_id, name in load.rooms.items():
        assert api.data("GET", f"/api/rooms/{room_id}")["room_name"] == name


def assert_answers_are_there_once(api, load):
    sessions = {session["session_id"]: session for session, _ in load.asked}
    for session in sessions.values():
        conversations, total = [], None
        while total is None or len(conversations) < total:
            page = api.history(session["room_id"], limit=200, offset=len(conversations))
            conversations += page["conversations"]
            total = page["total"]
        assert api.data("GET", f"/api/rooms/{session['room_id']}")["message_count"] == total
        stored = {}
        for conversation in conversations:
            assert conversation["user_input"] not in stored, "stored twice"
            stored[conversation["user_input"]] = conversation
        for _, question in (each for each in load.asked if each[0] is session):
            conversation = stored[question]
            if question in load.completed:
                assert conversation["status"] == "completed"
                assert conversation["agent_response"] == load.completed[question]
            else:
                assert conversation["status"] in ("completed", "interrupted")


def assert_interrupted(api, seen, killed):
    conversation = api.only_conversation(seen.session)
    assert conversation["status"] == "interrupted"
    stored, received = conversation["agent_response"], seen.stream.text
    assert received.startswith(stored) or stored.startswith(received)
    # What the client had by then was at least this old when the service died.
    assert stored.startswith(seen.text_before(killed - CHECKPOINT_SECONDS))
    assert len(stored) > 0
    assert api.data("GET", f"/api/session/{seen.session['session_id']}")["active_stream"] is None

    last = seen.stream.events[-1].id
    resumed = api.watch(headers={"Last-Event-ID": last}, session_id=seen.session["session_id"]).wait_for_end()
    assert resumed.response.status_code == 204 or resumed.events[-1].status == "interrupted"
    assert api.ask(seen.session, "And now?")[-2].status == "complete"


def test_a_session_survives_and_keeps_its_room(make_service, connect):
    service = make_service().start()
    session = connect(service).session()
    service.kill()
    after = connect(service.start()).data("GET", f"/api/session/{session['session_id']}")
    assert after.items() >= session.items()


def test_a_completed_answer_survives_a_kill_right_after_it(make_service, connect):
    service = make_service().start()
    for number in range(5):
        api = connect(service)
        session = api.session()
        body = {"query": "Stored?", "session_id": session["session_id"], "context": demo(20)}
        with api.http.stream("POST", "/api/chat/message", json=body) as response:
            text = next(event.content for event in events_in(response) if event.status == "complete")
            service.kill()
        conversation = connect(service.start()).only_conversation(session)
        assert (conversation["status"], conversation["agent_response"]) == ("completed", text), number
