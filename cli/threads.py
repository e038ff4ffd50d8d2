"""``graphwright threads``: conversations and pieces of work that runs move along."""

from __future__ import annotations

import time
from dataclasses import asdict

import click

from .errors import EXIT_OK
from .invocation import Group, Invocation, pass_invocation
from .output import details, emit, moment, remark, since, table


@click.group(cls=Group, invoke_without_command=True)
@click.option("-n", "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most.")
@click.pass_context
def threads(context: click.Context, limit: int) -> int | None:
    """List the threads last used."""
    if context.invoked_subcommand is not None:
        return None
    from .session import Session, settings_of

    invocation = context.ensure_object(Invocation)
    settings = settings_of(invocation)
    with Session(settings) as session:
        found = session.run(session.runtime.runs.threads(tenant=settings.tenant, limit=limit))
    if invocation.json:
        for thread, count, status in found:
            emit({**asdict(thread), "runs": count, "status": status})
    elif found:
        now = time.time()
        rows = [
            (each.id, each.graph, count, status, since(each.updated, now), each.title) for each, count, status in found
        ]
        table(("THREAD", "GRAPH", "RUNS", "NEWEST", "USED", "TITLE"), rows)
    else:
        remark("There are no threads yet.")
    return EXIT_OK


@threads.command()
@click.argument("thread_id", metavar="ID")
@pass_invocation
def show(invocation: Invocation, thread_id: str) -> None:
    """Show one thread and its runs, oldest first."""
    from .runs import text_of
    from .session import Session, settings_of

    settings = settings_of(invocation)
    with Session(settings) as session:
        thread = session.run(session.runtime.runs.thread(thread_id))
        newest = session.run(session.runtime.runs.runs(tenant=settings.tenant, thread_id=thread_id, limit=1000))
    oldest = newest[::-1]
    if invocation.json:
        emit({**asdict(thread), "runs": [asdict(each) for each in oldest]})
        return
    details(
        {
            "id": thread.id,
            "graph": thread.graph,
            "user": thread.user,
            "created": moment(thread.created),
            "updated": moment(thread.updated),
        }
    )
    for run in oldest:
        details({f"\n{run.id}": run.status, "asked": text_of(run), "answered": run.output or run.error})


COMMANDS = {"threads": threads}
