"""The cells of the streams' table. Each starts servers of its own, and returns rows as `measuring.show` takes them.

Where there is a reference, it and the service are measured in turn, and the medians are compared.
"""

import time
from pathlib import Path

from rig import Fault, Load, Reference, Serving, make_sessions, median

FEW, SOME = 3, 5
"""Rounds: of long or many-eventful runs, and of the others."""


class Bench:
    """What a cell needs. `serving` and `sessions` are per cell, `load` is for all."""

    def __init__(self, folder, programs):
        self.folder = Path(folder)
        self.programs = programs
        self.load = Load(programs / "streams_load", folder)

    def serving(self, **settings):
        return Serving(self.folder / "service", **settings)

    def reference(self):
        return Reference(self.programs)


def in_turn(rounds, *measures):
    """The results of each measure, taken in turns; a pause lets a server finish what the last run has left."""
    results = [[] for _ in measures]
    for _ in range(rounds):
        for measure, gathered in zip(measures, results):
            gathered.append(measure())
            time.sleep(1)
    return results


def unpaced(bench):
    """As much as goes, and every stream alike."""
    common = dict(connections=100, ramp=1e6, rate=0, warmup=0, window=0.6, finish=60)
    with bench.serving() as service, bench.reference() as reference:
        ours, marks = in_turn(
            SOME,
            lambda: bench.load(service, make_sessions(service.port, 100, "all"), kind="ask", tokens=20_000, **common),
            lambda: bench.load(reference, kind="stream", tokens=4_000, **common),
        )
    for run in ours + marks:
        run["rate"] = run["events"] / run["events_s"]
        run["per_cpu"] = run["window_events"] / run["server_cpu_s"]
    # Questions that wait for the disk begin later; from then on every stream must get the same.
    alike = min(run["window_min"] / run["window_max"] for run in ours)
    rate, per_cpu = (median(ours, name) / median(marks, name) for name in ("rate", "per_cpu"))
    return [
        (f"100 unpaced streams × 20,000 tokens, {SOME} runs", median(ours, "rate"), "events/s", None, None),
        ("  reference, one event a send, 4,000 tokens", median(marks, "rate"), "events/s", None, None),
        ("  rate against the reference", rate, "times", ">=", 3),
        ("  the same per second of server CPU", per_cpu, "times", None, None),
        ("  events of a stream in 0.6 s, the least", median(ours, "window_min"), "events", None, None),
        ("  events of a stream in 0.6 s, the most", median(ours, "window_max"), "events", None, None),
        ("  least against most, in the worst run", alike, "times", ">=", 0.9),
        ("  client's core busy", max(median(ours, "load_cpu"), median(marks, "load_cpu")), "of 1", None, None),
    ]


def paced(bench, streams, ramp, window):
    """Streams that are all open during the whole window, and run to their ends, each with every event.

    The reference has no ends, and a shorter window: its figures are of a steady state.
    """
    common = dict(connections=streams, rate=10, warmup=1)
    # A service that is busy takes longer to begin the last of them than the ramp.
    spare = 1 + streams // 2_000
    tokens = int(10 * (streams / ramp + 1 + window + spare))

    def ours():
        sessions = make_sessions(service.port, streams, "paced")
        run = bench.load(service, sessions, kind="ask", ramp=ramp, tokens=tokens, window=window, finish=20, **common)
        run["missing"] = streams * (tokens + 2) - run["events"]
        return run

    def mark():
        return bench.load(reference, kind="stream", ramp=10_000, tokens=1_000_000, window=15, **common)

    with bench.serving() as service, bench.reference() as reference:
        ours, marks = in_turn(FEW, ours, mark)
    for run in ours + marks:
        run["cpu"] = run["server_cpu_s"] * 1e6 / run["window_events"]
    return ours, marks


def paced_rows(streams, window, ours, marks, cpu_target, p99_target):
    cpu, p99 = (median(ours, name) / median(marks, name) for name in ("cpu", "p99_ms"))
    running = min(run["running"] for run in ours)
    return [
        (f"{streams:,} streams × 10/s, {window} s, {FEW} runs: open", running, "streams", ">=", streams),
        ("  events missing of all", max(run["missing"] for run in ours), "events", "<=", 0),
        ("  server's CPU time", median(ours, "cpu"), "µs/event", None, None),
        ("  reference's CPU time, 15 s", median(marks, "cpu"), "µs/event", None, None),
        ("  CPU time against the reference", cpu, "times", "<=", cpu_target),
        ("  delivery from when it was due, p99", median(ours, "p99_ms"), "ms", None, None),
        ("  reference's p99", median(marks, "p99_ms"), "ms", None, None),
        ("  p99 against the reference", p99, "times", "<=" if p99_target else None, p99_target),
        ("  delivery from when it was made, p99", median(ours, "made_p99_ms"), "ms", None, None),
        ("  client's core busy", max(median(ours, "load_cpu"), median(marks, "load_cpu")), "of 1", None, None),
    ]


def thousand(bench):
    return paced_rows(1_000, 15, *paced(bench, 1_000, 2_000, 15), cpu_target=0.9, p99_target=2.5)


def ten_thousand(bench):
    return paced_rows(10_000, 30, *paced(bench, 10_000, 3_000, 30), cpu_target=1.0, p99_target=None)


