"""The API's description, as the service tells it."""

import pytest

from description import Description


@pytest.fixture
def description(api):
    return Description(api.http.get("/openapi.json").json())
