"""Asks a Postgres server in a read-only transaction, as a role without powers; psycopg is imported at first use."""

from __future__ import annotations

import asyncio
import json
import math
from importlib import import_module
from typing import Any

from ..errors import ToolFailed, ToolUnavailable
from .databases import Database

MISSING = "Postgres needs psycopg: pip install 'graphwright[postgres]'"
_TABLES = """
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = ANY (current_schemas(false)) ORDER BY table_name, ordinal_position
"""
_COLUMNS = """
    SELECT column_name AS name, data_type AS type, is_nullable = 'NO' AS required FROM information_schema.columns
    WHERE table_schema = ANY (current_schemas(false)) AND table_name = %(table)s ORDER BY ordinal_position
"""
_LINKS = """
    SELECT a.attname AS "column", c.confrelid::regclass::text AS "table", b.attname AS other
    FROM pg_constraint c
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
    JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = ANY (c.confkey)
    WHERE c.contype = 'f' AND c.conrelid = to_regclass(%(table)s)
"""
_POWERS = """
    SELECT rolsuper OR pg_has_role(current_user, 'pg_write_server_files', 'member')
        OR pg_has_role(current_user, 'pg_read_server_files', 'member')
        OR pg_has_role(current_user, 'pg_execute_server_program', 'member') FROM pg_roles WHERE rolname = current_user
"""
"""Whether the role could reach beyond its tables even in a read-only transaction: files and programs of the server."""


async def ask_postgres(database: Database, task: str, **asked: Any) -> dict[str, Any]:
    """The answer to `query`, `tables` or `describe`, as the SQLite worker gives it.

    Raises:
        ToolFailed: if psycopg is missing, the role is too mighty or the server refuses.
        ToolUnavailable: if the server cannot be reached.
    """
    try:
        psycopg: Any = import_module("psycopg")
        dict_row = import_module("psycopg.rows").dict_row
    except ImportError as error:
        raise ToolFailed(f"{MISSING}. Tell whoever runs this.") from error
    milliseconds = math.ceil(database.limits.seconds * 1000)
    options = f"-c default_transaction_read_only=on -c statement_timeout={milliseconds} -c lock_timeout=2000"
    try:
        connection = await psycopg.AsyncConnection.connect(
            str(database.place), options=options, connect_timeout=10, row_factory=dict_row
        )
    except psycopg.OperationalError as error:
        raise ToolUnavailable("The database server could not be reached.") from error
    async with connection:
        await connection.set_read_only(True)
        try:
            # The server's own timeout can be switched off by a query that calls set_config.
            async with asyncio.timeout(database.limits.seconds + 1.0):
                return await _asked(connection, database, task, asked)
        except (psycopg.errors.QueryCanceled, TimeoutError) as error:
            raise ToolFailed(
                f"The query took more than {database.limits.seconds:g} seconds and was stopped. Ask for less."
            ) from error
        except psycopg.Error as error:
            await connection.rollback()
            schema = await _schema(connection)
            return {"error": str(error).splitlines()[0], "kind": type(error).__name__, "refused": "", "schema": schema}
        finally:
            await connection.rollback()


async def _asked(connection: Any, database: Database, task: str, asked: dict[str, Any]) -> dict[str, Any]:
    if task == "tables":
        return {"schema": await _schema(connection)}
    if task == "describe":
        return await _described(connection, asked["table"])
    async with connection.cursor() as cursor:
        await cursor.execute(_POWERS)
        if True in ((await cursor.fetchone()) or {}).values():
            raise ToolFailed(
                "Nothing was asked: the database role can read files or run programs of the server. "
                "Tell whoever runs this to give a role that can only read tables."
            )
    return await _rows(connection, database, asked)


async def _rows(connection: Any, database: Database, asked: dict[str, Any]) -> dict[str, Any]:
    # A named cursor is one statement by the protocol, and nothing but a query can be declared as one.
    rows: list[dict[str, Any]] = []
    size, limits = 0, database.limits
    async with connection.cursor(name="asked") as cursor:
        await cursor.execute(asked["sql"].strip().removesuffix(";"), asked["parameters"] or None)
        while len(rows) <= limits.rows:
            fetched = await cursor.fetchmany(1)
            if not fetched:
                return {"rows": rows, "cut": False}
            row = {name: _plain(value) for name, value in fetched[0].items()}
            size += len(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace"))
            if len(rows) >= limits.rows or size > limits.bytes:
                break
            rows.append(row)
    return {"rows": rows, "cut": True}


async def _schema(connection: Any) -> dict[str, list[str]]:
    schema: dict[str, list[str]] = {}
    async with connection.cursor() as cursor:
        await cursor.execute(_TABLES)
        for row in await cursor.fetchall():
            schema.setdefault(row["table_name"], []).append(row["column_name"])
    return schema


async def _described(connection: Any, table: str) -> dict[str, Any]:
    sql: Any = import_module("psycopg.sql")
    schema = await _schema(connection)
    if table not in schema:
        return {"error": f"no such table: {table}", "kind": "UndefinedTable", "refused": "", "schema": schema}
    async with connection.cursor() as cursor:
        await cursor.execute(_COLUMNS, {"table": table})
        columns = await cursor.fetchall()
        await cursor.execute(_LINKS, {"table": table})
        links = await cursor.fetchall()
        await cursor.execute(sql.SQL("SELECT * FROM {} LIMIT 3").format(sql.Identifier(table)))
        sample = [{name: _plain(value, 80) for name, value in row.items()} for row in await cursor.fetchall()]
    return {"table": table, "columns": columns, "links": links, "sample": sample}


def _plain(value: Any, most: int = 2_000) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes | memoryview):
        return f"{len(bytes(value))} bytes of binary data"
    text = str(value)
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"
