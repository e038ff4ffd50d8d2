"""The ledger of budgets: an amount is reserved before a call spends it, and settled by what the call took.

One transaction each, over every budget that the call is charged to. A reservation bears the key of its call, so that
a call that comes by again after a crash is charged once. What a dead process left is closed by whoever takes the run
up: by the journal where that knows the answer; a model call whose answer was lost is charged what was sent, because
the provider charges it; a tool that never began is charged nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import orjson
from sqlalchemy import Connection

from .budgets import DIMENSIONS, WARN_AT, Amounts, Claim, Dimension, Granted, Position, Refusal, Scope, judge
from .clock import Clock
from .database import Database
from .statements import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What is reserved for a call."""

    claim: Claim
    granted: Granted
    scopes: tuple[Scope, ...]
    attempt: int = 1
    is_paid: bool = False
    """The call was settled before: it is one that comes by again."""


@dataclass(frozen=True, slots=True)
class Warned:
    """A budget of which most is spent."""

    position: Position
    dimension: Dimension


@dataclass(frozen=True, slots=True)
class Left:
    """A reservation that nobody has settled."""

    key: str
    kind: str
    sent: Amounts


_HELD = ", ".join(f"held_{name}" for name in DIMENSIONS)
_COLUMNS = {prefix: tuple(f"{prefix}_{name}" for name in DIMENSIONS) for prefix in ("spent", "held", "raised")}
_INSERT = Statement(
    f"INSERT INTO reservations (key, run_id, kind, agent, scopes, status, attempt, {_HELD}, sent_tokens, sent_money,"
    " begun) VALUES (:key, :run, :kind, :agent, :scopes, 'held', 1, "
    + ", ".join(f":{name}" for name in DIMENSIONS)
    + ", :sent_tokens, :sent_money, :now) ON CONFLICT (key) DO NOTHING"
)
_AGAIN = Statement(
    "UPDATE reservations SET status = 'held', attempt = attempt + 1, run_id = :run, scopes = :scopes, "
    + ", ".join(f"held_{name} = :{name}" for name in DIMENSIONS)
    + ", sent_tokens = :sent_tokens, sent_money = :sent_money, begun = :now, ended = NULL WHERE key = :key"
)
_CLOSE = Statement(
    "UPDATE reservations SET status = :status, ended = :now, "
    + ", ".join(f"held_{name} = 0, spent_{name} = spent_{name} + :{name}" for name in DIMENSIONS)
    + " WHERE key = :key AND attempt = :attempt AND status = 'held'"
)
_FIND = Statement("SELECT * FROM reservations WHERE key = :key")
_LEFT = Statement("SELECT * FROM reservations WHERE run_id = :run AND status = 'held'")
_MAKE = Statement("INSERT INTO budgets (scope, updated) VALUES (:scope, :now) ON CONFLICT (scope) DO NOTHING")
_WARN = Statement("UPDATE budgets SET warned = :warned WHERE scope = :scope")
_BY_AGENT = Statement(
    "SELECT agent, " + ", ".join(f"sum(spent_{name}) AS spent_{name}" for name in DIMENSIONS) + " FROM reservations"
    " WHERE run_id = :run AND kind <> 'raise' GROUP BY agent ORDER BY sum(spent_tokens) DESC, agent"
)
_RAISES = Statement(
    "SELECT count(*) AS raises FROM reservations WHERE run_id = :run AND kind = 'raise' AND scopes = :scopes"
)
_RAISED = Statement(
    "INSERT INTO reservations (key, run_id, kind, agent, scopes, status, attempt, begun, ended) VALUES"
    " (:key, :run, 'raise', :agent, :scopes, 'settled', 1, :now, :now) ON CONFLICT (key) DO NOTHING"
)


