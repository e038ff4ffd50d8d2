"""The moments at which a process may be killed: before and after each commit (checkpoints included) and tool call.

All of it is put around the runtime from outside, in a child process that lives for one life only.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from graphwright.runtime.database import Database
from graphwright.runtime.journal import semantics_of
from graphwright.tools import Tool, ToolContext, ToolFailed, ToolTimedOut, render_result

from .ledger import Ledger

_WRITE = re.compile(r"\s*(?:INSERT(?:\s+OR\s+\w+)?\s+INTO|UPDATE|DELETE\s+FROM)\s+[\"']?(\w+)", re.IGNORECASE)
_KINDS = {
    "approvals": "approval", "approval_steps": "approval", "decisions": "approval", "journal": "journal",
    "checkpoints": "checkpoint", "writes": "task", "reservations": "budget", "budgets": "budget",
    "threads": "run", "runs": "run", "leases": "lease", "audit": "audit",
}  # fmt: skip
_ORDER = ("approval", "journal", "checkpoint", "task", "budget", "run", "lease", "audit")
"""What a transaction is named after that writes several tables."""
_inside: ContextVar[bool] = ContextVar("inside_a_tool_call", default=False)


class Boundaries:
    """Counts the moments from 1, and kills this process at the one it was told."""

    def __init__(self, kill_at: int | None, note: Path) -> None:
        self.passed: list[str] = []
        """What the moments so far were."""
        self._kill_at = kill_at
        self._note = note

    def __call__(self, label: str) -> None:
        self.passed.append(label)
        if len(self.passed) == self._kill_at:
            self._note.write_text(label, encoding="utf-8")
            os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()  # the signal may reach another thread first


def watch(boundaries: Boundaries, ledger: Ledger) -> None:
    """Make every moment of this process a boundary, and record what tools really do in the ledger."""
    _watch_transactions(boundaries)
    _watch_tools(boundaries, ledger)


def _watch_transactions(boundaries: Boundaries) -> None:
    transaction = Database._transaction

    def watched(self: Database, work: Callable[[Any], Any]) -> Any:
        kind = ""

        def before_the_commit(connection: Any) -> Any:
            nonlocal kind
            written: set[str] = set()

            def see(statement: str) -> None:
                found = _WRITE.match(statement)
                if found:
                    written.add(found[1].lower())

            raw = connection.connection.dbapi_connection
            raw.set_trace_callback(see)
            try:
                result = work(connection)
            finally:
                raw.set_trace_callback(None)
            kind = kind_of(written)
            if kind:
                boundaries(f"{kind} write, before the commit")
            return result

        result = transaction(self, before_the_commit)
        if kind:
            boundaries(f"{kind} write, committed")
        return result

    Database._transaction = watched  # type: ignore[method-assign]  # this process is watched


def kind_of(tables: set[str]) -> str:
    """What a transaction is called that wrote these tables; empty if it wrote none."""
    kinds = {_KINDS.get(table, "other") for table in tables}
    return next((kind for kind in _ORDER if kind in kinds), "other" if kinds else "")


def _watch_tools(boundaries: Boundaries, ledger: Ledger) -> None:
    invoke, plain_call = Tool.invoke, Tool.__call__

    async def watched(self: Tool, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        label = f"{'read' if self.labels.effect == 'read' else 'effect'} {self.name}"
        call = ledger.begin(self.name, semantics_of(self), str(context.key), arguments, bool(self.labels.probe))
        boundaries(f"{label}, begun")
        token = _inside.set(True)
        try:
            result = await invoke(self, arguments, context)
        except BaseException as error:
            ledger.end(call, _status(error))
            raise
        finally:
            _inside.reset(token)
        ledger.end(call, "done", render_result(result, self.labels.result_cap))
        boundaries(f"{label}, done")
        return result

    def watched_plain(self: Tool, *args: Any, **named: Any) -> Any:
        if _inside.get() or self.labels.effect == "read":
            return plain_call(self, *args, **named)
        call = ledger.begin(self.name, semantics_of(self), "", {"args": list(args), **named})
        try:
            return plain_call(self, *args, **named)
        finally:
            ledger.end(call, "done")

    Tool.invoke = watched  # type: ignore[method-assign]  # same
    Tool.__call__ = watched_plain  # type: ignore[method-assign]  # same


def _status(error: BaseException) -> str:
    """How a call that raised ended: ``failed`` says that nothing happened, anything else is not known."""
    is_definite = isinstance(error, ToolFailed) and not isinstance(error, ToolTimedOut)
    is_cancelled = isinstance(error, asyncio.CancelledError)
    return "failed" if is_definite else "cancelled" if is_cancelled else "raised"
