"""The audit log: who did what, in rows that only grow, each chained to the one before.

A row is written in the transaction of what it tells about, so that neither exists without the other. With a key the
chain is an HMAC: whoever can write the database but lacks the key cannot rewrite history unseen. What no chain can
show by itself is that its newest rows are gone: export :meth:`AuditLog.head` and verify against it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from .audit_check import Defect as Defect
from .audit_check import Verdict as Verdict
from .audit_check import verify
from .audit_rows import AUDIT_KEY, GENESIS, row_hash
from .audit_rows import AuditEntry as AuditEntry
from .audit_rows import Head as Head
from .audit_rows import audit as audit
from .clock import Clock
from .database import Database
from .digests import canonical_json
from .errors import RuntimeProblem
from .keys import KeyRing
from .statements import Statement

_HEAD = Statement("SELECT sequence, hash, time FROM audit ORDER BY sequence DESC LIMIT 1")
_COLUMNS = [column.name for column in audit.columns]
_INSERT = Statement(f"INSERT INTO audit ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)})")
_WORDS = ("tenant", "run_id", "thread_id", "kind", "actor")


class AuditError(RuntimeProblem):
    """The audit log was used in a way that would break its promise. For the developer."""


class AuditLog:
    """Appends to the one chain of a database, and reads its head."""

    def __init__(
        self,
        keys: KeyRing | None = None,
        *,
        redact: Callable[[Any], Any] | None = None,
        clock: Clock = time.time,
    ) -> None:
        """
        Args:
            keys: Keys of the HMAC, the newest first; without them the chain is plain SHA-256.
            redact: Applied to each event before it is stored, e.g. ``Redactor.redact_value``.
            clock: The time now.
        """
        self.keys = keys
        self._redact = redact
        self._clock = clock

    def append(self, connection: Connection, entry: AuditEntry, *, is_clean: bool = False) -> Head:
        """Append one row inside the caller's write transaction, which keeps both it and the effect, or neither.

        Args:
            connection: In a transaction.
            entry: What happened.
            is_clean: The event needs no redaction: it holds ids, digests and names that we gave.

        Raises:
            AuditError: if no transaction is open on ``connection``.
            sqlalchemy.exc.DatabaseError: if the row would fork the chain; the caller's transaction must then roll
                back. ``Database.transaction`` (BEGIN IMMEDIATE) never meets it.
        """
        if not getattr(connection.connection.dbapi_connection, "in_transaction", True):
            raise AuditError(
                f"An audit row {entry.kind!r} was appended outside a transaction, so it could be kept without its "
                "effect. Append it inside Database.transaction, together with what it tells about."
            )
        before = self.head(connection)
        event = entry.event if self._redact is None or is_clean else self._redact(entry.event)
        row: dict[str, Any] = {
            "previous": before.hash,
            "sequence": before.sequence + 1,
            # As the columns will give them back: another type would have another hash.
            "time": float(self._clock()),
            **{name: str(getattr(entry, name)) for name in _WORDS},
            "event": canonical_json(event).decode(),
            "key_id": self.keys.newest if self.keys else "",
        }
        row["hash"] = row_hash(row, self.keys.get(row["key_id"]) if self.keys else None)
        _INSERT.count(connection, row)
        return Head(row["sequence"], row["hash"], row["time"])

    def require(self, connection: Connection, entry: AuditEntry, *, is_clean: bool = False) -> Head:
        """:meth:`append` for what must not happen without its row.

        Raises:
            AuditError: if the log takes no row; the caller's transaction must then roll back.
        """
        try:
            return self.append(connection, entry, is_clean=is_clean)
        except DatabaseError as error:
            raise AuditError(
                f"The audit log took no row for {entry.kind!r} of run {entry.run_id} ({error.orig}). Nothing was done. "
                "See `graphwright audit verify`, then resume the run."
            ) from error

    def head(self, connection: Connection) -> Head:
        """The newest row's sequence, hash and time, to be exported; sequence 0 for an empty log."""
        found = _HEAD.row(connection, {})
        return Head(**found) if found else Head(0, GENESIS, 0.0)

    async def record(self, database: Database, entry: AuditEntry) -> Head:
        """Append one row in a transaction of its own: for what has no effect in the database."""
        return await database.transaction(lambda connection: self.append(connection, entry))

    def verify(self, connection: Connection, *, head: Head | None = None, keyed_from: int = 1) -> Verdict:
        """Walk the whole chain, in constant memory, to the first row that is not as it was written.

        Args:
            connection: Only read from.
            head: A head exported earlier; shows removed newest rows, and a chain rewritten up to it. Without keys
                nothing else shows a rewritten one.
            keyed_from: The first row that must be keyed, where keys were introduced later than the log.
        """
        return verify(connection, self.keys, head=head, keyed_from=keyed_from)

    async def check(self, database: Database, *, head: Head | None = None, keyed_from: int = 1) -> Verdict:
        """:meth:`verify` on an open database."""
        return await database.read(lambda connection: self.verify(connection, head=head, keyed_from=keyed_from))


def audit_keys() -> KeyRing | None:
    """The keys in ``GRAPHWRIGHT_AUDIT_KEY``; None where it is unset.

    Raises:
        KeysError: if it is set and cannot be used.
    """
    return KeyRing.from_environment(AUDIT_KEY)
