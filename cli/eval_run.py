"""``graphwright eval run``: run suites, print their scores, and end with 4 where a gate is not passed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .errors import EXIT_FAILED, EXIT_GATE, EXIT_INTERRUPTED, EXIT_OK, usage
from .invocation import Command, Invocation, pass_invocation
from .output import emit, remark, say, table

if TYPE_CHECKING:
    from graphwright.evals import Plan, Project, RunFolder, Suite
    from graphwright.evals.fanning import OpenPool
    from graphwright.evals.reporting import Report

FILE = click.Path(path_type=Path)
MAX_SHOWN = 20
"""Cases that failed that are printed; the rest are in the reports."""


@click.command(cls=Command)
@click.argument("suite")
@click.option("--case", "ids", metavar="ID", multiple=True, help="Only this case; repeatable.")
@click.option("--tag", "tags", metavar="TAG", multiple=True, help="Only cases with this tag; repeatable.")
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="N of the cases, drawn by the seed.")
@click.option("--epochs", type=click.IntRange(min=1), metavar="N", help="Run each case so often; as the suite says.")
@click.option("--model", default="", metavar="MODEL", help="For cases that name none, instead of the suite's.")
@click.option("--live", is_flag=True, help="Allow real models.")
@click.option("--seed", type=int, default=0, metavar="N", help="For what is drawn.")
@click.option("--concurrency", type=click.IntRange(min=1), default=4, show_default=True, help="Cases at a time.")
@click.option("--timeout", type=float, default=300.0, show_default=True, help="Seconds after which a case is given up.")
@click.option("--max-money", type=float, metavar="X", help="Start no more cases after so much money.")
@click.option("--max-tokens", type=int, metavar="N", help="Start no more cases after so many tokens.")
@click.option("--max-seconds", type=float, metavar="X", help="Start no more cases after so many seconds.")
@click.option("--cache", is_flag=True, help="Do not run again what is known: same graph, prompts, model and case.")
@click.option("--resume", metavar="RUN", help="Go on with an earlier run; `last` is the newest of the suite.")
@click.option(
    "--ray",
    metavar="ADDRESS",
    is_flag=False,
    flag_value="local",
    help="Fan out over Ray: `local` for this machine, or a cluster's address. Needs the extra `ray`.",
)
@click.option("--record", is_flag=True, help="Record the model's answers, so that `eval promote` can replay them.")
@click.option("--html", type=FILE, metavar="FILE", help="Write a report as one HTML page.")
@click.option("--junit", type=FILE, metavar="FILE", help="Write a report as JUnit XML.")
@click.option("--out", type=FILE, metavar="FILE", help="Write every result as a line of JSON.")
@pass_invocation
def run(
    invocation: Invocation,
    suite: str,
    ids: tuple[str, ...],
    tags: tuple[str, ...],
    sample: int | None,
    epochs: int | None,
    model: str,
    live: bool,
    seed: int,
    concurrency: int,
    timeout: float,
    max_money: float | None,
    max_tokens: int | None,
    max_seconds: float | None,
    cache: bool,
    resume: str | None,
    ray: str | None,
    record: bool,
    html: Path | None,
    junit: Path | None,
    out: Path | None,
) -> int:
    """Run SUITE (a name, a file, or `all`) and print its scores.

    Nothing leaves this machine unless --live is given. Results are kept in the state folder as they come; a run that
    was killed goes on with --resume. Ends with 4 where a gate is not passed, or cannot be told.
    """
    open_pool = _pool(ray)  # before anything else: what is missing is told at once
    from graphwright.evals.project import Project
    from graphwright.evals.runner import Choice, Limits, Plan

    from .session import settings_of

    settings = settings_of(invocation)
    root = settings.state / "evals"
    plan = Plan(
        epochs=epochs,
        model=model,
        concurrency=concurrency,
        seed=seed,
        live=live,
        choice=Choice(ids=ids, tags=tags, sample=sample),
        limits=Limits(money=max_money, tokens=max_tokens, seconds=max_seconds),
        cache=root / "cache" if cache else None,
        timeout=timeout,
        record=record,
    )
    project = Project(settings.project_dir)
    suites = _suites(suite, project, ids)
    if resume and len(suites) > 1:
        usage("--resume goes on with the run of one suite. Name the suite.")
    reports = []
    for each in suites:
        folder = _folder(each, project, plan, root, resume)
        try:
            report = _run(each, project, plan, folder, open_pool)
        except KeyboardInterrupt:
            remark(f"\nInterrupted; what was done is kept. Go on: graphwright eval run {each.name} --resume last")
            return EXIT_INTERRUPTED
        reports.append(report)
        _print(report, invocation)
    _write(reports, html, junit, out)
    if len(reports) > 1 and not invocation.json:
        _print_all(reports)
    return _status(reports)


def _suites(name: str, project: Project, ids: tuple[str, ...]) -> list[Suite]:
    from graphwright.evals.suite_files import find_suite, suite_places

    if name == "all":
        places = suite_places(project)
        if not places:
            usage("There is no suite here. `graphwright eval list` says where they are looked for.")
        return [find_suite(each, project) for each in places]
    suite = find_suite(name, project)
    known = {case.id for case in suite.cases} if ids else set()
    unknown = [each for each in ids if each not in known]
    if unknown:
        usage(f"Suite {suite.name!r} has no case {', '.join(map(repr, unknown))}.")
    return [suite]


def _folder(suite: Suite, project: Project, plan: Plan, root: Path, resume: str | None) -> RunFolder:
    from graphwright.evals.resuming import folder_to_resume
    from graphwright.evals.runner import new_run

    if resume is None:
        return new_run(suite, project, plan, root)
    return folder_to_resume(suite, project, root, resume)


def _pool(address: str | None) -> OpenPool | None:
    if address is None:
        return None
    from graphwright.evals.ray_pool import ray_pool

    return ray_pool(address)


def _run(suite: Suite, project: Project, plan: Plan, folder: RunFolder, open_pool: OpenPool | None) -> Report:
    from graphwright.evals.reporting import report_of
    from graphwright.evals.runner import run_suite

    from .eval_progress import eval_progress  # rich

    with eval_progress(suite.name) as tell:
        progress = asyncio.run(run_suite(suite, project, plan, folder, on_progress=tell, open_pool=open_pool))
    if progress.stopped:
        remark(f"{progress.stopped} Go on: graphwright eval run {suite.name} --resume last")
    return report_of(folder, suite.gates, total=progress.total)


def _print(report: Report, invocation: Invocation) -> None:
    if invocation.json:
        emit(report.to_json())
        return
    from .eval_text import print_report

    print_report(report, most=MAX_SHOWN)


def _print_all(reports: list[Report]) -> None:
    say("")
    rows: list[tuple[Any, ...]] = []
    for each in reports:
        first = each.scorers[0] if each.scorers else None
        counts = (first.passed, first.failed, first.unmeasured) if first else (0, 0, 0)
        rows.append((each.header.suite, *counts, each.verdict))
    table(("SUITE", "PASSED", "FAILED", "UNMEASURED", "GATES"), rows)


def _write(reports: list[Report], html: Path | None, junit: Path | None, out: Path | None) -> None:
    from graphwright.evals.report_files import write_reports

    for written in write_reports(reports, html=html, junit=junit, lines=out):
        remark(f"Written: {written}")


def _status(reports: list[Report]) -> int:
    if any(each.verdict == "nothing was run" for each in reports):
        return EXIT_FAILED
    return EXIT_OK if all(each.passed for each in reports) else EXIT_GATE
