"""``graphwright approve``, ``reject``, ``edit`` and ``respond``: record a decision, then go on with the run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from .errors import EXIT_OK, CliError
from .invocation import Command, Invocation, pass_invocation
from .output import emit, remark
from .safe_text import call_text

if TYPE_CHECKING:
    from graphwright.runtime import Approval, Decision, Run
    from graphwright.tools import Tool

    from .session import Session

_PAST = {"approve": "Approved", "edit": "Edited", "reject": "Rejected", "respond": "Answered"}

no_continue = click.option("--no-continue", is_flag=True, help="Record the decision only; do not go on with the run.")


@click.command(cls=Command)
@click.argument("approval_id", metavar="ID")
@no_continue
@pass_invocation
def approve(invocation: Invocation, approval_id: str, no_continue: bool) -> int:
    """Let the call of question ID run exactly as it is shown, and go on with its run."""
    from graphwright.runtime import Approve

    return _decide(invocation, approval_id, lambda _: Approve(), no_continue)


@click.command(cls=Command)
@click.argument("approval_id", metavar="ID")
@click.option("-m", "--message", default="", metavar="TEXT", help="Why; it is told to the agent.")
@no_continue
@pass_invocation
def reject(invocation: Invocation, approval_id: str, message: str, no_continue: bool) -> int:
    """Refuse the call of question ID, and go on with its run."""
    from graphwright.runtime import Reject

    return _decide(invocation, approval_id, lambda _: Reject(message), no_continue)


@click.command(cls=Command)
@click.argument("approval_id", metavar="ID")
@click.option("--args", "arguments", metavar="JSON", help="The arguments; without it your editor opens.")
@no_continue
@pass_invocation
def edit(invocation: Invocation, approval_id: str, arguments: str | None, no_continue: bool) -> int:
    """Let the call of question ID run with other arguments, and go on with its run."""
    from graphwright.runtime import Edit

    from .editing import arguments_from, arguments_from_editor

    def decision(approval: Approval) -> Edit:
        if arguments is not None:
            return Edit(arguments_from(arguments))
        if approval.status != "pending" or "edit" not in approval.allowed:
            return Edit(approval.arguments)  # it will be refused with the reason; do not open an editor for that
        edited = arguments_from_editor(approval.arguments)
        if edited is None or edited == dict(approval.arguments):
            raise CliError(f"Nothing was changed and nothing was recorded; approval {approval.id} still waits.")
        return Edit(edited)

    return _decide(invocation, approval_id, decision, no_continue)


@click.command(cls=Command)
@click.argument("approval_id", metavar="ID")
@click.argument("text")
@no_continue
@pass_invocation
def respond(invocation: Invocation, approval_id: str, text: str, no_continue: bool) -> int:
    """Answer question ID with TEXT in place of the call's result, and go on with its run; - reads stdin."""
    from graphwright.runtime import Respond

    from .inputs import input_text

    answer = input_text(text, None, "").strip()
    return _decide(invocation, approval_id, lambda _: Respond(answer), no_continue)


def _decide(
    invocation: Invocation, approval_id: str, decision_on: Callable[[Approval], Decision], no_continue: bool
) -> int:
    from graphwright.runtime import ThreadBusy, approval_data

    from .driving import go_on, prepare
    from .session import Session, catalogue_of, settings_of

    settings = settings_of(invocation)
    with Session(settings, with_resources=not no_continue) as session:
        approval = session.run(session.runtime.approvals.get(approval_id))
        run = session.find_run(approval.run_id)
        decision = decision_on(approval)
        tool = _tool(session, run, approval.tool) if decision.type == "edit" else None
        recorded = session.run(session.runtime.decide(approval.id, decision, digest=approval.digest, tool=tool))
        if invocation.json:
            emit(approval_data(recorded))
        remark(_told(recorded))
        if no_continue:
            remark(f"Go on with: {invocation.program} resume {run.id}")
            return EXIT_OK
        try:
            return go_on(session, run, prepare(session, run, catalogue_of(settings)), invocation)
        except ThreadBusy as busy:
            remark(f"The decision is recorded. {busy}")
            return EXIT_OK


def _told(approval: Approval) -> str:
    from graphwright.runtime import Edit

    arguments = approval.decision.arguments if isinstance(approval.decision, Edit) else approval.arguments
    past = _PAST[approval.decision.type] if approval.decision else "Recorded"
    return f"{past}: {call_text(approval.tool, dict(arguments))} of {approval.run_id}."


def _tool(session: Session, run: Run, name: str) -> Tool | None:
    """The tool whose arguments are edited, so that they can be checked before they are recorded."""
    from .graph_parts import tool_of
    from .session import build, catalogue_of, remembered_tools, tools_of

    entry = catalogue_of(session.settings).get(run.graph)
    return tool_of(build(entry, tools_of(session.settings, remembered_tools(run))), name)


COMMANDS = {"approve": approve, "reject": reject, "edit": edit, "respond": respond}
