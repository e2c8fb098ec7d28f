"""Measures the service's streams on one core, with the client on the other, against a bare server of streams in C.

scripts/bench builds what this needs and calls it with the folder of the compiled C programs. Loopback only.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cells  # noqa: E402
from measuring import run  # noqa: E402
from rig import Fault  # noqa: E402

TITLE = "Streams, one core for the server, one for the client; medians where there are several runs, taken in turns"


def arguments(parser):
    parser.add_argument("--cells", default="", help="only these, by number: 1,4")


def measure(folder, options):
    bench = cells.Bench(folder, options.programs)
    wanted = {int(number) for number in options.cells.split(",") if number} or set(range(1, len(cells.ALL) + 1))
    rows = []
    for number, cell in enumerate(cells.ALL, 1):
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


if __name__ == "__main__":
    run(__doc__.splitlines()[0], TITLE, 62, measure, arguments)
