"""SQL that only reads: what it answers, and that nothing a query can say changes anything or costs too much."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphwright.tools import Resources, ToolContext, ToolDeclarationError, ToolFailed, ToolUnavailable
from graphwright.tools.builtin.databases import Database, Databases, ReadLimits
from graphwright.tools.builtin.sql import describe_table, list_tables, query_database

SMALL = ReadLimits(seconds=0.5, rows=50, bytes=8_000, temporary_bytes=20_000_000, memory_bytes=64_000_000)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop's 100%?.db"
    with sqlite3.connect(path) as database:
        database.executescript(
            """
            CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, card TEXT);
            CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers (id), cents INTEGER);
            CREATE TABLE secrets (word TEXT);
            CREATE VIEW totals AS SELECT customer, SUM(cents) AS cents FROM orders GROUP BY customer;
            CREATE VIEW leak AS SELECT word FROM secrets;
            INSERT INTO customers VALUES (1, 'Ann', '4111'), (2, 'Bö', '5500');
            INSERT INTO secrets VALUES ('swordfish');
            """
        )
        database.executemany("INSERT INTO orders VALUES (?, ?, ?)", [(n, n % 2 + 1, n * 10) for n in range(1, 301)])
    database.close()
    return path


@pytest.fixture
def context(file: Path) -> ToolContext:
    hidden = frozenset({"secrets", "customers.card"})
    resources = Resources()
    databases = {"shop": Database(file, "The shop.", limits=SMALL), "trimmed": Database(file, "", hidden, SMALL)}
    resources.provide(Databases, lambda: Databases(databases))
    return ToolContext(call_id="c", resources=resources)


@pytest.fixture(autouse=True)
def unchanged(file: Path, tmp_path: Path) -> Iterator[None]:
    """Whatever a test asks, the file and its folder stay as they are."""
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    yield
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before
    assert [each.name for each in tmp_path.iterdir()] == [file.name]


async def asked(context: ToolContext, sql: str, database: str = "shop", **parameters: Any) -> Any:
    return await query_database(sql, context, parameters or None, database)


async def test_a_query_gives_its_rows_by_column_name(context: ToolContext) -> None:
    sql = "SELECT name, SUM(cents) AS cents FROM customers c JOIN orders o ON o.customer = c.id GROUP BY name"
    found = await asked(context, f"{sql} ORDER BY name")

    ann, bo = (sum(n * 10 for n in range(1, 301) if n % 2 + 1 == customer) for customer in (1, 2))
    assert found.rows == [{"name": "Ann", "cents": ann}, {"name": "Bö", "cents": bo}]
    assert not found.more


async def test_values_are_bound_and_never_become_sql(context: ToolContext) -> None:
    hostile = "x' OR 1=1; DROP TABLE customers; --"

    assert (await asked(context, "SELECT id FROM customers WHERE name = :name", name="Bö")).rows == [{"id": 2}]
    assert (await asked(context, "SELECT id FROM customers WHERE name = :name", name=hostile)).rows == []
    with pytest.raises(ToolFailed, match="has no value"):
        await asked(context, "SELECT id FROM customers WHERE name = :name")


async def test_two_columns_of_one_name_are_told_apart(context: ToolContext) -> None:
    found = await asked(context, "SELECT 1 AS a, 2 AS a, x'00ff' AS b, 9e999 AS c, NULL AS d")

    assert found.rows == [{"a": 1, "a_2": 2, "b": "2 bytes of binary data", "c": "inf", "d": None}]


async def test_rows_beyond_the_cap_are_left_out_and_that_is_said(context: ToolContext) -> None:
    found = await asked(context, "SELECT id FROM orders")
    wide = await asked(context, "SELECT hex(randomblob(400)) AS x FROM orders")

    assert (len(found.rows), found.more) == (50, True)
    assert len(wide.rows) < 12
    assert wide.more


async def test_the_tables_are_listed_with_the_dialect_and_how_values_are_written(context: ToolContext) -> None:
    listed = await list_tables(context, "shop")

    assert (listed["dialect"], listed["parameters"], listed["about"]) == ("SQLite", ":name", "The shop.")
    assert listed["tables"]["orders"] == "id, customer, cents"


async def test_a_table_is_described_with_types_links_and_a_sample(context: ToolContext) -> None:
    found = await describe_table("Orders", context, "shop")

    assert found.columns[0] == {"name": "id", "type": "INTEGER", "required": False, "key": True}
    assert found.links == [{"column": "customer", "table": "customers", "other": "id"}]
    assert found.sample[0] == {"cents": 10, "customer": 2, "id": 1}


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT * FROM order", "near"),
        ("SELECT * FROM orderz", "no table 'orderz'. Did you mean 'orders'?"),
        ("SELECT nam FROM customers", "no column 'nam' here. Did you mean 'name'?"),
        ("SELECT c.cent FROM customers c", "Did you mean 'cents'?"),
        ("SELECT name FROM orders", "A column of that name is in: customers. Join it."),
        ("", "Write one SELECT"),
        ("-- nothing", "Write one SELECT"),
    ],
)
async def test_a_wrong_query_is_answered_with_what_would_be_right(context: ToolContext, sql: str, says: str) -> None:
    with pytest.raises(ToolFailed) as problem:
        await asked(context, sql)

    assert says in str(problem.value)


WRITES = [
    "INSERT INTO orders VALUES (999, 1, 1)",
    "UPDATE orders SET cents = 0",
    "DELETE FROM orders",
    "REPLACE INTO orders VALUES (1, 1, 1)",
    "INSERT INTO orders SELECT * FROM orders RETURNING id",
    "WITH gone AS (SELECT 1) DELETE FROM orders",
    "DROP TABLE orders",
    "DROP VIEW totals",
    "ALTER TABLE orders ADD COLUMN x",
    "CREATE TABLE t (x)",
    "CREATE TEMP TABLE t AS SELECT * FROM secrets",
    "CREATE TEMP VIEW v AS SELECT 1",
    "CREATE TEMP TRIGGER t AFTER INSERT ON orders BEGIN SELECT 1; END",
    "CREATE INDEX i ON orders (cents)",
    "CREATE VIRTUAL TABLE t USING fts5(x)",
    "ATTACH DATABASE '/etc/passwd' AS p",
    "ATTACH DATABASE ':memory:' AS m",
    "ATTACH DATABASE 'file:new.db?mode=rwc' AS n",
    "DETACH DATABASE main",
    "VACUUM",
    "VACUUM INTO '/tmp/graphwright-stolen.db'",
    "REINDEX",
    "ANALYZE",
    "BEGIN",
    "BEGIN IMMEDIATE",
    "COMMIT",
    "SAVEPOINT s",
    "PRAGMA query_only = OFF",
    "PRAGMA journal_mode = WAL",
    "PRAGMA writable_schema = ON",
    "PRAGMA user_version = 7",
    "PRAGMA trusted_schema = ON",
    "PRAGMA hard_heap_limit = 0",
    "PRAGMA temp_store_directory = '/tmp'",
    "PRAGMA database_list",
    "SELECT file FROM pragma_database_list",
    "SELECT load_extension('/tmp/x.so')",
    "SELECT readfile('/etc/passwd')",
    "SELECT writefile('/tmp/graphwright-x', 'x')",
    "SELECT * FROM fsdir('/etc')",
    "SELECT edit('x', 'sh')",
    "SELECT fts3_tokenizer('simple')",
    "SELECT * FROM sqlite_dbpage",
    "EXPLAIN DELETE FROM orders",
]
OBFUSCATED = [
    "SELECT 1; DROP TABLE orders",
    "SELECT 1;;DELETE FROM orders",
    "/* SELECT */ DELETE FROM orders -- SELECT",
    "--\nDELETE FROM orders",
    "/*/**/DELETE/**/FROM/**/orders",
    "DeLeTe\u000cfRoM orders",
    "ＤＥＬＥＴＥ FROM orders",
    "DEL\u200bETE FROM orders",
    "\ufeffDELETE FROM orders",
    "SELECT 1\0; DROP TABLE orders",
    "SELECT '\ud800'",
    "SELECT 1 -- \n; DELETE FROM orders",
    "SELECT 1 UNION DELETE FROM orders",
    "SELECT * FROM (DELETE FROM orders RETURNING id)",
]


@pytest.mark.parametrize("sql", WRITES + OBFUSCATED)
async def test_nothing_but_reading_gets_past_the_engine(context: ToolContext, sql: str) -> None:
    with pytest.raises(ToolFailed):
        await asked(context, sql)

    assert not any(map(os.path.exists, ("/tmp/graphwright-stolen.db", "/tmp/graphwright-x")))


async def test_a_refusal_says_what_was_refused(context: ToolContext) -> None:
    with pytest.raises(ToolFailed, match="ATTACH is not allowed here, only reading"):
        await asked(context, "ATTACH DATABASE '/etc/passwd' AS p")
    with pytest.raises(ToolFailed, match="Only one statement"):
        await asked(context, "SELECT 1; SELECT 2")


def _nested(n: int) -> str:
    more = "".join(f", c{i} AS (SELECT a.x FROM c{i - 1} a, c{i - 1} b)" for i in range(1, n))
    return f"WITH c0 AS (SELECT 1 x){more} SELECT COUNT(*) FROM c{n - 1}"


BOMBS = {
    "endless recursion": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT COUNT(*) FROM n",
    "endless rows": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT * FROM n WHERE x < 0",
    "growing text": "WITH RECURSIVE n(x) AS (SELECT 'a' UNION ALL SELECT x || x FROM n) SELECT MAX(LENGTH(x)) FROM n",
    "cartesian join": "SELECT COUNT(*) FROM orders a, orders b, orders c, orders d, orders e",
    "cartesian sort": "SELECT a.id, hex(randomblob(500)) r FROM orders a, orders b, orders c ORDER BY r",
    "cartesian distinct": "SELECT COUNT(*) FROM (SELECT DISTINCT hex(randomblob(500)) FROM orders, orders b, orders c)",
    "huge blob": "SELECT LENGTH(randomblob(900000000))",
    "huge text": "SELECT LENGTH(printf('%.*c', 900000000, 'x'))",
    "joined text": "SELECT LENGTH(group_concat(hex(randomblob(5000)))) FROM orders a, orders b",
    "json tree": "SELECT LENGTH(json_group_array(hex(randomblob(5000)))) FROM orders a, orders b",
    "expansion that no engine interrupts": _nested(40),
    "deep brackets": "SELECT " + "(" * 900 + "1" + ")" * 900,
    "deep expression": "SELECT " + "1+" * 4_000 + "1",
    "many unions": "SELECT 1" + " UNION ALL SELECT 1" * 400,
    "long pattern": "SELECT printf('%.*c', 190000, 'a') LIKE '" + "%a" * 400 + "b'",
}


@pytest.mark.parametrize("name", BOMBS)
async def test_a_query_that_would_cost_too_much_is_stopped(context: ToolContext, name: str) -> None:
    with pytest.raises(ToolFailed) as problem:
        await asked(context, BOMBS[name])

    assert str(problem.value)[0].isupper()


async def test_what_is_hidden_can_be_read_in_no_way(context: ToolContext) -> None:
    for sql in (
        "SELECT * FROM secrets",
        "SELECT COUNT(*) FROM secrets",
        "SELECT * FROM leak",
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM secrets)",
        "SELECT card FROM customers",
        "SELECT * FROM customers",
        "SELECT id FROM customers WHERE card LIKE '4%'",
        "SELECT id FROM customers ORDER BY CARD",
        'SELECT "Card" FROM "Customers"',
        "SELECT sql FROM sqlite_master",
        "SELECT * FROM sqlite_schema",
        "PRAGMA table_info(secrets)",
    ):
        with pytest.raises(ToolFailed, match=r"may not be read|no table|Write one SELECT"):
            await asked(context, sql, "trimmed")

    listed = await list_tables(context, "trimmed")
    described = await describe_table("customers", context, "trimmed")
    assert "secrets" not in listed["tables"]
    assert listed["tables"]["customers"] == "id, name"
    assert described.sample == [{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bö"}]
    assert (await asked(context, "SELECT name FROM customers WHERE id = 1", "trimmed")).rows == [{"name": "Ann"}]
    with pytest.raises(ToolFailed, match="no table 'secrets'"):
        await describe_table("secrets", context, "trimmed")


async def test_a_database_that_is_not_there_is_not_made(context: ToolContext, tmp_path: Path) -> None:
    resources = Resources()
    resources.provide(Databases, lambda: Databases({"none": tmp_path / "none.db"}))

    with pytest.raises(ToolUnavailable, match="missing or may not be read"):
        await query_database("SELECT 1", ToolContext(call_id="c", resources=resources))


async def test_a_database_is_found_by_name_and_the_only_one_without(context: ToolContext, file: Path) -> None:
    resources = Resources()
    resources.provide(Databases, lambda: Databases({"shop": file}))

    alone = await query_database("SELECT 1 AS x", ToolContext(call_id="c", resources=resources))

    assert alone.rows == [{"x": 1}]
    with pytest.raises(ToolFailed, match=r"no database 'shp'\. Did you mean 'shop'"):
        await asked(context, "SELECT 1", "shp")
    with pytest.raises(ToolFailed, match="Say which database"):
        await asked(context, "SELECT 1", "")


def test_a_wrong_declaration_of_databases_says_everything() -> None:
    with pytest.raises(ToolDeclarationError) as problem:
        Databases({"a": "mysql://host/x", "b": Database("postgresql://host/x", hidden=frozenset({"t"}))})

    assert len(problem.value.problems) == 2


async def test_no_secret_of_the_environment_reaches_the_process_that_reads(
    context: ToolContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader is a process of its own: it is started with an empty environment."""
    seen: dict[str, Any] = {}
    real = asyncio.create_subprocess_exec

    async def spy(*command: Any, **options: Any) -> Any:
        seen.update(options)
        return await real(*command, **options)

    monkeypatch.setenv("API_KEY", "sk-secret")
    monkeypatch.setattr(asyncio, "create_subprocess_exec", spy)
    await asked(context, "SELECT 1")

    assert seen["env"] == {}
    assert "API_KEY" in os.environ


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sql=st.text(st.sampled_from("SELECTdropinsertorders customers*();,.'\"-/\n\0é"), max_size=60))
async def test_any_text_gives_rows_or_a_sentence(context: ToolContext, sql: str) -> None:
    with contextlib.suppress(ToolFailed):  # any other error fails the test
        assert isinstance((await asked(context, sql or " ")).rows, list)
