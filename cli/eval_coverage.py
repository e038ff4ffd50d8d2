"""``graphwright eval coverage``: what of a graph its cases exercise, and what a case would have to do for the rest."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from .errors import EXIT_GATE, EXIT_INTERRUPTED, EXIT_OK, usage
from .invocation import Command, Invocation, pass_invocation
from .output import emit, remark, say, table
from .safe_text import one_line

if TYPE_CHECKING:
    from graphwright.evals import Project, Suite
    from graphwright.evals.coverage import Coverage

NAMES = {
    "node": "nodes",
    "edge": "edges",
    "branch": "branches",
    "tool": "tools",
    "approval": "approvals",
    "retry": "retries",
    "handoff": "handoffs",
}
WIDTH = 300
"""Characters of a sentence that are printed."""


@click.command(cls=Command)
@click.argument("suite")
@click.option("--at-least", type=click.FloatRange(0.0, 1.0), metavar="SHARE", help="End with 4 below this share.")
@click.option("--case", default="", metavar="ID", help="List what this case exercises.")
@click.option("--node", default="", metavar="PATH", help="List the cases that lead to this node.")
@click.option("--concurrency", type=click.IntRange(min=1), default=4, show_default=True, help="Cases at a time.")
@click.option("--timeout", type=float, default=300.0, show_default=True, help="Seconds after which a case is given up.")
@pass_invocation
def coverage(
    invocation: Invocation,
    suite: str,
    at_least: float | None,
    case: str,
    node: str,
    concurrency: int,
    timeout: float,
) -> int:
    """Run the cases of SUITE (a name, a file, or `all`) and tell what of their graph they exercise.

    Nodes, edges, branches, tools, approvals, retries and handoffs are counted by what really ran. For each that no
    case exercises, a sentence says what one would have to do. Suites of one graph are counted together.
    """
    from graphwright.evals.coverage import measure
    from graphwright.evals.project import Project

    from .eval_counting import counting  # rich
    from .session import settings_of

    project = Project(settings_of(invocation).project_dir)
    worst = 1.0
    for suites in _by_graph(suite, project):
        try:
            with counting(suites[0].graph) as tell:
                found = asyncio.run(
                    measure(suites, project, concurrency=concurrency, timeout=timeout, on_progress=tell)
                )
        except KeyboardInterrupt:
            remark("\nInterrupted; the coverage of a part of the cases would say little, so nothing is told.")
            return EXIT_INTERRUPTED
        worst = min(worst, found.share)
        _tell(found, invocation, case=case, node=node)
    if at_least is not None and worst < at_least:
        remark(f"FAILED: {worst:.3f} of a graph is exercised; at least {at_least:g} is wanted.")
        return EXIT_GATE
    return EXIT_OK


def _by_graph(name: str, project: Project) -> list[list[Suite]]:
    from .eval_run import _suites

    found: dict[str, list[Suite]] = {}
    for each in _suites(name, project, ()):
        if each.function is not None:
            if name != "all":
                usage(f"Suite {each.name!r} runs a function, which has no nodes that could be counted.")
            remark(f"Suite {each.name} runs a function; it has no nodes.")
        else:
            found.setdefault(each.graph, []).append(each)
    return list(found.values())


def _tell(found: Coverage, invocation: Invocation, *, case: str, node: str) -> None:
    if case and not found.by_case(case):
        usage(f"No case {case!r} exercises anything of {found.graph}.")
    if invocation.json:
        emit(found.to_json())
    elif case:
        table(("KIND", "NAME"), [(each.kind, each.name) for each in found.by_case(case)])
    elif node:
        cases = found.cases_at(node)
        table(("CASE",), [(each,) for each in cases])
        if not cases:
            remark(f"No case leads to {node!r}.")
    else:
        _print(found)


def _print(found: Coverage) -> None:
    done, all_of_it = found.counts()
    say(f"{found.graph}: {found.cases} cases exercise {done} of {all_of_it} ({found.share:.3f})")
    rows = [(NAMES[kind], *found.counts(kind), _missed(found, kind)) for kind in found.kinds]
    table(("KIND", "COVERED", "OF", "MISSED"), rows)
    for each in found.missed:
        say(f"  {each.item.kind} {each.item.name}: {one_line(each.needs, WIDTH)}")
    if found.unreachable:
        say(f"  Not counted, for no case can reach it: {len(found.unreachable)}")
        for item in found.unreachable:
            say(f"    {item.kind} {item.name}: {one_line(item.unreachable, WIDTH)}")
    for kind, name in found.undeclared:
        say(f"  {kind} {name} happened, and the graph does not declare it.")
    for name, why in found.trouble.items():
        remark(f"Case {name} could not be run: {one_line(why, WIDTH)}")


def _missed(found: Coverage, kind: str) -> int:
    return sum(each.item.kind == kind for each in found.missed)
