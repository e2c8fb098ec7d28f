"""Instances behind nginx: what any of them serves, and what clients notice when one goes."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from api import DIRECT, assert_failure, unique
from cluster import metric
from waiting import wait_until

pytestmark = pytest.mark.mongodb


def test_rooms_sessions_and_histories_are_the_same_on_every_instance(cluster, api, connect):
    user = unique()
    room = api.room(user, room_name="Shared")
    session = api.session(user, room_id=room["room_id"])
    for number in range(6):
        assert api.ask(session, f"Question {number}")[-2].status == "complete"
    views = []
    for each in [api, *map(connect, cluster.instances)]:
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


def test_an_answer_that_has_ended_is_resumed_at_any_instance(cluster, api, connect):
    session = api.session()
    *events, _ = connect(cluster.instances[0]).ask(session, tokens=20)
    for number, each in enumerate([connect(cluster.instances[1]), *[api] * 6]):
        watcher = each.watch(headers={"Last-Event-ID": events[5].id}, session_id=session["session_id"]).wait_for_end()
        statuses = [event.status for event in watcher.events]
        # Where it was made its events are held; elsewhere the store has the text.
        assert statuses in (["reset", "complete"], ["streaming"] * 15 + ["complete"]), (number, statuses)
        assert watcher.events[-1].content == events[-1].content
        assert watcher.events[-1].id == events[-1].id


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

    def wait_for(self, count):
        """Waits for so many more answers."""
        before = self.count
        wait_until(lambda: self.count > before + count, 20, f"{count} answers")

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


def test_requests_go_on_when_an_instance_is_killed(make_cluster, connect):
    cluster = make_cluster(3)
    with load(cluster) as requests:
        requests.wait_for(100)
        cluster.instances[0].kill()
        requests.wait_for(200)
    assert set(requests.statuses("GET")) == {200}
    # Those that it had taken: each client has one at a time.
    lost = [answer for method, answer in requests.answers if method == "POST" and answer.status_code != 201]
    assert len(lost) <= 4
    for each in lost:
        assert_failure(each, 502, "ANSWER_LOST")

    cluster.instances[0].start()
    api = connect(cluster)

    def is_asked_again():
        api.http.get("/api/rooms", params={"user_id": "ada"})
        return metric(cluster.instances[0], "connections") > 1

    wait_until(is_asked_again, 5, "the instance to be asked again")


def test_an_instance_that_is_back_takes_all_streams_though_none_has_ended_yet(make_cluster, connect):
    cluster = make_cluster()
    first, second = cluster.instances
    path = f"/api/chat/message?session_id={connect(cluster).session()['session_id']}"
    first.kill()
    with contextlib.ExitStack() as streams:
        client = streams.enter_context(httpx.Client(base_url=cluster.url, timeout=20, limits=httpx.Limits(), **DIRECT))

        def watch():
            return streams.enter_context(client.stream("GET", path)).status_code

        assert [watch() for _ in range(3)] == [200] * 3
        first.start()
        # nginx tries it again by a stream.
        wait_until(lambda: watch() == 200 and metric(first, "stream_readers") > 0, 10, "a stream at the first one")
        second.kill()
        assert [watch() for _ in range(10)] == [200] * 10


def test_sigterm_loses_no_stream_that_ends_in_time_and_no_read(make_cluster, connect):
    cluster = make_cluster(2, DRAIN_SECONDS="20")
    api = connect(cluster)
    streams = [api.stream(api.session(), tokens=60, rate=20) for _ in range(4)]
    with load(cluster) as requests:
        requests.wait_for(100)
        cluster.instances[0].signal()
        requests.wait_for(300)
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
        requests.wait_for(100)
        cluster.nginx.take_out(cluster.instances[0].port)
        # What is left is the connection that asks.
        wait_until(lambda: metric(cluster.instances[0], "connections") == 1, 10, "the last request there")
        cluster.instances[0].signal()
        assert cluster.instances[0].wait(10) == 0
        requests.wait_for(100)
    assert set(requests.statuses("GET")) == {200}
    assert set(requests.statuses("POST")) == {201}


def test_a_stream_whose_instance_is_killed_breaks_and_is_told_as_interrupted_later(make_cluster, connect):
    cluster = make_cluster(2)
    api = connect(cluster)
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
