"""What it costs to run a program in Monty, in confined CPython, and to ask SQLite in a process of its own.

    python benchmarks/tools/python_sandbox.py [--runs 50]

Prints, for each: the first run (starting what it needs), the median and the 95th percentile of the following ones in
wall-clock milliseconds, and the CPU milliseconds of this process and its children for each run.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from graphwright.tools.builtin.confined import ConfinedPython
from graphwright.tools.builtin.confinement import confinement_problems
from graphwright.tools.builtin.databases import Database
from graphwright.tools.builtin.python import PythonSandbox
from graphwright.tools.builtin.sql import read_rows

CODE = "ordered = sorted(rows)\n{'mean': sum(rows) / len(rows), 'median': ordered[len(rows) // 2]}"
INPUTS = {"rows": [n * 7 % 101 for n in range(200)]}


def cpu() -> float:
    """Seconds of processor time of this process and of its children that have ended."""
    return sum(os.times()[:4])


async def measured(name: str, once: Callable[[], Awaitable[object]], runs: int) -> None:
    """Print a line of figures."""
    started = time.perf_counter()
    await once()
    first = (time.perf_counter() - started) * 1000
    spent, times = cpu(), []
    for _ in range(runs):
        began = time.perf_counter()
        await once()
        times.append((time.perf_counter() - began) * 1000)
    each = (cpu() - spent) * 1000 / runs
    times.sort()
    high = times[min(len(times) - 1, int(len(times) * 0.95))]
    print(f"{name:<34}{first:>10.1f}{statistics.median(times):>10.2f}{high:>10.2f}{each:>10.2f}")


async def main() -> int:
    """Measure all three; one that this machine cannot run is named with the reason."""
    runs = _options().runs
    print(f"{'':<34}{'first ms':>10}{'median':>10}{'p95':>10}{'CPU ms':>10}")
    with PythonSandbox() as monty:

        async def in_monty() -> object:
            return monty.run(CODE, INPUTS)

        await measured("Monty (200 numbers)", in_monty, runs * 10)
    if problems := confinement_problems():
        print(f"CPython, shut in: not here. {' '.join(problems)}", file=sys.stderr)
    else:
        confined = ConfinedPython()
        await measured("CPython, shut in (200 numbers)", lambda: confined.run(CODE, INPUTS), runs)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "numbers.db"
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE numbers (n INTEGER)")
            database.executemany("INSERT INTO numbers VALUES (?)", [(n,) for n in INPUTS["rows"]])
        database.close()
        asked = Database(path)
        await measured("SQLite, read (200 rows summed)", lambda: read_rows(asked, "SELECT SUM(n) FROM numbers"), runs)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--runs", type=int, default=50, help="runs of the slower two; the quick one makes ten times as many"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
