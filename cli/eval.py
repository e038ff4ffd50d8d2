"""``graphwright eval``: suites of cases, run offline and judged."""

from __future__ import annotations

from typing import Any

import click

from .eval_compare import compare
from .eval_coverage import coverage
from .eval_metamorphic import metamorphic
from .eval_promote import diff, promote
from .eval_report import report, runs
from .eval_run import run
from .invocation import Group, Invocation, pass_invocation
from .output import emit, remark, table


@click.group(cls=Group, name="eval")
def eval_group() -> None:
    """Run suites of cases through graphs, offline, and judge what comes of it."""


@eval_group.command(name="list")
@pass_invocation
def list_suites(invocation: Invocation) -> None:
    """List the suites that can be run: those of shipped graphs and the project's."""
    from graphwright.evals.project import Project
    from graphwright.evals.suite_files import find_suite, suite_places

    from .session import settings_of

    project = Project(settings_of(invocation).project_dir)
    found: list[dict[str, Any]] = []
    for name in suite_places(project):
        suite = find_suite(name, project)
        gates = [str(each) for each in suite.gates]
        found.append(
            {"suite": name, "target": suite.target, "cases": len(suite.cases), "gates": gates, "source": suite.source}
        )
    if invocation.json:
        for each in found:
            emit(each)
        return
    rows = [(each["suite"], each["target"], each["cases"], "; ".join(each["gates"])) for each in found]
    table(("SUITE", "RUNS", "CASES", "GATES"), rows)
    if not found:
        remark("There is no suite here. Write evals/NAME-suite.yaml, or cases.yaml beside a graph.")


for _command in (run, compare, report, runs, promote, diff, coverage, metamorphic):
    eval_group.add_command(_command)

COMMANDS = {"eval": eval_group}
