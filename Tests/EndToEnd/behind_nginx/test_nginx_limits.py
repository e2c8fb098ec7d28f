"""nginx's limits, connections and logs."""

import json
import re
import ssl
import subprocess

import httpx
import pytest

from api import DIRECT, Api, assert_failure, unique
from cluster import FailingInstance, call, metric
from nginx import free_ports
from rawsocket import RawConnection
from waiting import wait_until

pytestmark = pytest.mark.mongodb


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_a_body_as_large_as_allowed_passes_and_a_larger_one_does_not(cluster, tmp_path, version):
    body = tmp_path / "body.json"

    def create(length):
        begin = f'{{"user_id":"{unique()}","ignored":"'
        body.write_text(begin + "x" * (length - len(begin) - 2) + '"}')
        # httpx waits for ever to send the rest of a body over HTTP/2 that has been refused.
        curl = ["curl", "-sk", f"--http{version}", "-w", "\n%{http_code} %{http_version}", "--data-binary", f"@{body}"]
        curl += ["-H", "Content-Type: application/json", f"{cluster.url}/api/rooms"]
        answer, status = subprocess.run(curl, capture_output=True, text=True, timeout=20).stdout.rsplit("\n", 1)
        return json.loads(answer), status

    assert create(1_048_576)[1] == f"201 {version}"
    answer, status = create(1_048_577)
    assert (answer["error_code"], status) == ("CONTENT_TOO_LARGE", f"413 {version}")


def test_connections_to_the_instances_are_kept(cluster, api):
    def accepted():
        return sum(metric(each, "connections_accepted_total") for each in cluster.instances)

    api.http.get("/readyz")
    before = accepted()
    for _ in range(100):
        assert api.http.get("/readyz").status_code == 200
    # Two of them are those that ask for the figure; each of two workers may have made one to each instance.
    assert accepted() - before <= 6


def test_a_client_may_keep_its_connection_over_http1(cluster):
    context = ssl.create_default_context(cafile=cluster.nginx.certificate)
    with RawConnection(cluster.nginx.port) as connection:
        connection.socket = context.wrap_socket(connection.socket, server_hostname="localhost")
        for _ in range(3):
            connection.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            status, _, body = connection.read_response()
            assert (status, json.loads(body)) == (200, {"status": "alive"})


def test_plain_http_is_sent_to_tls(cluster):
    response = httpx.get(f"http://127.0.0.1:{cluster.nginx.redirect_port}/api/rooms?user_id=ada", **DIRECT)
    assert (response.status_code, response.headers["location"]) == (308, "https://127.0.0.1/api/rooms?user_id=ada")


def test_figures_of_instances_are_not_shown(api):
    assert api.http.get("/metrics").status_code == 404


def test_a_request_has_one_name_everywhere(cluster, api):
    name = unique("request")
    response = api.http.get("/api/rooms/none", headers={"X-Request-ID": name})
    assert response.headers["x-request-id"] == response.json()["request_id"] == name
    wait_until(lambda: name in cluster.nginx.log("access"), 5, "the log")
    made = api.http.get("/api/rooms/none", headers={"X-Request-ID": 'not "sane"'}).headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", made)


def test_logs_show_no_texts(make_nginx, cluster):
    with FailingInstance() as failing:
        nginx = make_nginx([failing.port, *free_ports(1), cluster.instances[0].port])
        for number in range(6):
            page = {"Referer": f"https://x/?query=secret{number}"}
            call(nginx, "GET", f"/api/chat/message?session_id=s{number}&query=secret{number}", headers=page)
            call(nginx, "POST", "/api/chat/message", json={"session_id": "s", "query": f"secret{number}"}, headers=page)
    wait_until(lambda: len(nginx.log("access").splitlines()) == 12, 5, "the log")
    for name in ("access", "error", "output"):
        assert "secret" not in nginx.log(name)
    assert '"GET /api/chat/message HTTP/2.0"' in nginx.log("access")


@pytest.mark.parametrize("limit", ["requests", "streams"])
def test_an_address_has_limits(make_nginx, cluster, limit):
    def lower(text):
        text = text.replace('"~^127\\." "";', "").replace("burst=3000", "burst=3").replace("streams 1000", "streams 3")
        return text if limit == "requests" else text.replace("burst=3 ", "burst=1000 ")

    nginx = make_nginx([each.port for each in cluster.instances], lower)
    with httpx.Client(base_url=nginx.url, http2=True, timeout=20, **DIRECT) as client:
        if limit == "streams":
            api = Api(cluster.instances[0].url)
            session = api.session()["session_id"]
            watchers = Api(nginx.url)
            streams = [watchers.watch(session_id=session) for _ in range(3)]
            for each in streams:
                assert each.wait_for_response().status_code == 200
        refused = [each for each in (client.get("/readyz") for _ in range(30)) if each.status_code != 200]
        assert_failure(refused[0], 429, "RATE_LIMIT_EXCEEDED")
        assert refused[0].headers["retry-after"] == "5"

        def as_event_source():
            response = client.get("/api/chat/message?session_id=none", headers={"Accept": "text/event-stream"})
            return response.text.startswith("retry: ") and response.status_code == 200

        wait_until(as_event_source, 5, "a refusal that an EventSource understands")
        if limit == "streams":
            for each in streams:
                each.leave()
            wait_until(lambda: client.get("/readyz").status_code == 200, 5, "the places of streams that have ended")
            api.close()
            watchers.close()
