"""Ask the person at the terminal, on the spot, about a call that waits."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from .approval_text import how_far, until_when, who_may
from .editing import arguments_from_editor
from .errors import CliError, usage
from .output import remark
from .safe_text import call_text, json_line, one_line, shown

if TYPE_CHECKING:
    from graphwright.runtime import Approval, Decision

_KEYS = {"approve": "a", "edit": "e", "reject": "r", "respond": "t"}
_WORDS = {"approve": "[a]pprove", "edit": "[e]dit", "reject": "[r]eject", "respond": "[t]ype an answer"}


def can_ask() -> bool:
    """Whether somebody sits at the terminal: questions go to stderr, answers come from stdin."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def show_question(approval: Approval) -> None:
    """The question on stderr: who wants to do what, with which arguments, and why it is asked.

    What comes from models is indented behind a bar, so that it cannot pass for a line of ours.
    """
    remark()
    if approval.tool == "interrupt":
        remark("? The graph asks:")
    else:
        remark(f"? {one_line(approval.agent or 'The graph', 64)} wants to call {one_line(approval.tool, 200)}:")
    remark(_behind_bar(approval.reason))
    for label, text in (
        ("who may decide", "" if (who := who_may(approval)) == "anybody" else who),
        ("approved so far", how_far(approval)),
        ("until", until_when(approval)),
    ):
        if text:
            remark(f"    ({label}: {one_line(text)})")
    for name, value in approval.arguments.items():
        text = value if isinstance(value, str) else json_line(value)
        many = "\n" in text
        remark(f"    {one_line(name)}:{'' if many else ' ' + text}")
        if many:
            remark(_behind_bar(text))


def _behind_bar(text: str) -> str:
    return "\n".join(f"    │ {line}" for line in shown(text).splitlines())


def ask(approval: Approval) -> Decision | None:
    """The person's decision, or None to leave the question waiting."""
    show_question(approval)
    _forget_what_was_typed()
    keys = {_KEYS[kind]: kind for kind in approval.allowed if kind in _KEYS}
    menu = ", ".join([*(_WORDS[kind] for kind in keys.values()), "[s]kip: leave it waiting"])
    while True:
        key = read_line(f"  {menu}: ")
        if key is None or key.strip().lower() in ("s", "skip"):
            return None
        kind = keys.get(key.strip().lower()[:1])
        decision = _decision(kind, approval) if kind else None
        if decision is not None:
            return decision
        if kind is None:
            remark(f"  Type one of: {', '.join([*keys, 's'])}.")


def _decision(kind: str, approval: Approval) -> Decision | None:
    from graphwright.runtime import Approve, Edit, Reject, Respond

    if kind == "approve":
        return Approve()
    if kind == "reject":
        reason = read_line("  Why (told to the agent; may be empty): ")
        return None if reason is None else Reject(reason.strip())
    if kind == "respond":
        text = read_line("  Your answer: ")
        return Respond(text.strip()) if text and text.strip() else None
    try:
        edited = arguments_from_editor(approval.arguments)
    except CliError as error:
        remark(f"  {error}")
        return None
    if edited is None or edited == dict(approval.arguments):
        remark("  Nothing was changed.")
        return None
    remark(f"  Edited to {call_text(approval.tool, edited)}")
    return Edit(edited)


def _forget_what_was_typed() -> None:
    """Keys that were hit before the question stood there must not answer it."""
    try:
        import termios  # not on Windows

        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
    except (ImportError, OSError, ValueError):
        return


def read_line(prompt: str) -> str | None:
    """A line from the terminal; None at its end (Ctrl-D). The prompt goes to stderr: stdout is for results."""
    click.echo(shown(prompt), nl=False, err=True)
    line = next_line()
    if line is None:
        remark()
        return None
    return line.rstrip("\r\n")


def next_line() -> str | None:
    """A line of stdin; None at its end.

    Raises:
        CliError: a usage error, if it is not text.
    """
    try:
        return sys.stdin.readline() or None
    except UnicodeDecodeError as error:
        usage(f"What came on stdin is not {error.encoding} text. Convert it.")


def how_to_answer(approval: Approval, program: str) -> list[str]:
    """The exact commands that answer a question."""
    examples = {
        "approve": f"{program} approve {approval.id}",
        "edit": f"{program} edit {approval.id}",
        "reject": f'{program} reject {approval.id} -m "why"',
        "respond": f'{program} respond {approval.id} "your answer"',
    }
    return [examples[kind] for kind in approval.allowed if kind in examples]
