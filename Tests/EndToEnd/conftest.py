"""The service under test: one shared by the tests that do not end it, and a factory for those that do."""

import signal

import pytest

# So that a failed assertion of a helper, too, shows its values.
pytest.register_assert_rewrite("api", "rawsocket", "service", "waiting")

from api import Api  # noqa: E402
from service import BINARY, Service  # noqa: E402


def pytest_configure(config):
    # So that a SIGTERM, too, runs the fixtures' clean-up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_sessionstart(session):
    if not BINARY.exists():
        pytest.exit(f"{BINARY} is not built: scripts/test builds it", returncode=2)


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    """A service for every test that leaves it running. Its demo agent answers 100 words a second."""
    shared = Service(tmp_path_factory.mktemp("shared"), DEMO_RATE="100", DRAIN_SECONDS="1").start()
    yield shared
    shared.stop()


@pytest.fixture
def api(service):
    client = Api(service.url)
    yield client
    client.close()


@pytest.fixture
def make_service(tmp_path):
    """Makes services of the test's own, by their settings. What still runs at the end must stop cleanly."""
    made = []

    def make(name="own", **settings):
        made.append(Service(tmp_path / name, **{"DRAIN_SECONDS": "1"} | settings))
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.fixture
def connect():
    """Makes Api clients of other services."""
    made = []

    def make(service):
        made.append(Api(service.url))
        return made[-1]

    yield make
    for each in made:
        each.close()
