"""Places of streams and rates: they are counted for all instances together."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from api import assert_failure, demo, unique

pytestmark = pytest.mark.mongodb


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
