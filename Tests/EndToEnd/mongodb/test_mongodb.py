"""MongoDB shared with other services and other programs: what they see, and what they may do."""

import datetime
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from api import assert_failure, unique
from waiting import wait_until

pytestmark = pytest.mark.mongodb

STREAM_FIELDS = {
    "stream_id": str, "session_id": str, "room_id": str, "user_id": str, "agent_type": str, "instance_id": str,
    "started_at": datetime.datetime, "status": str, "cancel_requested": bool, "last_heartbeat": datetime.datetime,
}
# A heartbeat is due every 5 s, and a busy machine may be late.
HEARTBEAT_SECONDS = 5.5
# Sweeps begin when the store was reached for 10 s, and then come every 5 s.
SWEEP_SECONDS = 25


@pytest.fixture
def database(service, database_of):
    return database_of(service)


@pytest.fixture
def two_services(make_service):
    """Two services over one database."""
    first = make_service("first").start()
    shared = {name: first.settings[name] for name in ("MONGODB_URI", "MONGODB_DB_NAME")}
    return first, make_service("second", **shared).start()


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def record_of(database, stream):
    return database.active_streams.find_one({"stream_id": stream.events[0].stream_id})


# --- active_streams


def test_a_running_stream_has_a_record_which_goes_when_it_is_complete(api, database):
    session = api.session()
    before = now()
    stream = api.stream(session, tokens=60, rate=30)
    record = record_of(database, stream)
    assert {name: type(record[name]) for name in STREAM_FIELDS} == STREAM_FIELDS
    assert {name: record[name] for name in session.keys() & STREAM_FIELDS.keys()} == {
        name: session[name] for name in ("session_id", "room_id", "user_id")
    }
    assert (record["status"], record["cancel_requested"]) == ("streaming", False)
    # Dates have milliseconds.
    assert before - datetime.timedelta(milliseconds=1) <= record["started_at"] <= now()
    assert record["last_heartbeat"] >= record["started_at"]
    assert stream.wait_for_terminal().status == "complete"
    wait_until(lambda: record_of(database, stream) is None, 2, "the record's removal")


def test_the_record_of_a_stopped_stream_goes(api, database):
    session = api.session()
    stream = api.stream(session)
    assert record_of(database, stream)
    api.stop(session)
    wait_until(lambda: record_of(database, stream) is None, 2, "the record's removal")


@pytest.mark.parametrize("rate", [20, 0.05])
def test_a_heartbeat_is_renewed_in_time_however_slow_the_agent_is(api, database, rate):
    session = api.session()
    stream = api.stream(session, rate=rate)
    beats = [record_of(database, stream)["last_heartbeat"]]
    for _ in range(2):
        changed = lambda: (beat := record_of(database, stream)["last_heartbeat"]) != beats[-1] and beat  # noqa: E731
        beats.append(wait_until(changed, HEARTBEAT_SECONDS, "a heartbeat"))
    for earlier, later in itertools.pairwise(beats):
        assert 0 < (later - earlier).total_seconds() <= HEARTBEAT_SECONDS
    api.stop(session)
    stream.wait_for_end()


def test_a_stop_requested_in_the_record_stops_the_stream_within_two_seconds(api, database):
    session = api.session()
    stream = api.stream(session)
    stream.wait_for(10)
    stream_id = stream.events[0].stream_id
    asked = database.active_streams.update_one({"stream_id": stream_id}, {"$set": {"cancel_requested": True}})
    assert asked.matched_count == 1
    terminal = stream.wait_for_terminal(2)
    assert (terminal.status, terminal.content) == ("cancelled", stream.text)
    conversation = api.only_conversation(session)
    assert (conversation["status"], conversation["agent_response"]) == ("cancelled", terminal.content)


# --- what a dead instance has left


def leave_running(database, session, text, heartbeat):
    """What an instance leaves that has died while it answered. Returns the stream's id."""
    stream_id, started = unique("stream"), heartbeat - datetime.timedelta(seconds=5)
    whose = {name: session[name] for name in ("user_id", "session_id", "room_id")}
    database.active_streams.insert_one(
        whose | {
            "stream_id": stream_id, "agent_type": "assistant", "instance_id": "instance_gone", "started_at": started,
            "status": "streaming", "cancel_requested": False, "last_heartbeat": heartbeat,
        }
    )
    database.conversation_history.insert_one(
        whose | {
            "conversation_id": unique("conversation"), "agent_type": "assistant", "user_input": "Anybody there?",
            "agent_response": text, "timestamp": started, "status": "streaming", "stream_id": stream_id,
            "metadata": {},
        }
    )
    return stream_id


def test_answers_of_a_silent_instance_are_interrupted_and_those_of_a_live_one_are_not(api, database):
    silent, live = api.session(), api.session()
    silent_stream = leave_running(database, silent, "So far", now() - datetime.timedelta(seconds=31))
    live_stream = leave_running(database, live, "And on", now())
    conversation = api.ended_conversation(silent, SWEEP_SECONDS)
    assert (conversation["status"], conversation["agent_response"]) == ("interrupted", "So far")

    def gone():
        return database.active_streams.find_one({"stream_id": silent_stream}) is None

    wait_until(gone, 2, "the record's removal")
    conversation = api.only_conversation(live)
    assert (conversation["status"], conversation["agent_response"]) == ("streaming", "And on")
    assert database.active_streams.find_one({"stream_id": live_stream})["instance_id"] == "instance_gone"


