"""Brief transactions: done at once where that cannot wait, and never half or lost where it could."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from graphwright.runtime.database import Database

MAKE = "CREATE TABLE IF NOT EXISTS notes (number INTEGER PRIMARY KEY)"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database(tmp_path / "graphwright.db").open()
    await database.transaction(lambda connection: connection.exec_driver_sql(MAKE))
    yield database
    await database.close()


def note(number: int) -> str:
    return f"INSERT INTO notes VALUES ({number})"


def numbers(path: Path) -> list[int]:
    with sqlite3.connect(path) as connection:
        return [row[0] for row in connection.execute("SELECT number FROM notes ORDER BY number")]


async def thread_of(database: Database, *, brief: bool) -> int:
    return await database.transaction(lambda _: threading.get_ident(), brief=brief)


async def test_a_brief_transaction_is_done_at_once_and_any_other_on_the_thread(database: Database) -> None:
    assert await thread_of(database, brief=True) == threading.get_ident()
    assert await thread_of(database, brief=False) != threading.get_ident()


async def test_what_survives_a_power_cut_is_never_synced_on_the_event_loop(tmp_path: Path) -> None:
    database = await Database(tmp_path / "graphwright.db", "power").open()

    assert await thread_of(database, brief=True) != threading.get_ident()
    await database.close()


async def test_a_brief_transaction_waits_on_the_thread_while_another_process_writes(database: Database) -> None:
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute(note(1))

    waiting = asyncio.create_task(
        database.transaction(lambda connection: connection.exec_driver_sql(note(2)), brief=True)
    )
    await asyncio.sleep(0.05)
    assert not waiting.done()
    other.execute("COMMIT")
    other.close()
    await waiting

    assert numbers(database.path) == [1, 2]


async def test_a_brief_transaction_that_fails_keeps_nothing(database: Database) -> None:
    def half(connection: Connection) -> None:
        connection.exec_driver_sql(note(1))
        raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"):
        await database.transaction(half, brief=True)
    await database.transaction(lambda connection: connection.exec_driver_sql(note(2)), brief=True)

    assert numbers(database.path) == [2]


async def test_brief_and_other_transactions_side_by_side_lose_nothing(database: Database) -> None:
    def one(number: int) -> asyncio.Task[object]:
        work = database.transaction(lambda c: c.exec_driver_sql(note(number)), brief=number % 3 != 0)
        return asyncio.create_task(work)

    await asyncio.gather(*(one(number) for number in range(300)))

    assert numbers(database.path) == list(range(300))


async def test_the_write_ahead_log_is_moved_into_the_database_now_and_then(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphwright.runtime.database.MOVE_EVERY", 10)

    for number in range(200):
        await database.transaction(lambda c, n=number: c.exec_driver_sql(note(n)), brief=True)
    log = database.path.with_name("graphwright.db-wal")
    await thread_of(database, brief=False)
    before = log.stat().st_size
    for number in range(200, 400):
        await database.transaction(lambda c, n=number: c.exec_driver_sql(note(n)), brief=True)
        if number % 10 == 0:
            await thread_of(database, brief=False)

    assert log.stat().st_size <= before + 200_000
