"""CPU per model turn of our agent loop beside its peers, in interleaved rounds on one machine.

`python benchmarks/peers/run.py [--peers FOLDER] [--work FOLDER] [--concurrency 1 64] [--rounds N] [--peer NAME ...]`
The exit status is 1 if we cost more than 0.75 of the raw typed `openai` loop, or more than any peer, scaled or as
measured; if a turn with everything on (journal, gate, audit, checkpoints) costs more than any peer's turn without; if
we do not reuse connections; or if a comparison could not be made. Absolute figures depend on the machine: quote ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

# Under PYTHONSAFEPATH a script's own folder is not on the import path.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from environments import REPOSITORY, SERVER, Harness, default_peers, loopback_server
from measuring import RAW, WITH_CHECKPOINTS, Client, Row, clients, rounds, standings
from verdict import shortcomings, table

USUAL = (
    RAW,
    "raw-openai-content",
    "rawgraph-two",
    "rawgraph-one-content",
    "agent-framework",
    "autogen",
    "pydantic-ai",
    "openai-agents",
    "langgraph-prebuilt",
    "langchain-create_agent",
    "smolagents",
    "llama-index",
    *WITH_CHECKPOINTS,
)
"""Floors and the usual peers; crewai and google-adk, several times as dear as all of these, only by name.

crewai writes beside its script: where the harness is read-only, give `--peers` a copy of it.
"""


def options(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, default=default_peers(), help="folder of the shared harness")
    parser.add_argument("--work", type=Path, default=REPOSITORY / ".bench", help="cache for environments")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 64], help="runs at once")
    parser.add_argument("--rounds", type=int, default=5, help="how often everybody is measured")
    parser.add_argument("--peer", nargs="+", default=list(USUAL), help="names as in the harness's peers.py")
    parser.add_argument("--json", action="store_true", help="print rows, standings and verdict as JSON")
    return parser.parse_args(given)


def main() -> int:
    """Measure, print, judge."""
    args = options()
    harness = Harness(args.peers.resolve(), args.work.resolve())
    taking_part = clients(harness, list(dict.fromkeys([RAW, *args.peer])))
    failed = harness.make([SERVER, *(one.environment for one in taking_part if one.environment)])
    absent = [one.name for one in taking_part if one.environment in failed]
    taking_part = [one for one in taking_part if one.name not in absent]
    rows = _measured(harness, taking_part, args)
    result = standings(rows, taking_part)
    lacking = shortcomings(result) + [f"No environment for {name}: {why}" for name, why in failed.items()]
    if args.json:
        found = {"rows": rows, "standings": [asdict(one) for one in result], "shortcomings": lacking}
        print(json.dumps(found, indent=1))
    else:
        print(table(result))
        print("\n".join(lacking) or "Won: cheaper than every peer measured, and below the limit.")
    return 1 if lacking else 0


def _measured(harness: Harness, taking_part: Sequence[Client], args: argparse.Namespace) -> list[Row]:
    rows = []
    with loopback_server(harness) as address:
        for row in rounds(harness, taking_part, address, concurrency=args.concurrency, count=args.rounds):
            said = row.get("problem") or f"{row['cpu_ms_per_turn_norm']:.2f} ms"
            where = f"round {row['round'] + 1}/{args.rounds} concurrency {row['level']}"
            print(f"{where} {row['client']}: {said} (load {os.getloadavg()[0]:.1f})", file=sys.stderr)
            rows.append(row)
    return rows


if __name__ == "__main__":
    sys.exit(main())
