"""The release binary as a child process: started on a free port with its own data, stopped or killed.

Needs nothing but Python, as the benchmarks use it too.
"""

import ctypes
import http.client
import os
import re
import signal
import subprocess
import uuid
from pathlib import Path

from outage import Outage
from waiting import wait_until

CHECKOUT = Path(__file__).resolve().parents[3]
BINARY = Path(os.environ.get("ROOMSERVICE_BINARY", CHECKOUT / ".build/release/RoomService"))
MIGRATIONS = BINARY.with_name("Migrations")

# Set: services keep everything in databases of this server. See scripts/lib/with-mongodb.
MONGODB_TEST_URI = os.environ.get("MONGODB_TEST_URI")

# How long after the start what a killed instance has left is marked interrupted: at once where the store has one owner,
# in a shared one when the instance has not been heard of for 30 s.
ORPHAN_SECONDS = 45 if MONGODB_TEST_URI else 0

_libc = ctypes.CDLL(None)


def in_child(core=None, ending=signal.SIGKILL):
    """What a child process does before it becomes its program: it binds its end, by that signal, to ours, even when we are
    killed (PR_SET_PDEATHSIG), and itself to a core."""

    def prepare():
        _libc.prctl(1, ending)
        if core is not None:
            os.sched_setaffinity(0, {core})

    return prepare


def start_child(command, output, environment=None, folder=None, ending=signal.SIGKILL):
    """Starts a server of the tests, which ends with us. What it says goes to the end of the file `output`."""
    with open(output, "ab") as file:
        return subprocess.Popen(
            [str(each) for each in command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            preexec_fn=in_child(ending=ending),
        )


def child_environment(settings):
    """What a program of ours gets: of our own environment only what it cannot do without."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "ROOMSERVICE_RUN") if name in os.environ}
    # A killed process would leave libmongoc's counters in /dev/shm, and the next one would warn of them.
    environment["MONGOC_DISABLE_SHM"] = "1"
    return environment | {name: value for name, value in settings.items() if value is not None}


def migrate(uri, database, *arguments):
    """Runs `Migrations` on a database of MongoDB."""
    environment = child_environment({"MONGODB_URI": uri, "MONGODB_DB_NAME": database})
    command = [MIGRATIONS, *(arguments or ["upgrade", "--quiet"])]
    run = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    assert run.returncode == 0, f"Migrations ended with {run.returncode}: {run.stderr or run.stdout}"


def migrate_folder(folder, *arguments):
    """The same in the embedded store of a folder that no service uses."""
    command = [MIGRATIONS, *(arguments or ["upgrade"]), "--quiet", "--data-dir", folder]
    run = subprocess.run(command, env=child_environment({}), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    assert run.returncode == 0, f"Migrations ended with {run.returncode}: {run.stderr or run.stdout}"


def is_served(host, port, path):
    """Whether a server answers a GET with 200."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Service(Outage):
    """One running instance. Its output goes to files in `folder`, which is also its working folder.

    Over MongoDB it has a database of its own, from the first start to `discard`, unless the settings name
    one. `with` starts it, and ends it for good.
    """

    def __init__(self, folder, core=None, **settings):
        self.folder = Path(folder)
        self.core = core
        self.settings = {
            "PORT": "0",
            "DATA_DIR": str(self.folder / "data"),
            "LOG_LEVEL": "error",
            "RATE_LIMITS": "off",
        }
        self.owns_database = MONGODB_TEST_URI is not None and "MONGODB_URI" not in settings
        if self.owns_database:
            self.settings |= {"MONGODB_URI": MONGODB_TEST_URI, "MONGODB_DB_NAME": f"test_{uuid.uuid4().hex}"}
        self.settings |= settings
        self.host = self.settings.get("HOST", "127.0.0.1")
        self.is_migrated = False
        # What starts it, if not we ourselves.
        self.prefix = []
        self.process = None
        self.url = None
        # A file to use for standard error instead of one in the folder.
        self.error_output = None

    def launch(self, *arguments):
        """Starts the process without waiting for it to serve."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.owns_database and not self.is_migrated:
            migrate(self.settings["MONGODB_URI"], self.settings["MONGODB_DB_NAME"])
            self.is_migrated = True
        environment = child_environment(self.settings)
        with open(self.folder / "stdout", "wb") as out, open(self.folder / "stderr", "wb") as err:
            self.process = subprocess.Popen(
                [*self.prefix, BINARY, *arguments],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=self.error_output or err,
                preexec_fn=in_child(self.core),
            )
        return self

    def start(self):
        self.start_serving()
        wait_until(self.is_ready, 20, "readiness")
        return self

    def start_serving(self):
        """Starts it, and waits until it answers, though perhaps only that it is not ready."""
        self.launch()
        self.url = wait_until(self._address, 20, "the start")
        return self

    def _address(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the service ended with {self.process.returncode}: {self.stderr or self.stdout}")
        found = re.search(rf"http://{re.escape(self.host)}:\d+", self.stdout)
        return found and found.group()

    def is_ready(self):
        return is_served(self.host, self.port, "/readyz")

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

    def discard(self):
        """Removes the database that is the service's own."""
        if self.is_migrated:
            import pymongo  # Not at the top: whoever uses the embedded store needs nothing but Python.

            with pymongo.MongoClient(self.settings["MONGODB_URI"]) as client:
                client.drop_database(self.settings["MONGODB_DB_NAME"])
            self.is_migrated = False

    def end(self):
        """Ends it for good."""
        try:
            self.stop()
        finally:
            self.discard()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.end()
