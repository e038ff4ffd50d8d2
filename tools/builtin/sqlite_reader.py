"""Asks a SQLite file in a process of its own, which is killed when the time is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from ..errors import ToolFailed, ToolUnavailable
from .children import Ended, python_command, run_child
from .databases import Database

_WORKER = Path(__file__).with_name("sqlite_worker.py")
_STARTING = 5.0
"""Seconds beyond the limit for starting the process on a busy machine; the limit itself is held in the process."""


async def ask_sqlite(database: Database, task: str, **asked: Any) -> dict[str, Any]:
    """The worker's answer to `query`, `tables` or `describe`; one with `error` in it says what SQLite refused.

    Raises:
        ToolFailed: if the question cost too much.
        ToolUnavailable: if the file could not be read just now.
    """
    ended = await run_child(
        python_command(_WORKER),
        orjson.dumps(_request(database, task, asked)),
        seconds=database.limits.seconds + _STARTING,
        most=2 * database.limits.bytes + 1_000_000,
    )
    return _answer(ended, database)


def _request(database: Database, task: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    path, hidden = str(Path(database.place).absolute()), sorted(database.hidden)
    return {"task": task, "path": path, "limits": asdict(database.limits), "hidden": hidden, **asked}


def _answer(ended: Ended, database: Database) -> dict[str, Any]:
    too_long = ToolFailed(
        f"The query took more than {database.limits.seconds:g} seconds and was stopped. "
        "Ask for less: fewer rows, a join condition, no deep recursion."
    )
    # SIGXCPU where the processor's time was over first.
    if ended.why == "time" or ended.status == -24:
        raise too_long
    try:
        answer: dict[str, Any] = orjson.loads(ended.out)
    except orjson.JSONDecodeError:
        raise ToolFailed(_CAUSES.get(ended.status, _CAUSES[0])) from None
    if answer.get("error") == "interrupted":
        raise too_long
    if "unable to open" in answer.get("error", ""):
        raise ToolUnavailable("The database could not be opened: its file is missing or may not be read.")
    if "locked" in answer.get("error", ""):
        raise ToolUnavailable("The database is locked by somebody who writes to it. Try again in a moment.")
    return answer


_CAUSES: Mapping[int, str] = {
    0: "The query was stopped: it needed too much memory. Ask for fewer rows or fewer columns at a time.",
    -25: "The query was stopped: it sorts or joins more than fits into its temporary file. Ask for less.",
}
