"""What the service tells about itself, the flat routes of chat, and the deprecated ones."""

import re

import pytest

from api import TIMESTAMP, unique
from service import MONGODB_TEST_URI
from waiting import wait_until


def test_the_root_tells_what_this_is(api):
    body = api.http.get("/", headers={"Accept": "application/json"}).json()
    assert set(body) == {"message", "version", "status", "endpoints"}
    assert re.match(r"\d+\.\d+\.\d+", body["version"])


@pytest.mark.parametrize(
    ("path", "body"), [("/healthz", {"status": "alive"}), ("/readyz", {"status": "ready"})]
)
def test_the_probes_answer(api, path, body):
    response = api.http.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("application/json")
    assert response.json() == body


def test_health_answers(api):
    assert api.http.get("/health").status_code == 200


def test_api_health_checks_every_part(api):
    session = api.session()
    stream = api.stream(session)
    body = api.http.get("/api/health").json()
    assert {"status", "timestamp", "version", "checks"} <= set(body)
    assert TIMESTAMP.match(body["timestamp"])
    checks = body["checks"]
    assert checks["store"]["backend"] == ("mongodb" if MONGODB_TEST_URI else "sqlite")
    assert checks["store"]["latency_ms"] >= 0
    assert checks["sessions"]["active_count"] >= 1
    assert checks["streams"]["active_count"] >= 1
    assert checks["streams"]["capacity"] == 50_000
    api.stop(session)
    stream.wait_for_end()


def test_chat_info_is_flat(api):
    body = api.http.get("/api/chat/info").json()
    assert isinstance(body, dict) and "success" not in body


def test_chat_histories_are_flat(api):
    session = api.session()
    for number in range(3):
        agent = api.ask(session, f"Question {number}")[0].data["agent_type"]
    user, room = session["user_id"], session["room_id"]
    places = [
        ("/api/chat/history", {"user_id": user}, {}),
        (f"/api/chat/history/{agent}", {"user_id": user}, {"agent_type": agent}),
        (f"/api/chat/history/{agent}", {"session_id": session["session_id"]}, {"agent_type": agent}),
        (f"/api/chat/rooms/{room}/history", {}, {"room_id": room}),
    ]
    for path, parameters, more in places:
        body = api.http.get(path, params=parameters).json()
        conversations = body.pop("conversations")
        assert body == {"count": 3} | more
        assert sorted(each["user_input"] for each in conversations) == ["Question 0", "Question 1", "Question 2"]

        body = api.http.get(path, params=parameters | {"limit": 1}).json()
        assert body["count"] == 1
        assert [each["user_input"] for each in body["conversations"]] == ["Question 2"]

    other = api.http.get("/api/chat/history/another_agent", params={"user_id": user}).json()
    assert other == {"count": 0, "conversations": [], "agent_type": "another_agent"}


def assert_deprecated(response):
    assert response.headers["deprecation"] == "true"
    assert re.fullmatch(r'<[^>]+>; *rel="successor-version"', response.headers["link"])


def test_the_deprecated_list_of_rooms_still_works(api):
    user = unique()
    room = api.room(user)
    response = api.http.get("/api/chat/rooms", params={"user_id": user})
    assert response.status_code == 200
    assert_deprecated(response)
    body = response.json()
    assert set(body) == {"user_id", "rooms", "count"}
    assert (body["user_id"], body["count"]) == (user, 1)
    assert body["rooms"][0]["room_id"] == room["room_id"]


@pytest.mark.parametrize("where", ["json", "params"])
def test_the_deprecated_session_creation_still_works(api, where):
    user = unique()
    response = api.http.post("/api/chat/session/create", **{where: {"user_id": user}})
    assert response.status_code == 200
    assert_deprecated(response)
    body = response.json()
    assert set(body) == {"session_id", "user_id", "status", "created_at"}
    assert (body["user_id"], body["status"]) == (user, "created")
    assert TIMESTAMP.match(body["created_at"])
    session = api.data("GET", f"/api/session/{body['session_id']}")
    assert api.ask(session)[-2].status == "complete"


def test_the_service_holds_no_stream_when_nobody_chats(make_service, connect):
    api = connect(make_service().start())
    session = api.session()
    api.ask(session)
    wait_until(lambda: api.http.get("/api/health").json()["checks"]["streams"]["active_count"] == 0)
