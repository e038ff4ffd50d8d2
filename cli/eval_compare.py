"""``graphwright eval compare``: is the new run better than the base?"""

from __future__ import annotations

from pathlib import Path

import click

from .errors import EXIT_GATE, EXIT_OK
from .invocation import Command, Invocation, pass_invocation
from .output import emit, remark, say, table

MAX_SHOWN = 50
"""Changed cases that are printed; --json has all."""


@click.command(cls=Command)
@click.argument("base")
@click.argument("new", required=False)
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write both runs as one HTML page.")
@pass_invocation
def compare(invocation: Invocation, base: str, new: str | None, html: Path | None) -> int:
    """Compare run NEW (the newest of the suite, if left out) with run BASE, case by case.

    A run is named by itself or by its suite: `support` is the newest of it, `support~1` the one before. Says better,
    worse or cannot tell, and why. Ends with 4 where the new run is worse.
    """
    from graphwright.evals.comparing import compare_runs
    from graphwright.evals.finding import find_run
    from graphwright.evals.html_report import comparison_page

    from .session import settings_of

    root = settings_of(invocation).state / "evals"
    old = find_run(root, base)
    folders = old, find_run(root, new or "last", suite=old.header.suite)
    compared = compare_runs(*folders)
    if html is not None:
        with html.open("w", encoding="utf-8") as file:
            file.writelines(comparison_page(compared, folders))
        remark(f"Written: {html}")
    if invocation.json:
        emit(compared.to_json())
        return EXIT_GATE if compared.verdict == "worse" else EXIT_OK
    say(f"{compared.base.run} → {compared.new.run}")
    for each in compared.scorers:
        say(f"{each.scorer}: {each.verdict.upper()}. {each.why}")
        rows = [(one.case, f"{one.base:.3f}", f"{one.new:.3f}") for one in each.changed[:MAX_SHOWN]]
        if rows:
            table(("CASE", "BASE", "NEW"), rows)
    for name, cases in (("base", compared.only_base), ("new run", compared.only_new)):
        if cases:
            remark(f"Only the {name} has {len(cases)} cases: {', '.join(cases[:5])}{' …' if len(cases) > 5 else ''}")
    for told in compared.remarks:
        remark(told)
    return EXIT_GATE if compared.verdict == "worse" else EXIT_OK
