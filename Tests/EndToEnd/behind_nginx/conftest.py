"""Several instances over one MongoDB behind nginx, as deploy/nginx.conf has it."""

import pytest

from cluster import Cluster
from ending import making
from nginx import Nginx


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """Two instances for the tests that leave them running."""
    with Cluster(tmp_path_factory.mktemp("cluster"), DEMO_RATE="100", HEARTBEAT_SECONDS="2") as shared:
        yield shared


@pytest.fixture
def make_cluster(tmp_path):
    yield from making(lambda count=2, **settings: Cluster(tmp_path / "cluster", count, **settings).start(), Cluster.end)


@pytest.fixture
def api(cluster, connect):
    return connect(cluster)


@pytest.fixture
def make_nginx(tmp_path):
    yield from making(lambda ports, change=lambda text: text: Nginx(tmp_path / "nginx", ports).start(change), Nginx.stop)
