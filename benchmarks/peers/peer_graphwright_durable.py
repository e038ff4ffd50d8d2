"""Our whole runtime as a client of the shared peer benchmark: database, leases, journal, audit, gate and checkpoints.

`python benchmarks/peers/peer_graphwright_durable.py [--peers FOLDER] --base-url URL --runs N [--variant KIND] ...`
Each run is a conversation of its own, as a user has it: started (a row on disk before anything else), driven under a
lease, every model call and tool call in the journal and the audit log, a checkpoint after each step. The tool that the
script calls only reads; with `--variant write` it acts, at most once, with its intent on disk before it; with
`--variant budget` it acts, and every call is reserved for and settled in budgets of the run and of the tenant.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

# Under PYTHONSAFEPATH a script's own folder is not on the import path.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from peer_graphwright import _rest, add, bench_common, lookup, planner

from graphwright.agents import Budget
from graphwright.graphs import agent_loop
from graphwright.runtime import Runtime, Settings
from graphwright.runtime.budgets import BudgetSettings
from graphwright.tools import IdempotencyKey, tool

RunOne = Callable[[str], Awaitable[str]]
VARIANTS = ("read", "write", "budget")


@tool(effect="write", once=True, trusted=True, name="lookup")
async def book(city: str, day: int, *, key: IdempotencyKey) -> str:
    """Look up the weather of a city on a day of the trip."""
    return f"{city} day {day}: sunny, 21 C"


def budgets(variant: str) -> BudgetSettings:
    """Limits that no run reaches; none but with the variant that has them."""
    if variant != "budget":
        return BudgetSettings()
    plenty = Budget(tokens=10**12, calls=10**9)
    return BudgetSettings(run=plenty, tenant=plenty)


async def build(args: argparse.Namespace) -> RunOne:
    """Open one runtime, as a service would; each run is started and driven to its end."""
    folder = Path(tempfile.mkdtemp(prefix="durable-"))
    settings = Settings(project_dir=folder, state_dir=folder, budgets=budgets(args.variant))
    runtime = await Runtime(settings).__aenter__()
    acts = lookup if args.variant == "read" else book
    graph = agent_loop(planner(args, acts, add))
    bench_common.EXTRA = lambda: {"db_kb_per_run": size(folder, args)}

    async def run_one(run_id: str) -> str:
        asked = {"role": "user", "content": bench_common.user_prompt(run_id)}
        run = await runtime.start("planner", {"messages": [asked]})
        async for _ in runtime.drive(run.id, graph, output=_last_words, live=args.stream):
            pass
        return str((await runtime.runs.get(run.id)).output)

    return run_one


def _last_words(state: Any) -> str:
    return str(state["messages"][-1].text)


def size(folder: Path, args: argparse.Namespace) -> float:
    """Kilobytes on disk for each run; the folder is removed."""
    found = sum(each.stat().st_size for each in folder.glob("graphwright.db*"))
    shutil.rmtree(folder, ignore_errors=True)
    warm = args.warmup if args.warmup >= 0 else min(20, args.concurrency + 2)
    return round(found / 1024 / (args.runs + warm), 2)


if __name__ == "__main__":
    sys.argv[1:] = _rest
    bench_common.main("graphwright_durable", build, variants=VARIANTS)
