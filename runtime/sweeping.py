"""What is due though nobody looked: deadlines that passed, and budgets that ended runs still hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .approvals import Approval
from .errors import StateFolderError
from .runs import FINISHED
from .statements import Statement

if TYPE_CHECKING:
    from .broker import Broker
    from .database import Database
    from .spending import Spending

_ENDED = ", ".join(f"'{each}'" for each in sorted(FINISHED))
_HOLDING = Statement(
    "SELECT DISTINCT run_id FROM reservations WHERE status = 'held' AND run_id IN"
    f" (SELECT id FROM runs WHERE status IN ({_ENDED}))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What a sweep did."""

    approvals: tuple[Approval, ...] = ()
    """Those whose deadline had passed, as they are now: decided, or escalated. Their runs can be resumed."""
    released: tuple[str, ...] = ()
    """Ended runs that still held a part of a budget; it was given back."""


async def sweep_deadlines(approvals: Broker) -> Swept:
    """Act on the deadlines that have passed; a database that cannot be written leaves them for later."""
    try:
        return Swept(approvals=tuple(await approvals.expire()))
    except StateFolderError:
        return Swept()


async def sweep(approvals: Broker, database: Database, spending: Spending) -> Swept:
    """Act on all that is due in a state folder; doing it twice changes nothing more."""
    due = await approvals.expire()
    holding = await database.read(lambda connection: _HOLDING.rows(connection, {}))
    for row in holding:
        await spending.close(row["run_id"], is_over=True)
    return Swept(approvals=tuple(due), released=tuple(row["run_id"] for row in holding))
