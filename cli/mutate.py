"""``graphwright mutate``: break the graph of a suite on purpose, and see whether its cases notice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from .errors import EXIT_GATE, EXIT_INTERRUPTED, EXIT_OK, usage
from .invocation import Command, Invocation, pass_invocation
from .output import emit, remark, say, table
from .safe_text import one_line

if TYPE_CHECKING:
    from graphwright.evals import Project, Suite
    from graphwright.evals.mutation import Plan, Report

MAX_REASON = 400
"""Characters of why a mutant survived that are printed; --json has all."""


@click.command(cls=Command)
@click.argument("suite", required=False)
@click.option("--operator", "operators", metavar="NAME", multiple=True, help="Only this kind of mistake; repeatable.")
@click.option("--mutant", "only", metavar="ID", multiple=True, help="Only this mutant; repeatable.")
@click.option("--model", default="", metavar="MODEL", help="For cases that name none, instead of the suite's.")
@click.option("--live", is_flag=True, help="Allow real models.")
@click.option("--timeout", type=float, default=60.0, show_default=True, help="Seconds after which a case has failed.")
@click.option("--at-least", type=click.FloatRange(0, 1), metavar="SHARE", help="End with 4 if fewer are killed.")
@click.option("--no-idle", is_flag=True, help="Do not look for cases that kill nothing.")
@click.option("--resume", is_flag=True, help="Go on with an interrupted one, if nothing has changed since.")
@click.option("--operators", "listed", is_flag=True, help="List the kinds of mistakes, and end.")
@pass_invocation
def mutate(
    invocation: Invocation,
    suite: str | None,
    operators: tuple[str, ...],
    only: tuple[str, ...],
    model: str,
    live: bool,
    timeout: float,
    at_least: float | None,
    no_idle: bool,
    resume: bool,
    listed: bool,
) -> int:
    """Break the graph of SUITE (a name, a file, or `all`) on purpose, and see whether its cases notice.

    Each mutant is the graph with one mistake: a tool is missing, an edge leads elsewhere, an approval is skipped. A
    suite kills it if a case fails that passes on the graph as it is. Survivors are listed with what nobody looked
    at and the case to add. Nothing leaves this machine unless --live is given.
    """
    from graphwright.evals.mutation import OPERATORS, Plan
    from graphwright.evals.project import Project

    from .session import settings_of

    if listed:
        return _list(invocation)
    if suite is None:
        usage("Which suite? `graphwright eval list` lists them; `graphwright mutate --operators` the mistakes.")
    if suite == "all" and only:
        usage("A mutant is one of one suite: name the suite instead of `all`.")
    unknown = [each for each in operators if each not in OPERATORS]
    if unknown:
        usage(f"There is no operator {', '.join(map(repr, unknown))}. There are: {', '.join(OPERATORS)}.")
    settings = settings_of(invocation)
    project = Project(settings.project_dir)
    plan = Plan(operators=operators, only=only, model=model, timeout=timeout, live=live, idle=not no_idle)
    reports = []
    for each in _suites(suite, project):
        try:
            report = _mutate(each, project, plan, settings.state / "mutants", resume=resume)
        except KeyboardInterrupt:
            remark(f"\nInterrupted; what was tried is kept. Go on: graphwright mutate {suite} --resume")
            return EXIT_INTERRUPTED
        reports.append(report)
        _print(report, invocation)
    if len(reports) > 1 and not invocation.json:
        _print_all(reports)
    return _status(reports, at_least)


def _suites(name: str, project: Project) -> list[Suite]:
    from graphwright.evals.suite_files import find_suite, suite_places

    if name != "all":
        return [find_suite(name, project)]
    found = [find_suite(each, project) for each in suite_places(project)]
    return [each for each in found if each.function is None and each.runtime != "bare"]


def _mutate(suite: Suite, project: Project, plan: Plan, root: Any, *, resume: bool) -> Report:
    from graphwright.evals.mutation import mutate
    from graphwright.evals.mutation.keeping import Kept

    from .mutate_progress import mutate_progress  # rich

    kept = Kept.of(suite, project, plan.model, root)
    known = kept.known() if resume else []
    if not plan.only:
        kept.begin(known)
    with mutate_progress(suite.name) as tell:
        on_tried = None if plan.only else kept.add
        return asyncio.run(mutate(suite, project, plan, known=known, on_progress=tell, on_tried=on_tried))


def _list(invocation: Invocation) -> int:
    from graphwright.evals.mutation import OPERATORS, sentence_of

    for name in OPERATORS if invocation.json else ():
        emit({"operator": name, "mistake": sentence_of(name)})
    if not invocation.json:
        table(("OPERATOR", "MISTAKE"), [(name, sentence_of(name)) for name in OPERATORS])
    return EXIT_OK


def _print(report: Report, invocation: Invocation) -> None:
    from graphwright.evals.mutation.results import FATES

    if invocation.json:
        emit(report.to_json())
        return
    say(f"{report.suite}: {_score(report)} of {len(report.tried)} mutants of {report.graph}, {report.cases} cases")
    operators = dict.fromkeys(each.operator for each in report.tried)
    rows = [(name, *(report.count(fate, name) or "" for fate in FATES)) for name in operators]
    table(("OPERATOR", *(fate.upper() for fate in FATES)), rows)
    for each in report.survivors:
        say(f"  {each.mutant}: {each.mistake} {one_line(each.reason, MAX_REASON)}")
    alike: dict[str, list[str]] = {}
    for each in report.tried:
        if each.fate == "equivalent":
            alike.setdefault(each.reason, []).append(each.mutant)
    for reason, mutants in alike.items():
        say(f"  Equivalent: {', '.join(mutants)}. {one_line(reason, MAX_REASON)}")
    if report.failing:
        say(f"  Fail already without a mistake, and so kill nothing: {', '.join(report.failing)}")
    for idle in report.idle:
        why = "notices no mistake where it comes by" if idle.touches else "comes by nothing that was broken"
        say(f"  Case {idle.case} kills nothing: it {why}.")


def _print_all(reports: list[Report]) -> None:
    say("")
    rows = [
        (each.suite, each.count("killed"), each.count("survived"), each.count("equivalent"), _score(each))
        for each in reports
    ]
    table(("SUITE", "KILLED", "SURVIVED", "EQUIVALENT", "SCORE"), rows)


def _score(report: Report) -> str:
    return "nothing to tell" if report.score is None else f"{report.score:.1%} killed"


def _status(reports: list[Report], at_least: float | None) -> int:
    """The exit code; a suite with fewer kills than wanted is named."""
    missed = [each for each in reports if at_least is not None and (each.score is None or each.score < at_least)]
    for each in missed:
        remark(f"Suite {each.suite}: {_score(each)}, and at least {at_least:.1%} were wanted.")
    return EXIT_GATE if missed else EXIT_OK


COMMANDS = {"mutate": mutate}
