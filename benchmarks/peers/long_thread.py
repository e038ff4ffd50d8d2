"""Does a turn get dearer as its thread grows? CPU of a turn near turn 200 against one near turn 10, in our loop.

`python benchmarks/peers/long_thread.py [--peers FOLDER] [--work FOLDER] [--threads N] [--json]`. No persistence. The
tool of the script stamps the CPU clock once a turn, so a turn is everything between two of its calls: model
call, LangGraph, gate, garbage collection. The exit status is 1 if a late turn costs more than 1.5 early ones.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

# Under PYTHONSAFEPATH a script's own folder is not on the import path.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from environments import REPOSITORY, SERVER, Harness, default_peers, loopback_server
from peer_graphwright import build, planner

from graphwright.tools import tool

MOST_GROWTH = 1.5
"""How much more a late turn may cost than an early one."""
AROUND = 5
"""Turns before and after the named one that are averaged with it."""


@dataclass(frozen=True)
class Cost:
    """CPU ms of the turns around one turn, over all threads."""

    turn: int
    mean: float
    """What is judged: it includes garbage collection."""
    median: float


async def thread_stamps(args: argparse.Namespace, run_id: str) -> list[float]:
    """Run one thread of `args.turns` turns; the CPU seconds at each call of its tool."""
    stamps: list[float] = []

    @tool(effect="read")
    async def lookup(city: str, day: int) -> str:
        """Look up the weather of a city on a day of the trip."""
        stamps.append(time.process_time())
        return f"{city} day {day}: sunny, 21 C"

    run_one = await build(args, planner(args, lookup))
    answer = await run_one(run_id)
    if f"DONE {run_id}" not in answer or len(stamps) != args.turns:
        raise RuntimeError(f"The thread ended after {len(stamps)} of {args.turns} turns with {answer[:200]!r}.")
    return stamps


def cost_around(turn: int, threads: Sequence[Sequence[float]]) -> Cost:
    """What the turns around this one cost; turn n lies between stamps n-1 and n."""
    spent = [
        1000 * (stamps[at] - stamps[at - 1])
        for stamps in threads
        for at in range(max(1, turn - 1 - AROUND), min(len(stamps), turn + AROUND))
    ]
    return Cost(turn, statistics.fmean(spent), statistics.median(spent))


async def measure(address: str, *, early: int, late: int, threads: int) -> list[Cost]:
    """Some threads one after the other, the first one only to warm up."""
    turns = late + AROUND
    args = argparse.Namespace(base_url=f"{address}/v1", turns=turns, stream=False)
    stamps = [await thread_stamps(args, f"run-long{number}") for number in range(threads + 1)][1:]
    return [cost_around(early, stamps), cost_around((early + late) // 2, stamps), cost_around(late, stamps)]


def options(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, default=default_peers(), help="folder of the shared harness")
    parser.add_argument("--work", type=Path, default=REPOSITORY / ".bench", help="cache for the server")
    parser.add_argument("--early", type=int, default=10, help="the turn that is the measure")
    parser.add_argument("--late", type=int, default=200, help="the turn that is judged")
    parser.add_argument("--threads", type=int, default=10, help="how many threads are run")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser.parse_args(given)


def main() -> int:
    """Measure, print, judge."""
    args = options()
    harness = Harness(args.peers.resolve(), args.work.resolve())
    if failed := harness.make([SERVER]):
        raise SystemExit(failed[SERVER])
    with loopback_server(harness) as address:
        costs = asyncio.run(measure(address, early=args.early, late=args.late, threads=args.threads))
    growth = costs[-1].mean / costs[0].mean
    if args.json:
        print(json.dumps({"costs": [asdict(cost) for cost in costs], "growth": growth}, indent=1))
    else:
        print("| turn | CPU ms, mean | median |", "|---|---|---|", sep="\n")
        print("\n".join(f"| {cost.turn} | {cost.mean:.2f} | {cost.median:.2f} |" for cost in costs))
        print(f"\nTurn {args.late} costs {growth:.2f}x turn {args.early}; {MOST_GROWTH}x is the limit.")
    return 0 if growth <= MOST_GROWTH else 1


if __name__ == "__main__":
    sys.exit(main())
