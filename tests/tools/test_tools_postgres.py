"""SQL over Postgres: read-only by the server. Needs psycopg and a server: TEST_POSTGRES_URL=postgresql://..."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

from graphwright.tools import Resources, ToolContext, ToolFailed, ToolUnavailable
from graphwright.tools.builtin import Database, Databases, describe_table, list_tables, query_database
from graphwright.tools.builtin.databases import ReadLimits

URL = os.environ.get("TEST_POSTGRES_URL", "")
here = pytest.mark.skipif(not URL or find_spec("psycopg") is None, reason="needs psycopg and TEST_POSTGRES_URL")
READER = "graphwright_reader"


def _context(place: str) -> ToolContext:
    resources = Resources()
    limits = ReadLimits(seconds=1.0, rows=5, bytes=4_000)
    resources.provide(Databases, lambda: Databases({"shop": Database(place, limits=limits)}))
    return ToolContext(call_id="c", resources=resources)


@pytest.fixture
def context() -> Iterator[ToolContext]:
    """A table, and a role that may read it and nothing else."""
    psycopg: Any = import_module("psycopg")
    with psycopg.connect(URL, autocommit=True) as owner:
        owner.execute("DROP TABLE IF EXISTS graphwright_orders")
        owner.execute("CREATE TABLE graphwright_orders (id int PRIMARY KEY, name text, cents int)")
        owner.execute("INSERT INTO graphwright_orders SELECT n, 'n' || n, n * 10 FROM generate_series(1, 20) n")
        owner.execute(f"DROP ROLE IF EXISTS {READER}")
        owner.execute(f"CREATE ROLE {READER} LOGIN PASSWORD 'reader'")
        owner.execute(f"GRANT ALL ON graphwright_orders TO {READER}")
        place = psycopg.conninfo.conninfo_to_dict(URL)
        host = f"{place.get('host', 'localhost')}:{place.get('port', 5432)}"
        yield _context(f"postgresql://{READER}:reader@{host}/{place.get('dbname', 'postgres')}")
        owner.execute("DROP TABLE graphwright_orders")
        owner.execute(f"DROP ROLE {READER}")


@here
async def test_rows_tables_and_columns_are_read(context: ToolContext) -> None:
    sql = "SELECT id, name FROM graphwright_orders WHERE id = %(id)s"

    assert (await query_database(sql, context, {"id": 3})).rows == [{"id": 3, "name": "n3"}]
    assert (await list_tables(context))["tables"]["graphwright_orders"] == "id, name, cents"
    assert (await describe_table("graphwright_orders", context)).columns[0]["type"] == "integer"
    capped = await query_database("SELECT id FROM graphwright_orders ORDER BY id", context)
    assert (len(capped.rows), capped.more) == (5, True)


@here
@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM graphwright_orders",
        "UPDATE graphwright_orders SET cents = 0",
        "WITH gone AS (DELETE FROM graphwright_orders RETURNING id) SELECT * FROM gone",
        "SELECT 1; DELETE FROM graphwright_orders",
        "CREATE TABLE t (x int)",
        "CREATE TEMP TABLE t (x int)",
        "COPY graphwright_orders TO PROGRAM 'id'",
        "COMMIT",
        "SET TRANSACTION READ WRITE",
        "SET statement_timeout = 0",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT lo_import('/etc/passwd')",
        "SELECT pg_sleep(30)",
        "SELECT set_config('statement_timeout', '0', false) UNION ALL SELECT pg_sleep(30)::text",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SELECT COUNT(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b",
        "SELECT nothing FROM graphwright_orders",
    ],
)
async def test_nothing_but_reading_gets_past_the_server(context: ToolContext, sql: str) -> None:
    with pytest.raises(ToolFailed):
        await query_database(sql, context)

    counted = await query_database("SELECT COUNT(*) AS n, SUM(cents) AS cents FROM graphwright_orders", context)
    assert counted.rows == [{"n": 20, "cents": 2_100}]


@here
async def test_a_mighty_role_is_refused() -> None:
    with pytest.raises(ToolFailed, match="role can read files"):
        await query_database("SELECT 1", _context(URL))


@here
async def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(ToolUnavailable, match="could not be reached"):
        await query_database("SELECT 1", _context("postgresql://nobody@127.0.0.1:1/none"))


async def test_without_psycopg_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(ToolFailed, match=r"pip install 'graphwright\[postgres\]'"):
        await query_database("SELECT 1", _context("postgresql://localhost/shop"))
