"""Recorded runs of real models on WorkBench, scored: outcome, exact calls, side effects, and which run is better.

    python benchmarks/evals/workbench.py [--data FOLDER] [--json]

Errors are clustered by template (69 of 690 tasks). The last column of runs is the default verdict of our suites, which
also wants no call with an effect that the gold calls lack, and texts letter by letter.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from graphwright.evals.external.missing import MissingData
from graphwright.evals.external.workbench import Recorded, Result, WorkBench
from graphwright.evals.scorers import Floors, verdict
from graphwright.evals.statistics import Comparison, Estimate, compare_paired, holm, mcnemar, mean_estimate

DATA = Path(__file__).resolve().parents[2].parent / "shared/data/workbench"


@dataclass(frozen=True)
class Row:
    """One run in the table."""

    name: str
    results: list[Result]
    verdicts: int
    right: Estimate
    alone: Estimate
    """The same without clusters: what the error would be if tasks of one template had nothing in common."""

    @property
    def scores(self) -> list[float]:
        return [float(each.right) for each in self.results]


def row(bench: WorkBench, name: str, runs: Sequence[Recorded]) -> Row:
    """Score one run of all tasks."""
    pairs = list(zip(bench.tasks, runs, strict=True))
    results = [bench.score(task, run) for task, run in pairs]
    passed = sum(verdict(bench.case(task), bench.observed(run)).outcome == "pass" for task, run in pairs)
    scores = [float(each.right) for each in results]
    clustered = mean_estimate(scores, [task.template for task in bench.tasks])
    return Row(name, results, passed, clustered, mean_estimate(scores))


def measure(bench: WorkBench) -> list[Row]:
    """The recorded runs between an agent that does nothing and one that makes the gold calls."""
    null = row(bench, "(does nothing)", [Recorded(task.id, ()) for task in bench.tasks])
    oracle = row(bench, "(gold calls)", [Recorded(task.id, task.gold) for task in bench.tasks])
    return [null, *(row(bench, name, bench.recorded(name)) for name in bench.recorded_runs), oracle]


def compare(bench: WorkBench, rows: Sequence[Row]) -> list[tuple[Row, Row, Comparison, float, float]]:
    """Every pair of runs: base, new, comparison, its p corrected for the number of pairs (Holm), and McNemar's p."""
    templates = [task.template for task in bench.tasks]
    pairs = list(combinations(rows, 2))
    found = [compare_paired(base.scores, new.scores, templates) for base, new in pairs]
    corrected = holm([each.p for each in found])
    return [
        (base, new, each, p, mcnemar(*_discordant(base, new)))
        for (base, new), each, p in zip(pairs, found, corrected, strict=True)
    ]


def _discordant(base: Row, new: Row) -> tuple[int, int]:
    gaps = [after - before for before, after in zip(base.scores, new.scores, strict=True)]
    return gaps.count(-1.0), gaps.count(1.0)


def tables(rows: list[Row], compared: list[tuple[Row, Row, Comparison, float, float]]) -> str:
    """Both tables as Markdown."""
    floors = Floors(rows[0].right.mean, float("nan"), rows[-1].right.mean)
    lines = [
        "| run | right | share, 95 % interval | above doing nothing | exact | side effects | default verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in rows:
        right, exact, side = (sum(getattr(r, n) for r in each.results) for n in ("right", "exact", "side_effects"))
        share = f"{each.right.mean:.3f} [{each.right.low:.3f}, {each.right.high:.3f}]"
        above = floors.normalised(each.right.mean)
        lines.append(f"| {each.name} | {right} | {share} | {above:.3f} | {exact} | {side} | {each.verdicts} |")
    lines += [
        "",
        "| base → new | difference, 95 % interval | p | p of all pairs (Holm) | McNemar | verdict | found in 8 of 10 |",
        "|---|---|---|---|---|---|---|",
    ]
    for base, new, found, p, mc in compared:
        gap = f"{found.difference:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"
        lines.append(
            f"| {base.name} → {new.name} | {gap} | {_p(found.p)} | {_p(p)} | {_p(mc)} | {found.verdict} "
            f"| {found.detectable:.3f} |"
        )
    effects = [(each.right.standard_error / each.alone.standard_error) ** 2 for each in rows[1:-1]]
    lines += ["", f"Design effect of the clusters: {min(effects):.1f} to {max(effects):.1f}."]
    return "\n".join(lines)


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def report(rows: list[Row], compared: list[tuple[Row, Row, Comparison, float, float]]) -> dict[str, Any]:
    """Both tables as data."""
    return {
        "runs": {
            each.name: {
                "right": sum(r.right for r in each.results),
                "exact": sum(r.exact for r in each.results),
                "side_effects": sum(r.side_effects for r in each.results),
                "verdict": each.verdicts,
                "standard_error": each.right.standard_error,
            }
            for each in rows
        },
        "comparisons": [
            {"base": base.name, "new": new.name, "difference": found.difference, "p": found.p, "holm": p, "mcnemar": mc}
            for base, new, found, p, mc in compared
        ],
    }


def main() -> int:
    """Print the tables; 2 when the data is absent."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        bench = WorkBench(options.data)
    except MissingData as problem:
        print(problem, file=sys.stderr)
        return 2
    rows = measure(bench)
    compared = compare(bench, rows[1:-1])
    print(json.dumps(report(rows, compared), indent=2) if options.json else tables(rows, compared))
    return 0


if __name__ == "__main__":
    sys.exit(main())
