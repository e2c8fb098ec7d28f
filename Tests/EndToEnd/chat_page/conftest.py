"""The chat page of a service whose agents ask a scripted model."""

import threading

import pytest

from api import unique
from chat import write_agents
from page import ChatPage
from scripted_model import DONE, ScriptedModel, answer, chunk, delta, finish, wait
from service import Service


@pytest.fixture(scope="session")
def scripted():
    with ScriptedModel() as model:
        yield model


@pytest.fixture(scope="session")
def site_settings(scripted, tmp_path_factory):
    """Two agents, of which each says at once when its model fails."""
    agents = [
        {"name": "assistant", "model": "model-a", "description": "Knows a bit of everything"},
        {"name": "researcher", "model": "model-b", "description": "Looks things up"},
    ]
    agents = [each | {"retries": 0, "breaker_failures": 100} for each in agents]
    file = write_agents(tmp_path_factory.mktemp("agents") / "agents.json", agents, "assistant")
    return {"OPENAI_BASE_URL": scripted.url, "OPENAI_API_KEY": "sk-test", "AGENTS_FILE": file, "DRAIN_SECONDS": "1"}


@pytest.fixture(scope="session")
def site(site_settings, tmp_path_factory):
    with Service(tmp_path_factory.mktemp("site"), **site_settings) as service:
        yield service


@pytest.fixture
def site_api(site, connect):
    return connect(site)


@pytest.fixture
def page(browser, site, scripted):
    scripted.script(*answer("An answer."))
    page = ChatPage(browser, site.url).open(unique())
    yield page
    # Whatever a test has done: no script has failed, and nothing was tried that the policy forbids.
    assert page.complaints == []


@pytest.fixture
def gate(scripted):
    """Answers stop in the middle until it is set."""
    event = threading.Event()
    scripted.script(chunk({"role": "assistant", "content": ""}), delta("One, two, "), wait(event), delta("**three**."), finish(), DONE)
    yield event
    event.set()
