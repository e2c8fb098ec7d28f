"""MongoDB away: at the start, killed, or hanging. Requests are refused in time, streams go on, nothing is lost."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from api import assert_failure, demo
from load import Load
from mongo_server import MongoServer
from service import migrate
from waiting import holds_for, wait_until

pytestmark = [pytest.mark.mongodb, pytest.mark.timeout(120)]

DATABASE = "rooms"
# Two seconds, and what a busy machine may add.
ANSWER_SECONDS = 2.5
# How soon after the server's return a service is ready, and what it owes the store is stored.
RETURN_SECONDS = 15

both_ways = pytest.mark.parametrize("how", ["kill", "pause"])


@pytest.fixture
def server(tmp_path):
    """A server of the test's own, with a database that is migrated."""
    server = MongoServer(tmp_path / "mongodb").start()
    migrate(server.uri, DATABASE)
    yield server
    server.kill()


@pytest.fixture
def make_over(server, make_service):
    """Makes services over the test's own server."""
    return lambda **settings: make_service(MONGODB_URI=server.uri, MONGODB_DB_NAME=DATABASE, **settings)


def timed(api, method, path, **request):
    """The response, and how many seconds it took."""
    start = time.monotonic()
    response = api.http.request(method, path, **request)
    return response, time.monotonic() - start


def requests_of(session):
    """One request of every kind that needs the store."""
    user, room, id = session["user_id"], f"/api/rooms/{session['room_id']}", session["session_id"]
    return [
        ("POST", "/api/rooms", {"json": {"user_id": user}}),
        ("GET", "/api/rooms", {"params": {"user_id": user}}),
        ("GET", room, {}),
        ("GET", f"{room}/history", {}),
        ("POST", "/api/session/create", {"json": {"user_id": user}}),
        ("GET", f"/api/session/{id}", {}),
        ("POST", "/api/chat/message", {"json": {"query": "?", "session_id": id, "context": demo(1)}}),
        ("GET", "/api/chat/message", {"params": {"query": "?", "session_id": id}}),
    ]


def assert_refused_in_time(api, method, path, request):
    response, seconds = timed(api, method, path, **request)
    assert_failure(response, 503, "UNAVAILABLE")
    assert int(response.headers["retry-after"]) >= 1
    assert seconds < ANSWER_SECONDS, f"{method} {path} took {seconds:.2f} s"


def assert_all_refused(api, session):
    """Every kind of request, one after the other and then twenty at once."""
    for request in requests_of(session):
        assert_refused_in_time(api, *request)
    start = threading.Barrier(20)

    def refused(number):
        request = requests_of(session)[number % len(requests_of(session))]
        start.wait(10)
        assert_refused_in_time(api, *request)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(refused, range(20)))


def assert_works(api):
    session = api.session()
    events = api.ask(session)
    assert events[-2].status == "complete"
    assert api.only_conversation(session)["agent_response"] == events[-2].content


NOWHERE = {"user_id": "ada", "room_id": "room_x", "session_id": "session_x"}


def assert_alive_but_not_ready(service, api):
    assert service.process.poll() is None
    assert api.http.get("/healthz").status_code == 200
    ready, seconds = timed(api, "GET", "/readyz")
    assert (ready.status_code, seconds < ANSWER_SECONDS) == (503, True), seconds
    health, seconds = timed(api, "GET", "/api/health")
    assert (health.status_code, seconds < ANSWER_SECONDS) == (503, True), seconds
    body = health.json()
    assert (body["status"], body["checks"]["store"]["status"]) == ("unhealthy", "unhealthy")


# --- the start


def test_a_service_without_its_server_refuses_and_works_when_it_comes(server, make_over, connect):
    server.kill()
    service = make_over().start_serving()
    api = connect(service)
    assert_alive_but_not_ready(service, api)
    assert_all_refused(api, NOWHERE)
    assert_alive_but_not_ready(service, api)
    server.start()
    wait_until(service.is_ready, RETURN_SECONDS, "readiness")
    assert_works(api)


def test_a_server_that_comes_without_its_schema_is_used_after_the_upgrade(server, make_over, connect):
    migrate(server.uri, DATABASE, "downgrade", "base")
    server.kill()
    service = make_over().start_serving()
    api = connect(service)
    server.start()
    # Longer than readiness takes where the schema is there.
    assert holds_for(lambda: not service.is_ready(), 6)
    assert_alive_but_not_ready(service, api)
    migrate(server.uri, DATABASE)
    wait_until(service.is_ready, RETURN_SECONDS, "readiness")
    assert_works(api)


def test_a_service_refuses_to_start_on_a_schema_that_is_behind(server, make_over):
    migrate(server.uri, DATABASE, "downgrade", "base")
    service = make_over().launch()
    assert service.wait(10) == 1
    assert "scripts/migrate upgrade` (in a package: `Migrations upgrade`" in service.stderr
    assert "http://" not in service.stdout


