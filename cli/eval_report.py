"""``graphwright eval report`` and ``eval runs``: what was run before."""

from __future__ import annotations

from pathlib import Path

import click

from .errors import EXIT_GATE, EXIT_OK
from .invocation import Command, Invocation, pass_invocation
from .output import emit, moment, remark, table

FILE = click.Path(path_type=Path)


@click.command(cls=Command)
@click.argument("run", required=False, default="last")
@click.option("--html", type=FILE, metavar="FILE", help="Write it as one HTML page.")
@click.option("--junit", type=FILE, metavar="FILE", help="Write it as JUnit XML.")
@click.option("--out", type=FILE, metavar="FILE", help="Write every result as a line of JSON.")
@pass_invocation
def report(invocation: Invocation, run: str, html: Path | None, junit: Path | None, out: Path | None) -> int:
    """Print the report of RUN (the newest, if left out) again, or write it to files."""
    from graphwright.evals.finding import find_run
    from graphwright.evals.report_files import write_reports
    from graphwright.evals.reporting import report_of

    from .eval_text import print_report
    from .session import settings_of

    found = report_of(find_run(settings_of(invocation).state / "evals", run))
    if invocation.json:
        emit(found.to_json())
    else:
        print_report(found, most=100)
    for written in write_reports([found], html=html, junit=junit, lines=out):
        remark(f"Written: {written}")
    return EXIT_OK if found.passed else EXIT_GATE


@click.command(cls=Command)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="So many.")
@pass_invocation
def runs(invocation: Invocation, limit: int) -> None:
    """List the runs of suites, the newest first."""
    from graphwright.evals.reporting import report_of
    from graphwright.evals.results import run_folders

    from .session import settings_of

    found = run_folders(settings_of(invocation).state / "evals")[:limit]
    reports = [report_of(each) for each in found]
    if invocation.json:
        for each in reports:
            emit(each.to_json())
        return
    rows = []
    for each in reports:
        first = each.scorers[0] if each.scorers else None
        mean = "" if first is None or first.mean is None else f"{first.mean:.3f}"
        rows.append((each.header.run, moment(each.header.started), each.header.model, each.runs, mean, each.verdict))
    table(("RUN", "STARTED", "MODEL", "RUNS", "MEAN", "GATES"), rows)
    if not rows:
        remark("Nothing was run yet. `graphwright eval run NAME` runs a suite; `graphwright eval list` lists them.")
