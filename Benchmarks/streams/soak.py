"""soak.py MINUTES PROGRAMS: a constant mixed load, the service's memory after each minute, and whether it grows.

Each part of the load is a load generator that is started again and again until the time is up; between its runs its
streams have ended and its clients have left.
"""

import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

from rig import Fault, Load, Serving, make_sessions

ALLOWED_GROWTH = 1.05

# Sessions that are used again and again, and a short retention, so that a constant load has a constant need of memory:
# what is held of ended answers is full well before the second minute.
SETTINGS = {"STREAM_RETENTION_SECONDS": "30"}

PARTS = {
    "answers": dict(kind="ask", connections=300, ramp=150, tokens=60, rate=20, warmup=0, window=1, finish=20),
    "unpaced": dict(kind="ask", connections=20, ramp=20, tokens=500, rate=0, warmup=0, window=2, finish=20),
    "stops": dict(kind="ask", connections=200, ramp=200, tokens=400, rate=20, warmup=0, window=5, stops=200, finish=20),
    "cuts": dict(kind="ask", connections=200, ramp=200, tokens=160, rate=20, warmup=0, window=5, cuts=1, finish=20),
    "watchers": dict(
        kind="watch", connections=500, ramp=500, tokens=60, rate=20, warmup=1, window=4, source=1, finish=20
    ),
}


def rss(pid):
    """In MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024


class Part(threading.Thread):
    """One part of the load. `errors` is what went wrong, `runs` and `events` what went well."""

    def __init__(self, name, programs, folder, service, ending):
        super().__init__(name=name)
        self.options = PARTS[name]
        count = 1 if self.options["kind"] == "watch" else self.options["connections"]
        self.sessions = make_sessions(service.port, count, f"soak-{name}")
        # A folder of its own, where it puts its lists of sessions.
        place = folder / name
        place.mkdir()
        self.load = Load(programs / "streams_load", place)
        self.service, self.ending = service, ending
        self.errors, self.runs, self.events = [], 0, 0

    def run(self):
        while not self.ending.is_set():
            try:
                result = self.load(self.service, self.sessions, seed=self.runs + 1, **self.options)
                self.runs += 1
                self.events += result["events"]
            except Fault as fault:
                if not self.ending.is_set() or self.service.service.process.poll() is None:
                    self.errors.append(f"{self.name}: {fault}")
                time.sleep(1)


def soak(minutes, service, parts):
    """The memory after each minute."""
    memory = []
    start = time.monotonic()
    for minute in range(1, minutes + 1):
        while time.monotonic() < start + 60 * minute:
            time.sleep(0.2)
            if service.service.process.poll() is not None:
                sys.exit(f"soak: the service ended with {service.service.process.returncode}: {service.service.stderr}")
        memory.append(rss(service.pid))
        runs, events = sum(part.runs for part in parts), sum(part.events for part in parts)
        errors = sum(len(part.errors) for part in parts)
        print(f"minute {minute:>3}: {memory[-1]:7.1f} MiB, {runs} runs, {events:,} events, {errors} errors", flush=True)
    return memory


def main():
    minutes, programs = int(sys.argv[1]), Path(sys.argv[2])
    # So that a SIGTERM, too, ends the service and deletes its data.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="soak-", dir=programs))
    ending = threading.Event()
    try:
        with Serving(folder / "service", **SETTINGS) as service:
            parts = [Part(name, programs, folder, service, ending) for name in PARTS]
            try:
                for part in parts:
                    part.start()
                memory = soak(minutes, service, parts)
            finally:
                # Their runs end by themselves within seconds, while the service still answers.
                ending.set()
                for part in parts:
                    part.join()
            complaints = service.service.stderr
    except KeyboardInterrupt:
        sys.exit("soak: interrupted")
    finally:
        shutil.rmtree(folder)

    errors = [error for part in parts for error in part.errors]
    errors += [f"the service said: {line}" for line in complaints.splitlines()]
    for error in errors[:20]:
        print(f"soak: {error}", file=sys.stderr)
    # The first minute still fills what is held of ended answers, the sessions' contexts and the caches of the store.
    growth = memory[-1] / memory[1]
    print(f"memory at the end is {growth:.3f} times that after the second minute; at most {ALLOWED_GROWTH} is allowed")
    if errors or growth > ALLOWED_GROWTH:
        sys.exit(f"soak: {len(errors)} errors, growth {growth:.3f}")


if __name__ == "__main__":
    main()
