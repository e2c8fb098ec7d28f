"""kill -9 under load: what was acknowledged is there, once, and what ran is interrupted."""

import contextlib
import sqlite3
import time

import pytest

from api import demo, events_in
from load import Load
from service import MONGODB_TEST_URI, ORPHAN_SECONDS
from waiting import wait_until

CHECKPOINT_SECONDS = 1.5


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
    # Where the orphans are waited for, once is enough.
    for _ in range(1 if MONGODB_TEST_URI else 2):
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
        load.assert_rooms_exist(api)
        for each in slow:
            each.stream.wait_for_end()
            assert_interrupted(api, each, killed)
        load.assert_answers_are_there_once(api, {"completed", "interrupted"})


def assert_interrupted(api, seen, killed):
    conversation = api.ended_conversation(seen.session, ORPHAN_SECONDS)
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


@pytest.mark.skipif(MONGODB_TEST_URI is not None, reason="MongoDB has whole texts only")
def test_after_a_good_end_no_part_of_an_answer_is_left_in_the_journal(make_service, connect):
    service = make_service().start()
    api = connect(service)
    session = api.session()
    api.stream(session, rate=20, tokens=100_000)

    def parts():
        path = service.folder / "data" / "room-service.db"
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return database.execute("SELECT count(*) FROM answer_parts").fetchone()[0]

    wait_until(lambda: parts() >= 2, 10, "checkpoints")
    partial = api.stop(session)["data"]["partial_response"]
    service.stop()
    assert parts() == 0
    conversation = connect(service.start()).only_conversation(session)
    assert (conversation["status"], conversation["agent_response"]) == ("cancelled", partial)
