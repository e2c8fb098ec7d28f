"""LiteLLM's proxy as a child process: a server that this project did not write, for models whose answers are made up.

It takes some seconds to start, so that the tests share one.
"""

import json
import os
import socket
import sys
from pathlib import Path

from outage import Outage
from service import is_served, start_child
from waiting import wait_until

MASTER_KEY = "sk-master-key-of-the-tests"

# It fetches nothing: by default it looks for newer price lists and the like at each start.
OFFLINE = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_TELEMETRY_DISABLED": "True",
}


class LiteLLMProxy(Outage):
    """Serves each of `answers`, a text by the name of its model, to those who have the master key."""

    def __init__(self, folder, **answers):
        self.folder = Path(folder)
        self.config = self.folder / "litellm.yaml"
        self.log = self.folder / "litellm.log"
        models = [
            {"model_name": name, "litellm_params": {"model": "openai/gpt-4o-mini", "api_key": "x", "mock_response": text}}
            for name, text in answers.items()
        ]
        config = {"model_list": models, "general_settings": {"master_key": MASTER_KEY}}
        # JSON is YAML, but for its escapes of characters beyond 16 bits.
        self.config.write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")
        self.process = None

    def start(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        # Beside this Python, which need not be on the PATH.
        program = Path(sys.executable).with_name("litellm")
        command = [program, "--config", self.config, "--host", "127.0.0.1", "--port", str(self.port)]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder)} | OFFLINE
        self.process = start_child(command, self.log, environment, self.folder)
        wait_until(self.is_ready, 50, "LiteLLM's proxy")
        return self

    def is_ready(self):
        assert self.process.poll() is None, f"LiteLLM's proxy ended: {self.log.read_text(errors='replace')}"
        return is_served("127.0.0.1", self.port, "/health/liveliness")
