"""What a start that meets an obstacle says: once, where it has looked, and what to do."""

import json

import pytest

from service import MONGODB_TEST_URI
from waiting import holds_for, wait_until

BAD_SETTINGS = 2


def test_an_agents_file_that_is_not_there_is_told_with_the_folder_in_which_it_was_looked_for(make_service):
    service = make_service(AGENTS_FILE="conf/agents.json")
    assert service.launch().wait(10) == BAD_SETTINGS
    folder = service.folder.resolve()
    assert f"AGENTS_FILE conf/agents.json: cannot be read: No such file or directory: looked for as {folder}/conf/agents.json" in service.stderr
    assert f"in the working folder {folder}; name a JSON file of agents (docs/agents.md says what is in it), or unset AGENTS_FILE" in service.stderr


def test_an_agents_file_that_is_named_by_its_whole_path_is_told_by_that_alone(make_service):
    service = make_service(AGENTS_FILE="/nowhere/agents.json")
    assert service.launch().wait(10) == BAD_SETTINGS
    assert "AGENTS_FILE /nowhere/agents.json: cannot be read: No such file or directory; name a JSON file" in service.stderr
    assert "looked for" not in service.stderr


@pytest.mark.skipif(bool(MONGODB_TEST_URI), reason="the same over either store")
def test_a_mongodb_that_is_away_at_the_start_is_told_once(make_service, closed_port):
    service = make_service(MONGODB_URI=f"mongodb://127.0.0.1:{closed_port}/?serverSelectionTimeoutMS=500", LOG_FORMAT="json", LOG_LEVEL="warning")
    service.start_serving()

    def told():
        lines = [json.loads(line) for line in service.stderr.splitlines()]
        return [line["message"] for line in lines if line["level"] in ("warning", "error")]

    wait_until(lambda: told(), 20, "the message")
    # It is tried again once a second.
    assert holds_for(lambda: len(told()) == 1, 3), told()
    assert told()[0].startswith("MongoDB cannot be reached yet: not ready until it can")