# --- killed, or hanging, in the middle


@both_ways
def test_requests_are_refused_in_time_while_the_server_is_away_and_work_again(server, make_over, connect, how):
    service = make_over().start()
    api = connect(service)
    session = api.session()
    text = api.ask(session)[-2].content
    with server.away(how):
        assert_all_refused(api, session)
        assert_alive_but_not_ready(service, api)
    wait_until(service.is_ready, RETURN_SECONDS, "readiness")
    assert_works(api)
    assert api.data("GET", f"/api/session/{session['session_id']}")["room_id"] == session["room_id"]
    first = api.history(session["room_id"])["conversations"][0]
    assert (first["status"], first["agent_response"]) == ("completed", text)


def assert_completes(api, session, stream, seconds):
    """The answer ends whole, for its client and in the history."""
    terminal = stream.wait_for_terminal(seconds)
    assert (terminal.status, terminal.content) == ("complete", stream.text)
    conversation = api.only_conversation(session)
    assert (conversation["status"], conversation["agent_response"]) == ("completed", stream.text)


@both_ways
def test_streams_go_on_while_the_server_is_away(server, make_over, connect, how):
    api = connect(make_over().start())
    session = api.session()
    stream = api.stream(session, rate=20, tokens=160)
    stream.wait_for(20)
    with server.away(how):
        # Five seconds of text.
        events = stream.wait_for(len(stream.events) + 100, 15)
        assert {event.status for event in events[1:]} == {"streaming"}
    assert_completes(api, session, stream, 30)


@both_ways
def test_an_answer_that_ends_while_the_server_is_away_is_complete_when_it_is_stored(server, make_over, connect, how):
    api = connect(make_over().start())
    session = api.session()
    tokens = 40
    stream = api.stream(session, rate=20, tokens=tokens)
    stream.wait_for(10)
    with server.away(how):
        stream.wait_for(1 + tokens)
        # Longer than a few tries take, after which a service might give up.
        assert holds_for(lambda: len(stream.events) == 1 + tokens and not stream.ended, 12), stream.events[-1]
    assert_completes(api, session, stream, RETURN_SECONDS)


@both_ways
def test_a_stop_is_final_while_the_server_is_away_and_stored_when_it_is_back(server, make_over, connect, how):
    api = connect(make_over().start())
    session = api.session()
    stream = api.stream(session, rate=100, tokens=100_000)
    stream.wait_for(50)
    with server.away(how):
        response, seconds = timed(api, "POST", f"/api/session/{session['session_id']}/stop")
        assert response.status_code == 200, response.text
        assert seconds < ANSWER_SECONDS
        data = response.json()["data"]
        assert data["status"] == "stop_requested"
        partial = data["partial_response"]
        assert len(partial) > 0
        # What the client has is what the stop has told of, and it stays so.
        assert holds_for(lambda: len(stream.text) <= len(partial), 3)
    assert stream.wait_for_terminal(RETURN_SECONDS).status == "cancelled"
    assert stream.text == stream.events[-1].content == partial
    conversation = api.ended_conversation(session, RETURN_SECONDS)
    assert (conversation["status"], conversation["agent_response"]) == ("cancelled", partial)


# --- twenty seconds under load


def test_twenty_seconds_without_the_server_under_load_lose_nothing(server, make_over, connect):
    service = make_over(DRAIN_SECONDS="5").start()
    api = connect(service)
    sessions = [api.session() for _ in range(4)]
    # Half a minute of text: from before the outage until after it.
    slow = [api.stream(session, rate=5, tokens=150) for session in sessions]
    load = Load(service.url)
    wait_until(lambda: len(load.rooms) >= 50 and len(load.completed) >= 10, 30, "load")
    with server.away("kill"):
        assert holds_for(lambda: service.process.poll() is None, 20)
    assert load.refused > 0
    wait_until(service.is_ready, RETURN_SECONDS, "readiness")
    rooms, completed = len(load.rooms), len(load.completed)
    wait_until(lambda: len(load.rooms) > rooms + 10 and len(load.completed) > completed + 5, 30, "load again")
    load.finish()

    load.assert_rooms_exist(api)
    # No answer fails because the store was away.
    load.assert_answers_are_there_once(api, {"completed"})
    for session, stream in zip(sessions, slow):
        terminal = stream.wait_for_terminal(30)
        assert (terminal.status, terminal.content) == ("complete", stream.text)
        conversation = api.only_conversation(session)
        assert (conversation["status"], conversation["agent_response"]) == ("completed", stream.text)
        assert conversation["metadata"]["chunks"] == 150
