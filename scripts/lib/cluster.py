"""What scripts/cluster does: starts the parts of a cluster, and remembers each as a process, so that it can be ended later.

    cluster.py up [N] | status | down
"""

import contextlib
import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from cluster_parts import CHECKOUT, FOLDER, STATE, Failure, State, accepts, serves, start, wait_for

# Of the tests' support, where cluster_parts looks, too.
import nginx
from service import BINARY, MIGRATIONS

REDIS = CHECKOUT / ".build/redis/usr/bin/redis-server"
# Beyond DRAIN_SECONDS, as README.md has it for supervisors.
END_SECONDS = 10


def say(text):
    print(f"==> {text}", flush=True)


def configured(name):
    """A setting of the environment or of .env, as the service reads them."""
    if name in os.environ:
        return os.environ[name]
    file = CHECKOUT / ".env"
    found = re.findall(rf"^\s*{name}\s*=\s*(\S+)", file.read_text(), re.MULTILINE) if file.exists() else []
    return found[-1].strip("'\"") if found else None


def up(count=None):
    state = State()
    if state.parts:
        gone = [each.name for each in state.parts if not each.is_alive]
        if gone:
            raise Failure(f"{', '.join(gone)} of the cluster that was started before has ended: scripts/cluster down, then up again")
        running = sum(each.name.startswith("instance-") for each in state.parts)
        if count not in (None, running):
            raise Failure(f"it is up with {named(running)}, not {count}: scripts/cluster down, then scripts/cluster up {count}")
        say(f"is up already: {named(running)}")
        greet(state)
        return
    count = 3 if count is None else count
    try:
        start_all(state, count)
    except BaseException:
        # Whatever has happened, an interruption too.
        down(quietly=True)
        raise
    say(f"is up: {named(count)} behind nginx")
    greet(state)


def named(count):
    return f"{count} instance{'s' * (count > 1)}"


def start_all(state, count):
    remove(lambda name: True)
    mongodb_port, redis_port, port, redirect_port, *ports = nginx.free_ports(4 + count)
    # Reads are counted by address, which is nginx's: it counts them itself.
    environment = {"MONGOC_DISABLE_SHM": "1"} | dict(os.environ) | {"HOST": "127.0.0.1"}
    environment["RATE_LIMITS"] = configured("RATE_LIMITS") or "reads=off"

    if not configured("MONGODB_URI"):
        say("starts a MongoDB test server")
        program = [CHECKOUT / ".venv/bin/python", CHECKOUT / "Tests/EndToEnd/support/mongodb_server.py"]
        part = start(state, "mongodb", mongodb_port, [*program, "--data-dir", FOLDER / "mongodb", "-p", mongodb_port])
        wait_for(part, accepts)
        environment["MONGODB_URI"] = f"mongodb://127.0.0.1:{mongodb_port}"

    if not configured("REDIS_URL"):
        say("starts Redis")
        # Nothing is written to the disk.
        options = ["--bind", "127.0.0.1", "--port", redis_port, "--save", "", "--appendonly", "no", "--dir", FOLDER]
        wait_for(start(state, "redis", redis_port, [REDIS, *options]), accepts)
        environment["REDIS_URL"] = f"redis://127.0.0.1:{redis_port}"

    run = subprocess.run(
        [MIGRATIONS, "upgrade", "--quiet"],
        cwd=CHECKOUT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )
    if run.returncode != 0:
        raise Failure(f"the schema could not be migrated: {(run.stderr or run.stdout).strip()}")

    say(f"starts {named(count)} and nginx")
    state.drain = float(configured("DRAIN_SECONDS") or 10)
    instances = [
        start(state, f"instance-{number}", each, [BINARY], environment | {"PORT": str(each)})
        for number, each in enumerate(ports, 1)
    ]
    for each in instances:
        wait_for(each, serves)

    folder = FOLDER / "nginx"
    folder.mkdir()
    nginx.make_certificate(folder)
    (folder / "nginx.conf").write_text(nginx.configuration(folder, port, redirect_port, ports))
    state.url = f"https://127.0.0.1:{port}"
    command = [nginx.PROGRAM, "-p", folder, "-c", folder / "nginx.conf", "-e", FOLDER / "nginx.log", "-g", "daemon off;"]
    wait_for(start(state, "nginx", port, command), lambda port: serves(port, tls=True))


