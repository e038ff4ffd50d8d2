"""``graphwright runs``: what was run, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from .errors import EXIT_OK
from .invocation import Group, Invocation, pass_invocation
from .output import details, emit, moment, remark, since, table
from .safe_text import json_line

if TYPE_CHECKING:
    from graphwright.runtime import Approval, Run

STATUSES = ("queued", "running", "waiting", "blocked", "done", "failed", "cancelled")


@click.group(cls=Group, invoke_without_command=True)
@click.option("--status", type=click.Choice(STATUSES), help="Only runs with this status.")
@click.option("-n", "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most.")
@click.pass_context
def runs(context: click.Context, status: str | None, limit: int) -> int | None:
    """List the newest runs."""
    if context.invoked_subcommand is not None:
        return None
    from .session import Session, settings_of

    invocation = context.ensure_object(Invocation)
    settings = settings_of(invocation)
    with Session(settings) as session:
        found = session.run(session.runtime.runs.runs(tenant=settings.tenant, status=status, limit=limit))
    if invocation.json:
        for each in found:
            emit(asdict(each))
    elif found:
        now = time.time()
        rows = [(run.id, run.graph, run.status, since(run.created, now), text_of(run), run.thread_id) for run in found]
        table(("RUN", "GRAPH", "STATUS", "AGE", "INPUT", "THREAD"), rows)
    else:
        remark("There are no runs yet.")
    return EXIT_OK


@runs.command()
@click.argument("run_id", metavar="ID")
@pass_invocation
def show(invocation: Invocation, run_id: str) -> None:
    """Show one run: its input, its answer, its model, its prompts, and what people decided."""
    from graphwright.runtime import approval_data

    from .session import Session, settings_of

    with Session(settings_of(invocation)) as session:
        run = session.find_run(run_id)
        asked = session.run(session.runtime.approvals.of_run(run_id))
    if invocation.json:
        emit({**asdict(run), "approvals": [approval_data(each) for each in asked]})
        return
    details(_shown(run, asked))


@runs.command()
@click.argument("run_id", metavar="ID")
@pass_invocation
def pause(invocation: Invocation, run_id: str) -> None:
    """Let a run that another process moves stop at the end of its step; `resume` goes on with it."""
    from .session import Session, settings_of

    with Session(settings_of(invocation)) as session:
        run = session.run(session.runtime.pause(run_id))
    if invocation.json:
        emit(asdict(run))
    remark(f"Run {run.id} stops at the end of its step. Go on with: {invocation.program} resume {run.id}")


@runs.command()
@click.argument("run_id", metavar="ID")
@pass_invocation
def cancel(invocation: Invocation, run_id: str) -> None:
    """End a run for good, and withdraw what it asks."""
    from .session import Session, settings_of

    with Session(settings_of(invocation)) as session:
        session.find_run(run_id)
        run = session.run(session.runtime.cancel(run_id))
    if invocation.json:
        emit(asdict(run))
    remark(f"Run {run.id} is {run.status}.")


def text_of(run: Run) -> str:
    """What a run was asked, for a list."""
    messages = run.input.get("messages")
    if isinstance(messages, list) and messages and isinstance(messages[0], dict):
        return str(messages[0].get("content", ""))
    values = list(run.input.values())
    return values[0] if len(values) == 1 and isinstance(values[0], str) else json_line(dict(run.input))


def _shown(run: Run, asked: list[Approval]) -> dict[str, Any]:
    return {
        "id": run.id,
        "graph": run.graph,
        "status": run.status,
        "thread": run.thread_id,
        "user": run.user,
        "model": run.model,
        "created": moment(run.created),
        "updated": moment(run.updated),
        "usage": _usage_line(run.usage),
        "agents": "\n".join(f"{name}: {_usage_line(used)}" for name, used in run.usage.get("agents", {}).items()),
        "prompts": "\n".join(f"{name}@{version}" for name, version in run.prompts.items()),
        "approvals": "\n".join(_approval_line(each) for each in asked),
        "input": text_of(run),
        "output": run.output,
        "error": run.error,
    }


def _usage_line(usage: Mapping[str, Any]) -> str:
    counts = [f"{name} {count}" for name, count in usage.items() if isinstance(count, int) and count]
    cost = f"cost {usage['cost']:.4f} {usage.get('currency', '')}".rstrip() if usage.get("cost") else ""
    return ", ".join([*counts, *filter(None, [cost])])


def _approval_line(approval: Approval) -> str:
    decided = ""
    if approval.decision is not None:
        decided = f": {approval.decision.type} by {approval.decided_by} at {moment(approval.decided)}"
    return f"{approval.id} {approval.tool} {approval.status}{decided}"


COMMANDS = {"runs": runs}
