"""Models over TLS, over HTTP/2, and behind a proxy."""

import socket
import ssl
import time

import pytest
import trustme

from ending import making
from http2_model import HTTP2Model, Proxy
from scripted_model import ScriptedModel, delta, forever
from waiting import wait_until

pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def authority():
    """An authority of our own, which no client knows."""
    return trustme.CA()


@pytest.fixture
def ca_file(authority, tmp_path):
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture
def tls_model(authority):
    """Makes a scripted model with a certificate for that name."""

    def make(name="127.0.0.1"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        return ScriptedModel(tls=context)

    yield from making(make, ScriptedModel.close)


@pytest.fixture
def http2_model(authority, tmp_path):
    """Makes a model with those protocols. It must come before the service, as its end waits for that of its clients."""
    yield from making(lambda *protocols: HTTP2Model(tmp_path, authority.issue_cert("127.0.0.1"), protocols), HTTP2Model.close)


@pytest.fixture
def proxy():
    with Proxy() as proxy:
        yield proxy


def test_a_certificate_of_an_unknown_authority_is_refused(chat_with, tls_model):
    upstream = tls_model()
    chat = chat_with([{"name": "ada", "base_url": upstream.url}], AGENT_RETRIES="0")
    chat.assert_failed(chat.ask()[-1], "AGENT_UNAVAILABLE")
    assert upstream.requests == []


def test_a_certificate_of_the_agents_own_authority_is_accepted(chat_with, tls_model, ca_file):
    upstream = tls_model()
    chat = chat_with([{"name": "ada", "base_url": upstream.url, "ca_file": ca_file}])
    assert chat.ask()[-1].content == "An answer."


def test_a_certificate_for_another_name_is_refused(chat_with, tls_model, ca_file):
    upstream = tls_model("elsewhere.example")
    agents = [{"name": "ada", "base_url": upstream.url, "ca_file": ca_file}]
    chat = chat_with(agents, AGENT_RETRIES="0")
    chat.assert_failed(chat.ask()[-1], "AGENT_UNAVAILABLE")
    assert upstream.requests == []


def test_a_model_that_can_speaks_http2_and_many_answers_share_a_connection(http2_model, ca_file, chat_with):
    upstream = http2_model("h2", "http/1.1")
    agent = {"name": "ada", "base_url": upstream.url, "ca_file": ca_file, "max_concurrent": 30}
    first = chat_with([agent], LOOPS="1")
    # The first one opens the connection.
    assert first.ask()[-1].content == "One two three."
    upstream.go_on.clear()
    streams = [first.another().stream() for _ in range(20)]
    for stream in streams:
        stream.wait_for(2)
    assert upstream.most_running == 20
    upstream.go_on.set()
    for stream in streams:
        assert stream.wait_for_terminal().content == "One two three."
    assert {version for version, _ in upstream.requests} == {"2"}
    assert len({client for _, client in upstream.requests}) == 1


def test_a_model_that_never_shakes_hands_is_a_timeout(chat_with):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://127.0.0.1:{mute.getsockname()[1]}/v1"
        chat = chat_with(OPENAI_BASE_URL=url, AGENT_CONNECT_TIMEOUT_SECONDS="1", AGENT_RETRIES="0")
        chat.assert_failed(chat.ask()[-1], "AGENT_TIMEOUT")


def test_a_stop_ends_the_models_connection(chat_with, tls_model, ca_file):
    upstream = tls_model()
    upstream.script(forever(delta("word ")))
    chat = chat_with([{"name": "ada", "base_url": upstream.url, "ca_file": ca_file}])
    stream = chat.stream()
    stream.wait_for(5)
    chat.stop()
    since = time.monotonic()
    wait_until(lambda: upstream.requests[0].closed_at, 5, "the end of the model's connection")
    assert upstream.requests[0].closed_at - since < 0.1


def assert_given_up(upstream, since):
    wait_until(lambda: upstream.given_up_at, 5, "the end of the stopped answer at the model")
    assert upstream.given_up_at[0] - since < 0.1


def test_a_stop_over_http2_reaches_the_model(http2_model, ca_file, chat_with):
    upstream = http2_model("h2")
    upstream.go_on.clear()
    chat = chat_with([{"name": "ada", "base_url": upstream.url, "ca_file": ca_file}])
    stream = chat.stream()
    stream.wait_for(2)
    chat.stop()
    assert_given_up(upstream, time.monotonic())
    assert stream.wait_for_terminal().status == "cancelled"
    assert upstream.running == 0


def test_a_stop_over_http2_spares_the_other_answers_of_the_connection(http2_model, ca_file, chat_with):
    upstream = http2_model("h2")
    first = chat_with([{"name": "ada", "base_url": upstream.url, "ca_file": ca_file}], LOOPS="1")
    assert first.ask()[-1].content == "One two three."
    upstream.go_on.clear()
    stopped, running = first.stream(), first.another().stream()
    for stream in (stopped, running):
        stream.wait_for(2)
    first.stop()
    assert_given_up(upstream, time.monotonic())
    assert stopped.wait_for_terminal().status == "cancelled"
    assert upstream.running == 1
    upstream.go_on.set()
    assert running.wait_for_terminal().content == "One two three."
    assert len({client for _, client in upstream.requests}) == 1


def test_a_model_without_http2_is_asked_over_http1(http2_model, ca_file, chat_with):
    upstream = http2_model("http/1.1")
    chat = chat_with([{"name": "ada", "base_url": upstream.url, "ca_file": ca_file}])
    assert chat.ask()[-1].content == "One two three."
    assert [version for version, _ in upstream.requests] == ["1.1"]


def test_a_proxy_of_the_environment_is_asked_for_http(chat_with, model, proxy):
    chat = chat_with(http_proxy=proxy.url)
    assert chat.ask()[-1].content == "An answer."
    assert len(proxy.lines) == 1
    assert proxy.lines[0].startswith(f"POST http://127.0.0.1:{model.port}/v1/chat/completions ")


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY"])
def test_a_proxy_of_the_environment_is_asked_for_https(chat_with, tls_model, ca_file, proxy, name):
    upstream = tls_model()
    agents = [{"name": "ada", "base_url": upstream.url, "ca_file": ca_file}]
    chat = chat_with(agents, **{name: proxy.url})
    assert chat.ask()[-1].content == "An answer."
    assert [line.split(" ")[:2] for line in proxy.lines] == [["CONNECT", f"127.0.0.1:{upstream.port}"]]
    assert len(upstream.requests) == 1


def test_no_proxy_names_those_that_are_asked_directly(chat_with, model, proxy):
    chat = chat_with(http_proxy=proxy.url, no_proxy="127.0.0.1")
    assert chat.ask()[-1].content == "An answer."
    assert proxy.lines == []
