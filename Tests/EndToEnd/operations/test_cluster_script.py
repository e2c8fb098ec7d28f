"""scripts/cluster: what it starts serves, and it ends just that, whatever has happened meanwhile."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from api import Api
from service import BINARY, CHECKOUT, child_environment
from waiting import wait_until

pytestmark = pytest.mark.mongodb


class Script:
    def __init__(self, folder):
        self.folder = folder
        self.settings = {"ROOMSERVICE_CLUSTER": str(folder), "ROOMSERVICE_BINARY": str(BINARY), "MONGODB_URI": ""}
        self.sessions = set()

    def __call__(self, *arguments, **settings):
        run = subprocess.run(
            [CHECKOUT / "scripts/cluster", *arguments],
            env=child_environment(self.settings | settings),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=50,
        )
        self.sessions |= {part["pid"] for part in self.state["parts"]}
        return run

    @property
    def state(self):
        file = self.folder / "state.json"
        return json.loads(file.read_text()) if file.exists() else {"parts": []}

    def pid_of(self, name):
        return next(part["pid"] for part in self.state["parts"] if part["name"] == name)

    def running(self):
        """What runs of all that was ever started: each part is a session of its own."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                name, rest = stat.read_text().rsplit(")", 1)
            except OSError:
                continue
            state, _, _, session, *_ = rest.split()
            if int(session) in self.sessions and state != "Z":
                found.append(name)
        return found


@pytest.fixture
def script(tmp_path):
    made = Script(tmp_path / "cluster")
    yield made
    made("down")
    assert made.running() == []


def test_what_it_starts_serves_and_ends_and_only_the_logs_are_left(script):
    up = script("up", "2")
    assert up.returncode == 0, up.stderr
    assert "is up: 2 instances behind nginx" in up.stdout
    parts = ["mongodb", "redis", "instance-1", "instance-2", "nginx"]
    assert [part["name"] for part in script.state["parts"]] == parts
    api = Api(script.state["url"], http2=True)
    session = api.session()
    assert api.ask(session)[-2].status == "complete"
    assert api.only_conversation(session)["status"] == "completed"
    api.close()

    started = script.state
    again = script("up")
    assert (again.returncode, script.state) == (0, started)
    assert "is up already: 2 instances" in again.stdout and script.state["url"] in again.stdout
    other = script("up", "3")
    assert (other.returncode, script.state) == (1, started)
    assert "up with 2 instances, not 3: scripts/cluster down, then scripts/cluster up 3" in other.stderr
    status = script("status")
    assert status.returncode == 0 and status.stdout.count(" serves, ") == 5, status.stdout

    assert script("down").returncode == 0
    assert script.running() == []
    left = {str(file.relative_to(script.folder)) for file in script.folder.rglob("*") if file.is_file()}
    assert left >= {"mongodb.log", "instance-1.log", "instance-2.log", "nginx.log", "nginx/access.log"}
    assert all(name.endswith(".log") for name in left)
    assert script("down").returncode == 0
    assert script("status").returncode == 1


def test_the_printed_lines_are_a_chat(script):
    lines = [line for line in script("up", "1").stdout.splitlines() if line.startswith(("ROOM=", "SESSION=", "curl "))]
    assert len(lines) == 3
    chat = subprocess.run(["bash", "-c", "\n".join(lines)], capture_output=True, text=True, timeout=30)
    assert '"status":"complete"' in chat.stdout and "data: [DONE]" in chat.stdout, chat.stderr


@pytest.mark.parametrize("part", ["mongodb", "instance-1", "nginx"])
def test_after_a_crash_of_a_part_the_rest_is_ended(script, part):
    assert script("up", "1").returncode == 0
    os.kill(script.pid_of(part), signal.SIGKILL)
    wait_until(lambda: script("status").returncode == 1, 5, "the status")
    refused = script("up")
    assert refused.returncode == 1 and f"{part} of the cluster that was started before has ended" in refused.stderr
    assert script("down").returncode == 0
    assert script.running() == []
    assert script("up", "1").returncode == 0


def test_another_process_that_got_a_recorded_number_is_left_alone(script):
    assert script("up", "1").returncode == 0
    other = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        state = script.state
        recorded = next(part for part in state["parts"] if part["name"] == "instance-1")
        os.kill(recorded["pid"], signal.SIGTERM)
        recorded["pid"] = other.pid
        (script.folder / "state.json").write_text(json.dumps(state))
        assert script("down").returncode == 0
        time.sleep(0.2)
        assert other.poll() is None
    finally:
        script.sessions.discard(other.pid)
        other.kill()
        other.wait()


def test_a_start_that_fails_says_why_and_leaves_nothing(script):
    up = script("up", "1", DEMO_RATE="fast")
    assert up.returncode == 1
    assert "instance-1 has ended" in up.stderr and "Traceback" not in up.stderr
    assert script.state["parts"] == []
    assert not list(script.folder.glob("nginx/*.conf"))


def test_an_interrupted_start_leaves_nothing(script):
    process = subprocess.Popen(
        [CHECKOUT / "scripts/cluster", "up", "2"],
        env=child_environment(script.settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # As a terminal has it: the signal is for the script and all that it waits for.
        process_group=0,
    )
    wait_until(lambda: script.state["parts"], 20, "the first part")
    script.sessions |= {part["pid"] for part in script.state["parts"]}
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(20) != 0
    assert script.state["parts"] == []


@pytest.mark.parametrize("arguments", [[], ["sideways"], ["up", "0"], ["up", "two"], ["up", "2", "3"], ["down", "1"]])
def test_what_it_does_not_know_it_refuses(script, arguments):
    run = script(*arguments)
    assert run.returncode in (1, 2) and run.stderr
    assert script.state["parts"] == []
