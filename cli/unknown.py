"""Calls of which nobody knows whether they happened: listed for a person, with the commands that settle them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .invocation import Invocation
from .output import emit, remark, since, table
from .safe_text import call_text

if TYPE_CHECKING:
    from graphwright.runtime.errors import DamagedRow
    from graphwright.runtime.journal import Entry

    from .session import Session


def list_unknown(session: Session, invocation: Invocation, damaged: list[DamagedRow]) -> bool:
    """The calls with unknown outcome on stdout, as a part of the inbox; whether there are any.

    What is wrong with rows that cannot be read goes to ``damaged``.
    """
    from graphwright.runtime import unknown_data

    found = session.run(session.runtime.journal.unknown(damaged=damaged))
    if invocation.json:
        for each in found:
            emit({"type": "unknown_outcome", **unknown_data(each)})
    elif found:
        remark("Nobody knows whether these calls happened:")
        table(("CALL ID", "SINCE", "AGENT", "CALL", "ERROR", "RUN"), [_row(each) for each in found])
        tell_how_to_resolve(found, invocation)
    return bool(found)


def tell_how_to_resolve(found: list[Entry], invocation: Invocation) -> None:
    """The exact commands that settle these calls, on stderr."""
    for each in found:
        remark(f"    {invocation.program} resolve {each.id} happened|retry|abandon")


def _row(entry: Entry) -> tuple[str, ...]:
    error = str((entry.outcome or {}).get("error", "")) or "the process died"
    return (entry.id, since(entry.begun, time.time()), entry.agent, call_text(entry.name, entry.request), error,
            entry.run_id)  # fmt: skip
