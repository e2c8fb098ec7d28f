"""What the benchmarks have in common: the cores, a client for preparing, and the table of figures and targets."""

import argparse
import http.client
import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Tests/EndToEnd/support"))

from service import Service, in_child  # noqa: E402, F401  (it lies beside the tests)

SERVER_CORE, CLIENT_CORE = 0, 1
TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of all threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


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


def is_met(figure, relation, target):
    return figure >= target if relation == ">=" else figure <= target


def show(title, rows, width):
    """Rows of (name, figure, unit, relation, target): the target is at least or at most so much, or None."""
    print(f"{title}\n")
    for name, figure, unit, relation, target in rows:
        number = f"{figure:,.0f}" if abs(figure) >= 999.5 else f"{figure:.3g}"
        line = f"{name:<{width}}{number:>10} {unit:<12}"
        if relation:
            wanted = f"{'≥' if relation == '>=' else '≤'} {target:,}"
            line += f"{wanted:<10}{'met' if is_met(figure, relation, target) else 'MISSED'}"
        print(line.rstrip())


def run(description, title, width, measure, arguments=lambda parser: None):
    """The whole of a benchmark's program: `measure` gets a folder, that of the compiled programs, and the options, and
    returns the rows."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=description)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments(parser)
    parser.add_argument("programs", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not {SERVER_CORE, CLIENT_CORE} <= os.sched_getaffinity(0):
        sys.exit("bench: needs the cores 0 and 1, one for the server and one for the client")

    # So that a SIGTERM, too, ends the service and deletes its data.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # On the disk of the checkout: /tmp may be memory, where nothing is durable.
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=options.programs))
    try:
        rows = measure(folder, options)
    finally:
        shutil.rmtree(folder)
    if options.json:
        names = ("name", "figure", "unit", "relation", "target")
        print(json.dumps([dict(zip(names, (row[0].strip(), *row[1:]))) for row in rows], ensure_ascii=False, indent=2))
    else:
        show(title, rows, width)
