"""Setting models up: what is wrong is told at the start, all at once, and without secrets."""

import pytest

from chat import KEY, PASSWORD, assert_no_secrets, write_agents

pytestmark = pytest.mark.embedded


@pytest.fixture
def refused(make_service, tmp_path):
    """What a service says that must not start with such settings."""

    def start(agents=None, **settings):
        if agents is not None:
            settings["AGENTS_FILE"] = write_agents(tmp_path / "agents.json", agents)
        service = make_service(**settings)
        assert service.launch().wait(10) != 0
        assert_no_secrets(service.stdout + service.stderr)
        return service.stderr

    return start


def test_all_that_is_wrong_with_the_agents_is_told_at_once(refused):
    told = refused(
        [
            {"name": "ada", "model": "m", "temperature": 3, "retries": -1, "api_key_env": "NOT_SET", "colour": "red"},
            {"name": "ada", "model": "m", "base_url": "ftp://x/v1", "ca_file": "/nowhere/ca.pem"},
            {"model": "m", "system_prompt": "{{user}}"},
            {"name": "auto", "max_concurrent": 0, "stall_timeout_seconds": "1"},
            "bob",
        ]
    )
    for place in (
        "agents[0].temperature", "agents[0].retries", "agents[0].api_key_env", "agents[0].colour",
        "agents[1].base_url", "agents[1].ca_file", "agents[2].name", "agents[2].system_prompt", "agents[3].name",
        "agents[3].model", "agents[3].max_concurrent", "agents[3].stall_timeout_seconds", "agents[4]",
    ):
        assert place in told, (place, told)


def test_two_agents_of_one_name_are_refused(refused):
    assert "agents[1].name" in refused([{"name": "ada", "model": "m"}, {"name": "ada", "model": "n"}])


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"agents":[]}', '{"agents":[{"name":"a","model":"m"}],"default":"b"}'])
def test_a_file_that_is_none_of_agents_is_refused(refused, tmp_path, text):
    path = tmp_path / "broken.json"
    path.write_text(text)
    assert str(path) in refused(AGENTS_FILE=str(path))


def test_a_file_that_is_not_there_is_refused(refused, tmp_path):
    path = str(tmp_path / "nowhere.json")
    assert path in refused(AGENTS_FILE=path)


def test_an_address_without_a_model_is_refused(refused):
    assert "OPENAI_MODEL" in refused(OPENAI_BASE_URL="http://127.0.0.1:1/v1")


@pytest.mark.parametrize(
    "settings",
    [
        {"OPENAI_API_KEY": f"{KEY} twice"},
        {"OPENAI_API_KEY": f"{KEY}é"},
        {"OPENAI_BASE_URL": f"nonsense://user:{PASSWORD}@127.0.0.1/v1", "OPENAI_API_KEY": KEY},
    ],
)
def test_a_secret_that_is_wrong_is_not_shown(refused, settings):
    # What `refused` checks.
    assert refused(OPENAI_MODEL="m", **settings)


def test_a_key_alone_leaves_the_demo_agent_and_a_warning(make_service, connect):
    service = make_service(OPENAI_API_KEY=KEY, LOG_LEVEL="info").start()
    assert "OPENAI_API_KEY" in service.stderr
    assert_no_secrets(service.stdout + service.stderr)
    api = connect(service)
    assert api.ask(api.session())[-2].status == "complete"


def test_the_start_tells_which_models_are_asked_and_where(chat_with, model):
    agents = [{"name": "ada", "base_url": f"http://user:{PASSWORD}@127.0.0.1:{model.port}/v1"}, {"name": "bob"}]
    chat = chat_with(agents, default="bob", LOG_LEVEL="info")
    greeting = chat.service.stdout
    for word in ("ada", "bob", "scripted-1", f"http://127.0.0.1:{model.port}/v1"):
        assert word in greeting


def test_agents_and_keys_may_stand_in_dotenv(make_service, connect, model):
    service = make_service()
    service.folder.mkdir()
    write_agents(service.folder / "agents.json", [{"name": "ada", "base_url": model.url, "api_key_env": "ADA_KEY", "model": "m"}])
    (service.folder / ".env").write_text(f"AGENTS_FILE=agents.json\nADA_KEY={KEY}\n")
    api = connect(service.start())
    assert api.ask(api.session(), context={})[-2].content == "An answer."
    assert model.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_without_a_model_the_demo_agent_answers_and_the_start_says_so(make_service, connect):
    service = make_service().start()
    assert "Agent:   the built-in demo agent" in service.stdout
    api = connect(service)
    events = api.ask(api.session(), "What is a room?", tokens=0)
    assert "I am the built-in demo agent" in events[-2].content
    assert [each["agent_type"] for each in api.http.get("/api/chat/info").json()["agents"]] == ["assistant"]
