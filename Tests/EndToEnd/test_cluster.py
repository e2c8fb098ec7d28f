"""Several instances over one MongoDB behind nginx, as deploy/nginx.conf has it: what any of them serves, what the proxy must
not break, and what clients notice when an instance goes."""

import contextlib
import json
import re
import ssl
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from api import DIRECT, Api, assert_failure, demo, events_in, unique
from cluster import Cluster, FailingInstance, metric, running_answers
from nginx import Nginx, free_ports
from rawsocket import RawConnection
from waiting import wait_until

pytestmark = pytest.mark.mongodb

# An event that waits in a buffer comes with the end of its answer, seconds later.
PROMPT_SECONDS = 0.5
EVENT_SOURCE = {"Accept": "text/event-stream"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two instances for the tests that leave them running."""
    shared = Cluster(tmp_path_factory.mktemp("cluster"), DEMO_RATE="100", HEARTBEAT_SECONDS="2").start()
    yield shared
    shared.stop()
    shared.discard()


@pytest.fixture
def make_cluster(tmp_path):
    made = []

    def make(count=2, **settings):
        made.append(Cluster(tmp_path / "cluster", count, **settings).start())
        return made[-1]

    yield make
    for each in made:
        each.stop()
        each.discard()


@pytest.fixture
def open_api():
    """Makes clients: of the cluster over HTTP/2, of single instances directly."""
    made = []

    def make(server):
        made.append(Api(server.url, http2=server.url.startswith("https")))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def api(cluster, open_api):
    return open_api(cluster)


@pytest.fixture
def make_nginx(tmp_path):
    made = []

    def make(ports, change=lambda text: text):
        made.append(Nginx(tmp_path / "nginx", ports).start(change))
        return made[-1]

    yield make
    for each in made:
        each.stop()


def status_of(event):
    return event if isinstance(event, str) else event.status


# --- streams through the proxy


def test_an_answer_comes_token_by_token_over_http2(api):
    session = api.session()
    body = {"query": "Slowly", "session_id": session["session_id"]}
    body["context"] = {"demo": {"tokens": 40, "rate": 20, "timestamps": True}}
    arrivals = []
    with api.http.stream("POST", "/api/chat/message", json=body) as response:
        assert response.http_version == "HTTP/2"
        assert response.headers["content-type"] == "text/event-stream"
        assert "content-encoding" not in response.headers
        for event in events_in(response):
            arrivals.append((time.time(), event))
    assert [status_of(event) for _, event in arrivals] == ["started"] + ["streaming"] * 40 + ["complete", "[DONE]"]
    # Each token says when it was due.
    due = [int(re.match(r"t=(\d+) ", event.content).group(1)) / 1e9 for _, event in arrivals[1:41]]
    late = [arrival - when for (arrival, _), when in zip(arrivals[1:41], due, strict=True)]
    assert max(late) < PROMPT_SECONDS, late
    assert arrivals[40][0] - arrivals[1][0] > 39 / 20 - PROMPT_SECONDS


def test_a_completion_comes_token_by_token(api):
    body = {"model": "auto", "messages": [{"role": "user", "content": "Slowly"}], "stream": True}
    arrivals = []
    with api.http.stream("POST", "/v1/chat/completions", json=body) as response:
        for line in response.iter_lines():
            if line.startswith("data: {") and json.loads(line[6:])["choices"][0]["delta"].get("content"):
                arrivals.append(time.monotonic())
    gaps = [later - earlier for earlier, later in zip(arrivals, arrivals[1:], strict=False)]
    assert len(arrivals) >= 20
    # At 100 tokens a second. In one piece they would come at once.
    assert arrivals[-1] - arrivals[0] > 0.5 * len(arrivals) / 100
    assert max(gaps) < PROMPT_SECONDS


def test_answers_share_a_connection_and_are_spread_over_the_instances(cluster, api):
    def question():
        body = {"query": "Long", "session_id": api.session()["session_id"], "context": demo(60, 20)}
        return api.http.build_request("POST", "/api/chat/message", json=body)

    questions = [question() for _ in range(30)]
    answers = [api.http.send(each, stream=True) for each in questions]
    shares = [running_answers(each) for each in cluster.instances]
    for answer in answers:
        assert [status_of(event) for event in events_in(answer)][-2:] == ["complete", "[DONE]"]
    assert len({answer.extensions["network_stream"] for answer in answers}) == 1
    assert sum(shares) == 30 and min(shares) >= 10, shares


def test_comments_keep_a_silent_stream_alive(api):
    session = api.session()
    seen = []
    with api.http.stream("GET", "/api/chat/message", params={"session_id": session["session_id"]}) as response:
        for line in response.iter_lines():
            if line.startswith(":"):
                seen.append(time.monotonic())
            if len(seen) == 2:
                break
    assert seen[1] - seen[0] < 4


def test_histories_are_compressed_and_streams_are_not(api):
    session = api.session()
    ask = {"session_id": session["session_id"], "query": "Long", "context": demo(400)}
    # httpx accepts gzip by itself.
    answer = api.http.post("/api/chat/message", json=ask)
    assert "content-encoding" not in answer.headers
    history = api.http.get(f"/api/rooms/{session['room_id']}/history")
    assert history.headers["content-encoding"] == "gzip"
    assert history.json()["data"]["total"] == 1


def test_a_client_that_leaves_lets_go_of_the_instance_and_its_answer_goes_on(cluster, api):
    wait_until(lambda: not cluster.answering(), 10, "the end of other tests' answers")
    session = api.session()
    stream = api.stream(session, tokens=60, rate=20)
    stream.wait_for(3)
    (instance,) = cluster.answering()
    assert metric(instance, "stream_readers") == 1
    stream.leave()
    wait_until(lambda: metric(instance, "stream_readers") == 0, 3, "the instance to have no reader")
    assert running_answers(instance) == 1
    assert api.ended_conversation(session)["status"] == "completed"


def test_a_stop_is_heard_by_whichever_instance_it_reaches(cluster, api):
    for _ in range(4):
        session = api.session()
        stream = api.stream(session)
        stream.wait_for(5)
        assert api.stop(session)["data"]["status"] == "stop_requested"
        assert stream.wait_for_terminal(5).status == "cancelled"


# --- what all instances share


def test_rooms_sessions_and_histories_are_the_same_on_every_instance(cluster, api, open_api):
    user = unique()
    room = api.room(user, room_name="Shared")
    session = api.session(user, room_id=room["room_id"])
    for number in range(6):
        assert api.ask(session, f"Question {number}")[-2].status == "complete"
    views = []
    for each in [api, *map(open_api, cluster.instances)]:
        views.append(
            (
                each.data("GET", f"/api/rooms/{room['room_id']}"),
                each.data("GET", "/api/rooms", params={"user_id": user}),
                each.data("GET", f"/api/session/{session['session_id']}"),
                each.history(room["room_id"]),
            )
        )
    assert views[0] == views[1] == views[2]
    assert [each["user_input"] for each in views[0][3]["conversations"]] == [f"Question {n}" for n in range(6)]
    # The questions went to both.
    assert all(metric(each, "streams_started_total") > 0 for each in cluster.instances)


def test_an_answer_that_has_ended_is_resumed_at_any_instance(cluster, api, open_api):
    session = api.session()
    *events, _ = open_api(cluster.instances[0]).ask(session, tokens=20)
    for number, each in enumerate([open_api(cluster.instances[1]), *[api] * 6]):
        watcher = each.watch(headers={"Last-Event-ID": events[5].id}, session_id=session["session_id"]).wait_for_end()
        statuses = [event.status for event in watcher.events]
        # Where it was made its events are held; elsewhere the store has the text.
        assert statuses in (["reset", "complete"], ["streaming"] * 15 + ["complete"]), (number, statuses)
        assert watcher.events[-1].content == events[-1].content
        assert watcher.events[-1].id == events[-1].id


# --- what goes to a second instance


SENT_ONCE = [
    ("POST", "/api/rooms", {"json": {"user_id": "ada"}}),
    ("POST", "/api/chat/message", {"json": {"query": "secret", "session_id": "s"}}),
    ("POST", "/v1/chat/completions", {"json": {"model": "auto"}}),
    ("PATCH", "/api/rooms/r?user_id=ada", {"json": {"room_name": "x"}}),
    ("DELETE", "/api/rooms/r?user_id=ada", {}),
    ("GET", "/api/chat/message?session_id=s&query=secret", {}),
    ("GET", "/api/chat/stream?session_id=s&message=secret&message_id=m", {}),
]
SENT_AGAIN = [
    ("GET", "/api/rooms?user_id=ada", {}),
    ("GET", "/api/chat/message?session_id=s", {"headers": {"Last-Event-ID": "stream_x:1"}}),
]


def call(nginx, method, path, **request):
    with httpx.Client(base_url=nginx.url, http2=True, timeout=20, **DIRECT) as client:
        return client.request(method, path, **request)


@pytest.mark.parametrize(("method", "path", "request_"), SENT_ONCE)
def test_what_may_have_been_taken_is_sent_to_no_second_instance(make_nginx, method, path, request_):
    with FailingInstance() as one, FailingInstance() as other:
        nginx = make_nginx([one.port, other.port])
        assert_failure(call(nginx, method, path, **request_), 502, "ANSWER_LOST")
        assert one.taken + other.taken == [f"{method} {path} HTTP/1.1"]


@pytest.mark.parametrize(("method", "path", "request_"), SENT_AGAIN)
def test_what_changes_nothing_is_sent_again(make_nginx, method, path, request_):
    with FailingInstance() as one, FailingInstance() as other:
        nginx = make_nginx([one.port, other.port])
        response = call(nginx, method, path, **request_)
        body = assert_failure(response, 503, "UNAVAILABLE")
        assert response.headers["retry-after"] == "2"
        assert body["path"] == path.partition("?")[0]
        assert one.taken == other.taken == [f"{method} {path} HTTP/1.1"]


@pytest.mark.parametrize(("method", "path", "request_"), SENT_ONCE + SENT_AGAIN)
def test_an_instance_that_cannot_be_connected_to_is_passed_over(make_nginx, cluster, method, path, request_):
    alive = cluster.instances[0]
    nginx = make_nginx([*free_ports(1), alive.port])
    for _ in range(3):
        # Whatever the instance says to it: none of these rooms and sessions exists.
        assert call(nginx, method, path, **request_).status_code in (200, 201, 400, 404, 422)
    wait_until(lambda: len(nginx.log("access").splitlines()) == 3, 5, "the log")
    assert nginx.log("access").count('"502') == 1, nginx.log("access")


def test_when_all_instances_are_gone_an_event_source_is_told_to_come_back(make_nginx):
    nginx = make_nginx(free_ports(2))
    for _ in range(3):
        response = call(nginx, "GET", "/api/chat/message?session_id=s&query=x", headers=EVENT_SOURCE)
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        retry, data = re.fullmatch(r"retry: (\d+)\n\ndata: (.*)\n\n", response.text).groups()
        assert json.loads(data) == {
            "status": "error", "error": "The service is unavailable. Please try again.", "error_code": "UNAVAILABLE",
            "retry_after_ms": int(retry),
        }
    assert_failure(call(nginx, "POST", "/api/rooms", json={"user_id": "ada"}), 503, "UNAVAILABLE")


# --- an instance that goes


class Requests:
    """Clients that create rooms and read them, over a connection for each request, so that nginx may close what it likes."""

    def __init__(self, url):
        self.url = url
        self.answers = []
        self.finished = threading.Event()

    def work(self):
        with httpx.Client(base_url=self.url, timeout=20, headers={"Connection": "close"}, **DIRECT) as client:
            while not self.finished.is_set():
                room = client.post("/api/rooms", json={"user_id": unique()})
                self.answers.append(("POST", room))
                if room.status_code == 201:
                    self.answers.append(("GET", client.get(f"/api/rooms/{room.json()['data']['room_id']}")))

    @property
    def count(self):
        return len(self.answers)

    def statuses(self, method):
        return [answer.status_code for each, answer in self.answers if each == method]


@contextlib.contextmanager
def load(cluster):
    requests = Requests(cluster.url)
    with ThreadPoolExecutor(4) as pool:
        work = [pool.submit(requests.work) for _ in range(4)]
        try:
            yield requests
        finally:
            requests.finished.set()
        for each in work:
            each.result(20)


def test_requests_go_on_when_an_instance_is_killed(make_cluster, open_api):
    cluster = make_cluster(3)
    with load(cluster) as requests:
        wait_until(lambda: requests.count > 100, 10, "a load")
        cluster.instances[0].kill()
        before = requests.count
        wait_until(lambda: requests.count > before + 200, 20, "the load to go on")
    assert set(requests.statuses("GET")) == {200}
    # Those that it had taken: each client has one at a time.
    lost = [answer for method, answer in requests.answers if method == "POST" and answer.status_code != 201]
    assert len(lost) <= 4
    for each in lost:
        assert_failure(each, 502, "ANSWER_LOST")

    cluster.instances[0].start()
    api = open_api(cluster)

    def is_asked_again():
        api.http.get("/api/rooms", params={"user_id": "ada"})
        return metric(cluster.instances[0], "connections") > 1

    wait_until(is_asked_again, 5, "the instance to be asked again")


def test_sigterm_loses_no_stream_that_ends_in_time_and_no_read(make_cluster, open_api):
    cluster = make_cluster(2, DRAIN_SECONDS="20")
    api = open_api(cluster)
    streams = [api.stream(api.session(), tokens=60, rate=20) for _ in range(4)]
    with load(cluster) as requests:
        wait_until(lambda: requests.count > 100, 10, "a load")
        cluster.instances[0].signal()
        before = requests.count
        wait_until(lambda: requests.count > before + 300, 20, "the load to go on")
    assert set(requests.statuses("GET")) == {200}
    # A POST may meet a kept connection that is just being closed, and nobody can tell then whether it was taken.
    refused = [status for status in requests.statuses("POST") if status != 201]
    assert refused in ([], [502])
    for stream in streams:
        assert stream.wait_for_terminal().status == "complete"
        assert stream.wait_for_end().done
    assert cluster.instances[0].wait(20) == 0


def test_an_instance_that_is_taken_out_first_goes_without_any_error(make_cluster):
    cluster = make_cluster(2)
    with load(cluster) as requests:
        wait_until(lambda: requests.count > 100, 10, "a load")
        cluster.nginx.take_out(cluster.instances[0].port)
        # What is left is the connection that asks.
        wait_until(lambda: metric(cluster.instances[0], "connections") == 1, 10, "the last request there")
        cluster.instances[0].signal()
        assert cluster.instances[0].wait(10) == 0
        before = requests.count
        wait_until(lambda: requests.count > before + 100, 20, "the load to go on")
    assert set(requests.statuses("GET")) == {200}
    assert set(requests.statuses("POST")) == {201}


def test_a_stream_whose_instance_is_killed_breaks_and_is_told_as_interrupted_later(make_cluster, open_api):
    cluster = make_cluster(2)
    api = open_api(cluster)
    session = api.session()
    stream = api.stream(session)
    stream.wait_for(60)
    (instance,) = cluster.answering()
    instance.kill()
    stream.wait_for_end(5)
    assert stream.events[-1].status == "streaming"
    assert stream.text.startswith(api.only_conversation(session)["agent_response"])
    conversation = api.ended_conversation(session, 45)
    assert conversation["status"] == "interrupted"
    watcher = api.watch(headers={"Last-Event-ID": stream.events[3].id}, session_id=session["session_id"]).wait_for_end()
    assert [event.status for event in watcher.events] == ["reset", "interrupted"]
    assert watcher.events[-1].content == conversation["agent_response"]


# --- limits, connections and logs


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
            response = client.get("/api/chat/message?session_id=none", headers=EVENT_SOURCE)
            return response.text.startswith("retry: ") and response.status_code == 200

        wait_until(as_event_source, 5, "a refusal that an EventSource understands")
        if limit == "streams":
            for each in streams:
                each.leave()
            wait_until(lambda: client.get("/readyz").status_code == 200, 5, "the places of streams that have ended")
            api.close()
            watchers.close()
