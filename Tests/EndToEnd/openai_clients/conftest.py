"""The official `openai` package against this service, with nothing but its `base_url` changed."""

import openai
import pytest

from service import Service


@pytest.fixture(scope="session")
def unpaced(tmp_path_factory):
    """A service whose answers are there at once."""
    with Service(tmp_path_factory.mktemp("unpaced"), DEMO_RATE="0", DRAIN_SECONDS="1") as service:
        yield service


@pytest.fixture
def client_of():
    """Makes clients of services, which try each request once unless they are told otherwise."""
    made = []

    def make(service, kind=openai.OpenAI, **options):
        http = {openai.OpenAI: openai.DefaultHttpxClient, openai.AsyncOpenAI: openai.DefaultAsyncHttpxClient}[kind]
        options = {"max_retries": 0, "timeout": 20, "http_client": http(trust_env=False, verify=False)} | options
        client = kind(base_url=f"{service.url}/v1", api_key="sk-nobody-looks-at-it", **options)
        if kind is openai.OpenAI:
            made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(unpaced, client_of):
    return client_of(unpaced)
