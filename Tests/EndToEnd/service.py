"""The release binary as a child process: started on a free port with its own data, stopped or killed."""

import ctypes
import os
import re
import signal
import subprocess
from pathlib import Path

import httpx

from waiting import wait_until

CHECKOUT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("ROOMSERVICE_BINARY", CHECKOUT / ".build/release/RoomService"))

_libc = ctypes.CDLL(None)


def die_with_parent():
    """In the child: ends with the test run even when that is killed (PR_SET_PDEATHSIG)."""
    _libc.prctl(1, signal.SIGKILL)


class Service:
    """One running instance. Its output goes to files in `folder`, which is also its working folder."""

    def __init__(self, folder, **settings):
        self.folder = Path(folder)
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
                preexec_fn=die_with_parent,
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
        try:
            return httpx.get(f"{self.url}/readyz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

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
