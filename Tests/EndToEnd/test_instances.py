"""Several instances over one MongoDB and one Redis act as one: what is seen, stopped, counted and deleted holds for all of them."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from api import assert_failure, demo, unique
from instances import Instances, assert_agree, assert_in_order, seen
from rawsocket import RawConnection
from waiting import holds_for, wait_until

pytestmark = pytest.mark.mongodb

# An event that another instance has made comes after at most this; a batch waits 25 ms, and the machine is busy.
PROMPT_SECONDS = 0.3


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two instances for the tests that leave them running."""
    shared = Instances(tmp_path_factory.mktemp("pair"), MAX_STREAMS_PER_USER="3", HEARTBEAT_SECONDS="2").start()
    yield shared
    shared.stop()


@pytest.fixture
def make_instances(tmp_path):
    made = []

    def make(count=2, **settings):
        made.append(Instances(tmp_path / unique("instances"), count, **settings).start())
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.fixture
def nothing_is_left(pair):
    """Whatever the test has done, all places are free soon after it."""
    yield
    wait_until(lambda: not pair.redis.held(), 5, "all places to be free")


def resume(api, session, event, **more):
    return api.watch(headers={"Last-Event-ID": event.id}, session_id=session["session_id"], **more)


# --- watching, resuming, joining


def test_a_follower_elsewhere_sees_what_the_asker_sees(pair, nothing_is_left):
    here, there = pair
    session = here.session()
    follower = there.watch(session_id=session["session_id"])
    follower.wait_for_response()
    stream = here.stream(session, tokens=60, rate=50)
    assert stream.wait_for_terminal().status == "complete"
    follower.wait_for_terminal()
    assert seen(follower) == seen(stream)
    follower.leave()


def test_a_watcher_that_comes_later_sees_the_stream_from_its_beginning(pair, nothing_is_left):
    here, there = pair
    session = here.session()
    stream = here.stream(session, tokens=60, rate=50)
    stream.wait_for(20)
    watcher = there.watch(session_id=session["session_id"])
    assert watcher.wait_for_terminal().status == "complete"
    stream.wait_for_end()
    assert seen(watcher) == seen(stream)
    watcher.leave()


def test_resumed_anywhere_a_stream_has_the_same_bytes(pair, nothing_is_left):
    here, there = pair
    session = here.session()
    stream = here.stream(session, tokens=80, rate=50)
    event = stream.wait_for(10)[5]

    def rest(api):
        headers = {"Last-Event-ID": event.id}
        content = api.http.get("/api/chat/message", params={"session_id": session["session_id"]}, headers=headers).content
        retry, events = content.split(b"\n\n", 1)
        assert retry.startswith(b"retry: ")
        return events

    with ThreadPoolExecutor(2) as pool:
        while_it_runs = list(pool.map(rest, pair))
    stream.wait_for_end()
    assert while_it_runs[0] == while_it_runs[1]
    assert [rest(api) for api in pair] == while_it_runs
    assert while_it_runs[0].count(b"\nid: ") + while_it_runs[0].startswith(b"id: ") == len(stream.events) - 6


def test_tokens_come_elsewhere_as_soon_as_they_are_made(pair, nothing_is_left):
    here, there = pair
    session = here.session()
    watcher = there.watch(session_id=session["session_id"])
    watcher.wait_for_response()
    body = {"query": "Slowly", "session_id": session["session_id"], "context": {"demo": {"tokens": 10, "rate": 5, "timestamps": True}}}
    assert here.http.post("/api/chat/message", json=body, headers={"Accept": "application/json"}).status_code == 202
    late = []
    for count in range(2, 12):
        token = watcher.wait_for(count)[count - 1]
        late.append(time.time() - int(token.content[2:].split(" ")[0]) / 1e9)
    assert max(late) < PROMPT_SECONDS, late
    watcher.leave()


