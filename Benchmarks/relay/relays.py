"""What is measured, as child processes: the upstream, and the relays before it, each alone on the server's core.

A running relay has `port` and `pid`, and `kind` and `sessions`, as load.c takes them.
"""

import json
import socket
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "streams"))

from rig import Program, Serving, make_sessions  # noqa: E402  (it sets the path for the others)
from measuring import CLIENT_CORE, SERVER_CORE, in_child  # noqa: E402
from service import child_environment, is_served  # noqa: E402
from litellm_proxy import OFFLINE  # noqa: E402
from waiting import wait_until  # noqa: E402

CHECKOUT = HERE.parents[1]
MASTER_KEY = "sk-key-of-the-relays-benchmark"
"""LiteLLM's proxy starts with none but a secret. load.c sends it to all."""


class Upstream(Program):
    """On the client's core: the relay has the other one for itself."""

    def __init__(self, programs, tokens, rate):
        super().__init__(programs / "relay_upstream", str(tokens), str(rate), core=CLIENT_CORE)
        self.tokens, self.rate = tokens, rate


class Direct:
    """No relay: the upstream itself."""

    name, kind = "direct", "completions"

    def __init__(self, _, upstream):
        self.port, self.pid = upstream.port, upstream.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def sessions(self, _):
        return ()


class RoomService(Serving):
    name, kind = "RoomService", "service"

    def __init__(self, bench, upstream):
        super().__init__(
            bench.new_folder(),
            OPENAI_BASE_URL=f"http://127.0.0.1:{upstream.port}/v1",
            OPENAI_MODEL="bench",
            OPENAI_API_KEY="x",
            AGENT_MAX_CONCURRENT="20000",
        )

    def sessions(self, count):
        return make_sessions(self.port, count, "relay")


class Foreign:
    """A server that others have written, on a port of ours; `answers` is a path that it answers when it is ready."""

    kind = "completions"

    def __init__(self, folder, answers, seconds, **environment):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.folder = folder
        self.log = folder / "log"
        self.answers = answers
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                self.command(),
                cwd=folder,
                env=child_environment({"HOME": str(folder)} | environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=in_child(SERVER_CORE),
            )
        self.pid = self.process.pid
        try:
            wait_until(self.is_ready, seconds, f"the start of {self.name}")
        except BaseException:
            self.__exit__()
            raise

    def is_ready(self):
        if self.process.poll() is not None:
            sys.exit(f"bench: {self.name} ended: {self.log.read_text(errors='replace')[-2000:]}")
        return is_served("127.0.0.1", self.port, self.answers)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def sessions(self, _):
        return ()


class Nginx(Foreign):
    name = "nginx"

    def __init__(self, bench, upstream):
        self.program = CHECKOUT / ".build/nginx/usr/sbin/nginx"
        self.upstream = upstream
        super().__init__(bench.new_folder(), "/ready", 10)

    def command(self):
        text = (HERE / "nginx.conf").read_text()
        text = text.replace("UPSTREAM", str(self.upstream.port)).replace("PORT", str(self.port))
        (self.folder / "nginx.conf").write_text(text)
        return [self.program, "-p", self.folder, "-c", "nginx.conf", "-e", "stderr"]


class LiteLLM(Foreign):
    """One worker. By default it would fetch lists at each start, and have no more than 500 connections to a model."""

    name = "LiteLLM"

    def __init__(self, bench, upstream):
        self.upstream = upstream
        super().__init__(
            bench.new_folder(), "/health/liveliness", 90,
            **OFFLINE,
            LITELLM_LOG="ERROR",
            LITELLM_MODE="PRODUCTION",
            AIOHTTP_CONNECTOR_LIMIT="20000",
            AIOHTTP_CONNECTOR_LIMIT_PER_HOST="20000",
        )

    def command(self):
        model = {"model": "openai/bench", "api_base": f"http://127.0.0.1:{self.upstream.port}/v1", "api_key": "x"}
        config = self.folder / "litellm.yaml"
        models = [{"model_name": "bench", "litellm_params": model}]
        # JSON is YAML.
        config.write_text(json.dumps({"model_list": models, "general_settings": {"master_key": MASTER_KEY}}))
        program = CHECKOUT / ".venv/bin/litellm"
        return [program, "--config", config, "--host", "127.0.0.1", "--port", str(self.port), "--num_workers", "1"]
