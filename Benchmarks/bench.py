"""Measures the release binary on one core, with the client on the other, and prints what it reached and what it should.

scripts/bench builds what this needs and calls it with the folder of the compiled C programs. Loopback only.
"""

import argparse
import http.client
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Tests/EndToEnd"))

from service import Service, in_child  # noqa: E402  (it lies beside the tests)

SERVER_CORE, CLIENT_CORE = 0, 1
CONNECTIONS = 64
ROUNDS = 5
TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of all threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def wrk(url, seconds, script=None, arguments=(), pid=None):
    """One run: requests per second, and the server's microseconds of CPU per request."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s"]
    if script:
        command += ["-s", str(HERE / script)]
    before = cpu_seconds(pid) if pid else 0
    output = subprocess.run(
        [*command, url, "--", *arguments], capture_output=True, text=True, check=True, preexec_fn=in_child(CLIENT_CORE)
    ).stdout
    used = cpu_seconds(pid) - before if pid else 0
    if "Non-2xx" in output or "Socket errors" in output:
        sys.exit(f"bench: wrk saw failures at {url}:\n{output}")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))
    requests = int(re.search(r"(\d+) requests in", output).group(1))
    return rate, used * 1e6 / requests


class Client:
    """Plain requests over one connection, to prepare a measurement."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port)

    def post(self, path, body):
        self.connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = json.load(self.connection.getresponse())
        if not answer.get("success"):
            sys.exit(f"bench: {path} failed: {answer}")
        return answer["data"]

    def response_size(self, path):
        """The bytes of a whole response, head included."""
        self.connection.request("GET", path)
        response = self.connection.getresponse()
        head = "".join(f"{name}: {value}\r\n" for name, value in response.getheaders())
        return len("HTTP/1.1 200 OK\r\n") + len(head) + 2 + len(response.read())


def measure_fdatasync(folder):
    """The median milliseconds that 4 KiB take to be on the disk."""
    times = []
    with open(folder / "fdatasync", "wb") as file:
        for _ in range(300):
            file.write(bytes(4096))
            file.flush()
            start = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def measure_healthz(service, programs):
    """Rate and CPU of the service and of the reference, in turns."""
    size = str(Client(service.port).response_size("/healthz"))
    reference = subprocess.Popen(
        [programs / "reference", size], stdout=subprocess.PIPE, text=True, preexec_fn=in_child(SERVER_CORE)
    )
    try:
        places = {
            "service": (f"{service.url}/healthz", service.process.pid),
            "reference": (f"http://127.0.0.1:{reference.stdout.readline().strip()}/healthz", reference.pid),
        }
        runs = {name: [] for name in places}
        for url, _ in places.values():
            wrk(url, 1)
        for _ in range(ROUNDS):
            for name, (url, pid) in places.items():
                runs[name].append(wrk(url, 3, pid=pid))
    finally:
        reference.kill()
        reference.wait()
    medians = {name: [statistics.median(figures) for figures in zip(*each)] for name, each in runs.items()}
    return medians["service"], medians["reference"]


def measure_reads(service):
    client = Client(service.port)
    ids = [client.post("/api/rooms", {"user_id": f"reader-{number}"})["room_id"] for number in range(1000)]
    wrk(service.url, 1, "read_rooms.lua", ids)
    return statistics.median(wrk(service.url, 3, "read_rooms.lua", ids)[0] for _ in range(ROUNDS))


def measure_creates(service):
    wrk(f"{service.url}/api/rooms", 1, "create_rooms.lua", [uuid.uuid4().hex])
    rates = [wrk(f"{service.url}/api/rooms", 3, "create_rooms.lua", [uuid.uuid4().hex])[0] for _ in range(ROUNDS)]
    return statistics.median(rates)


def measure_first_token(service, programs, chats=400):
    """The milliseconds from a question to the first word of its answer: the median, and the 99th percentile."""
    client = Client(service.port)
    sessions = [
        client.post("/api/session/create", {"user_id": f"asker-{number}"})["session_id"] for number in range(chats)
    ]
    run = subprocess.run(
        [programs / "first_token", str(service.port), "20"],
        input="\n".join(sessions), capture_output=True, text=True, preexec_fn=in_child(CLIENT_CORE),
    )
    if run.returncode:
        sys.exit(f"bench: {run.stderr.strip()}")
    times = sorted(float(line) / 1e3 for line in run.stdout.split())
    return statistics.median(times), times[int(len(times) * 0.99)]


def measure(folder, programs):
    service = Service(
        folder, core=SERVER_CORE, LOOPS="1", MAX_ROOMS_PER_USER="1000000", RATE_LIMITS="off", LOG_LEVEL="error"
    )
    fdatasync = measure_fdatasync(folder)
    service.start()
    try:
        p50, p99 = measure_first_token(service, programs)
        (rate, cpu), (reference_rate, reference_cpu) = measure_healthz(service, programs)
        reads = measure_reads(service)
        creates = measure_creates(service)
    finally:
        service.stop()
    # Name, figure, unit, and the target: at least or at most so much.
    return [
        ("GET /healthz, keep-alive", rate, "requests/s", None, None),
        ("  bare epoll loop in C", reference_rate, "requests/s", None, None),
        ("  rate, against the bare loop", rate / reference_rate, "times", ">=", 0.7),
        ("GET /healthz, server's CPU time", cpu, "µs/request", None, None),
        ("  bare epoll loop in C", reference_cpu, "µs/request", None, None),
        ("  CPU time, against the bare loop", cpu / reference_cpu, "times", "<=", 1.5),
        ("GET /api/rooms/{room_id}", reads, "requests/s", ">=", 30_000),
        ("POST /api/rooms, durable", creates, "rooms/s", ">=", 10_000),
        ("question to first word, p50", p50, "ms", "<=", 2),
        ("question to first word, p99", p99, "ms", None, None),
        ("fdatasync of 4 KiB on this disk", fdatasync, "ms", None, None),
    ]


def is_met(figure, relation, target):
    return figure >= target if relation == ">=" else figure <= target


def show(rows):
    print(f"{CONNECTIONS} connections, one core for the server, one for the client; medians of {ROUNDS} runs\n")
    for name, figure, unit, relation, target in rows:
        number = f"{figure:,.0f}" if figure >= 1000 else f"{figure:.3g}"
        line = f"{name:<36}{number:>10} {unit:<12}"
        if relation:
            wanted = f"{'≥' if relation == '>=' else '≤'} {target:,}"
            line += f"{wanted:<10}{'met' if is_met(figure, relation, target) else 'MISSED'}"
        print(line.rstrip())


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("programs", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not {SERVER_CORE, CLIENT_CORE} <= os.sched_getaffinity(0):
        sys.exit("bench: needs the cores 0 and 1, one for the server and one for the client")

    # So that a SIGTERM, too, ends the service and deletes its data.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # On the disk of the checkout: /tmp may be memory, where nothing is durable.
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=options.programs))
    try:
        rows = measure(folder, options.programs)
    finally:
        shutil.rmtree(folder)
    if options.json:
        names = ("name", "figure", "unit", "relation", "target")
        print(json.dumps([dict(zip(names, (row[0].strip(), *row[1:]))) for row in rows], ensure_ascii=False, indent=2))
    else:
        show(rows)


if __name__ == "__main__":
    main()
