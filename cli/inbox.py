"""``graphwright inbox``: what waits for a person."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from .approval_text import how_far, step_text, until_when, who_may
from .asking import how_to_answer
from .errors import EXIT_OK, report
from .invocation import Group, Invocation, pass_invocation
from .output import details, emit, moment, remark, since, table
from .safe_text import call_text, json_line

if TYPE_CHECKING:
    from graphwright.runtime import Approval
    from graphwright.runtime.errors import DamagedRow


PAGE = 50
"""Questions that a list for people shows where no number is given."""


@click.group(cls=Group, invoke_without_command=True)
@click.option("--limit", type=click.IntRange(min=1), help=f"At most so many (a table: {PAGE}; --json: all).")
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Leave out so many of the oldest.")
@click.pass_context
def inbox(context: click.Context, limit: int | None, offset: int) -> int | None:
    """List the questions that wait for a person, oldest first."""
    if context.invoked_subcommand is not None:
        return None
    from graphwright.runtime import approval_data

    from .session import Session, settings_of
    from .unknown import list_unknown

    invocation = context.ensure_object(Invocation)
    with Session(settings_of(invocation)) as session:
        most = limit or (None if invocation.json and not offset else PAGE)
        approvals = session.runtime.approvals
        damaged: list[DamagedRow] = []
        waiting = session.run(approvals.pending(limit=most, offset=offset, damaged=damaged))
        is_page = bool(offset) or len(waiting) + len(damaged) == most
        count = session.run(approvals.count_pending()) - len(damaged) if is_page else len(waiting)
        has_unknown = list_unknown(session, invocation, damaged)
    if invocation.json:
        for each in waiting:
            emit(approval_data(each))
    elif waiting:
        table(("ID", "SINCE", "AGENT", "CALL", "WHY", "WHO", "UNTIL", "RUN"), [_row(each) for each in waiting])
        if (left := count - offset - len(waiting)) > 0:
            remark(f"{left:,} more wait: --offset {offset + len(waiting)} shows the next.")
    elif count:
        remark(f"{count:,} wait for a person, and --offset {offset} leaves out all of them.")
    elif not has_unknown and not damaged:
        remark("Nothing waits for a person.")
    return max((report(each) for each in damaged), default=EXIT_OK)


@inbox.command()
@click.argument("approval_id", metavar="ID")
@pass_invocation
def show(invocation: Invocation, approval_id: str) -> None:
    """Show one question: the whole arguments, why it is asked, and how to answer."""
    from graphwright.runtime import approval_data

    from .session import Session, settings_of

    with Session(settings_of(invocation)) as session:
        approval = session.run(session.runtime.approvals.get(approval_id))
    if invocation.json:
        emit(approval_data(approval))
        return
    details(_shown(approval))
    if approval.status == "pending":
        for command in how_to_answer(approval, invocation.program):
            remark(f"    {command}")


def _row(approval: Approval) -> tuple[str, ...]:
    call = call_text(approval.tool, dict(approval.arguments))
    age = since(approval.asked, time.time())
    who = " · ".join(filter(None, (who_may(approval), how_far(approval))))
    return approval.id, age, approval.agent, call, approval.reason, who, until_when(approval), approval.run_id


def _shown(approval: Approval) -> dict[str, str]:
    values = {
        "id": approval.id,
        "status": approval.status,
        "tool": approval.tool,
        "agent": approval.agent,
        "why": approval.reason,
        "run": approval.run_id,
        "thread": approval.thread_id,
        "asked": moment(approval.asked),
        "allowed": ", ".join(approval.allowed),
        "who": who_may(approval),
    }
    if approval.status == "pending":
        told = {"approved": how_far(approval), "until": until_when(approval)}
        values.update({name: text for name, text in told.items() if text})
    for name, value in approval.arguments.items():
        values[f"  {name}"] = value if isinstance(value, str) else json_line(value)
    if approval.steps:
        values["steps"] = "\n".join(step_text(step) for step in approval.steps)
    if approval.decision is not None:
        values["decision"] = f"{approval.decision.type} by {approval.decided_by} at {moment(approval.decided)}"
    return values


COMMANDS = {"inbox": inbox}