def test_many_watchers_elsewhere_need_one_subscription(pair, nothing_is_left):
    here, there = pair
    session = here.session()
    stream = here.stream(session, tokens=150, rate=50)
    first = stream.wait_for(5)[0]
    watchers = [there.watch(session_id=session["session_id"]) for _ in range(10)]
    watchers += [resume(there, session, first) for _ in range(10)]
    for each in watchers:
        each.wait_for(5)
    channel = f"events:{first.stream_id}"
    assert pair.redis.client.pubsub_numsub(channel) == [(channel, 1)]
    stream.wait_for_end()
    for each in watchers:
        assert each.wait_for_terminal().status == "complete"
        assert seen(each)[-100:] == seen(stream)[-100:]
        assert_in_order(each)
        each.leave()


@pytest.mark.parametrize("begins", ["while it is quiet", "while a stream runs there", "while a stream runs elsewhere"])
def test_who_follows_a_session_sees_the_streams_of_all_instances(pair, nothing_is_left, begins):
    here, there = pair
    session = here.session()
    before = {"while it is quiet": None, "while a stream runs there": there, "while a stream runs elsewhere": here}[begins]
    asked = [before.stream(session, "First", tokens=30)] if before else []
    follower = there.watch(session_id=session["session_id"])
    follower.wait_for_response()
    for each in asked:
        each.wait_for_end()
    for number, api in enumerate([here, there, here, there]):
        asked.append(api.stream(session, f"Question {number}", tokens=5, rate=100))
        asked[-1].wait_for_end()
    expected = [each for stream in asked for each in seen(stream)]
    wait_until(lambda: len(follower.events) >= len(expected), 5, f"{len(expected)} events, not {len(follower.events)}")
    assert seen(follower) == expected
    follower.leave()


@pytest.mark.parametrize("how", ["POST with a message_id", "GET with a message_id", "GET with the same query"])
def test_the_same_question_asked_elsewhere_joins_its_answer(pair, nothing_is_left, how):
    here, there = pair
    session = here.session()
    message = {} if how == "GET with the same query" else {"message_id": unique("message")}
    stream = here.stream(session, "Once", tokens=100, rate=50, **message)
    stream.wait_for(5)
    if how.startswith("POST"):
        other = there.stream(session, "Once", **message)
    else:
        other = there.watch(session_id=session["session_id"], query="Once", **message)
    assert other.wait_for_terminal().status == "complete"
    stream.wait_for_end()
    assert seen(other) == seen(stream)
    assert here.history(session["room_id"])["total"] == 1


def test_an_ended_answer_is_resumed_elsewhere_event_by_event(pair):
    here, there = pair
    session = here.session()
    *events, _ = here.ask(session, tokens=20)
    watcher = resume(there, session, events[5]).wait_for_end()
    assert seen(watcher) == [(event.id, event.data) for event in events[6:]]
    last = there.http.get(
        "/api/chat/message", params={"session_id": session["session_id"]}, headers={"Last-Event-ID": events[-1].id}
    )
    assert last.status_code == 204


def test_a_stream_is_resumed_elsewhere_by_its_owner_only(pair, nothing_is_left):
    here, there = pair
    session, other = here.session(), here.session()
    stream = here.stream(session, tokens=100)
    event = stream.wait_for(3)[0]

    def answer(session, **parameters):
        parameters["session_id"] = session["session_id"]
        return there.http.get("/api/chat/message", params=parameters, headers={"Last-Event-ID": event.id})

    assert_failure(answer(other), 404, "NOT_FOUND")
    assert_failure(answer(session, user_id="somebody-else"), 403, "ACCESS_DENIED")
    here.stop(session)


def test_a_session_shows_its_running_stream_everywhere(pair, nothing_is_left):
    here, there = pair
    session = here.session()
    stream = here.stream(session)
    id = stream.wait_for(2)[0].stream_id
    views = [api.data("GET", f"/api/session/{session['session_id']}")["active_stream"] for api in pair]
    here.stop(session)
    assert views[1] and views[1]["stream_id"] == id and views[1]["status"] == "streaming", views
    assert views[0] == views[1]
    for api in pair:
        assert api.data("GET", f"/api/session/{session['session_id']}")["active_stream"] is None


