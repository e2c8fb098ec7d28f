"""A store with a room in it, and a folder for its backups."""

import pytest

from embedded_store import make_store


@pytest.fixture
def data(tmp_path):
    return make_store(tmp_path / "data")


@pytest.fixture
def backups(tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder
