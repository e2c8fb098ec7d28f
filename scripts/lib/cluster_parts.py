"""The processes of a cluster, by what remains of them when whoever started them is gone."""

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "Tests/EndToEnd/support"))

from waiting import wait_until  # noqa: E402

# Tests have a folder of their own.
FOLDER = Path(os.environ.get("ROOMSERVICE_CLUSTER", CHECKOUT / ".cluster")).resolve()
STATE = FOLDER / "state.json"


class Failure(Exception):
    """Why it does not go on, in one line."""


def now_running(pid):
    """When the process with that number was started, in ticks since the machine was; None when there is none (or only what its
    parent has not taken notice of)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


def boot():
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def program_of(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")
    except OSError:
        return None


class Part:
    """A process of the cluster: the leader of a session of its own, in which its children are."""

    def __init__(self, name, pid, started, program, port, boot_id):
        self.name, self.pid, self.started, self.program = name, pid, started, program
        self.port, self.boot_id = port, boot_id

    @property
    def is_alive(self):
        return self.boot_id == boot() and now_running(self.pid) == self.started

    def processes(self):
        """Those that run: the leader, and its children. These are known by their session, whose number nobody else gets while
        there are any, and by their program."""
        if self.boot_id != boot() or now_running(self.pid) not in (None, self.started):
            return []
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                pid = int(entry.name)
                is_ours = pid == self.pid or os.getsid(pid) == self.pid and program_of(pid) == self.program
                started = now_running(pid)
                if is_ours and started is not None and started >= self.started:
                    found.append(pid)
        return found

    def tell(self, number):
        """Signals the leader, who ends its children; or these, when it is gone."""
        for pid in [self.pid] if self.is_alive else self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self):
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class State:
    """What was started, as it is on the disk before the next part is."""

    def __init__(self):
        saved = json.loads(STATE.read_text()) if STATE.exists() else {"parts": []}
        self.parts = [Part(**each) for each in saved["parts"]]
        self.url = saved.get("url")
        self.drain = saved.get("drain", 10)

    def save(self):
        text = json.dumps({"parts": [vars(each) for each in self.parts], "url": self.url, "drain": self.drain}, indent=1)
        new = STATE.with_suffix(".new")
        new.write_text(text + "\n")
        new.rename(STATE)


def start(state, name, port, command, environment=None):
    """Starts a part; its output goes to a log of that name. Signals to us are not for it."""
    log = FOLDER / f"{name}.log"
    with open(log, "ab") as output:
        process = subprocess.Popen(
            [str(each) for each in command],
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    part = Part(name, process.pid, now_running(process.pid), program_of(process.pid), port, boot())
    state.parts.append(part)
    state.save()
    return part


def wait_for(part, is_ready, seconds=20):
    def ready():
        if not part.is_alive:
            raise Failure(f"{part.name} has ended: {last_words(part.name)}")
        return is_ready(part.port)

    try:
        wait_until(ready, seconds, "readiness")
    except AssertionError:
        raise Failure(f"{part.name} was not ready within {seconds} s: {last_words(part.name)}") from None


def last_words(name):
    lines = (FOLDER / f"{name}.log").read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"it says nothing in {name}.log"


def accepts(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True


def serves(port, tls=False):
    """Whether what listens there is, or leads to, an instance that is ready."""
    try:
        if tls:
            context = ssl.create_default_context(cafile=FOLDER / "nginx/certificate.pem")
            connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.closing(connection):
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