# --- stops


def test_a_stop_elsewhere_is_delivered(pair, nothing_is_left):
    here, there = pair
    session = here.session()
    stream = here.stream(session)
    watcher = there.watch(session_id=session["session_id"])
    watcher.wait_for(10)
    data = there.stop(session)["data"]
    assert (data["status"], data["delivered"], data["stream_id"]) == ("stop_requested", True, stream.events[0].stream_id)
    conversation = there.only_conversation(session)
    assert (conversation["status"], conversation["agent_response"]) == ("cancelled", data["partial_response"])
    for each in (stream, watcher):
        terminal = each.wait_for_terminal(5)
        assert (terminal.status, terminal.content) == ("cancelled", data["partial_response"])
        assert_in_order(each)
    assert_agree(stream, watcher)
    assert stream.events[-1].id == watcher.events[-1].id
    watcher.leave()
    assert there.stop(session)["data"]["status"] == "not_found"


@pytest.mark.parametrize("stopped_at", ["the owner", "a follower", "another one"])
def test_after_a_stop_has_answered_no_streaming_event_reaches_any_client(make_instances, stopped_at):
    instances = make_instances(3)
    owner, follower, other = instances
    stopper = {"the owner": owner, "a follower": follower, "another one": other}[stopped_at]
    for _ in range(15):
        session = owner.session()
        ask = {"query": "Talk", "session_id": session["session_id"], "context": demo(100_000, 1000)}
        watch = f"/api/chat/message?session_id={session['session_id']}"
        with RawConnection(instances.all[0].port) as asker, RawConnection(instances.all[1].port) as watcher:
            asker.send_request("POST", "/api/chat/message", json.dumps(ask).encode())
            asker.read_until(b'"status":"streaming"')
            watcher.send_request("GET", watch)
            watcher.read_until(b'"status":"streaming"')
            data = stopper.stop(session)["data"]
            for each in (asker, watcher):
                # On loopback what was sent has arrived: what comes after this was sent after the answer.
                before = each.read_what_has_arrived()
                rest = b"" if b'"cancelled"' in before else each.read_until(b'"cancelled"')
                assert b'"status":"streaming"' not in rest
        assert data["delivered"] is True


def test_a_stop_is_a_fence_elsewhere_too(pair, nothing_is_left):
    here, there = pair
    session = here.session()
    ended = here.ask(session, tokens=1)[0].stream_id
    stream = here.stream(session)
    assert there.stop(session, stream_id=ended)["data"]["status"] == "not_found"
    stream.wait_for(len(stream.events) + 5)
    assert there.stop(session, stream_id=stream.events[0].stream_id)["data"]["status"] == "stop_requested"
    assert stream.wait_for_terminal(5).status == "cancelled"


def test_a_late_stop_never_hits_the_next_stream(pair, nothing_is_left):
    """Stops that race with the end of one stream and the beginning of the next."""
    here, there = pair
    session = here.session()
    for number in range(20):
        first = here.stream(session, f"First {number}", tokens=8, rate=200)
        id = first.events[0].stream_id
        with ThreadPoolExecutor(3) as pool:
            stops = [pool.submit(api.stop, session, stream_id=id) for api in (there, here, there)]
            first.wait_for_terminal()
            second = (here, there)[number % 2].stream(session, f"Second {number}", tokens=3, rate=200)
            for each in stops:
                each.result()
        assert second.wait_for_terminal().status == "complete"


def test_many_stops_at_once_end_a_stream_once(pair, nothing_is_left):
    here, there = pair
    for _ in range(5):
        session = here.session()
        stream = here.stream(session)
        stream.wait_for(5)
        with ThreadPoolExecutor(8) as pool:
            answers = [each["data"] for each in pool.map(lambda api: api.stop(session), [here, there] * 4)]
        stopped = [each for each in answers if each["status"] == "stop_requested"]
        assert len(stopped) == 1, answers
        assert stream.wait_for_terminal().content == stopped[0]["partial_response"]


# --- places and rates


