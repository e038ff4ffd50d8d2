"""Seal a state folder that was written unsealed: row after row in small transactions, to the end or not at all.

The first transaction marks the folder as one that is being sealed, which both a sealed and an unsealed runtime refuse
to open, and fences it: a process that opened it before, and knows of no seal, can take no lease and write nothing
private any more. Each batch is a transaction of its own; what a killed process left is gone on with, and what is
sealed already is passed over. At the end the file is written anew, so that no free page and no log keeps a plain
value, and the mark says that it is done.

What is sealed here is believed: nobody can tell whether it was changed while it lay open. A folder that is sealed to
the end is therefore not sealed again: a plain row in it was put there by somebody else, and stays refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import Connection

from .database import Database
from .errors import StateFolderError, ThreadBusy
from .keys import KeyRing
from .owners import is_held
from .sealed_rows import CANARY, PRIVATE, SEALED, UNFINISHED, SealedRows, marks, seal_keys
from .sealing import SealBroken, SealedSerializer, SealKeyMissing
from .settings import Settings

BATCH = 200
"""Rows of one transaction: what other writers wait for, and what a kill undoes, is a few milliseconds' work."""
VALUES = {"checkpoints": ("checkpoint",), "writes": ("value",)}
"""LangGraph's tables, and the column beside ``type`` that its serializer fills."""
TABLES = (*PRIVATE, *VALUES)
_FENCE = """
CREATE TRIGGER IF NOT EXISTS sealed_{when}_{table} BEFORE {event} ON {table} WHEN graphwright_seals() IS NOT 1
BEGIN
    SELECT RAISE(ROLLBACK, 'this state folder is sealed');
END
"""
Tell = Callable[[int, int, str], None]
"""Takes rows done, rows to do, and the table that is worked on; called after each transaction."""


@dataclass(frozen=True, slots=True)
class SealedFolder:
    """What sealing a folder came to."""

    rows: dict[str, int] = field(default_factory=dict)
    """Table to how many of its rows were sealed now; in a rehearsal, would be."""
    was_sealed: bool = False
    """Whether it was sealed to the end before; then nothing was done."""

    @property
    def total(self) -> int:
        """Rows of all tables."""
        return sum(self.rows.values())


async def seal_folder(
    settings: Settings, *, dry_run: bool = False, tell: Tell = lambda done, total, table: None, batch: int = BATCH
) -> SealedFolder:
    """Seal every private value and every checkpoint that the state folder holds in clear.

    It may be killed anywhere and called again. Nobody else should have the folder open: who has cannot write any more.

    Args:
        settings: Which folder, and for which tenant.
        dry_run: Only count; nothing is written.
        tell: Told how far it is.
        batch: Rows of one transaction.

    Raises:
        KeysError: if there are no keys, or they cannot be used.
        SealingUnavailable: if ``cryptography`` is not installed.
        ThreadBusy: if a process drives a run.
        SealBroken: if there are threads of another tenant: their values could not be opened again.
        SealKeyMissing: if it was begun with a key that is not given.
        StateFolderError: if the database cannot be used, or others keep its log open.
    """
    keys = seal_keys()
    sealing = _Sealing(keys, settings.tenant, batch)
    if not settings.database.exists():
        return SealedFolder()
    database = Database(settings.database, settings.durability)
    try:
        await database.open()
        if await database.read(sealing.is_done):
            return SealedFolder(was_sealed=True)
        if dry_run:
            return SealedFolder(await database.read(sealing.counted))
        await database.transaction(sealing.begin)
        counted = await database.read(sealing.counted)
        rows = dict.fromkeys(counted, 0)
        for table in counted:
            after: int | None = 0
            while after is not None:
                after, sealed = await database.transaction(partial(sealing.batch, table, after))
                rows[table] += sealed
                tell(sum(rows.values()), max(sum(counted.values()), sum(rows.values())), table)
        await database.read(sealing.forget)
        await database.transaction(sealing.end)
    finally:
        await database.close()
    return SealedFolder(rows)


