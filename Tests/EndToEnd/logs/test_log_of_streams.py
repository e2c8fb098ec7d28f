"""What the log tells of streams, and the traces that they are parts of."""

import re

import pytest

from api import Api, demo, unique
from log import Log, assert_ids
from scripted_model import answer, refuse
from service import Service

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture(scope="module")
def service_with_log(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("logged"), LOG_LEVEL="info") as service:
        api = Api(service.url)
        yield Log(service), api
        api.close()


def test_a_streamed_answer_is_four_lines_however_long_it_is(logged):
    log, api = logged()
    session = api.session()
    for number, tokens in enumerate((3, 500)):
        request_id = f"asked-{number}"
        body = {"query": "?", "session_id": session["session_id"], "context": demo(tokens)}
        headers = {"X-Request-ID": request_id, "traceparent": TRACEPARENT}
        response = api.http.post("/api/chat/message", json=body, headers=headers)
        stream = re.search('"stream_id":"([^"]+)"', response.text)[1]
        log.wait_for("response ended", request_id=request_id)
        lines = {line["message"]: line for line in log.of(request_id)}
        assert set(lines) == {"request", "stream started", "stream ended", "response ended"}
        assert len(log.of(request_id)) == 4
        for line in lines.values():
            assert line["trace_id"] == TRACE
            assert_ids(line, session, stream)
            assert line["level"] == "info"
        assert lines["request"]["streamed"] is True and lines["request"]["route"] == "/api/chat/message"
        ended = lines["stream ended"]
        assert (ended["state"], ended["events"], ended["agent"]) == ("complete", tokens + 2, "assistant")
        assert ended["bytes"] > 0 and ended["duration_ms"] >= ended["first_token_ms"] >= 0
        assert (lines["response ended"]["result"], lines["response ended"]["last_event"]) == ("finished", tokens + 1)


@pytest.mark.parametrize(
    "value",
    ["", "nonsense", f"00-{TRACE}-0000000000000000-01", TRACEPARENT.upper(), f"{TRACEPARENT}-more", f"{TRACEPARENT}, {TRACEPARENT}"],
)
def test_a_malformed_traceparent_is_ignored(service_with_log, value):
    log, api = service_with_log
    response = api.http.get("/api/chat/info", headers={"traceparent": value, "X-Request-ID": unique("traced")})
    assert response.status_code == 200
    assert "trace_id" not in log.wait_for("request", request_id=response.headers["x-request-id"])


def test_a_trace_is_handed_on_to_the_model_with_a_new_parent_for_each_try(chat_with, model):
    model.script_each([refuse(500)], answer("An answer."))
    chat = chat_with(LOG_LEVEL="info")
    body = {"query": "?", "session_id": chat.session["session_id"]}
    text = chat.api.http.post("/api/chat/message", json=body, headers={"traceparent": TRACEPARENT}).text
    assert '"status":"complete"' in text
    sent = [request.headers["traceparent"] for request in model.requests]
    assert len(sent) == 2
    parents = {re.fullmatch(f"00-{TRACE}-([0-9a-f]{{16}})-01", value)[1] for value in sent}
    assert len(parents) == 2 and "00f067aa0ba902b7" not in parents
    chat.ask()
    assert "traceparent" not in model.requests[-1].headers


def test_it_is_told_who_has_stopped_an_answer_and_which_reader_left(logged):
    log, api = logged()
    session = api.session()
    stream = api.stream(session)
    stream_id = stream.events[0].stream_id
    watcher = api.watch(session_id=session["session_id"])
    watcher.wait_for(3)
    watcher.leave()
    watched = watcher.response.headers["x-request-id"]
    line = log.wait_for("response ended", request_id=watched)
    assert line["result"] == "closed" and line["last_event"] >= 2
    assert_ids(line, session, stream_id)
    response = api.http.post(f"/api/session/{session['session_id']}/stop")
    line = log.wait_for("request", request_id=response.headers["x-request-id"])
    assert_ids(line, session, stream_id)
    line = log.wait_for("stream ended", stream_id=stream_id)
    assert (line["state"], line["stopped_by"]) == ("cancelled", "stop_request")

    for how, end in (
        ("session_deleted", lambda session: api.http.delete(f"/api/session/{session['session_id']}")),
        ("room_deleted", lambda session: api.http.delete(
            f"/api/rooms/{session['room_id']}", params={"user_id": session["user_id"]})),
        ("shutdown", lambda session: log.service.signal()),
    ):
        session = api.session()
        stream = api.stream(session)
        end(session)
        line = log.wait_for("stream ended", stream_id=stream.events[0].stream_id)
        assert line["stopped_by"] == how
        stream.wait_for_end()
    assert log.service.wait() == 0
    # Nothing is lost at a normal end.
    assert log.entries[-1]["message"] == "shut down"