def test_a_session_answers_one_question_at_a_time_wherever_it_is_asked(pair, nothing_is_left):
    here, there = pair
    for _ in range(10):
        session = here.session()
        start = threading.Barrier(6)

        def ask(number):
            body = {"query": f"Question {number}", "session_id": session["session_id"], "context": demo(100, 50)}
            start.wait(10)
            return (here, there)[number % 2].http.post("/api/chat/message", json=body, headers={"Accept": "application/json"})

        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(ask, range(6)))
        accepted = [each for each in answers if each.status_code == 202]
        assert len(accepted) == 1, [each.text for each in answers]
        for each in answers:
            if each is not accepted[0]:
                body = assert_failure(each, 409, "STREAM_ACTIVE", data=True)
                assert body["data"]["stream_id"] == accepted[0].json()["data"]["stream_id"]
        assert here.history(session["room_id"])["total"] == 1
        there.stop(session)


def test_who_has_seen_an_end_may_ask_anywhere(pair, nothing_is_left):
    session = pair.apis[0].session()
    for number in range(40):
        stream = pair.apis[number % 2].stream(session, f"Question {number}", tokens=1)
        assert stream.wait_for_terminal().status == "complete"


def test_a_user_has_so_many_streams_on_all_instances_together(pair, nothing_is_left):
    user = unique()
    sessions = [pair.apis[0].session(user) for _ in range(5)]
    streams = [pair.apis[number % 2].stream(sessions[number]) for number in range(3)]
    for api in pair:
        body = {"query": "One more", "session_id": sessions[3]["session_id"]}
        assert_failure(api.http.post("/api/chat/message", json=body), 429, "STREAM_LIMIT_EXCEEDED")
    pair.apis[1].stop(sessions[0])
    pair.apis[1].ask(sessions[4], tokens=1)
    for number in (1, 2):
        pair.apis[0].stop(sessions[number])
        streams[number].wait_for_end()


def test_racing_questions_of_a_user_do_not_pass_the_limit(pair, nothing_is_left):
    user = unique()
    sessions = [pair.apis[0].session(user) for _ in range(10)]
    start = threading.Barrier(10)

    def ask(number):
        body = {"query": "?", "session_id": sessions[number]["session_id"], "context": demo(1000, 20)}
        start.wait(10)
        return pair.apis[number % 2].http.post("/api/chat/message", json=body, headers={"Accept": "application/json"}).status_code

    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(ask, range(10)))
    assert sorted(statuses) == [202] * 3 + [429] * 7
    for number, status in enumerate(statuses):
        if status == 202:
            pair.apis[0].stop(sessions[number])


def test_a_rate_is_one_for_all_instances(make_instances):
    instances = make_instances(RATE_LIMITS="messages=6/m")
    session = instances.apis[0].session()
    for number in range(6):
        instances.apis[number % 2].ask(session, f"Question {number}", tokens=1)
    for api in instances:
        response = api.http.post("/api/chat/message", json={"query": "One more", "session_id": session["session_id"]})
        assert_failure(response, 429, "RATE_LIMIT_EXCEEDED")
        assert 1 <= int(response.headers["retry-after"]) <= 11
    assert instances.apis[0].history(session["room_id"])["total"] == 6


# --- deletions


def delete_room(api, session):
    api.data("DELETE", f"/api/rooms/{session['room_id']}", params={"user_id": session["user_id"]})


def delete_session(api, session):
    api.data("DELETE", f"/api/session/{session['session_id']}")


@pytest.mark.parametrize("delete", [delete_room, delete_session])
def test_what_is_deleted_elsewhere_streams_no_more(pair, nothing_is_left, delete):
    here, there = pair
    session = here.session()
    follower = there.watch(session_id=session["session_id"])
    local = here.watch(session_id=session["session_id"])
    stream = here.stream(session)
    follower.wait_for(5)
    delete(there, session)
    count = len(follower.events), len(stream.events)
    for each in (stream, follower):
        assert each.wait_for_terminal(5).status == "cancelled"
        assert_in_order(each)
    assert (len(follower.events), len(stream.events)) <= (count[0] + 2, count[1] + 2)
    for each in (follower, local):
        each.wait_for_end(5)


