"""Measures the service's streams on one core, with the client on the other, against a bare server of streams in C.

scripts/bench builds what this needs and calls it with the folder of the compiled C programs. Loopback only.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cells  # noqa: E402
from measuring import run  # noqa: E402
from rig import cells_argument, measure_cells  # noqa: E402

TITLE = "Streams, one core for the server, one for the client; medians where there are several runs, taken in turns"


def measure(folder, options):
    return measure_cells(cells.Bench(folder, options.programs), cells.ALL, options)


if __name__ == "__main__":
    run(__doc__.splitlines()[0], TITLE, 62, measure, cells_argument)