def broadcast(bench):
    """One stream, and all who watch it."""
    common = dict(connections=10_000, ramp=5_000, tokens=8, rate=2, warmup=1, window=4.5, source=1)

    def reached(run):
        if run["reached_all"] != 8:
            raise Fault(f"only {run['reached_all']} of 8 events have reached every watcher")
        return run

    def ours():
        return reached(bench.load(service, make_sessions(service.port, 1, "show"), kind="watch", finish=5, **common))

    with bench.serving() as service, bench.reference() as reference:
        ours, marks = in_turn(FEW, ours, lambda: reached(bench.load(reference, kind="fan", **common)))
    last, mark = median(ours, "last_p50_ms"), median(marks, "last_p50_ms")
    return [
        (f"1 stream, 10,000 watchers, {FEW} runs of 8 events: last", last, "ms", None, None),
        ("  reference", mark, "ms", None, None),
        ("  time against the reference", last / mark, "times", "<=", 1.2),
    ]


def idle_watchers(bench):
    with bench.serving() as service:
        sessions = make_sessions(service.port, 19_000, "idle")
        time.sleep(2)
        run = bench.load(service, sessions, kind="watch", connections=19_000, ramp=6_000, warmup=2, window=1)
    size = (run["rss_end_kib"] - run["rss_before_kib"]) / 19_000
    return [("19,000 idle watchers: memory of each", size, "KiB", "<=", 1)]


def slow_streams(bench):
    with bench.serving() as service:
        sessions = make_sessions(service.port, 19_000, "slow")
        time.sleep(2)
        run = bench.load(
            service, sessions, kind="ask", connections=19_000, ramp=3_000, tokens=1000, rate=0.1, warmup=2, window=2
        )
    size = (run["rss_end_kib"] - run["rss_before_kib"]) / 19_000
    return [(f"{run['running']:,} streams × 0.1/s: memory of each", size, "KiB", "<=", 6)]


def stops(bench):
    with bench.serving() as service:
        sessions = make_sessions(service.port, 10_000, "stops")
        run = bench.load(
            service, sessions, kind="ask", connections=10_000, ramp=3_000, tokens=600, warmup=1, window=8, stops=600,
            finish=1,
        )
    return [
        ("10,000 streams × 10/s, 8 s: stops", run["stops_measured"], "stops", ">=", 500),
        ("  /stop answered to terminal event, p99", run["stop_p99_ms"], "ms", "<=", 10),
        ("  the longest", run["stop_max_ms"], "ms", None, None),
        ("  /stop asked to answered, p50", run["stop_answer_p50_ms"], "ms", None, None),
        ("  /stop asked to answered, p99", run["stop_answer_p99_ms"], "ms", None, None),
        ("  tokens made after the answer", run["late_tokens"], "tokens", "<=", 0),
    ]


def cuts(bench):
    with bench.serving() as service:
        sessions = make_sessions(service.port, 1_000, "cuts")
        process = bench.load.start(
            service, sessions, kind="ask", connections=1_000, ramp=2_000, tokens=180, rate=20, window=6, cuts=1,
            finish=10, seed=time.time_ns() % 1_000_000,
        )
        run = bench.load.finish(process, is_strict=False)
    return [
        ("1,000 streams × 20/s, each cut and resumed once: cuts", run["resumed"], "cuts", ">=", 1000),
        ("  events lost", run["lost"] + 1_000 * 182 - run["events"] - run["repeated"], "events", "<=", 0),
        ("  events repeated", run["repeated"], "events", "<=", 0),
        ("  other faults", run["faults"] + 1_000 - run["completes"], "faults", "<=", 0),
    ]


def deaf_watcher(bench):
    def watch(is_deaf):
        session = make_sessions(service.port, 1, "deaf")
        run = bench.load(
            service, session, kind="watch", connections=100, tokens=900, rate=400, window=2, source=1, deaf=is_deaf,
            warmup=0.5, finish=5,
        )
        run["growth"] = run["rss_end_kib"] - run["rss_before_kib"]
        return run

    with bench.serving() as service:
        # The first runs grow what all later ones use again.
        watch(0), watch(1)
        without, with_it = in_turn(SOME, lambda: watch(0), lambda: watch(1))
    p99, other = median(with_it, "p99_ms"), median(without, "p99_ms")
    growth = median(with_it, "growth") - median(without, "growth")
    return [
        (f"100 readers × 400/s and a deaf one, 2 s, {SOME} runs: p99", p99, "ms", None, None),
        ("  without the deaf one", other, "ms", None, None),
        ("  p99 with it against without", p99 / other, "times", "<=", 1.2),
        ("  memory more with it", growth, "KiB", "<=", 64),
    ]


def calls(bench):
    counter = bench.folder / "calls"
    preloaded = {"LD_PRELOAD": str(bench.programs.resolve() / "count_calls.so"), "COUNT_CALLS": str(counter)}
    with bench.serving(**preloaded) as service:
        run = bench.load(
            service, make_sessions(service.port, 1_000, "calls"), kind="ask", connections=1_000, ramp=2_000, tokens=200,
            warmup=2, window=8, counter=counter,
        )
    return [
        ("1,000 streams × 10/s, 8 s: allocations", run["allocations"] / run["window_events"], "per event", "<=", 0.1),
        ("  sends to sockets", run["sends"] / run["window_events"], "per event", None, None),
    ]


ALL = [
    unpaced, thousand, ten_thousand, broadcast, idle_watchers, slow_streams, stops, cuts, deaf_watcher, calls
]