@pytest.mark.parametrize("delete", [delete_room, delete_session])
def test_who_follows_what_is_deleted_elsewhere_is_let_go(pair, delete):
    here, there = pair
    session = here.session()
    followers = [api.watch(session_id=session["session_id"]) for api in pair]
    for each in followers:
        each.wait_for_response()
    delete(there, session)
    for each in followers:
        each.wait_for_end(5)


def delete_history(api, session):
    api.data("DELETE", f"/api/session/{session['session_id']}/history", params={"room_id": session["room_id"]})


@pytest.mark.parametrize("delete", [delete_room, delete_history])
@pytest.mark.parametrize("watched", [False, True])
def test_nobody_can_resume_what_has_been_deleted(pair, delete, watched):
    here, there = pair
    session = here.session()
    *events, _ = here.ask(session, "A secret", tokens=10)
    if watched:
        assert resume(there, session, events[0]).wait_for_end().events
    delete(here, session)
    for api in pair:
        headers = {"Last-Event-ID": events[2].id}
        response = api.http.get("/api/chat/message", params={"session_id": session["session_id"]}, headers=headers)
        assert_failure(response, 404, "NOT_FOUND")


# --- what Redis holds


def test_what_redis_holds_of_a_stream_has_an_end(make_instances):
    instances = make_instances(STREAM_RETENTION_SECONDS="2")
    here, there = instances
    session = here.session()
    stream = here.stream(session, tokens=200, rate=200)
    key = f"stream:{stream.events[0].stream_id}"
    # Its own reader sees the first event before Redis has it.
    wait_until(lambda: instances.redis.client.pttl(key) > 0, 5, "the stream in Redis")
    stream.wait_for_end()
    wait_until(lambda: instances.redis.client.pttl(key) <= 2000, 2, "the stream to be kept for its retention")
    wait_until(lambda: not instances.redis.client.exists(key), 5, "the stream to be forgotten")
    watcher = resume(there, session, stream.events[3]).wait_for_end()
    assert [event.status for event in watcher.events] == ["reset", "complete"]


def test_a_long_stream_does_not_grow_in_redis_without_bound(make_instances):
    instances = make_instances(STREAM_LOG_MB="1")
    here, there = instances
    session = here.session()
    body = {"query": "Long", "session_id": session["session_id"], "context": demo(60_000, 20_000)}
    answer = here.http.post("/api/chat/message", json=body, headers={"Accept": "application/json"})
    id = answer.json()["data"]["stream_id"]
    conversation = here.ended_conversation(session, 20)
    size = lambda: instances.redis.client.memory_usage(f"stream:{id}", samples=0)
    wait_until(lambda: size() < 4 << 20, 5, "the text in place of the events")
    watcher = there.watch(headers={"Last-Event-ID": f"{id}:10"}, session_id=session["session_id"]).wait_for_end()
    assert (watcher.events[0].status, watcher.events[-1].content) == ("reset", conversation["agent_response"])
    assert_in_order(watcher)


# --- an instance that ends


def test_sigterm_tells_watchers_elsewhere_and_leaves_nothing(make_instances):
    instances = make_instances(MAX_STREAMS_PER_USER="100", DRAIN_SECONDS="1")
    here, there = instances
    sessions = [here.session() for _ in range(20)]
    watchers = [there.watch(session_id=each["session_id"]) for each in sessions]
    streams = [here.stream(each, tokens=2000, rate=20) for each in sessions]
    for each in watchers:
        each.wait_for(5)
    instances.all[0].signal()
    assert instances.all[0].wait(20) == 0
    for stream, watcher in zip(streams, watchers, strict=True):
        assert watcher.wait_for_terminal(5).status == "interrupted"
        assert seen(watcher) == seen(stream)
        watcher.leave()
    assert instances.redis.held() == []
    assert instances.redis.client.zcard("instances") == 1
    assert holds_for(lambda: instances.redis.held() == [], 0.5)
