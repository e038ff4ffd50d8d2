"""Sealing of our own tables: what runs hold is encrypted in the database, bound to tenant, thread, table and row.

It is done where the database connection is, so that no statement has to know of it: triggers of the connection seal
what was written into a private column, and what is read out of one is opened or refused. A value that is not sealed,
was changed, or belongs to another row, thread or tenant is refused; so is a state folder that was written unsealed.

In clear stay the columns that are searched, sorted or counted: ids, keys, names of graphs, tools, agents and users,
times, statuses, digests and usage.
"""

from __future__ import annotations

import base64
import binascii
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import Connection

from .keys import KeyRing, KeysError
from .sealing import SEAL_KEYS, Scope, SealBroken, SealedSerializer, SealKeyMissing, sealing_scope

if TYPE_CHECKING:
    from .database import Database

SEALED = "sealed:1:"
"""What a sealed value begins with."""
PRIVATE: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "threads": (("title",), ("id",)),
    "runs": (("input", "output", "error", "options"), ("id", "thread_id")),
    "journal": (("request", "outcome"), ("key", "thread_id")),
    "approvals": (("arguments", "rules", "run_roles", "reason", "allowed"), ("id", "thread_id")),
    "approval_steps": (("wire", "comment"), ("approval_id", "number")),
    "decisions": (("wire",), ("approval_id",)),
}
"""Table to its private columns, and to those that say which row it is: a private value is bound to them."""
_COLUMNS = frozenset(name for columns, _ in PRIVATE.values() for name in columns)
_TRIGGER = """
CREATE TEMP TRIGGER seal_{table}_{column} AFTER UPDATE OF {column} ON main.{table}
WHEN NEW.{column} IS NOT NULL
BEGIN
    UPDATE {table} SET {column} = graphwright_seal(NEW.{column}, '{table}', '{column}', {place})
    WHERE rowid = NEW.rowid;
END
"""
_ON_INSERT = """
CREATE TEMP TRIGGER seal_{table} AFTER INSERT ON main.{table}
BEGIN
    UPDATE {table} SET {changes} WHERE rowid = NEW.rowid;
END
"""
_JUST_WRITTEN = 64
"""How many values are remembered as written by this connection: `RETURNING` tells them before they are sealed."""
CANARY = "graphwright"
"""What the mark of a sealed folder says."""
UNFINISHED = "graphwright: unfinished"
"""What it says while the folder is being sealed (:mod:`.sealing_in_place`)."""


async def seal_rows(database: Database, keys: KeyRing | None, tenant: str) -> None:
    """Seal and open the rows of an open database from now on; without keys only see to it that it is not sealed.

    Raises:
        SealBroken: if the database holds rows that were not sealed.
        SealKeyMissing: if it is sealed and the keys for it are not given; names the key.
        SealingUnavailable: if ``cryptography`` is not installed.
    """
    if keys is None:
        await database.read(_refuse_sealed)
    else:
        rows = SealedRows(keys, tenant)
        await database.transaction(rows.check)
        await database.read(rows.install)


