"""Answers one question about a SQLite file, as a process of its own: run by `sqlite_reader.py`, standard library only.

The engine itself keeps it from writing: the file is opened read-only, `query_only` is set, nothing can be attached,
and an authorizer refuses every action but reading. What an action costs is bounded by SQLite's limits and the
kernel's; the parent kills the process when its time is over, because SQLite cannot be interrupted while it parses.
"""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_PRAGMAS = {"table_info", "table_xinfo", "index_list", "index_info", "foreign_key_list"}
_FUNCTIONS = {"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer", "fts5"}
_RAW = {"sqlite_dbpage", "sqlite_stat4", "dbstat"}
_SCHEMA = {"sqlite_master", "sqlite_schema"}
_NAMES = {
    getattr(sqlite3, name): name.removeprefix("SQLITE_").replace("_", " ")
    for name in dir(sqlite3)
    if name.startswith(("SQLITE_CREATE", "SQLITE_DROP", "SQLITE_ALTER", "SQLITE_INSERT", "SQLITE_UPDATE"))
    or name in ("SQLITE_DELETE", "SQLITE_PRAGMA", "SQLITE_ATTACH", "SQLITE_DETACH", "SQLITE_TRANSACTION",
                "SQLITE_SAVEPOINT", "SQLITE_REINDEX", "SQLITE_ANALYZE")
}  # fmt: skip
_CELL = 2_000
"""Characters of one text that an answer shows."""


class Guard:
    """The authorizer: what is refused, and what was refused last."""

    def __init__(self, hidden: list[str]) -> None:
        self.hidden = {each.casefold() for each in hidden}
        self.refused = ""

    def __call__(self, action: int, one: str | None, two: str | None, _where: str | None, _by: str | None) -> int:
        reason = self._reason(action, (one or "").casefold(), (two or "").casefold())
        if reason:
            self.refused = reason
        return sqlite3.SQLITE_DENY if reason else sqlite3.SQLITE_OK

    def _reason(self, action: int, one: str, two: str) -> str:
        if action == sqlite3.SQLITE_READ:
            return self._read(one, two)
        if action == sqlite3.SQLITE_FUNCTION:
            return f"the function {two}() is not allowed here" if two in _FUNCTIONS else ""
        if action == sqlite3.SQLITE_PRAGMA and one in _PRAGMAS:
            return self._read(two, "")
        if action in _ALLOWED:
            return ""
        return f"{_NAMES.get(action, 'this')} is not allowed here, only reading"

    def _read(self, table: str, column: str) -> str:
        if table in _RAW or (self.hidden and (table in _SCHEMA or table.startswith("sqlite_"))):
            return f"{table} may not be read; use list_tables and describe_table"
        if table in self.hidden:
            return f"the table {table} may not be read"
        return f"the column {table}.{column} may not be read" if f"{table}.{column}" in self.hidden else ""


def main() -> None:
    """Read a request as JSON, answer as JSON."""
    asked = json.load(sys.stdin)
    _bound_process(asked["limits"])
    guard = Guard(asked["hidden"])
    database = None
    try:
        database = _opened(asked["path"], asked["limits"], guard)
        answer = _TASKS[asked["task"]](database, guard, asked)
    except (sqlite3.Error, sqlite3.Warning, MemoryError, UnicodeError, OverflowError) as error:
        answer = {"error": str(error) or type(error).__name__, "kind": type(error).__name__, "refused": guard.refused}
        if database is not None:
            answer["schema"] = _schema(database, guard)
    sys.stdout.buffer.write(json.dumps(answer, ensure_ascii=True, allow_nan=False).encode())


def _bound_process(limits: dict[str, Any]) -> None:
    try:
        import resource  # not on Windows
    except ImportError:
        return
    cpu = math.ceil(limits["seconds"]) + 1
    for what, most in (
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, limits["temporary_bytes"]),
        (resource.RLIMIT_CORE, 0),
        # Beyond SQLite's own heap: Python and its part of the answer.
        (resource.RLIMIT_AS, limits["memory_bytes"] + 400_000_000),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))


