"""Measures how the service relays a model's answers, beside nginx and LiteLLM's proxy under the same load.

scripts/bench builds what this needs and calls it with the folder of the compiled C programs. Loopback only. The relay
has one core for itself; the upstream and the client share the other one.
"""

import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[0]), str(HERE.parents[0] / "streams")]

from measuring import run  # noqa: E402
from relays import Direct, LiteLLM, Nginx, RoomService, Upstream  # noqa: E402
from rig import Fault, Load, cells_argument, measure_cells, median  # noqa: E402

ROUNDS, WINDOW = 3, 6
DIRECT = 50
"""Answers that are asked of the upstream directly, beside a relay's: their delay is subtracted from the relayed ones."""
LITELLM_STREAMS, PATIENCE = 50, 15
TITLE = f"""A model's answers, relayed: one core for the relay, one that the upstream and the client share. Medians of
{ROUNDS} runs, in turns; LiteLLM's are of one. Added delay: that of relayed tokens minus that of {DIRECT} direct streams
at the same time"""


class Bench:
    def __init__(self, folder, programs):
        self.folder = folder.resolve()
        self.programs = programs.resolve()
        self.load = Load(programs / "relay_load", folder)
        self.folders = 0

    def new_folder(self):
        self.folders += 1
        folder = self.folder / f"relay-{self.folders}"
        folder.mkdir()
        return folder

    def measure(self, server, upstream, streams, **options):
        """One run: what the client has seen, and what is worked out of it."""
        sessions = server.sessions(streams)
        # What making sessions has left to do is done before memory and time are looked at.
        time.sleep(1)
        is_strict = options.pop("is_strict", True)
        process = self.load.start(
            server, sessions, kind=server.kind, connections=streams, direct=DIRECT, upstream_port=upstream.port,
            upstream_pid=upstream.pid, tokens=upstream.tokens, rate=upstream.rate, **options,
        )
        found = self.load.finish(process, is_strict)
        for name in ("p50_ms", "p99_ms"):
            found[f"added_{name}"] = found[name] - found[f"direct_{name}"]
        found["cpu"] = found["server_cpu_s"] * 1e6 / max(1, found["window_tokens"])
        for name in ("start", "end"):
            found[f"memory_{name}"] = (found[f"rss_{name}_kib"] - found["rss_before_kib"]) / streams
        return found

    def in_turn(self, rounds, relays, rate, streams, ramp, window, **options):
        """The runs of each relay, started anew for each of them."""
        runs = {relay: [] for relay in relays}
        # A service that is busy takes longer to begin the last of them than the ramp.
        tokens = int(rate * ((streams + DIRECT) / ramp + 1 + window + 1.5))
        for _ in range(rounds):
            for relay in relays:
                with Upstream(self.programs, tokens, rate) as upstream, relay(self, upstream) as server:
                    found = self.measure(server, upstream, streams, ramp=ramp, window=window, finish=20, **options)
                if found["completes"] != streams + DIRECT:
                    raise Fault(f"{found['completes']} of {streams + DIRECT} answers of {server.name} came to their end")
                runs[relay].append(found)
        return runs


def relay_rows(name, runs, is_ours=False):
    def row(words, figure, unit, limit=None):
        return f"{name}: {words}", median(runs, figure), unit, "<=" if limit else None, limit

    return [
        row("tokens", "tokens_per_s", "tokens/s"),
        row("added delay, p50", "added_p50_ms", "ms", 1 if is_ours else None),
        row("added delay, p99", "added_p99_ms", "ms", 5 if is_ours else None),
        row("delay of direct ones beside it, p99", "direct_p99_ms", "ms"),
        row("CPU time", "cpu", "µs/token"),
        row("memory of each, all open", "memory_start", "KiB", 40 if is_ours else None),
        row(f"memory of each, {WINDOW} s later", "memory_end", "KiB"),
    ]


def direct_rows(runs):
    return [
        (f"1,000 streams × 20/s, {WINDOW} s, no relay: tokens", median(runs, "tokens_per_s"), "tokens/s", None, None),
        ("  no relay: delay, p50", median(runs, "p50_ms"), "ms", None, None),
        ("  no relay: delay, p99", median(runs, "p99_ms"), "ms", None, None),
    ]


def paced(bench):
    """The load of the requirement. Every token of every answer has come, or it is no run."""
    runs = bench.in_turn(ROUNDS, (Direct, RoomService, Nginx), rate=20, streams=1_000, ramp=1_000, window=WINDOW)
    everyone = [run for each in runs.values() for run in each]
    late = max(run["late_p99_ms"] for run in everyone)
    busy = max(run["upstream_cpu"] + run["load_cpu"] for run in everyone)
    return [
        *direct_rows(runs[Direct]),
        *relay_rows("  RoomService", runs[RoomService], is_ours=True),
        *relay_rows("  nginx", runs[Nginx]),
        ("  upstream behind its schedule, p99 of the worst run", late, "ms", None, None),
        ("  core of upstream and client busy, in the worst run", busy, "of 1", None, None),
    ]


def many(bench):
    runs = bench.in_turn(1, (RoomService, Nginx), rate=1, streams=5_000, ramp=1_500, window=3)
    ours, nginx = (median(runs[relay], "memory_start") for relay in (RoomService, Nginx))
    return [
        ("5,000 streams × 1/s, RoomService: memory of each", ours, "KiB", "<=", 40),
        ("  nginx: memory of each", nginx, "KiB", None, None),
    ]


def litellm(bench):
    """A load that it carries, and the whole one as far as it gets: neither is waited for to its end."""
    runs = []
    for streams, ramp in ((LITELLM_STREAMS, 50), (1_000, 1_000)):
        with Upstream(bench.programs, tokens=1_200, rate=20) as upstream, LiteLLM(bench, upstream) as server:
            options = dict(ramp=ramp, window=WINDOW, patience=PATIENCE, is_strict=streams == LITELLM_STREAMS)
            runs.append(bench.measure(server, upstream, streams, **options))
    few, full = runs
    return [
        (f"LiteLLM, 1,000 streams × 20/s: begun in {PATIENCE} s", full["ready"] - DIRECT, "streams", None, None),
        ("  LiteLLM: failed", full["failures"], "streams", None, None),
        *relay_rows("  LiteLLM", [full]),
        (f"LiteLLM, {LITELLM_STREAMS} streams × 20/s: begun", few["ready"] - DIRECT, "streams", None, None),
        *relay_rows("  LiteLLM", [few]),
    ]


def measure(folder, options):
    return measure_cells(Bench(folder, options.programs), (paced, many, litellm), options)


if __name__ == "__main__":
    run(__doc__.splitlines()[0], TITLE, 62, measure, cells_argument)
