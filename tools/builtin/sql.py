"""SQL that only reads: tables, their columns, and one query at a time. The engine refuses every write, not a regex."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from ..context import ToolContext
from ..declare import tool
from ..errors import ToolFailed
from ..words import did_you_mean, listed
from .databases import Database, Databases
from .postgres_reader import ask_postgres
from .sqlite_reader import ask_sqlite

Scalar = str | int | float | bool | None
Name = Annotated[str, Field(max_length=100, description="Which database; empty where there is only one.")]


@dataclass(frozen=True)
class Rows:
    """What a query found."""

    rows: list[dict[str, Any]]
    more: bool = False
    """Whether there are rows beyond these."""


@dataclass(frozen=True)
class TableColumns:
    """One table and what is in it."""

    table: str
    columns: list[dict[str, Any]]
    links: list[dict[str, str]]
    """Which column points to which column of which other table."""
    sample: list[dict[str, Any]]


@tool(effect="read", private=True, timeout=30.0)
async def list_tables(context: ToolContext, database: Name = "") -> dict[str, Any]:
    """List the tables of a database with their columns, and how to write a query for it."""
    chosen = context.resources.get(Databases).chosen(database)
    answer = await _ask(chosen, "tables")
    return {
        "dialect": chosen.dialect,
        "parameters": "%(name)s" if chosen.is_postgres else ":name",
        **({"about": chosen.description} if chosen.description else {}),
        "tables": {table: ", ".join(columns) for table, columns in answer["schema"].items()},
    }


@tool(effect="read", private=True, timeout=30.0)
async def describe_table(
    table: Annotated[str, Field(min_length=1, max_length=200, description="Name of the table.")],
    context: ToolContext,
    database: Name = "",
) -> TableColumns:
    """Describe one table: its columns with their types, its links to other tables, and three rows of it."""
    answer = await _ask(context.resources.get(Databases).chosen(database), "describe", table=table)
    return TableColumns(answer["table"], answer["columns"], answer["links"], answer["sample"])


@tool(effect="read", private=True, timeout=30.0)
async def query_database(
    sql: Annotated[
        str, Field(min_length=1, max_length=10_000, description="One SELECT statement, with aggregates and a LIMIT.")
    ],
    context: ToolContext,
    parameters: Annotated[
        dict[str, Scalar] | None, Field(description="Values for the places in the statement, by name.")
    ] = None,
    database: Name = "",
) -> Rows:
    """Run one SQL query that only reads, and return its rows."""
    chosen = context.resources.get(Databases).chosen(database)
    return await read_rows(chosen, sql, parameters or {})


async def read_rows(database: Database, sql: str, parameters: Mapping[str, Scalar] | None = None) -> Rows:
    """The rows of one query; for tools that write their own SQL. Raises ToolFailed in words for a model."""
    answer = await _ask(database, "query", sql=sql, parameters=dict(parameters or {}))
    return Rows(answer["rows"], answer["cut"])


async def _ask(database: Database, task: str, **asked: Any) -> dict[str, Any]:
    for text in (asked.get("sql", ""), asked.get("table", "")):
        if "\0" in text or text != text.encode("utf-8", "ignore").decode():
            raise ToolFailed("The text holds characters that no query can: NUL or half of a pair. Leave them out.")
    answer = await (ask_postgres if database.is_postgres else ask_sqlite)(database, task, **asked)
    if "error" in answer:
        raise ToolFailed(_in_words(answer["error"], answer.get("refused", ""), answer.get("schema", {})))
    return answer


_MISSING = re.compile(r"no such (?P<what>table|column): (?:\w+\.(?=\w+\.))?(?P<name>\S+)")


def _in_words(error: str, refused: str, schema: Mapping[str, list[str]]) -> str:
    """What the engine said, as a sentence that says what to do."""
    if missing := _MISSING.search(error):
        return _not_there(missing["what"], missing["name"], schema)
    if refused and ("not authorized" in error or "prohibited" in error or "cannot" in error):
        return f"The database was not asked: {refused}. Write one SELECT."
    for sign, sentence in _SENTENCES.items():
        if sign in error:
            return sentence
    return f"The database refused the query: {error}. Correct it and try again."


def _not_there(what: str, name: str, schema: Mapping[str, list[str]]) -> str:
    if what == "table":
        return f"There is no table {name!r}.{did_you_mean(name, schema)} There are: {listed(schema)}."
    table, _, column = name.rpartition(".")
    column = column.strip("\"'`")
    known = [each for columns in schema.values() for each in columns]
    places = [owner for owner, columns in schema.items() if column in columns]
    if places:
        where = f" A column of that name is in: {listed(places)}. Join it."
    else:
        where = f"{did_you_mean(column, known)} {_columns_said(table, schema)}"
    return f"There is no column {name!r} here.{where}"


def _columns_said(table: str, schema: Mapping[str, list[str]]) -> str:
    if table in schema:
        return f"{table} has: {listed(schema[table])}."
    return "Ask describe_table for the columns of a table."


_SENTENCES: Mapping[str, str] = {
    "it gives no rows": "That is no query. Write one SELECT.",
    "one statement at a time": "Only one statement can be run at a time. Send the first one alone.",
    "readonly": "The database can only be read. Write one SELECT.",
    "too big": "A value in it is too long. Take a part of it (substr), or count instead of joining texts together.",
    "out of memory": "The query was stopped: it needed too much memory. Ask for fewer rows or columns at a time.",
    "MemoryError": "The query was stopped: it needed too much memory. Ask for fewer rows or columns at a time.",
    "full": "The query was stopped: it sorts or joins more than fits into its temporary file. Ask for less.",
    "disk I/O error": "The query was stopped: it sorts or joins more than fits into its temporary file. Ask for less.",
    "binding": "A place in the statement has no value. Give `parameters` a value for each :name.",
    "not a database": "The file is no SQLite database, or a damaged one. Tell whoever runs this.",
    "malformed": "The file is no SQLite database, or a damaged one. Tell whoever runs this.",
}