class _Sealing:
    """The steps, each the work of one transaction; values are read and written as they stand in the file."""

    def __init__(self, keys: KeyRing, tenant: str, batch: int) -> None:
        self._rows = SealedRows(keys, tenant)
        self._values = SealedSerializer(_Typed(), keys, tenant=tenant)
        self._keys = keys
        self._tenant = tenant
        self._batch = batch
        self._driver: Any = None

    def is_done(self, connection: Connection) -> bool:
        """Whether the folder is sealed to the end; prepares the connection for the rest."""
        driver: Any = connection.connection.driver_connection
        self._driver = driver
        driver.create_function("graphwright_seals", 0, lambda: 1)
        driver.execute("PRAGMA secure_delete=ON")
        said = {self._rows.opened(mark) for mark in marks(driver)}
        return bool(said) and UNFINISHED not in said

    def begin(self, _connection: Connection) -> None:
        """Mark and fence the folder, unless somebody works in it."""
        self._refuse_driven()
        self._refuse_unmarked()
        tenants = self._column("SELECT DISTINCT tenant FROM threads UNION SELECT DISTINCT tenant FROM runs")
        if others := sorted(set(tenants) - {self._tenant}):
            raise SealBroken(
                f"The state folder holds threads of {', '.join(map(repr, others))} beside tenant {self._tenant!r}, and "
                "a sealed folder has one tenant. Nothing was sealed. Delete those threads, or move them elsewhere."
            )
        self._driver.execute("CREATE TABLE IF NOT EXISTS sealing (key_id TEXT NOT NULL, mark TEXT NOT NULL)")
        if self._keys.newest not in self._column("SELECT key_id FROM sealing"):
            mark = self._rows.sealed(UNFINISHED, "sealing", "mark", self._keys.newest)
            self._driver.execute("INSERT INTO sealing VALUES (?, ?)", (self._keys.newest, mark))
        for table, columns in (("leases", ("owner",)), *((name, columns) for name, (columns, _) in PRIVATE.items())):
            for when, event in (("insert", "INSERT"), ("update", f"UPDATE OF {', '.join(columns)}")):
                self._driver.execute(_FENCE.format(when=when, event=event, table=table))

    def counted(self, _connection: Connection) -> dict[str, int]:
        """Table to how many rows have something in clear."""
        there = set(self._column("SELECT name FROM sqlite_master WHERE type = 'table'"))
        return {
            table: self._column(f"SELECT count(*) FROM {table} WHERE {_in_clear(table)}")[0]
            for table in TABLES
            if table in there
        }

    def batch(self, table: str, after: int, _connection: Connection) -> tuple[int | None, int]:
        """Seal the next rows; gives the last one looked at (None: there are no more), and how many were sealed."""
        columns = ("type", *VALUES[table]) if table in VALUES else PRIVATE[table][0]
        place = ("thread_id", "checkpoint_ns") if table in VALUES else PRIVATE[table][1]
        named = ", ".join((*columns, *place))
        rows = self._driver.execute(
            f"SELECT rowid, {named} FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT ?", (after, self._batch)
        ).fetchall()
        sealed = 0
        for rowid, *values in rows:
            old, at = values[: len(columns)], values[len(columns) :]
            new = self._value(old, at) if table in VALUES else self._row(table, columns, old, at)
            if new != old:
                changes = ", ".join(f"{column} = ?" for column in columns)
                self._driver.execute(f"UPDATE {table} SET {changes} WHERE rowid = ?", (*new, rowid))
                sealed += 1
        return (rows[-1][0] if len(rows) == self._batch else None), sealed

    def forget(self, _connection: Connection) -> None:
        """Write the file anew and empty its log: neither keeps a value in clear that was overwritten or deleted."""
        self._driver.execute("VACUUM")
        is_busy, _, _ = self._driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_busy:
            raise StateFolderError(
                "Every row is sealed, but another process has the database open, and so its log keeps values in clear. "
                "Stop that process, then seal the folder again: it goes on from here."
            )

    def end(self, _connection: Connection) -> None:
        """Say that it is done."""
        for key_id in self._column("SELECT key_id FROM sealing"):
            # Each by its own key: who lacks one of them is told so at once.
            one = SealedRows(KeyRing({key_id: self._keys.keys[key_id]}), self._tenant)
            mark = one.sealed(CANARY, "sealing", "mark", key_id)
            self._driver.execute("UPDATE sealing SET mark = ? WHERE key_id = ?", (mark, key_id))

    def _value(self, old: Sequence[Any], place: Sequence[Any]) -> list[Any]:
        kind, data = old
        if kind is None or "+aes256gcm." in kind:
            return [kind, data]
        with self._values.at(str(place[0]), str(place[1] or "")):
            return list(self._values.dumps_typed((kind, bytes(data or b""))))

    def _row(self, table: str, columns: Sequence[str], old: Sequence[Any], place: Sequence[Any]) -> list[Any]:
        return [
            value if value is None or self._is_sealed(value) else self._rows.sealed(value, table, column, *place)
            for column, value in zip(columns, old, strict=True)
        ]

    def _is_sealed(self, value: Any) -> bool:
        """Whether we sealed it; somebody may have called a thread ``sealed:1:``."""
        if not isinstance(value, str) or not value.startswith(SEALED):
            return False
        try:
            self._rows.opened(value)
        except (SealBroken, SealKeyMissing):  # of a folder that is being sealed, all keys are known
            return False
        return True

    def _refuse_driven(self) -> None:
        now = time.time()
        leases = self._driver.execute("SELECT thread_id, owner, expires FROM leases").fetchall()
        if driven := [(thread, owner) for thread, owner, expires in leases if is_held(owner, expires, now)]:
            raise ThreadBusy(
                f"Nothing was sealed: runs are being driven in this state folder ({len(driven)}; thread {driven[0][0]} "
                f"by {driven[0][1]}). Stop whoever drives them, or wait until they pause, and seal it then."
            )

    def _refuse_unmarked(self) -> None:
        """A folder that holds sealed values and no mark was sealed once: plain rows in it are somebody else's."""
        if marks(self._driver):
            return
        there = set(self._column("SELECT name FROM sqlite_master WHERE type = 'table'"))
        count = "SELECT count(*) FROM {} WHERE type LIKE '%+aes256gcm.%'"
        sealed = any(self._column(count.format(table))[0] for table in there.intersection(VALUES)) or any(
            self._is_sealed(value)
            for table, (columns, _) in PRIVATE.items()
            for column in columns
            for value in self._column(f"SELECT {column} FROM {table} WHERE {column} LIKE '{SEALED}%'")
        )
        if sealed:
            raise SealBroken(
                "The state folder holds sealed values, and its mark is gone: somebody removed it, and may have put "
                "rows in clear there. Nothing was sealed. Restore the database from a backup."
            )

    def _column(self, query: str) -> list[Any]:
        return [value for (value,) in self._driver.execute(query).fetchall()]


def _in_clear(table: str) -> str:
    if table in VALUES:
        return "type NOT LIKE '%+aes256gcm.%'"
    return " OR ".join(f"{column} NOT LIKE '{SEALED}%'" for column in PRIVATE[table][0])


class _Typed:
    """The inner serializer: what the saver wrote is kept as it is, under its own type."""

    def dumps_typed(self, obj: tuple[str, bytes]) -> tuple[str, bytes]:
        return obj

    def loads_typed(self, data: tuple[str, bytes]) -> tuple[str, bytes]:
        return data
