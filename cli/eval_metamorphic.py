"""``graphwright eval metamorphic``: what may be done to a case without changing what it comes to, and whether so."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import click

from .errors import EXIT_GATE, EXIT_INTERRUPTED, EXIT_OK, usage
from .invocation import Command, Invocation, pass_invocation
from .output import emit, remark, say, table
from .safe_text import one_line

if TYPE_CHECKING:
    from graphwright.evals import Suite
    from graphwright.evals.metamorphic import Outcome, Relation

NAMES = ("permute", "resume", "rename", "deliver-twice")
"""The relations; their package is imported when they are tried."""
MAX_SHOWN = 20
"""Broken outcomes that are printed; --json has all."""
WIDTH = 400
"""Characters of a difference that are printed."""


@click.command(cls=Command)
@click.argument("suite")
@click.option("--relation", "names", type=click.Choice(NAMES), multiple=True, help="Only this relation; repeatable.")
@click.option("--case", "ids", metavar="ID", multiple=True, help="Only this case; repeatable.")
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="N of the cases, drawn by the seed.")
@click.option("--seed", type=int, default=0, metavar="N", help="For what is drawn, and the order of branches.")
@click.option("--concurrency", type=click.IntRange(min=1), default=4, show_default=True, help="Cases at a time.")
@click.option("--timeout", type=float, default=300.0, show_default=True, help="Seconds after which a run is given up.")
@pass_invocation
def metamorphic(
    invocation: Invocation,
    suite: str,
    names: tuple[str, ...],
    ids: tuple[str, ...],
    sample: int | None,
    seed: int,
    concurrency: int,
    timeout: float,
) -> int:
    """Try relations on the cases of SUITE (a name, a file, or `all`): what each comes to must stay the same.

    permute: parallel branches run in another order. resume: another process goes on after every step. rename: names
    that are declared to be free text are other ones. deliver-twice: the run, every decision and every call that may
    be repeated arrive twice. Ends with 4 where a relation is broken.
    """
    from graphwright.evals.metamorphic import RELATIONS, check_relations
    from graphwright.evals.project import Project

    from .eval_counting import counting  # rich
    from .eval_run import _suites
    from .session import settings_of

    project = Project(settings_of(invocation).project_dir)
    relations: list[Relation] = [each for each in RELATIONS if not names or each.name in names]
    found: list[Outcome] = []
    for each in _of_graphs(_suites(suite, project, ids), is_all=suite == "all"):
        try:
            with counting(each.name) as tell:
                outcomes = asyncio.run(
                    check_relations(
                        each,
                        project,
                        relations=relations,
                        ids=ids,
                        sample=sample,
                        seed=seed,
                        concurrency=concurrency,
                        timeout=timeout,
                        on_progress=tell,
                    )
                )
        except KeyboardInterrupt:
            remark(f"\nInterrupted in suite {each.name}; what was told before holds.")
            return EXIT_INTERRUPTED
        found += outcomes
        _tell(each, outcomes, invocation)
    return EXIT_GATE if any(each.verdict == "broken" for each in found) else EXIT_OK


def _of_graphs(suites: list[Suite], *, is_all: bool) -> list[Suite]:
    of_graphs = [each for each in suites if each.function is None]
    for each in suites:
        if each.function is not None and not is_all:
            usage(f"Suite {each.name!r} runs a function; relations are tried on graphs.")
    return of_graphs


def _tell(suite: Suite, outcomes: list[Outcome], invocation: Invocation) -> None:
    if invocation.json:
        for each in outcomes:
            emit(each.to_json())
        return
    from graphwright.evals.metamorphic import VERDICTS, counted

    say(f"{suite.name}: {len({each.case for each in outcomes})} cases on {suite.graph}")
    rows = [(name, *(row[verdict] for verdict in VERDICTS)) for name, row in counted(outcomes).items()]
    table(("RELATION", "HELD", "BROKEN", "NOT APPLICABLE"), rows)
    broken = [each for each in outcomes if each.verdict == "broken"]
    for each in broken[:MAX_SHOWN]:
        say(f"  {each.case}: {each.relation} is broken ({each.tried})")
        for difference in each.differences:
            say(f"    {one_line(difference, WIDTH)}")
    if len(broken) > MAX_SHOWN:
        say(f"  and {len(broken) - MAX_SHOWN} broken more; --json has all.")
    reasons = Counter((each.relation, each.reason) for each in outcomes if each.verdict == "not applicable")
    for (relation, reason), times in reasons.most_common():
        say(f"  {relation} does not apply to {times} of them: {one_line(reason, WIDTH)}")
