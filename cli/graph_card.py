"""``graphwright graphs card`` and ``check``: what a graph is, on one page, and whether that page is still true."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .errors import EXIT_FAILED, EXIT_OK
from .invocation import Command, Invocation, pass_invocation
from .output import emit, remark, say

if TYPE_CHECKING:
    from graphwright.graphs import Catalogue, GraphEntry
    from graphwright.runtime import Settings


@click.command(cls=Command)
@click.argument("name")
@click.option("--write", is_flag=True, help="Write the card beside the graph's code instead of printing it.")
@pass_invocation
def card(invocation: Invocation, name: str, write: bool) -> int:
    """Make the card of one graph out of its code: purpose, owner, agents, tools and labels, data, limits, picture.

    The results of the newest `graphwright eval run NAME` in this state folder stand on it too.
    """
    from graphwright.graphs.card import card_of, card_path, card_text

    from .session import build, catalogue_of, settings_of

    settings = settings_of(invocation)
    entry = catalogue_of(settings).get(name)
    facts = card_of(entry, build(entry, ()))
    results = _results(settings.state / "evals", name)
    if write:
        path = card_path(entry)
        path.write_text(card_text(facts, results), encoding="utf-8")
        remark(f"Wrote {path}.")
    elif invocation.json:
        emit({**facts, "results": list(results)})
    else:
        say(card_text(facts, results).rstrip())
    return EXIT_OK


def _results(root: Path, graph: str) -> Sequence[str]:
    """What the newest run of the graph's suite came to, a line for each scorer."""
    from graphwright.evals.reporting import report_of
    from graphwright.evals.results import run_folders

    newest = next((each for each in run_folders(root) if each.header.target == graph), None)
    if newest is None:
        return []
    report, header = report_of(newest), newest.header
    epochs = f", {header.epochs} epochs" if header.epochs > 1 else ""
    lines = [f"suite `{header.suite}` with {header.model}, {report.cases} cases{epochs}: {report.verdict}"]
    for each in report.scorers:
        interval = f" [{each.interval[0]:.3f}, {each.interval[1]:.3f}]" if each.interval else ""
        mean = f"{each.mean:.3f}{interval}" if each.mean is not None else "unmeasured"
        lines.append(f"{each.name}: {mean} ({each.passed} passed, {each.failed} failed, {each.unmeasured} unmeasured)")
    return lines


@click.command(cls=Command)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@pass_invocation
def check(invocation: Invocation, names: tuple[str, ...]) -> int:
    """Check graphs: that each loads and can be built, that its card says what its code says, and that its tools do not
    read strangers, hold private data and send out without anybody being asked.

    Without NAME every graph that has a card is checked, and every file that should hold one and cannot be loaded.
    Ends with 1 where something is wrong.
    """
    from .session import catalogue_of, settings_of

    settings = settings_of(invocation)
    catalogue = catalogue_of(settings)
    entries = [catalogue.get(name) for name in names] or [catalogue.entries[name] for name in sorted(catalogue.entries)]
    findings = [finding for entry in entries for finding in _findings(entry, settings, is_named=bool(names))]
    if not names:
        findings += _broken(catalogue)
    for graph, text in findings:
        if invocation.json:
            emit({"graph": graph, "finding": text})
        else:
            say(f"{graph}: {text}")
    remark(f"{len(entries)} graphs checked, {len(findings)} findings.")
    return EXIT_FAILED if findings else EXIT_OK


def _findings(entry: GraphEntry, settings: Settings, *, is_named: bool) -> Sequence[tuple[str, str]]:
    from graphwright.graphs.card import card_path, stale_lines

    from .errors import CliError
    from .session import build

    try:
        # Without the tools of a project: they are not the graph's, and its card must not change with them.
        graph = build(entry, ())
        lines = stale_lines(entry, graph)
    except CliError as error:
        return [(entry.name, str(error))]
    except FileNotFoundError:
        missing = f"it has no card ({card_path(entry)}). Write it: graphwright graphs card {entry.name} --write"
        return [(entry.name, missing), *_dangers(entry, graph, settings)] if is_named else []
    dangers = _dangers(entry, graph, settings)
    if not lines:
        return dangers
    shown = "\n".join(f"  {line}" for line in lines)
    how = f"Look at it, then: graphwright graphs card {entry.name} --write"
    return [(entry.name, f"{card_path(entry)} is stale.\n{shown}\n{how}"), *dangers]


def _dangers(entry: GraphEntry, graph: Any, settings: Settings) -> list[tuple[str, str]]:
    from graphwright.graphs.policy_check import policy_findings

    return [(entry.name, each) for each in policy_findings(graph, settings.policy)]


def _broken(catalogue: Catalogue) -> list[tuple[str, str]]:
    return [(each.source, f"it could not be loaded: {each.error}") for each in catalogue.broken]
