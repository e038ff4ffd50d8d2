"""``graphwright audit``: whether the audit log is as it was written, and its head to keep elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .errors import EXIT_FAILED, EXIT_OK, usage
from .invocation import Command, Group, Invocation, pass_invocation
from .output import emit, remark, say

if TYPE_CHECKING:
    from graphwright.runtime.audit import Defect, Head


@click.group(cls=Group)
def audit() -> None:
    """The log of every effect and decision: `verify` it, or export its `head`."""


@audit.command(cls=Command)
@click.option("--head", "pinned", metavar="SEQUENCE:HASH", help="A head kept elsewhere: shows removed newest rows.")
@click.option("--keyed-from", default=1, metavar="N", help="First row that must be keyed, where a key came later.")
@pass_invocation
def verify(invocation: Invocation, pinned: str | None, keyed_from: int) -> int:
    """Walk the whole chain; say what was edited, deleted, inserted, reordered or cut off first."""
    from .session import Session, settings_of

    with Session(settings_of(invocation)) as session:
        runtime = session.runtime
        verdict = session.run(runtime.audit.check(runtime.database, head=_head(pinned), keyed_from=keyed_from))
    if invocation.json:
        emit({"intact": verdict.intact, "rows": verdict.head.sequence, "defect": _told(verdict.defect)})
    elif verdict.intact:
        say(f"The audit log is as it was written: {verdict.head.sequence} rows.")
    if verdict.defect is not None:
        remark(f"The audit log is not as it was written: {verdict.defect.message}")
        return EXIT_FAILED
    return EXIT_OK


@audit.command(cls=Command)
@pass_invocation
def head(invocation: Invocation) -> int:
    """The newest row as SEQUENCE:HASH; keep it where nobody who can write the database can change it."""
    from .session import Session, settings_of

    with Session(settings_of(invocation)) as session:
        runtime = session.runtime
        newest = session.run(runtime.database.read(runtime.audit.head))
    if invocation.json:
        emit({"sequence": newest.sequence, "hash": newest.hash, "time": newest.time})
    else:
        say(f"{newest.sequence}:{newest.hash}")
    return EXIT_OK


def _told(defect: Defect | None) -> dict[str, Any] | None:
    return None if defect is None else {"fault": defect.fault, "row": defect.sequence, "message": defect.message}


def _head(text: str | None) -> Head | None:
    from graphwright.runtime.audit import Head

    if text is None:
        return None
    sequence, _, digest = text.partition(":")
    if not sequence.isdigit() or not digest:
        usage(f"{text!r} is no head. It looks like the output of `graphwright audit head`: 12:ab34...")
    return Head(int(sequence), digest, 0.0)


COMMANDS = {"audit": audit}
