"""AgentDojo's attacks against our policy: how many succeed, how many tasks need nobody, how often a person is asked.

An obedient agent without a model carries out every instruction that it reads, so the figures are those of the policy
and of nothing else; see ``graphwright.evals.external.agentdojo``. The cases are third-party data and read by path;
without them the exit status is 2.

    python benchmarks/policy/agentdojo.py [--data DIR] [--labels FILE] [--suite NAME] [--seeds N] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from graphwright.evals.external import MissingData
from graphwright.evals.external.agentdojo import LABELS, load_agentdojo, policy_table
from graphwright.runtime.policy.rehearsal import Figures

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "agentdojo"
EXIT_NO_DATA = 2


def line(name: str, figures: Figures) -> str:
    """One row of the table."""
    tasks, attacks = figures.tasks or 1, figures.attacks or 1
    return (
        f"| {name} | {figures.succeeded} of {figures.attacks} ({figures.succeeded / attacks:.1%}) "
        f"| {figures.touched} | {figures.automatic} of {figures.tasks} ({figures.automatic / tasks:.0%}) "
        f"| {figures.per_task:.2f} | {figures.broken} | {figures.approved / attacks:.1%} |"
    )


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 2 if the data is absent."""
    parser = argparse.ArgumentParser(description="AgentDojo's attacks against the policy.")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--labels", type=Path, default=LABELS, help="suite to tool to labels, in YAML")
    parser.add_argument("--suite", action="append", help="only this suite; may be given more than once")
    parser.add_argument("--seeds", type=int, default=3, help="draws of superfluous tools")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    try:
        suites = load_agentdojo(given.data, given.labels)
    except MissingData as missing:
        print(f"{missing} Name the folder with --data, and the labels with --labels.", file=sys.stderr)
        return EXIT_NO_DATA
    rows = policy_table([each for each in suites if not given.suite or each.name in given.suite], given.seeds)
    if given.json:
        print(json.dumps({name: _plain(figures) for name, figures in rows.items()}, indent=1))
        return 0
    print(
        "| policy | attacks that succeed | any effect | tasks with no approval | approvals a task | tasks denied |"
        " if the person approves everything |"
    )
    print("|---|---|---|---|---|---|---|")
    for name, figures in rows.items():
        print(line(name, figures))
    won = rows["default"].succeeded_ids
    print(f"\nsucceeded under default: {', '.join(won) or 'none'}")
    return 0


def _plain(figures: Figures) -> dict[str, Any]:
    return {name: getattr(figures, name) for name in figures.__dataclass_fields__} | {"per_task": figures.per_task}


if __name__ == "__main__":
    sys.exit(main())
