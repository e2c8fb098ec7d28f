"""The service, its reference and the load generator as child processes, and sessions to ask in."""

import json
import re
import resource
import socket
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from measuring import CLIENT_CORE, SERVER_CORE, Service, in_child  # noqa: E402

SESSION = re.compile(rb'"session_id":"([^"]+)"')
SETTINGS = {
    "LOOPS": "1",
    "MAX_ROOMS_PER_USER": "1000000",
    "MAX_STREAMS_PER_USER": "1000000",
    "SESSION_TIMEOUT_MINUTES": "1440",
    "SESSION_IDLE_MINUTES": "1440",
}


# What is started from here may open as many files as can be had.
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


class Fault(Exception):
    """What the load generator found wrong with a server's answers."""


class Program:
    """A server in C, which prints its port; a running one has `port` and `pid`, as `Serving` has."""

    def __init__(self, *command, core=SERVER_CORE):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=in_child(core))
        self.port = int(self.process.stdout.readline())
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Reference(Program):
    """The bare server."""

    def __init__(self, programs):
        super().__init__(programs / "streams_reference")


class Serving:
    """The service over `folder`: the sessions made in it outlive it."""

    def __init__(self, folder, **settings):
        self.service = Service(folder, core=SERVER_CORE, **SETTINGS | settings).start()
        self.port = self.service.port
        self.pid = self.service.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Killed: what still runs is of no use to anyone, and draining would take its time.
        self.service.kill()


def make_sessions(port, count, user, connections=64):
    """Ids of new sessions. Each connection has one request under way, so that many share a commit."""
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(min(connections, count))]
    body = json.dumps({"user_id": user}).encode()
    request = (
        b"POST /api/session/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    )
    ids = []
    while len(ids) < count:
        asked = sockets[: count - len(ids)]
        for each in asked:
            each.sendall(request)
        for each in asked:
            answer = b""
            # The answer's last members; it comes whole but for rare splits.
            while b'"timestamp"' not in answer or not answer.endswith(b"}"):
                piece = each.recv(65536)
                if not piece:
                    sys.exit("bench: the service cut a connection on which sessions were made")
                answer += piece
            found = SESSION.search(answer)
            if not found:
                sys.exit(f"bench: no session was made: {answer.decode(errors='replace')}")
            ids.append(found[1].decode())
    for each in sockets:
        each.close()
    return ids


class Load:
    """Runs a load generator, and keeps how much CPU time others have taken in the worst of its windows."""

    def __init__(self, program, folder):
        self.program = program
        self.folder = Path(folder)
        self.runs = 0
        self.others = 0

    def start(self, server, sessions=(), **options):
        self.runs += 1
        command = [self.program, f"port={server.port}", f"pid={server.pid}"]
        if sessions:
            path = self.folder / f"sessions-{self.runs}"
            path.write_text("\n".join(sessions))
            command.append(f"sessions={path}")
        command += [f"{name}={value}" for name, value in options.items()]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=in_child(CLIENT_CORE)
        )

    def finish(self, process, is_strict=True):
        """The result. A strict one has no faults: its figures would be worth nothing."""
        output, errors = process.communicate(timeout=300)
        if process.returncode:
            raise Fault(f"the load generator ended with {process.returncode}: {errors.strip()}")
        result = json.loads(output)
        self.others = max(self.others, result["others_cpu"])
        found = {name: result[name] for name in ("faults", "failures", "lost", "repeated", "short") if result[name]}
        if is_strict and found:
            raise Fault(f"{found}, {result['ready']} connections ready: {result['fault']}")
        return result

    def __call__(self, server, sessions=(), **options):
        return self.finish(self.start(server, sessions, **options))


def median(runs, name):
    return statistics.median(run[name] for run in runs)


def cells_argument(parser):
    parser.add_argument("--cells", default="", help="only these, by number: 1,4")


def measure_cells(bench, cells, options):
    """The rows of all cells, or of those that are wanted."""
    wanted = {int(number) for number in options.cells.split(",") if number} or set(range(1, len(cells) + 1))
    rows = []
    for number, cell in enumerate(cells, 1):
        if number not in wanted:
            continue
        try:
            found = cell(bench)
        except Fault as fault:
            # The others are still worth measuring.
            print(f"bench: cell {number} ({cell.__name__}): {fault}", file=sys.stderr)
            found = [(f"cell {number} ({cell.__name__}) came to no figures", 1, "faults", "<=", 0)]
        rows += [(f"{number}. {name}" if name and name[0] != " " else f"   {name}", *rest) for name, *rest in found]
    return [*rows, ("CPU time that others took in the worst window", bench.load.others, "cores", None, None)]
