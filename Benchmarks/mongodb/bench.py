"""Measures the MongoDB layer against a C program that uses libmongoc directly: same server, same operations, same run.

scripts/bench builds what this needs and calls it with the folder of the compiled C programs. Loopback only. Rounds of the two
programs alternate, so that a machine that slows down slows both; shown are medians.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import uuid
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "Tests/EndToEnd/support"))

from service import in_child  # noqa: E402  (it lies beside the tests)
from waiting import wait_until  # noqa: E402

SERVER_CORE, CLIENT_CORE = 0, 1
ROUNDS = 5
SECONDS = 1
# What is measured, and how many operations of the server's it is: `insert` looks a room up, and stores a session.
OPERATIONS = {"find": 1, "insert": 2}
CALLERS = 1, 10
RATIO, OURS = 0.8, 20
core_of_clients = CLIENT_CORE
SERVERS = {
    "responder": "fixed answers from a C program: what the layer can do at most",
    "nx-27017": "a MongoDB-compatible server in Python",
    "uri": "the server at the address given",
}


@contextmanager
def process(command, **options):
    """Runs a server on its core, and ends it by its pid."""
    child = subprocess.Popen(command, preexec_fn=in_child(SERVER_CORE), stdin=subprocess.DEVNULL, **options)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


@contextmanager
def responder(folder):
    with process([folder / "mongodb_responder"], stdout=subprocess.PIPE, text=True) as child:
        yield f"mongodb://127.0.0.1:{child.stdout.readline().strip()}/"


@contextmanager
def test_server(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = Path(tempfile.mkdtemp(prefix="run-", dir=folder))
    script = CHECKOUT / "Tests/EndToEnd/support/mongodb_server.py"
    command = [CHECKOUT / ".venv/bin/python", script, "--data-dir", data, "-p", str(port)]
    try:
        with open(data / "log", "wb") as log, process(command, cwd=data, stdout=log, stderr=log) as child:

            def answers():
                if child.poll() is not None:
                    sys.exit(f"bench: the test server ended:\n{(data / 'log').read_text()}")
                with socket.socket() as probe:
                    return probe.connect_ex(("127.0.0.1", port)) == 0

            wait_until(answers, 20, "the start of the test server")
            yield f"mongodb://127.0.0.1:{port}/"
    finally:
        shutil.rmtree(data)


def run(program, uri, database, operation, callers, seconds):
    """One run: operations per second, and microseconds of CPU per operation."""
    done = subprocess.run(
        [program, uri, database, operation, str(callers), str(seconds)],
        capture_output=True, text=True, timeout=120, preexec_fn=in_child(core_of_clients),
        env=os.environ | {"SWIFT_BACKTRACE": "enable=no"},
    )
    if done.returncode:
        sys.exit(f"bench: {Path(program).name} {operation}: {done.stderr.strip()}")
    return [float(number) for number in done.stdout.split()]


def measure(server, uri, programs):
    database = f"benchmark_{uuid.uuid4().hex[:8]}"
    run(programs["layer"], uri, database, "prepare", 1, 1)
    for operation, parts in OPERATIONS.items():
        for callers in CALLERS:
            rates, costs = ({name: [] for name in programs} for _ in range(2))
            for _ in range(ROUNDS):
                for name, program in programs.items():
                    total, took, cost = run(program, uri, database, operation, callers, SECONDS)
                    rates[name].append(total * parts / took)
                    costs[name].append(cost / parts)
            # Neighbours in time are compared with each other, before the median is taken.
            ratio = statistics.median(ours / theirs for ours, theirs in zip(rates["layer"], rates["reference"]))
            own = statistics.median(ours - theirs for ours, theirs in zip(costs["layer"], costs["reference"]))
            yield {
                "server": server, "operation": operation, "callers": callers,
                "reference_rate": statistics.median(rates["reference"]), "rate": statistics.median(rates["layer"]),
                "ratio": ratio, "is_ratio_met": ratio >= RATIO,
                "reference_cpu": statistics.median(costs["reference"]), "cpu": statistics.median(costs["layer"]),
                "own_cpu": own, "is_own_cpu_met": own <= OURS,
            }


def show(rows):
    client = "all cores" if core_of_clients is None else "one"
    print(
        f"One core for the server, {client} for the client; medians of {ROUNDS} rounds of {SECONDS} s,"
        " ratio and our part within each round; CPU in µs/operation"
    )
    server = None
    for row in rows:
        if row["server"] != server:
            server = row["server"]
            print(f"\n{server}: {SERVERS[server]}")
            print(f"{'':<8}{'callers':>8}{'C /s':>10}{'layer /s':>10}{'ratio':>7}{f' ≥ {RATIO}':<10}"
                  f"{'C CPU':>7}{'layer':>7}{'our part':>9}{f' ≤ {OURS}':<6}".rstrip())
        words = {True: " met", False: " MISSED"}
        print(
            f"{row['operation']:<8}{row['callers']:>8}{row['reference_rate']:>10,.0f}{row['rate']:>10,.0f}"
            f"{row['ratio']:>7.2f}{words[row['is_ratio_met']]:<10}{row['reference_cpu']:>7.1f}{row['cpu']:>7.1f}"
            f"{row['own_cpu']:>9.1f}{words[row['is_own_cpu_met']]}",
            flush=True,
        )


def measurements(options):
    programs = {
        "reference": options.programs / "mongodb_reference",
        "layer": CHECKOUT / ".build/release/MongoLayerBenchmark",
    }
    if options.uri:
        yield from measure("uri", options.uri, programs)
        return
    for server, start in (("responder", responder), ("nx-27017", test_server)):
        with start(options.programs) as uri:
            yield from measure(server, uri, programs)


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench mongodb", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--uri", help="measure against this server alone, in a database of its own, which stays there")
    parser.add_argument("--unpinned", action="store_true", help="let the two programs use all cores")
    parser.add_argument("programs", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not {SERVER_CORE, CLIENT_CORE} <= os.sched_getaffinity(0):
        sys.exit("bench: needs the cores 0 and 1, one for the server and one for the client")
    # So that a SIGTERM, too, ends the servers and deletes their data.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if options.unpinned:
        global core_of_clients
        core_of_clients = None
    if options.json:
        print(json.dumps(list(measurements(options)), ensure_ascii=False, indent=2))
    else:
        show(measurements(options))


if __name__ == "__main__":
    main()
