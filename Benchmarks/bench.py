"""Measures the release binary on one core, with the client on the other, and prints what it reached and what it should.

scripts/bench builds what this needs and calls it with the folder of the compiled C programs. Loopback only.
"""

import os
import re
import statistics
import subprocess
import sys
import time
import uuid

from measuring import CLIENT_CORE, HERE, SERVER_CORE, Client, Service, cpu_seconds, in_child, run

CONNECTIONS = 64
ROUNDS = 5
TITLE = f"{CONNECTIONS} connections, one core for the server, one for the client; medians of {ROUNDS} runs"


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


def measure(folder, options):
    programs = options.programs
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


if __name__ == "__main__":
    run(__doc__.splitlines()[0], TITLE, 36, measure)
