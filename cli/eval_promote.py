"""``graphwright eval promote`` and ``eval diff``: real runs become cases; recordings that miss are explained."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from .errors import EXIT_FAILED, EXIT_OK, CliError, usage
from .invocation import Command, Invocation, pass_invocation
from .output import emit, remark, say

if TYPE_CHECKING:
    from graphwright.evals.observed import Observed
    from graphwright.evals.promote import Promoted
    from graphwright.evals.scorers import Score

MISS = "No recording in"
"""How a request that no recording answers is told."""


@click.command(cls=Command)
@click.argument("run")
@click.option("--to", type=click.Path(path_type=Path), metavar="FILE", help="The YAML file; evals/GRAPH-promoted.yaml.")
@click.option("--id", "case_id", default="", metavar="ID", help="Of the case; made from the run's if left out.")
@click.option("--print", "only_print", is_flag=True, help="Print the case instead of writing it.")
@click.option("--unchecked", is_flag=True, help="Do not run the case to see whether it comes to the same.")
@pass_invocation
def promote(invocation: Invocation, run: str, to: Path | None, case_id: str, only_print: bool, unchecked: bool) -> int:
    """Make a case of RUN (or of the newest run of a thread): input, answers of models and people, outcome.

    Secrets are replaced by marks. The case is run once, offline, to see whether it comes to the same.
    """
    import yaml

    from graphwright.evals.promote import add_to_file, is_worthless

    from .session import settings_of

    settings = settings_of(invocation)
    promoted, entry = _promoted(invocation, run, case_id)
    for told in promoted.remarks:
        remark(told)
    if is_worthless(promoted.case):
        raise CliError(
            f"An agent that does and says nothing would pass a case made of run {run}: it answered nothing, called "
            "nothing and asked nobody. Promote a run that did something."
        )
    if only_print:
        say(yaml.safe_dump([dict(promoted.written)], sort_keys=False, allow_unicode=True, width=110).rstrip())
    else:
        target = to or settings.project_dir / "evals" / f"{entry.name}-promoted.yaml"
        if to is None and (settings.project_dir / "evals" / "case_files.py").exists():
            usage("This is Graphwright's own checkout. Name the file: --to examples/NAME/cases.yaml")
        add_to_file(promoted, target)
        say(f"{target}: case {promoted.case.id}")
    if unchecked:
        return EXIT_OK
    score, observed = asyncio.run(_checked(settings.project_dir, entry.name, promoted))
    if score.outcome == "pass":
        remark("It was run offline and comes to the same.")
        return EXIT_OK
    why = score.reason or observed.trouble
    remark(f"Run offline it does not come to the same: {why} Change what it expects, or what its world begins with.")
    return EXIT_FAILED


def _promoted(invocation: Invocation, run: str, case_id: str) -> tuple[Promoted, Any]:
    from graphwright.evals.promote import PromotionProblem
    from graphwright.evals.promote import promote as make

    from .session import Session, build, catalogue_of, remembered_tools, settings_of, tools_of

    settings = settings_of(invocation)
    with Session(settings) as session:
        if run.startswith("thread_"):
            of_thread = session.run(session.runtime.runs.runs(tenant=settings.tenant, thread_id=run, limit=1))
            if not of_thread:
                usage(f"There is no thread {run!r} with a run. `graphwright threads` lists them.")
            run = of_thread[0].id
        found = session.find_run(run)
        entry = catalogue_of(settings).get(found.graph)
        graph = build(entry, tools_of(settings, remembered_tools(found)))
        try:
            return session.run(make(session.runtime, run, entry, graph, case_id=case_id)), entry
        except PromotionProblem as problem:
            raise CliError(str(problem)) from problem


async def _checked(project: Path, graph: str, promoted: Promoted) -> tuple[Score, Observed]:
    from graphwright.evals.project import Project
    from graphwright.evals.sandbox_run import Sandboxes
    from graphwright.evals.scorers import verdict

    found = Project(project)
    entry = found.catalogue.get(graph)
    with TemporaryDirectory(prefix="graphwright-promote-", ignore_cleanup_errors=True) as folder:
        sandboxes = Sandboxes(found, entry, found.build(entry), Path(folder))
        try:
            observed = await sandboxes.observe(promoted.case)
        finally:
            sandboxes.close()
    return verdict(promoted.case, observed), observed


@click.command(cls=Command)
@click.argument("suite")
@click.option("--case", "ids", metavar="ID", multiple=True, help="Only this case; repeatable.")
@pass_invocation
def diff(invocation: Invocation, suite: str, ids: tuple[str, ...]) -> int:
    """Replay the recordings of SUITE and explain each request that they no longer answer.

    Names the first difference to the nearest recording and what kind it is: prompt, schema, tool output, order.
    """
    from dataclasses import replace

    from graphwright.evals.project import Project
    from graphwright.evals.results import RunFolder
    from graphwright.evals.runner import Choice, Plan, new_run, run_suite
    from graphwright.evals.suite_files import find_suite

    from .session import settings_of

    project = Project(settings_of(invocation).project_dir)
    found = find_suite(suite, project)
    recorded = [each for each in found.cases if each.cassette and (not ids or each.id in ids)]
    if not recorded:
        usage(f"No case of suite {found.name!r} has a cassette{' among those' if ids else ''}.")
    with TemporaryDirectory(prefix="graphwright-diff-", ignore_cleanup_errors=True) as scratch:
        plan = Plan(choice=Choice(ids=tuple(each.id for each in recorded)))
        folder: RunFolder = new_run(replace(found, epochs=1), project, plan, Path(scratch))
        asyncio.run(run_suite(found, project, plan, folder))
        missed = [each for each in folder.results() if MISS in each.error]
    for each in missed:
        if invocation.json:
            emit({"case": each.case, "source": each.source, "miss": each.error})
        else:
            say(f"{each.case}: {each.error}")
    remark(f"{len(recorded)} recorded cases, {len(missed)} with a request that no recording answers.")
    return EXIT_FAILED if missed else EXIT_OK
