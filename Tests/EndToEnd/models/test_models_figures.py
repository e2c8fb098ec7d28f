"""What health and the metrics tell of the models."""

import re
import threading

import pytest

from scripted_model import DONE, answer, cut, delta, finish, pause, refuse, usage, wait
from waiting import wait_until

pytestmark = pytest.mark.embedded


def metrics(chat):
    """Every value of /metrics by its name and its labels, which come in any order."""
    values = {}
    for line in chat.api.http.get("/metrics").text.splitlines():
        if found := re.fullmatch(r"(roomservice_agent_\w+)\{(.*)\} (\S+)", line):
            name, labels, value = found.groups()
            values[name, frozenset(re.findall(r'(\w+)="([^"]*)"', labels))] = float(value)
    return values


def metric(values, name, agent="ada", **labels):
    return values.get((f"roomservice_agent_{name}", frozenset(({"agent": agent} | labels).items())), 0)


def test_health_tells_how_each_agent_is(chat_with, model):
    agents = [{"name": "ada", "max_concurrent": 3, "max_waiting": 4}, {"name": "bob", "base_url": model.url + "/of/bob"}]
    checks = chat_with(agents).api.http.get("/api/health").json()["checks"]["agents"]
    assert checks["ada"] == {"status": "healthy", "running": 0, "waiting": 0, "max_concurrent": 3, "max_waiting": 4}
    assert set(checks["bob"]) == set(checks["ada"])
    assert checks["bob"]["status"] == "healthy"


def test_metrics_have_a_type_and_help_and_every_agent_from_the_start(chat_with):
    chat = chat_with([{"name": "ada"}])
    text = chat.api.http.get("/metrics").text
    kinds = dict(re.findall(r"^# TYPE roomservice_agent_(\w+) (\w+)$", text, re.MULTILINE))
    assert kinds.items() >= {
        "first_token_seconds": "histogram", "answer_seconds": "histogram", "tokens_total": "counter",
        "errors_total": "counter", "retries_total": "counter", "requests_running": "gauge",
        "requests_waiting": "gauge", "circuit_open": "gauge",
    }.items()
    values = metrics(chat)
    for name in ("requests_running", "requests_waiting", "circuit_open", "retries_total", "answer_seconds_count"):
        key = f"roomservice_agent_{name}", frozenset({("agent", "ada")})
        assert values[key] == 0
    codes = ("AGENT_UNAVAILABLE", "AGENT_TIMEOUT", "AGENT_RATE_LIMITED", "AGENT_REJECTED", "AGENT_PROTOCOL")
    for code in codes:
        assert values["roomservice_agent_errors_total", frozenset({("agent", "ada"), ("code", code)})] == 0


def test_answers_tokens_and_their_times_are_counted(chat_with, model):
    # Long enough to be more than nothing in milliseconds.
    model.script(pause(0.02), *answer("So ", "far.", usage=usage(9, 7)))
    chat = chat_with([{"name": "ada"}])
    for _ in range(3):
        chat.ask()
    values = metrics(chat)
    assert metric(values, "tokens_total", kind="prompt") == 27
    assert metric(values, "tokens_total", kind="completion") == 21
    for name in ("first_token_seconds", "answer_seconds"):
        assert metric(values, f"{name}_count") == metric(values, f"{name}_bucket", le="+Inf") == 3
        assert 0.06 <= metric(values, f"{name}_sum") < 3
        buckets = {
            float(dict(labels)["le"]): value
            for (key, labels), value in values.items()
            if key == f"roomservice_agent_{name}_bucket"
        }
        counts = [buckets[limit] for limit in sorted(buckets)]
        assert len(counts) > 3 and counts == sorted(counts)


def test_retries_and_errors_are_counted_by_their_code(chat_with, model):
    no = [refuse(503)]
    model.script_each(no, no, no, [refuse(400)], [delta("So far"), cut], no, answer("Yes."))
    chat = chat_with([{"name": "ada", "retries": 2}])
    for _ in range(3):
        chat.ask()
    assert chat.ask()[-1].status == "complete"
    values = metrics(chat)
    assert metric(values, "errors_total", code="AGENT_UNAVAILABLE") == 2
    assert metric(values, "errors_total", code="AGENT_REJECTED") == 1
    assert metric(values, "retries_total") == 3


def test_what_runs_and_what_waits_is_told(chat_with, model):
    rest = threading.Event()
    model.script(delta("So far"), wait(rest), finish(), DONE)
    chat = chat_with([{"name": "ada", "max_concurrent": 1, "max_waiting": 1}])
    running = chat.stream()
    running.wait_for(2)
    waiting = chat.another().stream()

    def gauges():
        values = metrics(chat)
        return metric(values, "requests_running"), metric(values, "requests_waiting")

    wait_until(lambda: gauges() == (1, 1))
    rest.set()
    running.wait_for_end()
    waiting.wait_for_end()
    wait_until(lambda: gauges() == (0, 0))


def test_an_open_circuit_is_told(chat_with, model):
    model.script(refuse(503))
    chat = chat_with([{"name": "ada", "retries": 0, "breaker_failures": 1, "breaker_seconds": 60}])
    assert metric(metrics(chat), "circuit_open") == 0
    chat.ask()
    assert metric(metrics(chat), "circuit_open") == 1
    health = chat.api.http.get("/api/health")
    assert health.json()["checks"]["agents"]["ada"]["status"] == "open"
    # The service itself is well: it answers for what it can.
    assert health.status_code == 200


def test_names_and_texts_of_metrics_are_clean(chat_with, model):
    chat = chat_with()
    chat.ask("What is a room?")
    text = chat.api.http.get("/metrics").text
    assert "scripted" not in text and "What is" not in text and str(model.port) not in text
