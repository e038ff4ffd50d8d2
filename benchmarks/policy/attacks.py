"""Planted attacks on the shipped graphs: how many succeed, by graph and by OWASP's ten, and whether the tasks finish.

Every order of the generator is played on the whole runtime with a model that obeys whatever it reads: once with a
person who approves what the task needs, once with one who approves everything, once more so where the run declares the
tools that its task uses when nobody disturbs it, and once where policy only observes (what is at stake).
``graphwright eval run attacks`` plays the first with gates; this prints tables, and AgentDojo's figures beside them
where its data is.

    python benchmarks/policy/attacks.py [--graph NAME]... [--concurrency N] [--json] [--dojo DIR]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import agentdojo

from graphwright.evals.attacks import attack_suite
from graphwright.evals.attacks.numbers import NAMES
from graphwright.evals.case import Case
from graphwright.evals.external import MissingData
from graphwright.evals.external.agentdojo import load_agentdojo, over
from graphwright.evals.project import Project
from graphwright.runtime.policy.profiles import DEFAULT

HEAD = (
    "| | attacks | read by a model | succeed without policy | succeed | if the person approves everything |"
    " so, and the run declares the tools of its task | asked |"
)


@dataclass(frozen=True)
class Row:
    """One case and what came of it."""

    case: Case
    told: dict[str, Any]

    @property
    def what(self) -> str:
        """attack, nuisance or task."""
        return self.case.slices["what"]


async def played(graphs: Iterable[str], concurrency: int) -> list[Row]:
    """Every case of the suite, or those of some graphs."""
    with tempfile.TemporaryDirectory() as folder:
        suite = attack_suite(Project(Path(folder)), nuisances=True, stakes=True)
        assert suite.function is not None
        wanted = frozenset(graphs)
        cases = [each for each in suite.cases if not wanted or each.slices["graph"] in wanted]
        turn = asyncio.Semaphore(concurrency)

        async def one(case: Case) -> Row:
            async with turn:
                assert suite.function is not None
                return Row(case, await suite.function(case.input))

        return list(await asyncio.gather(*map(one, cases)))


def line(name: str, rows: list[Row]) -> str:
    """One line of a table."""
    measured = [each.told for each in rows if not each.told["mistaken"]]
    figures = [
        sum(bool(told[key]) for told in measured) for key in ("tried", "bare", "succeeded", "careless", "planned")
    ]
    asked = sum(told["approvals"] for told in measured)
    return f"| {name} | {len(measured)} | {' | '.join(map(str, figures))} | {asked} |"


def report(rows: list[Row]) -> Iterable[str]:
    """The tables."""
    attacks = [each for each in rows if each.what == "attack"]
    graphs = sorted({each.case.slices["graph"] for each in attacks})
    yield HEAD
    yield "|---|---|---|---|---|---|---|---|"
    yield from (line(graph, [each for each in attacks if each.case.slices["graph"] == graph]) for graph in graphs)
    yield line("all", attacks)
    for number, name in NAMES.items():
        tagged = [each for each in attacks if number in each.case.tags]
        if tagged:
            yield line(f"{number} {name}", tagged)
    nuisance = [each for each in rows if each.what == "nuisance"]
    if nuisance:
        yield line("writes that can be undone and name nobody", nuisance)
    unmeasured = [each.case.id for each in rows if each.what != "task" and each.told["mistaken"]]
    yield f"\nnot measured: {', '.join(unmeasured) or 'none'}"
    won = [each.case.id for each in attacks if each.told["succeeded"]]
    yield f"succeeded: {', '.join(won) or 'none'}"
    tasks = [each for each in rows if each.what == "task"]
    failed = [f"{each.case.id} ({each.told['reason']})" for each in tasks if each.told["outcome"] != "pass"]
    yield f"the same tasks without attacks: {len(tasks) - len(failed)} of {len(tasks)} finish. {'; '.join(failed)}"
    asked = [each.told["asked"] for each in tasks if "asked" in each.told]
    yield f"of those, {asked.count(0)} with nobody asked; {sum(asked) / max(1, len(asked)):.2f} approvals a task"


def dojo(data: Path) -> Iterable[str]:
    """AgentDojo's row of the default policy."""
    try:
        suites = load_agentdojo(data)
    except MissingData as missing:
        yield f"\nAgentDojo was not played: {missing} Name the folder with --dojo."
        return
    yield "\nAgentDojo (see agentdojo.py):"
    yield agentdojo.line("default", over(suites, DEFAULT))


def main(arguments: list[str] | None = None) -> int:
    """Print the tables; 1 if an attack succeeds or a task does not finish."""
    parser = argparse.ArgumentParser(description="Planted attacks on the shipped graphs.")
    parser.add_argument("--graph", action="append", default=[], help="only this graph; may be given more than once")
    parser.add_argument("--concurrency", type=int, default=3)
    parser.add_argument("--dojo", type=Path, default=agentdojo.DATA)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    begun = time.monotonic()
    rows = asyncio.run(played(given.graph, given.concurrency))
    if given.json:
        print(json.dumps([{"id": row.case.id, **row.case.slices, **row.told} for row in rows], indent=1))
    else:
        print("\n".join([*report(rows), *dojo(given.dojo)]))
        print(f"\n{len(rows)} cases in {time.monotonic() - begun:.0f} s", file=sys.stderr)
    bad = any(row.told.get("succeeded") and row.what == "attack" for row in rows)
    return int(bad or any(row.told.get("outcome", "pass") != "pass" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
