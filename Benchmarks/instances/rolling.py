"""A rolling restart: three instances behind nginx end and start again one after the other, under watchers and running answers."""

import asyncio
import sys
import time

from measuring import SERVER_CORE, Service
from nginx import Nginx, free_ports
from rig import SETTINGS, make_sessions
from watchers import Watchers

INSTANCES, SESSIONS, WATCHERS = 3, 300, 3_000
TOKENS, RATE = 15, 1
RAMP, SETTLING, STARTING = 40, 5, 20


def start_instances(bench, store, cache):
    shared = SETTINGS | bench.shared(store, cache)
    return [
        Service(bench.new_folder(), core=SERVER_CORE, PORT=str(port), **shared).start() for port in free_ports(INSTANCES)
    ]


async def restart(instance):
    """As a supervisor does it: SIGTERM, an end in time, and a new start."""
    begin = time.monotonic()
    instance.signal()
    while instance.process.poll() is None:
        await asyncio.sleep(0.05)
        if time.monotonic() - begin > STARTING:
            sys.exit("bench: an instance did not end in time")
    if instance.process.returncode:
        sys.exit(f"bench: an instance ended with {instance.process.returncode}: {instance.stderr}")
    instance.start_serving()
    while not await asyncio.to_thread(instance.is_ready):
        await asyncio.sleep(0.05)
    return time.monotonic() - begin


async def roll(instances, nginx, sessions):
    watchers = Watchers(nginx.port)
    tasks = []
    for number in range(WATCHERS):
        tasks.append(asyncio.create_task(watchers.watch(sessions[number % SESSIONS])))
        if number % 10 == 9:
            await asyncio.sleep(0.1)
    await watchers.wait_until(lambda: watchers.watching == WATCHERS, RAMP, "all watchers")
    askers = [asyncio.create_task(watchers.ask(session, TOKENS, RATE)) for session in sessions]
    await asyncio.sleep(SETTLING)
    before = sum(watchers.reconnections.values())
    took = []
    for instance in instances:
        took.append(await restart(instance))
        await watchers.wait_until(lambda: watchers.watching > WATCHERS * 0.99, RAMP, "the watchers' return")
        await asyncio.sleep(SETTLING)
    watchers.finishing = True
    await asyncio.sleep(2 * TOKENS / RATE)
    for each in [*tasks, *askers]:
        each.cancel()
    await asyncio.gather(*tasks, *askers, return_exceptions=True)
    return watchers, before, took


def rolling(bench):
    with bench.mongodb() as store, bench.redis() as cache:
        instances = start_instances(bench, store, cache)
        # nginx counts by client address, and all come from one.
        nginx = Nginx(bench.new_folder(), [each.port for each in instances])
        try:
            nginx.start(lambda text: "".join(line for line in text.splitlines(True) if "limit_" not in line))
            sessions = make_sessions(instances[0].port, SESSIONS, "rolled", connections=16)
            watchers, before, took = asyncio.run(roll(instances, nginx, sessions))
        finally:
            nginx.stop()
            for each in instances:
                each.kill()
    for fault in watchers.faults[:20]:
        print(f"bench: {fault}", file=sys.stderr)
    counts = watchers.counts
    print(f"bench: {dict(counts)}", file=sys.stderr)
    return [
        (f"{INSTANCES} instances restarted under {WATCHERS:,} watchers: events", counts["events"], "events", None, None),
        ("  lost or repeated", counts["lost"] + counts["repeated"], "events", "<=", 0),
        ("  answers interrupted, as their watchers saw it", counts["interrupted"], "times", None, None),
        ("  connections begun again", sum(watchers.reconnections.values()) - before, "", None, None),
        ("  at the peak", max(watchers.reconnections.values(), default=0), "per second", None, None),
        ("  longest restart of an instance", max(took), "s", None, None),
    ]
