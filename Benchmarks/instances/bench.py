"""Measures what it costs that instances act as one: some of the service, a Redis and a MongoDB test server.

scripts/bench builds what this needs and calls it with the folder of the compiled C programs. Loopback only. The instances and
Redis share one core; the clients have the other, and the MongoDB server what they leave of it.
"""

import json
import os
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[0]), str(HERE.parents[0] / "streams")]

from measuring import CLIENT_CORE, SERVER_CORE, Client, in_child, run  # noqa: E402
from rig import Load, Serving, cells_argument, make_sessions, measure_cells  # noqa: E402
from rolling import rolling  # noqa: E402
from service import CHECKOUT, migrate  # noqa: E402
from waiting import wait_until  # noqa: E402

STREAMS, RATE, WINDOW, STOPS = 1_000, 10, 15, 200
TITLE = "Instances over Redis: one core for them and Redis, one for the clients and the MongoDB test server"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Process:
    """A server of others, on a free port, in a folder of its own."""

    def __init__(self, command, core, niceness=0):
        self.port = free_port()

        def prepare():
            in_child(core)()
            os.nice(niceness)

        self.process = subprocess.Popen(
            command(self.port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=prepare
        )
        wait_until(lambda: accepts(self.port), 20, "the start of a server")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def redis(folder):
    options = ["--save", "", "--appendonly", "no", "--dir", folder, "--bind", "127.0.0.1"]
    program = CHECKOUT / ".build/redis/usr/bin/redis-server"
    command = program if program.exists() else "redis-server"
    return Process(lambda port: [command, "--port", str(port), *options], SERVER_CORE)


def mongodb(folder):
    script = [CHECKOUT / ".venv/bin/python", CHECKOUT / "Tests/EndToEnd/support/mongodb_server.py", "--data-dir", folder]
    return Process(lambda port: [*script, "-p", str(port)], CLIENT_CORE, niceness=15)


class RedisFigures:
    """What a Redis has done since its start: `scripts` that clients have called, `commands` that were run, those within scripts among
    them, and seconds of `cpu`; and the bytes of `memory` it uses."""

    def __init__(self, port):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"INFO all\r\n")
            text = b""
            while b"# Keyspace" not in text:
                text += connection.recv(65536)
        lines = dict(line.split(":", 1) for line in text.decode().splitlines() if ":" in line)
        scripts = [value for name, value in lines.items() if name in ("cmdstat_evalsha", "cmdstat_eval")]
        self.scripts = sum(int(value.split("calls=")[1].split(",")[0]) for value in scripts)
        self.commands = int(lines["total_commands_processed"])
        self.cpu = float(lines["used_cpu_user"]) + float(lines["used_cpu_sys"])
        self.memory = int(lines["used_memory"])


class Bench:
    def __init__(self, folder, programs):
        self.folder = folder.resolve()
        self.load = Load(programs.resolve() / "streams_load", folder)
        self.count = 0

    def new_folder(self):
        self.count += 1
        folder = self.folder / f"instances-{self.count}"
        folder.mkdir()
        return folder

    def mongodb(self):
        return mongodb(self.new_folder())

    def redis(self):
        return redis(self.new_folder())

    def shared(self, mongodb, redis):
        """The settings of instances over a new database."""
        name = f"bench_{uuid.uuid4().hex}"
        uri = f"mongodb://127.0.0.1:{mongodb.port}"
        migrate(uri, name)
        return {"MONGODB_URI": uri, "MONGODB_DB_NAME": name, "REDIS_URL": f"redis://127.0.0.1:{redis.port}"}

    def instances(self, mongodb, redis):
        settings = self.shared(mongodb, redis)
        return [Serving(self.new_folder(), **settings) for _ in range(2)]


def watching(bench):
    with bench.mongodb() as store, bench.redis() as cache:
        owner, other = bench.instances(store, cache)
        with owner, other:
            time.sleep(2)
            sessions = make_sessions(owner.port, STREAMS, "watched", connections=16)
            watch = dict(kind="watch", connections=STREAMS, ramp=500, rate=RATE, warmup=20, window=WINDOW)
            watchers = bench.load.start(other, sessions, **watch)
            time.sleep(4)
            tokens = int(RATE * (WINDOW + 45))
            asking = bench.load.start(
                owner, sessions, kind="ask", connections=STREAMS, ramp=100, tokens=tokens, rate=RATE, warmup=8, window=WINDOW
            )
            # While all streams run.
            time.sleep(16)
            before = RedisFigures(cache.port)
            time.sleep(5)
            after = RedisFigures(cache.port)
            there = bench.load.finish(watchers, is_strict=False)
            here = bench.load.finish(asking, is_strict=False)
    tokens = STREAMS * RATE * 5
    return [
        (f"{STREAMS:,} streams × {RATE}/s, {WINDOW} s: watchers elsewhere, p50", there["p50_ms"], "ms", None, None),
        ("  p99", there["p99_ms"], "ms", None, None),
        ("  readers at the instance that makes them, p99", here["p99_ms"], "ms", None, None),
        ("  added p99", there["p99_ms"] - here["p99_ms"], "ms", "<=", 30),
        ("  events that watchers elsewhere got", there["window_events"] / WINDOW, "events/s", None, None),
        ("  lost or repeated elsewhere", there["lost"] + there["repeated"], "events", "<=", 0),
        ("  commands sent to Redis", (after.scripts - before.scripts) / tokens, "per token", "<=", 0.1),
        ("  commands run in it, within scripts too", (after.commands - before.commands) / tokens, "per token", None, None),
        ("  CPU time of Redis", (after.cpu - before.cpu) / tokens * 1e6, "µs/token", None, None),
        ("  memory of Redis", (after.memory - before.memory) / tokens, "bytes/token", None, None),
    ]


def stops(bench):
    times = []
    with bench.mongodb() as store, bench.redis() as cache:
        owner, other = bench.instances(store, cache)
        with owner, other:
            time.sleep(2)
            sessions = make_sessions(owner.port, STOPS, "stopped", connections=16)
            here, there = Client(owner.port), Client(other.port)
            for session in sessions:
                body = {"query": "Tell", "session_id": session, "context": {"demo": {"tokens": 10_000, "rate": 20}}}
                here.connection.request(
                    "POST", "/api/chat/message", json.dumps(body),
                    {"Content-Type": "application/json", "Accept": "application/json"},
                )
                answer = here.connection.getresponse()
                text = answer.read().decode()
                if answer.status != 202:
                    sys.exit(f"bench: a question was not accepted: {answer.status} {text}")
                start = time.monotonic()
                data = there.post(f"/api/session/{session}/stop", {})
                times.append((time.monotonic() - start) * 1000)
                if not data.get("delivered"):
                    sys.exit(f"bench: a stop was not delivered: {data}")
    times.sort()
    return [
        (f"{STOPS} stops through the other instance: p50", times[len(times) // 2], "ms", None, None),
        ("  p99", times[len(times) * 99 // 100], "ms", "<=", 50),
    ]


def measure(folder, options):
    return measure_cells(Bench(folder, options.programs), (watching, stops, rolling), options)


if __name__ == "__main__":
    run(__doc__.splitlines()[0], TITLE, 62, measure, cells_argument)
