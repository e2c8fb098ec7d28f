"""What the log never tells: what users write, passwords and keys."""

import json
import os
import sqlite3

import pytest

from api import demo, unique
from chat import write_agents
from log import MARK, Log, entries
from scripted_model import answer, refuse


def exercise(api):
    """Uses whatever takes text, with the mark in all of it, rightly and wrongly."""
    user = unique()
    metadata = {"note": MARK, "nested": {"of": [MARK]}}
    room = api.room(user, room_name=f"Room {MARK}", metadata=metadata)
    session = api.session(user, room_id=room["room_id"])
    key = session["session_id"]
    api.http.patch(f"/api/rooms/{room['room_id']}", params={"user_id": user, "q": MARK}, json={"room_name": MARK * 2})
    body = {
        "query": f"What is {MARK}?", "session_id": key, "message_id": f"m {MARK}", "user_profile": {"name": MARK},
        "context": {"about": MARK} | demo(20),
    }
    secret_headers = {"Authorization": f"Bearer {MARK}", "Cookie": f"session={MARK}", "User-Agent": MARK, "Referer": f"http://x/?{MARK}"}
    for _ in range(2):
        assert api.http.post("/api/chat/message", json=body, headers=secret_headers).status_code == 200
    for path, parameters in (
        ("/api/chat/message", {"session_id": key, "query": f"And {MARK}?", "token": MARK}),
        ("/api/chat/message", {"session_id": MARK, "query": MARK}),
        ("/api/chat/message", {"session_id": key, "last_event_id": f"stream_{MARK}:1"}),
        ("/api/rooms", {"user_id": f"{MARK} {MARK}"}),
        (f"/{MARK}/{MARK} {MARK}", {MARK: MARK}),
        (f"/api/rooms/%00{MARK}", {}),
        (f"/api/rooms/{MARK} as text", {}),
        (f"/v1/models/{MARK}", {}),
        (f"/api/chat/history/{MARK}", {"user_id": user}),
        (f"/api/rooms/{room['room_id']}/history", {"limit": MARK}),
    ):
        api.http.get(path, params=parameters, headers=secret_headers)
    completion = {"model": "auto", "messages": [{"role": "user", "content": MARK}], "stop": MARK}
    for extra in ({}, {"stream": True}, {"user": user, "metadata": {"session_id": key}}, {"model": MARK}, {"n": MARK}):
        api.http.post("/v1/chat/completions", json=completion | extra, headers=secret_headers)
    for broken in (f'{{"user_id": "{MARK}"', f'{{"user_id": "{MARK} "}}', f'"{MARK}"', MARK):
        api.http.post("/api/rooms", content=broken, headers={"Content-Type": "application/json"})
        api.http.post("/api/chat/message", content=broken, headers={"Content-Type": "application/json"})
    api.http.post("/api/session/create", json={"user_id": user, "room_id": f"room {MARK}"})
    api.http.post("/api/session/create", json={"user_id": unique(), "room_id": room["room_id"]})
    api.http.post(f"/api/session/{key}/reset", json={"agent_type": MARK})
    stream = api.stream(api.session(user), query=MARK, tokens=500, rate=100)
    api.http.post(f"/api/session/{key}/stop", json={"stream_id": MARK})
    stream.leave()
    api.http.request(MARK.upper(), "/api/rooms")


def assert_unmarked(service, *messages):
    """The mark is nowhere, though lines of those messages were written."""
    service.stop()
    assert MARK.lower() not in (service.stderr + service.stdout).lower()
    told = {line["message"] for line in entries(service.stderr)}
    assert told >= {"request", "shut down", *messages}


def test_nothing_that_users_write_is_in_the_log(logged):
    log, api = logged(DEMO_RATE="0")
    exercise(api)
    assert_unmarked(log.service, "stream started", "stream ended", "response ended")


def test_nothing_of_a_failing_model_or_of_a_key_is_in_the_log(make_service, connect, model, tmp_path):
    says = {"error": {"message": f"You have asked: {MARK}", "type": MARK, "code": MARK}}
    for script in (
        [refuse(400, says)], [refuse(401, says)], [refuse(429, says)], [refuse(500, says)], [refuse(500, f"<html>{MARK}")],
        [b"data: " + MARK.encode() + b"\n\n"], [b"data: " + json.dumps(says).encode() + b"\n\n"],
        answer(MARK, MARK), answer(reason=MARK),
    ):
        model.script(*script)
        agents = [{
            "name": "ada", "base_url": f"http://user:{MARK}@127.0.0.1:{model.port}/v1", "breaker_failures": 1, "retries": 0,
            "model": "scripted-1", "system_prompt": MARK,
        }]
        name = unique("service")
        service = make_service(
            name, AGENTS_FILE=write_agents(tmp_path / f"{name}.json", agents), OPENAI_API_KEY=f"sk-{MARK}", LOG_LEVEL="info",
        ).start()
        api = connect(service)
        session = api.session()
        body = {"query": f"What is {MARK}?", "session_id": session["session_id"]}
        assert api.http.post("/api/chat/message", json=body).status_code == 200
        assert_unmarked(service, "stream ended")


def test_no_password_of_a_store_that_is_away_is_in_the_log(make_service, connect, closed_port):
    settings = {
        "MONGODB_URI": f"mongodb://user:{MARK}@127.0.0.1:{closed_port}/?serverSelectionTimeoutMS=300", "MONGODB_DB_NAME": "rooms",
        "REDIS_URL": f"redis://user:{MARK}@127.0.0.1:{closed_port}", "REDIS_PASSWORD": MARK,
    }
    service = make_service(LOG_LEVEL="info", **settings).start_serving()
    api = connect(service)
    response = api.http.post("/api/rooms", json={"user_id": unique(), "room_name": MARK, "metadata": {"x": MARK}})
    assert response.status_code == 503
    line = Log(service).wait_for("request", request_id=response.headers["x-request-id"])
    assert (line["level"], line["status"], line["error_code"]) == ("warning", 503, "UNAVAILABLE")
    assert "mongodb" in line["error"]
    Log(service).wait_for("Redis is away: this instance goes on alone")
    assert_unmarked(service, "MongoDB cannot be reached yet: not ready until it can; check MONGODB_URI, and that the server runs")


@pytest.mark.embedded
def test_nothing_of_what_a_failing_store_was_to_take_is_in_the_log(logged):
    log, api = logged()
    session = api.session()
    stream = api.stream(session, query=MARK, tokens=10_000, rate=200)
    with sqlite3.connect(os.path.join(log.service.settings["DATA_DIR"], "room-service.db"), isolation_level=None) as other:
        for table in ("chat_rooms", "conversation_history"):
            other.execute(f"ALTER TABLE {table} RENAME TO {table}_gone")
    response = api.http.post("/api/rooms", json={"user_id": unique(), "room_name": MARK, "metadata": {"x": MARK}})
    assert response.status_code == 500
    line = log.wait_for("request", request_id=response.headers["x-request-id"])
    assert line["level"] == "error" and "no such table" in line["error"]
    api.stop(session)
    line = log.wait_for("answer not stored", stream_id=stream.events[0].stream_id)
    assert line["level"] == "error" and line["session_id"] == session["session_id"]
    stream.wait_for_end()
    assert_unmarked(log.service)
