"""The release binary as a child process: started on a free port with its own data, stopped or killed.

Needs nothing but Python, as the benchmarks use it too.
"""

import ctypes
import http.client
import os
import re
import signal
import subprocess
from pathlib import Path

from waiting import wait_until

CHECKOUT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("ROOMSERVICE_BINARY", CHECKOUT / ".build/release/RoomService"))

_libc = ctypes.CDLL(None)


def in_child(core=None):
    """What a child process does before it becomes its program: it binds its end to ours, even when we are killed
    (PR_SET_PDEATHSIG), and itself to a core."""

    def prepare():
        _libc.prctl(1, signal.SIGKILL)
        if core is not None:
            os.sched_setaffinity(0, {core})

    return prepare


class Service:
    """One running instance. Its output goes to files in `folder`, which is also its working folder."""

    def __init__(self, folder, core=None, **settings):
        self.folder = Path(folder)
        self.core = core
        self.settings = {
            "PORT": "0",
            "DATA_DIR": str(self.folder / "data"),
            "LOG_LEVEL": "error",
            "RATE_LIMITS": "off",
        } | settings
        self.process = None
        self.url = None

    def launch(self, *arguments):
        """Starts the process without waiting for it to serve."""
        self.folder.mkdir(parents=True, exist_ok=True)
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "ROOMSERVICE_RUN") if name in os.environ}
        environment |= {name: value for name, value in self.settings.items() if value is not None}
        with open(self.folder / "stdout", "wb") as out, open(self.folder / "stderr", "wb") as err:
            self.process = subprocess.Popen(
                [BINARY, *arguments],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                preexec_fn=in_child(self.core),
            )
        return self

    def start(self):
        self.launch()
        self.url = wait_until(self._address, 20, "the start")
        wait_until(self._is_ready, 20, "readiness")
        return self

    def _address(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the service ended with {self.process.returncode}: {self.stderr or self.stdout}")
        found = re.search(r"http://127\.0\.0\.1:\d+", self.stdout)
        return found and found.group()

    def _is_ready(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    @property
    def stdout(self):
        return (self.folder / "stdout").read_text(errors="replace")

    @property
    def stderr(self):
        return (self.folder / "stderr").read_text(errors="replace")

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self, seconds=20):
        return self.process.wait(seconds)

    def stop(self):
        """Ends the service the way an operator would; it must end cleanly."""
        if self.process and self.process.poll() is None:
            self.signal()
            try:
                self.wait()
            finally:
                self.kill()
            assert self.process.returncode == 0, f"exit {self.process.returncode}: {self.stderr}"

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
