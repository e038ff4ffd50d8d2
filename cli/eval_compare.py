"""``graphwright eval compare``: is the new run better than the base? Or, where nothing may change: is it the same?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .errors import EXIT_GATE, EXIT_OK, usage
from .invocation import Command, Invocation, pass_invocation
from .output import emit, remark, say, table

if TYPE_CHECKING:
    from graphwright.evals.comparing import RunComparison
    from graphwright.evals.results import RunFolder

MAX_SHOWN = 50
"""Changed cases that are printed; --json has all."""


@click.command(cls=Command)
@click.argument("base")
@click.argument("new", required=False)
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write both runs as one HTML page.")
@click.option("--identical", is_flag=True, help="Want the same scores, case by case; BASE may be `all`.")
@pass_invocation
def compare(invocation: Invocation, base: str, new: str | None, html: Path | None, identical: bool) -> int:
    """Compare run NEW (the newest of the suite, if left out) with run BASE, case by case.

    A run is named by itself or by its suite: `support` is the newest of it, `support~1` the one before. Says better,
    worse or cannot tell, and why. Ends with 4 where the new run is worse; with --identical, where any score differs.
    With --identical and BASE `all`, the newest run of each suite is compared with the one before.
    """
    from graphwright.evals.comparing import compare_runs
    from graphwright.evals.finding import find_run

    from .session import settings_of

    root = settings_of(invocation).state / "evals"
    if identical and base == "all":
        return _identical(_newest_pairs(root), invocation)
    old = find_run(root, base)
    folders = old, find_run(root, new or "last", suite=old.header.suite)
    compared = compare_runs(*folders)
    if html is not None:
        _write(compared, folders, html)
    if identical:
        if folders[0].path == folders[1].path:
            usage(f"{old.header.run} would be compared with itself. Name the one before: {old.header.suite}~1")
        return _identical([folders], invocation)
    if invocation.json:
        emit(compared.to_json())
    else:
        _print(compared)
    return EXIT_GATE if compared.verdict == "worse" else EXIT_OK


def _write(compared: RunComparison, folders: tuple[RunFolder, RunFolder], html: Path) -> None:
    from graphwright.evals.pages import comparison_page

    with html.open("w", encoding="utf-8") as file:
        file.writelines(comparison_page(compared, folders))
    remark(f"Written: {html}")


def _print(compared: RunComparison) -> None:
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


def _newest_pairs(root: Path) -> list[tuple[RunFolder, RunFolder]]:
    """Of every suite, the run before the newest and the newest."""
    from graphwright.evals.results import run_folders

    by_suite: dict[str, list[RunFolder]] = {}
    for each in run_folders(root):
        by_suite.setdefault(each.header.suite, []).append(each)
    alone = [name for name, runs in sorted(by_suite.items()) if len(runs) < 2]
    if alone or not by_suite:
        usage(f"There are no two runs of {', '.join(alone) or 'any suite'}. Run it twice: graphwright eval run all")
    return [(runs[1], runs[0]) for _, runs in sorted(by_suite.items())]


def _identical(pairs: Sequence[tuple[RunFolder, RunFolder]], invocation: Invocation) -> int:
    from graphwright.evals.identical import differences

    status = EXIT_OK
    for base, new in pairs:
        found = differences(base, new)
        runs = sum(1 for _ in new.results())
        if found or not runs:
            status = EXIT_GATE
        if invocation.json:
            told = {"suite": new.header.suite, "base": base.header.run, "new": new.header.run, "runs": runs}
            emit({**told, "identical": not found, "differences": [str(each) for each in found]})
            continue
        say(f"{new.header.suite}: {'DIFFERENT' if found else 'IDENTICAL'}: {runs} runs, {len(found)} differences")
        for each in found[:MAX_SHOWN]:
            say(f"  {each}")
    return status
