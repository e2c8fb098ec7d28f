"""The metrics as Prometheus reads them, and that what is shipped for it uses only what there is."""

import contextlib
import json
import re
import shutil
from pathlib import Path

import httpx
import pytest
import yaml

from chat import Chat, write_agents
from instances import knows_redis
from prometheus import ALERTS, DASHBOARD, Prometheus, dashboard_expressions, families, names_in, promtool
from redis_server import RedisServer
from service import CHECKOUT, MONGODB_TEST_URI
from waiting import wait_until

PAGE = CHECKOUT / "docs/metrics.md"
# A service without it has not got these.
REDIS = "With `REDIS_URL`"


@pytest.fixture
def busy(model, make_service, connect, tmp_path):
    """A service with all there is to tell, which has done something of everything; over MongoDB with Redis."""
    with contextlib.ExitStack() as cleanup:
        settings = {}
        if MONGODB_TEST_URI:
            redis = RedisServer(tmp_path / "redis").start()
            cleanup.callback(redis.kill)
            settings["REDIS_URL"] = redis.url
        agents = write_agents(tmp_path / "agents.json", [{"name": "ada"}], None)
        service = make_service(
            OPENAI_BASE_URL=model.url, OPENAI_API_KEY="sk-secret", OPENAI_MODEL="m", AGENTS_FILE=agents, **settings
        ).start()
        api = connect(service)
        if MONGODB_TEST_URI:
            wait_until(lambda: knows_redis(api), 10, "Redis")
        chat = Chat(service, api)
        chat.ask()
        api.http.get("/api/rooms/room_x")
        yield chat


def documented():
    """The tables of docs/metrics.md: by section, each metric's type and labels."""
    sections = {}
    for part in PAGE.read_text().split("\n## ")[1:]:
        rows = re.findall(r"^\| `([a-z_]+)` \| (\w+) \|([^|]*)\| \S.* \|$", part, re.MULTILINE)
        if rows:
            section = sections[part.splitlines()[0]] = {}
            for name, kind, labels in rows:
                assert name not in section
                section[name] = kind, set(re.findall(r"`(\w+)`", labels))
    return sections


def test_the_page_tells_of_every_metric_and_of_no_other(busy):
    sections = documented()
    assert len(sections) == 3 and REDIS in sections
    expected = {
        name: row
        for section, rows in sections.items()
        for name, row in rows.items()
        if section != REDIS or MONGODB_TEST_URI
    }
    assert families(busy.api.http.get("/metrics").text) == expected


def test_promtool_finds_nothing_to_say(busy):
    assert promtool("check", "metrics", text=busy.api.http.get("/metrics").text) == ""


