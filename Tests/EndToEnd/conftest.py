"""The service under test: one shared by the tests that do not end it, and a factory for those that do."""

import contextlib
import datetime
import os
import signal
import socket
from pathlib import Path

import bson
import pymongo
import pytest

SUPPORT = Path(__file__).with_name("support")

# So that a failed assertion of a helper, too, shows its values.
pytest.register_assert_rewrite(*(each.stem for each in SUPPORT.glob("*.py")))

from api import Api  # noqa: E402
from browser import chromium  # noqa: E402
from chat import KEY, Chat, assert_no_secrets, write_agents  # noqa: E402
from ending import making  # noqa: E402
from scripted_model import ScriptedModel  # noqa: E402
from service import BINARY, MONGODB_TEST_URI, Service  # noqa: E402


def pytest_configure(config):
    # So that a SIGTERM, too, runs the fixtures' clean-up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_sessionstart(session):
    if not BINARY.exists():
        pytest.exit(f"{BINARY} is not built: scripts/test builds it", returncode=2)


def pytest_runtest_setup(item):
    if MONGODB_TEST_URI and item.get_closest_marker("embedded"):
        pytest.skip("runs over the embedded store only")
    if not MONGODB_TEST_URI and item.get_closest_marker("mongodb"):
        pytest.skip("needs MongoDB: scripts/lib/with-mongodb")
    if os.environ.get("LONG_TESTS") != "1" and item.get_closest_marker("long"):
        pytest.skip("takes long: LONG_TESTS=1, or scripts/chaos")


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    """A service for every test that leaves it running. Its demo agent answers 100 words a second."""
    with Service(tmp_path_factory.mktemp("shared"), DEMO_RATE="100", DRAIN_SECONDS="1") as shared:
        yield shared


@pytest.fixture
def api(service):
    client = Api(service.url)
    yield client
    client.close()


@pytest.fixture
def make_service(tmp_path):
    """Makes services of the test's own, by their settings. What still runs at the end must stop cleanly."""
    yield from making(lambda name="own", **settings: Service(tmp_path / name, **{"DRAIN_SECONDS": "1"} | settings), Service.end)


@pytest.fixture
def connect():
    """Makes Api clients of other services, over HTTP/2 where that goes."""
    yield from making(lambda server: Api(server.url, http2=server.url.startswith("https")), Api.close)


@pytest.fixture(scope="session")
def chromium_browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


@pytest.fixture
def browser(chromium_browser):
    """One for all tests; what it has complained about before is forgotten."""
    chromium_browser.get_log("browser")
    return chromium_browser


@pytest.fixture
def closed_port():
    """A port that refuses connections, and that nobody else gets meanwhile."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


@pytest.fixture
def mute_port():
    """A port that does not even answer to a connection: its queue of those that nobody accepts is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for each in waiting:
            each.close()


@pytest.fixture
def model():
    with ScriptedModel() as scripted:
        yield scripted


@pytest.fixture
def chat_with(model, make_service, connect, tmp_path):
    """Starts services that ask the scripted model, as an only agent or as those that are given, and begins a session.

    Whatever has happened, none of them may have written a secret to its output.
    """
    services = []

    def start(agents=None, default=None, **settings):
        settings = {
            "OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": KEY, "OPENAI_MODEL": "scripted-1", "LOG_LEVEL": "debug",
        } | settings
        if agents:
            settings["AGENTS_FILE"] = write_agents(tmp_path / "agents.json", agents, default)
        services.append(make_service(**settings).start())
        return Chat(services[-1], connect(services[-1]))

    yield start
    for service in services:
        assert_no_secrets(service.stdout + service.stderr)


@pytest.fixture
def database_of():
    """Opens the databases of services over MongoDB, as any other program would."""
    with contextlib.ExitStack() as clients:

        def open_database(service):
            uri, name = service.settings["MONGODB_URI"], service.settings["MONGODB_DB_NAME"]
            options = bson.CodecOptions(tz_aware=True, tzinfo=datetime.timezone.utc)
            return clients.enter_context(pymongo.MongoClient(uri)).get_database(name, codec_options=options)

        yield open_database
