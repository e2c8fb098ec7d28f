"""Measures the MongoDB layer against a C program that uses libmongoc directly: same server, same operations, same run.

    bench.py URI REFERENCE LAYER [SECONDS [ROUNDS]]

REFERENCE and LAYER are the programs built from reference.c and Layer/. Rounds alternate, so that a machine that slows
down slows both. Shown are medians.
"""

import statistics
import subprocess
import sys
import uuid


def measure(program, uri, database, operation, callers, seconds):
    command = [program, uri, database, operation, str(callers), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")
    return [float(number) for number in done.stdout.split()]


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    uri, reference, layer = sys.argv[1:4]
    seconds = int(sys.argv[4]) if len(sys.argv) > 4 else 3
    rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 3
    database = f"benchmark_{uuid.uuid4().hex[:8]}"
    measure(layer, uri, database, "prepare", 1, 1)
    print(f"{'operation':10} {'callers':>7} {'C ops/s':>9} {'Swift ops/s':>12} {'ratio':>6} {'C µs':>7} {'Swift µs':>9} {'ours µs':>8}")
    for operation in ("find", "insert"):
        for callers in (1, 10):
            rates, costs = {reference: [], layer: []}, {reference: [], layer: []}
            for _ in range(rounds):
                for program in (reference, layer):
                    total, took, cost = measure(program, uri, database, operation, callers, seconds)
                    rates[program].append(total / took)
                    costs[program].append(cost)
            rate = {program: statistics.median(values) for program, values in rates.items()}
            cost = {program: statistics.median(values) for program, values in costs.items()}
            print(
                f"{operation:10} {callers:7} {rate[reference]:9.0f} {rate[layer]:12.0f} {rate[layer] / rate[reference]:6.2f}"
                f" {cost[reference]:7.1f} {cost[layer]:9.1f} {cost[layer] - cost[reference]:8.1f}"
            )


main()