def _opened(path: str, limits: dict[str, Any], guard: Guard) -> sqlite3.Connection:
    database = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, isolation_level=None, timeout=2.0)
    database.text_factory = lambda raw: raw.decode("utf-8", "replace")
    database.execute("PRAGMA query_only = ON")
    database.execute("PRAGMA trusted_schema = OFF")
    database.execute("PRAGMA temp_store = FILE")
    database.execute("PRAGMA cell_size_check = ON")
    database.execute("PRAGMA cache_size = -32000")
    database.execute(f"PRAGMA hard_heap_limit = {int(limits['memory_bytes'])}")
    for what, most in (
        (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
        (sqlite3.SQLITE_LIMIT_LENGTH, limits["value_bytes"]),
        (sqlite3.SQLITE_LIMIT_SQL_LENGTH, 20_000),
        (sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 200),
        (sqlite3.SQLITE_LIMIT_COMPOUND_SELECT, 50),
        (sqlite3.SQLITE_LIMIT_COLUMN, 500),
        (sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 500),
        (sqlite3.SQLITE_LIMIT_VDBE_OP, 100_000),
        (sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1),
        (sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0),
    ):
        database.setlimit(what, most)
    database.set_authorizer(guard)
    over = time.monotonic() + limits["seconds"]
    database.set_progress_handler(lambda: time.monotonic() > over, 10_000)
    return database


def _query(database: sqlite3.Connection, guard: Guard, asked: dict[str, Any]) -> dict[str, Any]:
    found = database.execute(asked["sql"], asked["parameters"])
    if found.description is None:
        return {"error": "it gives no rows", "kind": "NoRows", "refused": ""}
    names = list(_unique(each[0] for each in found.description))
    rows: list[dict[str, Any]] = []
    size = 0
    for row in found:
        shown = {name: _plain(value) for name, value in zip(names, row, strict=True)}
        size += len(json.dumps(shown, ensure_ascii=False).encode("utf-8", "replace")) + 1
        if len(rows) >= asked["limits"]["rows"] or size > asked["limits"]["bytes"]:
            return {"columns": names, "rows": rows, "cut": True}
        rows.append(shown)
    return {"columns": names, "rows": rows, "cut": False}


def _tables(database: sqlite3.Connection, guard: Guard, asked: dict[str, Any]) -> dict[str, Any]:
    return {"schema": _schema(database, guard)}


def _described(database: sqlite3.Connection, guard: Guard, asked: dict[str, Any]) -> dict[str, Any]:
    schema = _schema(database, guard)
    table = next((name for name in schema if name.casefold() == asked["table"].casefold()), None)
    if table is None:
        return {"error": f"no such table: {asked['table']}", "kind": "NotThere", "schema": schema, "refused": ""}
    shown = set(schema[table])
    columns = [
        {"name": name, "type": kind, "required": bool(required), "key": bool(key)}
        for _, name, kind, required, _, key in database.execute(f"PRAGMA table_info({_quoted(table)})")
        if name in shown
    ]
    links = [
        {"column": column, "table": other, "other": there}
        for _, _, other, column, there, *_ in database.execute(f"PRAGMA foreign_key_list({_quoted(table)})")
        if column in shown and other in schema
    ]
    return {"table": table, "columns": columns, "links": links, "sample": _sample(database, table, sorted(shown))}


def _sample(database: sqlite3.Connection, table: str, columns: list[str]) -> list[dict[str, Any]]:
    named = ", ".join(map(_quoted, columns))
    found = database.execute(f"SELECT {named} FROM {_quoted(table)} LIMIT 3")
    return [dict(zip(columns, (_plain(value, 80) for value in row), strict=True)) for row in found]


def _schema(database: sqlite3.Connection, guard: Guard) -> dict[str, list[str]]:
    """Tables and views with the columns that may be read."""
    database.set_authorizer(None)
    try:
        names = [name for (name,) in database.execute(_EVERY_TABLE)]
        every = {name: [row[1] for row in _info(database, name)] for name in names}
    finally:
        database.set_authorizer(guard)
    return {
        table: [column for column in columns if f"{table}.{column}".casefold() not in guard.hidden]
        for table, columns in every.items()
        if table.casefold() not in guard.hidden
    }


_EVERY_TABLE = """
    SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY 1
"""


def _info(database: sqlite3.Connection, table: str) -> list[Any]:
    try:
        return database.execute(f"PRAGMA table_info({_quoted(table)})").fetchall()
    except sqlite3.Error:
        return []  # a view over something that is gone


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _unique(names: Iterator[str]) -> Iterator[str]:
    """Column names, a second one of the same name numbered."""
    seen: dict[str, int] = {}
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        yield name if seen[name] == 1 else f"{name}_{seen[name]}"


def _plain(value: Any, most: int = _CELL) -> Any:
    if isinstance(value, bytes):
        return f"{len(value)} bytes of binary data"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, str) and len(value) > most:
        return f"{value[:most]}… ({len(value)} characters)"
    return value


_TASKS = {"query": _query, "tables": _tables, "describe": _described}

if __name__ == "__main__":
    main()