class SealedRows:
    """What one connection needs in order to seal and to open."""

    def __init__(self, keys: KeyRing, tenant: str) -> None:
        self._keys = keys
        self._serializer = SealedSerializer(_Text(), keys, tenant=tenant)
        self._written: deque[tuple[str, str]] = deque(maxlen=_JUST_WRITTEN)

    def check(self, connection: Connection) -> None:
        """Look whether the database is sealed with one of these keys; mark an empty one as sealed.

        Raises:
            SealBroken, SealKeyMissing: see :func:`seal_rows`.
        """
        driver: Any = connection.connection.driver_connection
        if found := marks(driver):
            if UNFINISHED in {self.opened(each) for each in found}:
                raise SealBroken(
                    "This state folder is being sealed, or that was broken off. Nothing was opened. Finish it with: "
                    "graphwright seal"
                )
            return
        if driver.execute("SELECT 1 FROM runs LIMIT 1").fetchone() is not None:
            raise SealBroken(
                "Sealing is on (`seal = true`), and this state folder holds runs that were written unsealed. Nothing "
                "was opened. Seal them with `graphwright seal`, name an empty folder with --state DIR, or switch "
                "sealing off to go on with this one."
            )
        driver.execute("CREATE TABLE IF NOT EXISTS sealing (key_id TEXT NOT NULL, mark TEXT NOT NULL)")
        mark = self.sealed(CANARY, "sealing", "mark", self._keys.newest)
        driver.execute("INSERT INTO sealing VALUES (?, ?)", (self._keys.newest, mark))

    def install(self, connection: Connection) -> None:
        """Give the connection the triggers that seal, and the eye that opens."""
        driver: Any = connection.connection.driver_connection
        driver.create_function("graphwright_seal", -1, self.seal)
        driver.create_function("graphwright_seals", 0, lambda: 1)
        # What a sealed value overwrites must not stay readable in the free space of its page.
        driver.execute("PRAGMA secure_delete=ON")
        for table, (columns, place) in PRIVATE.items():
            new = ", ".join(f"NEW.{each}" for each in place)
            for column in columns:
                driver.execute(_TRIGGER.format(table=table, column=column, place=new))
            changes = ", ".join(f"{column} = NEW.{column}" for column in columns)
            driver.execute(_ON_INSERT.format(table=table, changes=changes))
        driver.row_factory = self.row

    def seal(self, text: Any, table: str, column: str, *place: Any) -> str:
        """Called by the triggers."""
        self._written.append((column, text))
        return self.sealed(text, table, column, *place)

    def sealed(self, text: Any, table: str, column: str, *place: Any) -> str:
        """A value for this column of this row."""
        names = ("key_id",) if table == "sealing" else PRIVATE[table][1]
        row = dict(zip(names, place, strict=True))
        thread = str(row.get("thread_id", ""))
        with self._serializer.at(thread, orjson.dumps([table, column, row]).decode()):
            tag, data = self._serializer.dumps_typed(str(text))
        return f"{SEALED}{tag}:{base64.b64encode(data).decode()}"

    def row(self, cursor: Any, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """A row as it was before it was sealed; called for every row that is read.

        Raises:
            SealBroken: if a private value is not what was sealed for this row.
            SealKeyMissing: if its key is not given.
        """
        names = [each[0] for each in cursor.description]
        if _COLUMNS.isdisjoint(names):
            return values
        known = dict(zip(names, values, strict=True))
        return tuple(
            self._value(name, value, known) if name in _COLUMNS and isinstance(value, str) else value
            for name, value in zip(names, values, strict=True)
        )

    def _value(self, name: str, value: str, row: Mapping[str, Any]) -> str:
        if not value.startswith(SEALED):
            if (name, value) in self._written:
                return value
            raise SealBroken(
                f"The column {name!r} of row {_row_name(row)} is not sealed. Nothing was done with it. Find out who "
                "wrote it, and restore the database from a backup."
            )
        text, (table, column, place) = self._proved(value)
        here = {**row, "approval_id": row.get("approval_id", row.get("id"))} if name == "wire" else row
        other_table = name == "wire" and table != ("approval_steps" if "number" in row else "decisions")
        if column != name or other_table or any(here.get(each, its) != its for each, its in place.items()):
            raise SealBroken(
                f"The column {name!r} of row {_row_name(row)} was sealed for another row ({table} {place}): it was "
                "moved. Nothing was done with it. Restore the database from a backup."
            )
        return text

    def opened(self, value: str) -> str:
        """What was sealed, wherever it stands."""
        return self._proved(value)[0]

    def _proved(self, value: str) -> tuple[str, Any]:
        tag, _, encoded = value.removeprefix(SEALED).rpartition(":")
        try:
            data = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as error:
            raise SealBroken("A sealed value of the database is damaged. Restore it from a backup.") from error
        with sealing_scope(Scope(None, None)) as scope:
            text = self._serializer.loads_typed((tag, data))
        (place,) = scope.opened
        return text, orjson.loads(place.namespace)


class _Text:
    """The inner serializer: text is text."""

    def dumps_typed(self, obj: str) -> tuple[str, bytes]:
        return "text", obj.encode("utf-8", "surrogatepass")

    def loads_typed(self, data: tuple[str, bytes]) -> str:
        return data[1].decode("utf-8", "surrogatepass")


def marks(driver: Any) -> list[str]:
    """The marks of a folder that is sealed, or being sealed; one for each key that it was sealed with."""
    if driver.execute("SELECT 1 FROM sqlite_master WHERE name = 'sealing'").fetchone() is None:
        return []
    return [mark for (mark,) in driver.execute("SELECT mark FROM sealing").fetchall()]


def _refuse_sealed(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    if marks(driver):
        keys = sorted({key for (key,) in driver.execute("SELECT key_id FROM sealing").fetchall()})
        if keys:
            raise SealKeyMissing(
                f"This state folder is sealed (key {', '.join(map(repr, keys))}), and sealing is off. Set "
                f"`seal = true` in graphwright.toml and put the key into {SEAL_KEYS}."
            )


def _row_name(row: Mapping[str, Any]) -> str:
    return repr(next((row[each] for each in ("id", "key", "approval_id") if each in row), "?"))


def seal_keys() -> KeyRing:
    """The keys in ``GRAPHWRIGHT_SEAL_KEYS``, the first of which seals.

    Raises:
        KeysError: if there are none, or they cannot be used.
    """
    keys = KeyRing.from_environment(SEAL_KEYS)
    if keys is None:
        raise KeysError(
            f"Sealing is on (`seal = true`), and {SEAL_KEYS} is empty. Put a key there, written as id:base64; "
            "`python -c \"from graphwright.runtime.keys import new_key; print(new_key('k1'))\"` makes one."
        )
    return keys