@pytest.mark.timeout(90)
def test_an_answer_of_a_killed_service_is_interrupted_by_the_other_one(two_services, connect):
    first, second = two_services
    api, other = (connect(each) for each in two_services)
    session = api.session()
    stream = api.stream(session, tokens=100_000)
    text = wait_until(lambda: other.only_conversation(session)["agent_response"], 10, "a checkpoint")
    first.kill()
    conversation = other.ended_conversation(session, 45)
    assert conversation["status"] == "interrupted"
    stored = conversation["agent_response"]
    assert stored.startswith(text)
    stream.wait_for_end()
    assert stored.startswith(stream.text) or stream.text.startswith(stored)
    assert other.ask(session, "And now?")[-2].status == "complete"


# --- two services


def test_racing_creates_on_both_services_make_exactly_as_many_rooms_as_a_user_may_have(make_service, connect):
    first = make_service("first", MAX_ROOMS_PER_USER="20").start()
    shared = {name: first.settings[name] for name in ("MONGODB_URI", "MONGODB_DB_NAME", "MAX_ROOMS_PER_USER")}
    both = [connect(first), connect(make_service("second", **shared).start())]
    user = unique()
    start = threading.Barrier(20)

    def create(index):
        if index < 20:
            start.wait(10)
        return both[index % 2].http.post("/api/rooms", json={"user_id": user}).status_code

    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(create, range(60)))
    assert sorted(statuses) == [201] * 20 + [400] * 40
    for api in both:
        assert api.data("GET", "/api/rooms", params={"user_id": user, "limit": 100})["total"] == 20


def test_a_rooms_count_is_right_after_questions_and_deletions_on_both_services(two_services, connect, database_of):
    both = [connect(each) for each in two_services]
    user = unique()
    room_id = both[0].room(user)["room_id"]

    def chat(number):
        api = both[number % 2]
        session = api.session(user, room_id=room_id)
        for question in range(6):
            assert both[(number + question) % 2].ask(session, f"Question {number}.{question}")[-2].status == "complete"
            if question == 2 and number % 2:
                path = f"/api/session/{session['session_id']}/history"
                assert api.data("DELETE", path, params={"room_id": room_id})["conversations_deleted"] == 3

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(chat, range(4)))
    assert {api.data("GET", f"/api/rooms/{room_id}")["message_count"] for api in both} == {18}
    assert {api.history(room_id)["total"] for api in both} == {18}
    # What other programs read.
    database = database_of(two_services[0])
    assert database.conversation_history.count_documents({"room_id": room_id}) == 18
    assert database.chat_rooms.find_one({"room_id": room_id})["message_count"] == 18


def test_a_session_of_one_service_works_on_the_other(two_services, connect):
    api, other = (connect(each) for each in two_services)
    session = api.session()
    assert other.data("GET", f"/api/session/{session['session_id']}").items() >= session.items()
    answer = other.ask(session, "Asked elsewhere")[-2]
    assert answer.status == "complete"
    for each in (api, other):
        conversation = each.only_conversation(session)
        assert conversation["user_input"] == "Asked elsewhere"
        assert (conversation["status"], conversation["agent_response"]) == ("completed", answer.content)


def test_an_answer_of_one_service_is_told_by_the_other_only_when_it_has_ended(two_services, connect):
    api, other = (connect(each) for each in two_services)
    session = api.session()
    stream = api.stream(session, tokens=60, rate=40, message_id="m1")
    stream.wait_for(3)
    parameters = {"session_id": session["session_id"]}
    resuming = other.http.get("/api/chat/message", params=parameters, headers={"Last-Event-ID": stream.events[1].id})
    assert_failure(resuming, 503, "UNAVAILABLE")
    body = {"query": "Again?", "message_id": "m1"} | parameters
    assert_failure(other.http.post("/api/chat/message", json=body), 503, "UNAVAILABLE")

    terminal = stream.wait_for_terminal()
    resumed = other.watch(headers={"Last-Event-ID": stream.events[1].id}, **parameters).wait_for_end()
    assert [event.status for event in resumed.events] == ["reset", "complete"]
    assert {event.content for event in resumed.events} == {terminal.content}


def test_a_stop_through_the_other_service_is_passed_on(two_services, connect):
    api, other = (connect(each) for each in two_services)
    session = api.session()
    stream = api.stream(session)
    stream.wait_for(5)
    data = other.stop(session)["data"]
    assert (data["status"], data["delivered"]) == ("stop_requested", False)
    assert data["stream_id"] == stream.events[0].stream_id
    assert stream.wait_for_terminal(5).status == "cancelled"
    assert api.only_conversation(session)["status"] == "cancelled"
    assert other.stop(session)["data"]["status"] == "not_found"


def test_a_room_deleted_through_the_other_service_takes_its_answer_along(two_services, connect):
    api, other = (connect(each) for each in two_services)
    user = unique()
    session = api.session(user)
    stream = api.stream(session)
    stream.wait_for(5)
    other.data("DELETE", f"/api/rooms/{session['room_id']}", params={"user_id": user})
    assert stream.wait_for_terminal(10).status == "cancelled"