class Ledger:
    """The reservations of one database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def reserve(self, run_id: str, claim: Claim, scopes: Sequence[Scope]) -> Reservation | Refusal:
        """Reserve what a call may take from every budget that it is charged to, or from none.

        A tool's call that comes by again under its key keeps what it has. A model's call that does is a new one: its
        answer is not in the journal, so the model is asked, and charges, again.
        """
        now = self._clock()

        def work(connection: Connection) -> Reservation | Refusal:
            granted = judge(claim, _positions(connection, scopes))
            if isinstance(granted, Refusal):
                return _earlier(connection, claim, scopes) or _counted(connection, granted, run_id)
            values = {
                "key": claim.key,
                "run": run_id,
                "kind": claim.kind,
                "agent": claim.agent,
                "scopes": _dump([scope.id for scope in scopes]),
                "sent_tokens": claim.prompt,
                "sent_money": claim.prompt * claim.prompt_rate,
                "now": now,
                **_values(granted.amounts),
            }
            attempt = 1
            if _INSERT.count(connection, values) == 0:
                if (earlier := _earlier(connection, claim, scopes)) is not None:
                    return earlier
                known = _FIND.rows(connection, {"key": claim.key})[0]
                if known["status"] == "held":
                    _close(connection, known, "lost", _sent(known), now)
                _AGAIN.count(connection, values)
                attempt = known["attempt"] + 1
            _move(connection, [scope.id for scope in scopes], held=granted.amounts, now=now)
            return Reservation(claim=claim, granted=granted, scopes=tuple(scopes), attempt=attempt)

        return await self._database.transaction(work, brief=True, apart=True)

    async def settle(self, reservation: Reservation, spent: Amounts, *, status: str = "settled") -> list[Warned]:
        """Charge what a call took and give back the rest; once, however often it is said.

        Args:
            reservation: What :meth:`reserve` returned.
            spent: What the call took; more than was reserved is charged too.
            status: ``settled``; ``released`` for a call that was not made; ``lost`` for one whose answer was lost.

        Returns:
            The budgets of which most is spent now and was not before.
        """
        if reservation.is_paid:
            return []
        now, claim, ids = self._clock(), reservation.claim, [scope.id for scope in reservation.scopes]

        def work(connection: Connection) -> list[Warned]:
            values = {"key": claim.key, "attempt": reservation.attempt, "status": status, "now": now, **_values(spent)}
            if _CLOSE.count(connection, values) == 0:
                return []
            held = _negative(reservation.granted.amounts)
            return _warnings(connection, reservation.scopes, _move(connection, ids, held=held, spent=spent, now=now))

        return await self._database.transaction(work, brief=True, apart=True)

    async def left(self, run_id: str) -> list[Left]:
        """The reservations that a run has not settled."""
        rows = await self._database.read(
            lambda connection: _LEFT.rows(connection, {"run": run_id}), brief=True, apart=True
        )
        return [Left(row["key"], row["kind"], _sent(row)) for row in rows]

    async def close(self, run_id: str, outcomes: Mapping[str, tuple[str, Amounts]]) -> None:
        """Settle what a run has left.

        Args:
            run_id: Which run; nobody else may be driving it.
            outcomes: By key: the status and the amounts; other reservations stay.
        """
        now = self._clock()

        def work(connection: Connection) -> None:
            for row in _LEFT.rows(connection, {"run": run_id}):
                if row["key"] in outcomes:
                    status, spent = outcomes[row["key"]]
                    _close(connection, row, status, spent, now)

        await self._database.transaction(work)

    async def raise_limit(
        self, key: str, run_id: str, scope: Scope, dimension: Dimension, amount: int, *, by: str = ""
    ) -> None:
        """Add to a limit; once for each ``key``, which names the decision."""
        now = self._clock()
        column = f"raised_{dimension}"
        bit = 1 << DIMENSIONS.index(dimension)
        statement = Statement(
            f"UPDATE budgets SET {column} = {column} + :amount, warned = warned & ~:bit WHERE scope = :id"
        )

        def work(connection: Connection) -> None:
            values = {"key": key, "run": run_id, "agent": by, "scopes": _dump([scope.id, dimension]), "now": now}
            if _RAISED.count(connection, values) == 1:
                _MAKE.count(connection, {"scope": scope.id, "now": now})
                statement.count(connection, {"amount": amount, "bit": bit, "id": scope.id})

        await self._database.transaction(work)

    async def positions(self, scopes: Sequence[Scope]) -> list[Position]:
        """How these budgets stand."""
        return await self._database.read(lambda connection: _positions(connection, scopes))

    async def by_agent(self, run_id: str) -> dict[str, Amounts]:
        """What each agent of a run has spent, the greatest first."""
        rows = await self._database.read(lambda connection: _BY_AGENT.rows(connection, {"run": run_id}))
        return {row["agent"]: _amounts(row, "spent") for row in rows}


def _counted(connection: Connection, refusal: Refusal, run_id: str) -> Refusal:
    """The refusal with the number of raises that it knew of.

    A call that was refused before a raise asks the question that was answered with it; counted any later, it would ask
    a new one, although there is room by then.
    """
    values = {"run": run_id, "scopes": _dump([refusal.position.scope.id, refusal.dimension])}
    return replace(refusal, raises=int(_RAISES.rows(connection, values)[0]["raises"]))


def _earlier(connection: Connection, claim: Claim, scopes: Sequence[Scope]) -> Reservation | None:
    """What a tool's call that comes by again has reserved or paid already."""
    if claim.kind != "tool":
        return None
    known = _FIND.row(connection, {"key": claim.key})
    if known is None or known["status"] == "released":
        return None
    return Reservation(
        claim=claim,
        granted=Granted(_amounts(known, "held")),
        scopes=tuple(scopes),
        attempt=known["attempt"],
        is_paid=known["status"] != "held",
    )


