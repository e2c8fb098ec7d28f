"""Several instances over one MongoDB and one Redis."""

import pytest

from api import unique
from ending import making
from instances import Instances


@pytest.fixture(scope="session")
def pair(tmp_path_factory):
    """Two instances for the tests that leave them running."""
    with Instances(tmp_path_factory.mktemp("pair"), MAX_STREAMS_PER_USER="3", HEARTBEAT_SECONDS="2") as shared:
        yield shared


@pytest.fixture
def make_instances(tmp_path):
    """Makes instances of the test's own, which have started."""

    def make(count=2, with_redis=True, **settings):
        return Instances(tmp_path / unique("instances"), count, **settings).start(with_redis)

    yield from making(make, Instances.end)


@pytest.fixture
def nothing_is_left(pair):
    """Whatever the test has done, all places are free soon after it."""
    yield
    pair.wait_until_all_is_free()
