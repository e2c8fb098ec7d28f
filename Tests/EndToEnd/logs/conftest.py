"""Services whose log is looked at."""

import pytest

from api import unique
from log import Log


@pytest.fixture
def logged(make_service, connect):
    def start(**settings):
        service = make_service(unique("service"), **{"LOG_LEVEL": "info"} | settings).start()
        return Log(service), connect(service)

    return start
