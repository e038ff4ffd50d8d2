"""``graphwright approve``, ``reject``, ``edit``, ``respond`` and ``delegate``: record it, then go on with the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypedDict, TypeVar

import click
from typing_extensions import Unpack

from .approval_text import still_waits
from .errors import EXIT_OK, EXIT_WAITING, CliError
from .invocation import Command, Invocation, pass_invocation
from .output import emit, remark
from .safe_text import call_text

if TYPE_CHECKING:
    from graphwright.runtime import Approval, Decision, Person, Run
    from graphwright.tools import Tool

    from .session import Session

C = TypeVar("C", bound=Callable[..., int])
_PAST = {"approve": "Approved", "edit": "Edited", "reject": "Rejected", "respond": "Answered"}


class How(TypedDict):
    """The options that every decision takes."""

    by: str | None
    roles: tuple[str, ...]
    comment: str
    no_continue: bool


def how(command: C) -> C:
    """Add those options to a command."""
    for option in (
        click.option("--no-continue", is_flag=True, help="Record the decision only; do not go on with the run."),
        click.option(
            "--comment", default="", metavar="TEXT", help="A remark for people; it is kept with the decision."
        ),
        click.option("--role", "roles", multiple=True, metavar="R", help="A role of whoever decides; may be repeated."),
        click.option("--by", metavar="NAME", help="Who decides, where it is not the user of the settings."),
    ):
        command = option(command)
    return command


@click.command(cls=Command)
@click.argument("approval_ids", metavar="ID...", nargs=-1, required=True)
@how
@pass_invocation
def approve(invocation: Invocation, approval_ids: tuple[str, ...], **options: Unpack[How]) -> int:
    """Let the call of question ID run exactly as it is shown, and go on with its run.

    Several IDs are approved together, all or none, if they ask for the very same call.
    """
    from graphwright.runtime import Approve

    ids = list(dict.fromkeys(approval_ids))
    if len(ids) > 1:
        return _approve_together(invocation, ids, options)
    return _decide(invocation, ids[0], lambda _: Approve(options["comment"]), options)


@click.command(cls=Command)
@click.argument("approval_id", metavar="ID")
@click.option("-m", "--message", default="", metavar="TEXT", help="Why; it is told to the agent.")
@how
@pass_invocation
def reject(invocation: Invocation, approval_id: str, message: str, **options: Unpack[How]) -> int:
    """Refuse the call of question ID, and go on with its run."""
    from graphwright.runtime import Reject

    return _decide(invocation, approval_id, lambda _: Reject(message, options["comment"]), options)


@click.command(cls=Command)
@click.argument("approval_id", metavar="ID")
@click.option("--args", "arguments", metavar="JSON", help="The arguments; without it your editor opens.")
@how
@pass_invocation
def edit(invocation: Invocation, approval_id: str, arguments: str | None, **options: Unpack[How]) -> int:
    """Let the call of question ID run with other arguments, and go on with its run."""
    from graphwright.runtime import Edit

    from .editing import arguments_from, arguments_from_editor

    def decision(approval: Approval) -> Edit:
        if arguments is not None:
            return Edit(arguments_from(arguments), options["comment"])
        if approval.status != "pending" or "edit" not in approval.allowed:
            return Edit(approval.arguments)  # it will be refused with the reason; do not open an editor for that
        edited = arguments_from_editor(approval.arguments)
        if edited is None or edited == dict(approval.arguments):
            raise CliError(f"Nothing was changed and nothing was recorded; approval {approval.id} still waits.")
        return Edit(edited, options["comment"])

    return _decide(invocation, approval_id, decision, options)


@click.command(cls=Command)
@click.argument("approval_id", metavar="ID")
@click.argument("text")
@how
@pass_invocation
def respond(invocation: Invocation, approval_id: str, text: str, **options: Unpack[How]) -> int:
    """Answer question ID with TEXT in place of the call's result, and go on with its run; - reads stdin."""
    from graphwright.runtime import Respond

    from .inputs import input_text

    answer = input_text(text, None, "").strip()
    return _decide(invocation, approval_id, lambda _: Respond(answer, options["comment"]), options)


