"""``graphwright threads``: conversations and pieces of work that runs move along."""

from __future__ import annotations

import time
from dataclasses import asdict

import click

from .errors import EXIT_FAILED, EXIT_OK, usage
from .invocation import Group, Invocation, pass_invocation
from .output import details, emit, moment, remark, say, since, table


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


@threads.command()
@click.argument("thread_id", metavar="ID")
@pass_invocation
def copy(invocation: Invocation, thread_id: str) -> None:
    """Copy a thread with all that belongs to it; the copy goes on by itself. Refused while the thread is busy."""
    from graphwright.runtime.threads_admin import copy_thread

    from .session import Session, settings_of

    with Session(settings_of(invocation)) as session:
        made = session.run(copy_thread(session.runtime, thread_id))
    if invocation.json:
        emit(asdict(made))
    else:
        say(made.id)
    remark(f"Thread {thread_id} was copied to {made.id}.")


@threads.command()
@click.argument("thread_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_invocation
def delete(invocation: Invocation, thread_id: str, yes: bool) -> int:
    """Delete a thread and everything of it: runs, state, journal, approvals. Refused while the thread is busy.

    What its tools did stays done. The audit log keeps its rows.
    """
    from graphwright.runtime.threads_admin import delete_thread

    from .asking import can_ask, read_line
    from .session import Session, settings_of

    if not yes and can_ask() and (read_line(f"Delete {thread_id} for good? [y/N] ") or "").strip().lower() != "y":
        remark("Nothing was deleted.")
        return EXIT_FAILED
    with Session(settings_of(invocation)) as session:
        gone = session.run(delete_thread(session.runtime, thread_id))
    if invocation.json:
        emit({"thread": thread_id, "deleted": gone})
    remark(f"Thread {thread_id} was deleted: {', '.join(f'{name} {count}' for name, count in gone.items())}.")
    return EXIT_OK


@threads.command()
@click.argument("thread_ids", metavar="[ID]...", nargs=-1)
@click.option("--keep", type=click.IntRange(1), metavar="N", help="Leave the newest N checkpoints of each thread.")
@click.option("--older-than", "age", metavar="AGE", help="Remove only what is older, such as 30d or 12h.")
@pass_invocation
def prune(invocation: Invocation, thread_ids: tuple[str, ...], keep: int | None, age: str | None) -> int:
    """Remove old checkpoints of threads, of all if none is named; never one that a run or a history still needs.

    Without options the settings keep_checkpoints and retention_days say what goes.
    """
    from graphwright.runtime.pruning import prune_thread

    from .session import Session, settings_of

    settings = settings_of(invocation)
    seconds = seconds_of(age) if age else None
    if keep is None and seconds is None:
        keep, days = settings.keep_checkpoints, settings.retention_days
        seconds = days * 86400 if days is not None else None
    if keep is None and seconds is None:
        usage("Say what goes: --keep N, --older-than AGE, or keep_checkpoints or retention_days in graphwright.toml.")
    with Session(settings) as session:
        named = [session.run(session.runtime.runs.thread(each)).id for each in thread_ids]
        every = session.run(session.runtime.runs.threads(tenant=settings.tenant, limit=1_000_000)) if not named else []
        found = [
            session.run(prune_thread(session.runtime, each, keep=keep or 1, older_than=seconds))
            for each in (named or [thread.id for thread, _, _ in every])
        ]
    if invocation.json:
        for each in found:
            emit(asdict(each))
    for each in found:
        if each.skipped:
            remark(f"Left out: {each.skipped}")
    remark(f"{sum(each.removed for each in found)} checkpoints were removed, {sum(each.kept for each in found)} kept.")
    return EXIT_OK


def seconds_of(age: str) -> float:
    """An age such as ``30d``, ``12h``, ``15m`` or ``90s`` in seconds.

    Raises:
        CliError: a usage error, if it is none.
    """
    units = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
    number = age[:-1]
    if age[-1:] not in units or not number.replace(".", "", 1).isdigit():
        usage(f"{age!r} is no age. Write a number and d, h, m or s, such as 30d.")
    return float(number) * units[age[-1]]


COMMANDS = {"threads": threads}