def test_rules_and_dashboard_use_only_what_there_is(busy):
    there = set(families(busy.api.http.get("/metrics").text))
    if not MONGODB_TEST_URI:
        there |= set(documented()[REDIS])
    rules = [rule["expr"] for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    assert len(rules) > 10 and len(dashboard_expressions()) > 40
    # Prometheus's own, for each target.
    for expression in [*rules, *dashboard_expressions()]:
        assert names_in(expression) and names_in(expression) <= there | {"up"}, expression
    queries = [each["query"] for each in json.loads(DASHBOARD.read_text())["templating"]["list"]]
    assert [query if isinstance(query, str) else query["query"] for query in queries] == [
        "prometheus", "label_values(active_streams, job)", 'label_values(active_streams{job="$job"}, instance)',
    ]


@pytest.mark.embedded
def test_the_dashboard_is_one_that_grafana_imports():
    dashboard = json.loads(DASHBOARD.read_text())
    # Of Grafana 9 and later.
    assert dashboard["schemaVersion"] >= 36 and dashboard["title"] == "RoomService" and dashboard["uid"]
    assert [each["name"] for each in dashboard["templating"]["list"]] == ["datasource", "job", "instance"]
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells), "two panels lie on each other"
    assert max(x for x, _ in cells) < 24
    for panel in panels:
        if panel["type"] == "row":
            continue
        assert panel["title"] and panel["fieldConfig"]["defaults"]["unit"] and panel["targets"]
        for source in [panel, *panel["targets"]]:
            assert source["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_the_names_in_an_expression_are_found():
    expression = 'sum by (le, job) (rate(a_bucket{b="c d"}[5m])) / on (instance) e > 0.9 and f offset 5m'
    assert names_in(expression) == {"a", "e", "f"}


@pytest.mark.embedded
def test_the_rules_are_rules_and_fire_when_they_should(tmp_path):
    assert "SUCCESS" in promtool("check", "rules", str(ALERTS))
    shutil.copy(ALERTS, tmp_path)
    shutil.copy(Path(__file__).with_name("alerts_test.yml"), tmp_path)
    assert "SUCCESS" in promtool("test", "rules", "alerts_test.yml", folder=tmp_path)


def test_a_prometheus_scrapes_the_service(busy, tmp_path):
    api = busy.api
    api.room()
    prometheus = Prometheus(tmp_path / "prometheus", [f"127.0.0.1:{busy.service.port}"]).start()
    try:
        wait_until(lambda: prometheus.value('up{job="roomservice"}') == 1, 20, "a scrape")
        # As the service tells them itself, and in sums.
        for name in ("room_creations_total", "roomservice_streams_started_total", "chat_response_time_seconds_count"):
            own = float(re.search(rf"^{name} (\S+)$", api.http.get("/metrics").text, re.MULTILINE).group(1))
            assert own > 0
            wait_until(lambda name=name, own=own: prometheus.value(f"sum({name})") == own, 10, name)
        wait_until(lambda: prometheus.value('sum(errors_total{error_type="NOT_FOUND"})') == 1, 10, "an error")

        # What the dashboard asks is understood, and shown, but for what has not happened.
        def unshown():
            found = {each: prometheus.get("query", query=as_grafana_asks(each))["result"] for each in dashboard_expressions()}
            return [each for each, result in found.items() if not result and not tells_what_is_rare(each)]

        wait_until(lambda: not unshown(), 15, lambda: f"a value of {unshown()}")
        rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
        assert len(rules) > 10
        wait_until(lambda: all_are_well(prometheus), 10, "an evaluation of each rule")
        assert [alert for alert in prometheus.get("alerts")["alerts"] if alert["state"] == "firing"] == []
        # It tells of samples that are there twice.
        assert "uplicate" not in prometheus.output and "level=error" not in prometheus.output
    finally:
        prometheus.stop()


def as_grafana_asks(expression):
    return expression.replace("$__rate_interval", "1m").replace("$job", "roomservice").replace("$instance", ".*")


def tells_what_is_rare(expression):
    """Whether an expression leaves out what does not happen; or is about other instances, which there are over MongoDB only."""
    return "5.." in expression or expression.endswith("> 0") or (not MONGODB_TEST_URI and "roomservice_cluster" in expression)


def all_are_well(prometheus):
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    assert not [rule["lastError"] for rule in rules if "lastError" in rule]
    return all(rule["health"] == "ok" for rule in rules)


@pytest.mark.embedded
def test_every_code_that_the_service_tells_is_counted_by_its_name(api):
    counted = set(re.findall(r'^errors_total\{error_type="(\w+)"\}', api.http.get("/metrics").text, re.MULTILINE))
    codes = set()
    for file in (CHECKOUT / "Sources/RoomService").rglob("*.swift"):
        text = file.read_text()
        codes |= set(re.findall(r'APIError\(\s*\.\w+,\s*"([A-Z_]+)"', text))
        codes |= set(re.findall(r'\bcode: "([A-Z_]+)"', text))
    assert len(codes) > 10
    assert codes <= counted
    answer = httpx.get(f"{api.url}/api/rooms/room_x", trust_env=False).json()
    assert answer["error_code"] in counted
