"""How the budgets of a state folder stand, for people: the limits of each scope, what is spent, what is reserved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from graphwright.agents import Budget

from .budgets import DIMENSIONS, PER_UNIT, BudgetSettings, Dimension, Level, scopes_of
from .clock import Clock
from .database import Database
from .statements import Statement

_ROWS = Statement("SELECT * FROM budgets ORDER BY updated DESC, scope")
_RUNS = Statement("SELECT id, status FROM runs WHERE tenant = :tenant")
_THREADS = Statement("SELECT id FROM threads WHERE tenant = :tenant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One budget and how it stands. Amounts are in a person's units: tokens, money, calls, seconds."""

    scope: str
    level: Level
    name: str
    """Of the run, agent, sub-graph, thread or tenant."""
    run_id: str
    """Whose run it is; empty for threads and tenants."""
    is_open: bool
    """Whether calls may still be charged to it: its run has not ended, its day or month is this one."""
    declared: Mapping[Dimension, float]
    """The limits in ``graphwright.toml``; an agent's own are in its declaration, and not known here."""
    raised: Mapping[Dimension, float]
    """What people have added to them."""
    spent: Mapping[Dimension, float]
    reserved: Mapping[Dimension, float]
    """Held by calls under way."""

    def limit(self, dimension: Dimension) -> float | None:
        """The limit in force; None where there is none, or none is known."""
        declared = self.declared.get(dimension)
        return None if declared is None else declared + self.raised[dimension]

    def left(self, dimension: Dimension) -> float | None:
        """What may still be reserved; None without a limit."""
        limit = self.limit(dimension)
        return None if limit is None else limit - self.spent[dimension] - self.reserved[dimension]


async def accounts(
    database: Database, settings: BudgetSettings, *, tenant: str, clock: Clock, run_id: str | None = None
) -> list[Account]:
    """The budgets of a tenant, last used first; those that are declared and not used yet come last.

    Args:
        database: Of the state folder, opened.
        settings: What is declared.
        tenant: Whose.
        clock: The time now, for budgets that start anew each day or month.
        run_id: Only those that this run alone is charged to.
    """

    def work(connection: Connection) -> list[Account]:
        whose = {"tenant": tenant}
        runs = {row["id"]: row["status"] for row in _RUNS.rows(connection, whose)}
        threads = {row["id"] for row in _THREADS.rows(connection, whose)}
        rows = {row["scope"]: row for row in _ROWS.rows(connection, {})}
        current = {scope.id for scope in _tenants(settings, tenant, clock())}
        found = [
            _account(id_, rows.get(id_), settings, runs, threads, tenant, current) for id_ in {**rows, **_keys(current)}
        ]
        return [each for each in found if each is not None and run_id in (None, each.run_id)]

    return await database.read(work)


def _tenants(settings: BudgetSettings, tenant: str, now: float) -> list[Any]:
    found = scopes_of(settings, run_id="", thread_id="", tenant=tenant, agent="", place="", own=None, now=now)
    return [scope for scope in found if scope.level == "tenant"]


def _keys(ids: set[str]) -> dict[str, None]:
    return dict.fromkeys(sorted(ids))


def _account(
    id_: str,
    row: Mapping[str, Any] | None,
    settings: BudgetSettings,
    runs: Mapping[str, str],
    threads: set[str],
    tenant: str,
    current: set[str],
) -> Account | None:
    """One row of the ledger; None for another tenant's."""
    level, _, rest = id_.partition(":")
    first, _, second = rest.partition(":")
    declared: Budget | None
    if level in ("run", "agent", "subgraph"):
        if first not in runs:
            return None
        named = {"run": settings.run, "agent": settings.agents.get(second), "subgraph": settings.subgraphs.get(second)}
        run_id, name, declared = first, second or first, named[level]
        is_open = runs[first] not in ("done", "failed", "cancelled")
    elif level == "thread" and first in threads:
        run_id, name, declared, is_open = "", first, settings.thread, True
    elif level == "tenant" and (rest == tenant or rest.startswith(f"{tenant}:")):
        run_id, name, declared, is_open = "", rest, settings.tenant, id_ in current
    else:
        return None
    return Account(
        scope=id_,
        level=level,  # type: ignore[arg-type]  # one of those above
        name=name,
        run_id=run_id,
        is_open=is_open,
        declared={each: float(value) for each in DIMENSIONS if (value := getattr(declared, each, None)) is not None},
        **{word: _amounts(row, column) for word, column in _COLUMNS.items()},
    )


_COLUMNS = {"raised": "raised", "spent": "spent", "reserved": "held"}


def _amounts(row: Mapping[str, Any] | None, column: str) -> dict[Dimension, float]:
    return {each: (row[f"{column}_{each}"] if row else 0) / PER_UNIT[each] for each in DIMENSIONS}