def greet(state):
    shown = FOLDER.relative_to(CHECKOUT) if FOLDER.is_relative_to(CHECKOUT) else FOLDER
    curl, json_body = f"curl -s --cacert {shown}/nginx/certificate.pem", "-H 'Content-Type: application/json'"
    for each in state.parts:
        print(f"{each.name + ':':12} {address(state, each)}")
    print(
        f"""logs:        {shown}/*.log, {shown}/nginx/access.log

A room, a session in it, and a streamed reply, by whichever instance:

ROOM=$({curl} {state.url}/api/rooms {json_body} -d '{{"user_id":"ada","room_name":"First room"}}' | grep -o 'room_[0-9a-f-]\\{{36\\}}' | head -1); echo $ROOM
SESSION=$({curl} {state.url}/api/session/create {json_body} -d "{{\\"user_id\\":\\"ada\\",\\"room_id\\":\\"$ROOM\\"}}" | grep -o 'session_[0-9a-f-]\\{{36\\}}' | head -1); echo $SESSION
{curl} -N {state.url}/api/chat/message {json_body} -d "{{\\"session_id\\":\\"$SESSION\\",\\"query\\":\\"How does a streamed answer reach me?\\"}}"

scripts/cluster down ends it.""",
        flush=True,
    )


def address(state, part):
    if part.name == "nginx":
        return f"{state.url} (signed by itself: a browser asks whether to go on)"
    scheme = {"mongodb": "mongodb", "redis": "redis"}.get(part.name, "http")
    return f"{scheme}://127.0.0.1:{part.port}"


# --- status and down


def status():
    state = State()
    if not state.parts:
        raise Failure("nothing is up")
    is_well = True
    for each in state.parts:
        what = f"process {each.pid} has ended"
        if each.is_alive:
            is_ready = accepts(each.port) if each.name in ("mongodb", "redis") else serves(each.port, each.name == "nginx")
            what = f"process {each.pid} {'serves' if is_ready else 'runs, but does not serve'}"
        is_well = is_well and what.endswith(" serves")
        print(f"{each.name + ':':12} {what}, {address(state, each)}")
    if not is_well:
        raise Failure("not all of it serves (scripts/cluster down ends the rest)")


def down(quietly=False):
    """In the order in which nothing misses another: answers end while nginx still passes them on, and the store takes them."""
    state = State()
    if not quietly and not state.parts:
        say("nothing is up")
    by_kind = {"instance": [], "nginx": [], "redis": [], "mongodb": []}
    for each in state.parts:
        by_kind[each.name.partition("-")[0]].append(each)
    for kind, parts in by_kind.items():
        for each in parts:
            each.tell(signal.SIGTERM)
        deadline = time.monotonic() + END_SECONDS + (state.drain if kind == "instance" else 0)
        while any(each.processes() for each in parts) and time.monotonic() < deadline:
            time.sleep(0.05)
        for each in parts:
            if each.processes():
                say(f"{each.name} did not end by itself, and is killed")
                each.kill()
    if state.parts and not quietly:
        say("has ended")
    remove(lambda name: not name.endswith(".log"))


def remove(is_to_go):
    """Those of the files that we or what we started may have made, by their names; and folders that are empty then."""
    files = [STATE, STATE.with_suffix(".new"), *FOLDER.glob("*.log")]
    folders = [FOLDER / "nginx", FOLDER / "mongodb"]
    for each in folders:
        files += (Path(folder) / name for folder, _, names in os.walk(each) for name in names)
    for each in files:
        if is_to_go(each.name):
            each.unlink(missing_ok=True)
    for each in folders:
        for folder, _, _ in os.walk(each, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)


@contextlib.contextmanager
def alone():
    """One at a time. What is started meanwhile does not inherit the lock, which ends with us."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = os.open(FOLDER, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Failure("another scripts/cluster is at work") from None
    yield
    os.close(folder)


def main(what, *arguments):
    # Also where a shell has started it in the background, and so has it ignore this one.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    if what == "status":
        status()
        return
    with alone():
        {"up": up, "down": down}[what](*map(int, arguments))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Failure as failure:
        sys.exit(f"scripts/cluster: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