@click.command(cls=Command)
@click.argument("approval_id", metavar="ID")
@click.argument("to", metavar="NAME")
@click.option("--comment", default="", metavar="TEXT", help="A remark for NAME; it is kept.")
@click.option("--role", "roles", multiple=True, metavar="R", help="A role of yours; may be repeated.")
@click.option("--by", metavar="YOU", help="Who hands it on, where it is not the user of the settings.")
@pass_invocation
def delegate(
    invocation: Invocation, approval_id: str, to: str, by: str | None, roles: tuple[str, ...], comment: str
) -> int:
    """Hand your say on question ID to NAME, who needs no role for it; you may not answer it any more."""
    from graphwright.runtime import approval_data

    from .session import Session, settings_of

    with Session(settings_of(invocation)) as session:
        who = session.runtime.person(by, roles or None)
        broker = session.runtime.approvals
        handed = session.run(broker.delegate(approval_id, by=who.name, roles=who.roles, to=to, comment=comment))
    if invocation.json:
        emit(approval_data(handed))
    remark(f"{call_text(handed.tool, dict(handed.arguments))} of {handed.run_id} now waits for {to}, too.")
    return EXIT_OK


def _decide(invocation: Invocation, approval_id: str, decision_on: Callable[[Approval], Decision], options: How) -> int:
    from .session import Session, settings_of

    settings = settings_of(invocation)
    with Session(settings, with_resources=not options["no_continue"]) as session:
        who = _who(session, options)
        approval = session.run(session.runtime.approvals.get(approval_id))
        run = session.find_run(approval.run_id)
        decision = decision_on(approval)
        tool = _tool(session, run, approval.tool) if decision.type == "edit" else None
        recorded = session.run(
            session.runtime.decide(
                approval.id, decision, by=who.name, roles=who.roles, digest=approval.digest, tool=tool
            )
        )
        return _go_on(session, [recorded], invocation, options)


def _approve_together(invocation: Invocation, approval_ids: Sequence[str], options: How) -> int:
    from .session import Session, settings_of

    settings = settings_of(invocation)
    with Session(settings, with_resources=not options["no_continue"]) as session:
        who, broker = _who(session, options), session.runtime.approvals
        shown = {each: session.run(broker.get(each)).digest for each in approval_ids}
        recorded = session.run(broker.approve_alike(shown, by=who.name, roles=who.roles, comment=options["comment"]))
        return _go_on(session, recorded, invocation, options)


def _who(session: Session, options: How) -> Person:
    return session.runtime.person(options["by"], options["roles"] or None)


def _go_on(session: Session, recorded: Sequence[Approval], invocation: Invocation, options: How) -> int:
    """Tell what was recorded and go on with each run that has a decision; the worst exit status counts."""
    from graphwright.runtime import approval_data

    for each in recorded:
        if invocation.json:
            emit(approval_data(each))
        remark(_told(each))
    decided = list(dict.fromkeys(each.run_id for each in recorded if each.decision is not None))
    status = EXIT_OK if len(decided) == len({each.run_id for each in recorded}) else EXIT_WAITING
    for run_id in decided:
        if options["no_continue"]:
            remark(f"Go on with: {invocation.program} resume {run_id}")
        else:
            status = max(status, _drive(session, session.find_run(run_id), invocation))
    return status


def _drive(session: Session, run: Run, invocation: Invocation) -> int:
    from graphwright.runtime import ThreadBusy

    from .driving import go_on, prepare
    from .session import catalogue_of

    try:
        return go_on(session, run, prepare(session, run, catalogue_of(session.settings)), invocation)
    except ThreadBusy as busy:
        remark(f"The decision is recorded. {busy}")
        return EXIT_OK


def _told(approval: Approval) -> str:
    call = f"{call_text(approval.tool, dict(approval.arguments))} of {approval.run_id}"
    if approval.decision is None:
        return f"Recorded for {call}: {still_waits(approval)}."
    return f"{_PAST[approval.decision.type]}: {call}."


def _tool(session: Session, run: Run, name: str) -> Tool | None:
    """The tool whose arguments are edited, so that they can be checked before they are recorded."""
    from graphwright.graphs.parts import tool_of

    from .session import build, catalogue_of, remembered_tools, tools_of

    entry = catalogue_of(session.settings).get(run.graph)
    return tool_of(build(entry, tools_of(session.settings, remembered_tools(run))), name)


COMMANDS = {"approve": approve, "reject": reject, "edit": edit, "respond": respond, "delegate": delegate}