def _positions(connection: Connection, scopes: Sequence[Scope]) -> list[Position]:
    statement = _for_scopes(len(scopes), _select)
    rows = statement.rows(connection, {f"s{at}": scope.id for at, scope in enumerate(scopes)})
    known = {row["scope"]: row for row in rows}
    return [_position(scope, known.get(scope.id)) for scope in scopes]


def _position(scope: Scope, row: Any) -> Position:
    if row is None:
        return Position(scope)
    return Position(scope, _amounts(row, "spent"), _amounts(row, "held"), _amounts(row, "raised"))


def _move(
    connection: Connection, ids: Sequence[str], *, held: Amounts, spent: Amounts | None = None, now: float
) -> dict[str, Any]:
    """Change the rows of these budgets, which are made where they are missing; returns them as they are now."""
    values: dict[str, Any] = {f"s{at}": each for at, each in enumerate(ids)}
    taken = spent or Amounts()
    values |= {"h0": held.tokens, "h1": held.money, "h2": held.calls, "h3": held.seconds}
    values |= {"p0": taken.tokens, "p1": taken.money, "p2": taken.calls, "p3": taken.seconds}
    statement = _for_scopes(len(ids), _change)
    rows = statement.rows(connection, {**values, "now": now})
    if len(rows) < len(ids):
        known = {row["scope"] for row in rows}
        missing = [each for each in ids if each not in known]
        for each in missing:
            _MAKE.count(connection, {"scope": each, "now": now})
        more = _move(connection, missing, held=held, spent=spent, now=now)
        return {**{row["scope"]: row for row in rows}, **more}
    return {row["scope"]: row for row in rows}


def _close(connection: Connection, row: Any, status: str, spent: Amounts, now: float) -> None:
    values = {"key": row["key"], "attempt": row["attempt"], "status": status, "now": now, **_values(spent)}
    _CLOSE.count(connection, values)
    ids = orjson.loads(row["scopes"])
    _move(connection, ids, held=_negative(_amounts(row, "held")), spent=spent, now=now)


def _warnings(connection: Connection, scopes: Sequence[Scope], rows: Mapping[str, Any]) -> list[Warned]:
    found = []
    for scope in scopes:
        position, warned = _position(scope, rows[scope.id]), rows[scope.id]["warned"]
        for at, dimension in enumerate(DIMENSIONS):
            limit = position.limit(dimension)
            if limit is not None and not warned & 1 << at and position.spent.of(dimension) >= WARN_AT * limit:
                warned |= 1 << at
                found.append(Warned(position, dimension))
        if warned != rows[scope.id]["warned"]:
            _WARN.count(connection, {"scope": scope.id, "warned": warned})
    return found


def _select(places: str) -> str:
    return f"SELECT * FROM budgets WHERE scope IN ({places})"


def _change(places: str) -> str:
    changes = ", ".join(
        f"held_{name} = held_{name} + :h{at}, spent_{name} = spent_{name} + :p{at}"
        for at, name in enumerate(DIMENSIONS)
    )
    return f"UPDATE budgets SET updated = :now, {changes} WHERE scope IN ({places}) RETURNING *"


@cache
def _for_scopes(count: int, statement: Callable[[str], str]) -> Statement:
    return Statement(statement(", ".join(f":s{at}" for at in range(count))))


def _values(amounts: Amounts) -> dict[str, int]:
    return {name: amounts.of(name) for name in DIMENSIONS}


def _amounts(row: Any, prefix: str) -> Amounts:
    tokens, money, calls, seconds = _COLUMNS[prefix]
    return Amounts(row[tokens], row[money], row[calls], row[seconds])


def _negative(amounts: Amounts) -> Amounts:
    return Amounts(-amounts.tokens, -amounts.money, -amounts.calls, -amounts.seconds)


def _sent(row: Any) -> Amounts:
    return Amounts(tokens=row["sent_tokens"], money=row["sent_money"], calls=1)


def _dump(value: Any) -> str:
    return orjson.dumps(value).decode()
