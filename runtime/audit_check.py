"""Verifying the audit log: the chain is walked once, in constant memory, to the first row that is not as written.

A row is *genuine* if its hash is right for some sequence. That, and which row names which as its predecessor, tells
an edited row from one that was inserted or moved. Looking for it costs a second walk, and only after a first finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, RowMapping, func, select

from .audit_rows import AUDIT_KEY, GENESIS, Head, audit, row_hash
from .keys import KeyRing

Fault = Literal["edited", "deleted", "inserted", "reordered", "truncated", "rewritten", "unkeyed", "unknown_key"]
PAGE = 500
"""Rows held in memory at once."""
SEARCH = 10_000
"""How many removed rows a row's original number may lie beyond the number of rows; numbers found there are forged."""


@dataclass(frozen=True, slots=True)
class Defect:
    """The first thing wrong with the chain."""

    fault: Fault
    sequence: int
    """The row it concerns: the first one edited, missing, inserted or out of place."""
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a walk along the chain found."""

    head: Head
    """The last row that is in order."""
    defect: Defect | None = None

    @property
    def intact(self) -> bool:
        """Whether every row is as it was written, as far as keys and pinned head can tell."""
        return self.defect is None


def verify(connection: Connection, keys: KeyRing | None, *, head: Head | None, keyed_from: int) -> Verdict:
    """Walk the chain; see :meth:`graphwright.runtime.audit.AuditLog.verify`."""
    return _Walk(connection, keys, head, keyed_from).verdict()


class _Walk:
    def __init__(self, connection: Connection, keys: KeyRing | None, pinned: Head | None, keyed_from: int) -> None:
        self._connection = connection
        self._keys = keys
        self._pinned = pinned
        self._keyed_from = keyed_from if keys else None
        self._last = Head(0, GENESIS, 0.0)

    def verdict(self) -> Verdict:
        for row in self._rows():
            if defect := self._defect_of(row) or self._rewritten(row):
                return Verdict(self._last, defect)
            self._last = Head(row["sequence"], row["hash"], row["time"])
            if row["key_id"]:
                # Once keyed, always keyed: an attacker without the key must not go back to plain hashes.
                self._keyed_from = min(row["sequence"], self._keyed_from or row["sequence"])
        return Verdict(self._last, self._truncated())

    def _rows(self) -> Iterator[RowMapping]:
        page = self._page(None)
        while page:
            yield from page
            page = self._page(page[-1]["sequence"])

    def _page(self, after: int | None) -> list[RowMapping]:
        query = select(audit).order_by(audit.c.sequence).limit(PAGE)
        if after is not None:
            query = query.where(audit.c.sequence > after)
        return list(self._connection.execute(query).mappings())

    def _defect_of(self, row: RowMapping) -> Defect | None:
        expected = self._last.sequence + 1
        at = row["sequence"]
        in_place = at == expected and row["previous"] == self._last.hash
        if in_place and (defect := self._key_defect(row)):
            return defect
        if in_place and self._genuine_at(row, at):
            return None
        moved = self._true_row(expected, besides=at if at == expected else None)
        if at < expected and moved != at:
            return _inserted(at, "no row has a place there")
        if moved is not None:
            return self._displaced(row, moved)
        if at > expected:
            return _deleted(expected, at - 1)
        return self._key_defect(row) or self._foreign(row)

    def _key_defect(self, row: RowMapping) -> Defect | None:
        at, key_id = row["sequence"], row["key_id"]
        if key_id and (self._keys is None or self._keys.get(key_id) is None):
            return Defect(
                "unknown_key", at, f"Row {at} names the key {key_id!r}, which is not given. Add it to {AUDIT_KEY}."
            )
        if not key_id and self._keyed_from is not None and at >= self._keyed_from:
            return Defect(
                "unkeyed",
                at,
                f"Row {at} has no key where one is expected. If keys were introduced later, say keyed_from=N.",
            )
        return None

    def _displaced(self, row: RowMapping, moved: int) -> Defect:
        """The row that belongs here stands elsewhere; is the one that stands here a stranger or another of ours?"""
        expected = self._last.sequence + 1
        if row["sequence"] == expected and (self._original_place(row) is None or not self._continues_any(row)):
            return _inserted(expected, f"the row that was written there is now row {moved}")
        return Defect(
            "reordered", expected, f"Row {expected} is out of order: what was written there is now row {moved}."
        )

    def _foreign(self, row: RowMapping) -> Defect:
        """A row at the right number that does not continue the chain, and nothing else does."""
        at = row["sequence"]
        origin = self._original_place(row)
        if origin is None:
            return Defect("edited", at, f"Row {at} is not what was written: its hash does not match its contents.")
        if origin < at:
            return _inserted(origin, f"row {at} was written as row {origin}")
        if origin > at:
            return _deleted(at, origin - 1)
        if at == 1:
            return Defect("edited", 1, "Row 1 is not what was written: it does not begin a chain.")
        return Defect("edited", at - 1, f"Row {at - 1} is not what was written: row {at} was chained to another hash.")

    def _true_row(self, expected: int, *, besides: int | None) -> int | None:
        """Where the row stands that was written as ``expected``, if it is anywhere else than at ``besides``."""
        found = self._connection.execute(select(audit).where(audit.c.previous == self._last.hash)).mappings()
        for row in found:
            if row["sequence"] != besides and self._genuine_at(row, expected):
                return int(row["sequence"])
        return None

    def _original_place(self, row: RowMapping) -> int | None:
        """The sequence for which the row's hash is right, its own first; None if there is none."""
        if self._genuine_at(row, row["sequence"]):
            return int(row["sequence"])
        rows = self._connection.execute(select(func.count()).select_from(audit)).scalar_one()
        last = max(rows + SEARCH, self._pinned.sequence if self._pinned else 0)
        return next((each for each in range(1, last + 1) if self._genuine_at(row, each)), None)

    def _continues_any(self, row: RowMapping) -> bool:
        """Whether the row names a row of ours as its predecessor. Without a key anybody can make a right hash."""
        found = self._connection.execute(select(audit.c.sequence).where(audit.c.hash == row["previous"]).limit(1))
        return row["previous"] == GENESIS or found.first() is not None

    def _genuine_at(self, row: RowMapping, sequence: int) -> bool:
        key = self._keys.get(row["key_id"]) if self._keys and row["key_id"] else None
        if row["key_id"] and key is None:
            return False
        return bool(row["hash"] == row_hash(row, key, sequence=sequence))

    def _rewritten(self, row: RowMapping) -> Defect | None:
        pinned = self._pinned
        if pinned is None or row["sequence"] != pinned.sequence or row["hash"] == pinned.hash:
            return None
        return Defect(
            "rewritten",
            pinned.sequence,
            f"Row {pinned.sequence} is not the pinned head: the chain was rewritten at or before it.",
        )

    def _truncated(self) -> Defect | None:
        pinned, last = self._pinned, self._last.sequence
        if pinned is None or last >= pinned.sequence:
            return None
        return Defect(
            "truncated",
            last + 1,
            f"Rows {last + 1} to {pinned.sequence} are gone: the log ends before the pinned head.",
        )


def _inserted(sequence: int, why: str) -> Defect:
    return Defect("inserted", sequence, f"Row {sequence} was inserted: {why}.")


def _deleted(first: int, last: int) -> Defect:
    rows = f"Row {first} is" if first == last else f"Rows {first} to {last} are"
    return Defect("deleted", first, f"{rows} missing.")
