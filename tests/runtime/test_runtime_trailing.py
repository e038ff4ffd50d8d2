"""Small writes that go to disk with the next transaction of their thread: none is lost, none is overtaken."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from graphwright.runtime.database import Database
from graphwright.runtime.trailing import LINGER_SECONDS

Work = Callable[[Connection], Any]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database(tmp_path / "graphwright.db").open()
    await opened.transaction(lambda c: c.exec_driver_sql("CREATE TABLE notes (text TEXT PRIMARY KEY)"))
    for thread in ("t", "u", *(f"t{number}" for number in range(8))):
        opened.begin_writer(thread, 1)
    yield opened
    await opened.close()


def note(text: str) -> Work:
    return lambda connection: connection.exec_driver_sql("INSERT INTO notes VALUES (?)", (text,))


def fail(_connection: Connection) -> None:
    raise RuntimeError("no")


def on_disk(database: Database) -> list[str]:
    """What another process sees."""
    with sqlite3.connect(database.path) as other:
        return [text for (text,) in other.execute("SELECT text FROM notes ORDER BY rowid")]


async def test_what_trails_is_written_ahead_of_the_next_transaction_of_its_thread(database: Database) -> None:
    await database.trail("t|1", note("answer"))
    assert on_disk(database) == []

    await database.transaction(note("intent"), brief=True, writer="t|1")

    assert on_disk(database) == ["answer", "intent"]


async def test_it_is_one_transaction_so_that_neither_is_there_without_the_other(database: Database) -> None:
    seen = []
    await database.trail("t|1", note("answer"))

    await database.transaction(lambda connection: seen.append(on_disk(database)), writer="t|1")

    assert seen == [[]]
    assert on_disk(database) == ["answer"]


async def test_with_nothing_to_come_along_it_is_written_by_itself(database: Database) -> None:
    await database.trail("t|1", note("answer"))

    await asyncio.sleep(LINGER_SECONDS * 20)

    assert on_disk(database) == ["answer"]


async def test_whoever_reads_sees_it(database: Database) -> None:
    await database.trail("t|1", note("answer"))

    found = await database.read(lambda c: c.exec_driver_sql("SELECT text FROM notes").scalars().all(), brief=True)

    assert found == ["answer"]


async def test_a_transaction_that_is_about_no_thread_comes_after_all_that_trails(database: Database) -> None:
    await database.trail("t|1", note("answer"))
    await database.trail("u|1", note("other answer"))

    await database.transaction(note("status"))

    assert on_disk(database) == ["answer", "other answer", "status"]


async def test_a_transaction_that_fails_does_not_take_with_it_what_went_ahead(database: Database) -> None:
    await database.trail("t|1", note("answer"))

    with pytest.raises(RuntimeError, match="no"):
        await database.transaction(fail, brief=True, writer="t|1")

    assert on_disk(database) == ["answer"]


async def test_what_could_not_be_written_is_told_to_the_next_transaction_of_its_thread_and_to_no_other(
    database: Database,
) -> None:
    await database.trail("t|1", fail)
    await database.trail("u|1", note("fine"))
    await asyncio.sleep(LINGER_SECONDS * 20)

    await database.transaction(note("of u"), brief=True, writer="u|1")
    with pytest.raises(RuntimeError, match="no"):
        await database.transaction(note("of t"), brief=True, writer="t|1")

    assert on_disk(database) == ["fine", "of u"]


async def test_a_new_writer_of_the_thread_is_not_told_what_an_earlier_one_could_not_write(database: Database) -> None:
    await database.trail("t|1", fail)
    await asyncio.sleep(LINGER_SECONDS * 20)

    database.begin_writer("t", 2)
    await database.transaction(note("new"), brief=True, writer="t|2")

    assert on_disk(database) == ["new"]


async def test_what_a_writer_left_behind_is_no_concern_of_the_next(database: Database) -> None:
    """A process that lost its lease may still say something, and late."""
    await database.trail("t|1", fail)
    database.begin_writer("t", 2)

    await database.transaction(note("of the next"), brief=True, writer="t|2")
    await database.settle("t")

    await database.transaction(note("more of the next"), brief=True, writer="t|2")
    assert on_disk(database) == ["of the next", "more of the next"]


async def test_closing_writes_what_trails(tmp_path: Path, database: Database) -> None:
    await database.trail("t|1", note("answer"))

    await database.close()

    assert on_disk(database) == ["answer"]


async def test_nothing_of_a_thread_overtakes_what_is_on_its_way(database: Database) -> None:
    """Another process holds the lock: the first transaction waits on the thread, with what trails of it."""
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    await database.trail("t|1", note("answer"))
    first = asyncio.create_task(database.transaction(note("first"), brief=True, writer="t|1"))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(database.transaction(note("second"), brief=True, writer="t|1"))
    other.execute("ROLLBACK")

    await asyncio.gather(first, second)

    assert on_disk(database) == ["answer", "first", "second"]
    other.close()


async def test_many_threads_side_by_side_keep_their_order(database: Database) -> None:
    async def run(thread: str) -> None:
        for at in range(20):
            await database.trail(f"{thread}|1", note(f"{thread}.{at}.answer"))
            if at % 3 == 0:
                await asyncio.sleep(0)
            await database.transaction(note(f"{thread}.{at}.intent"), brief=at % 2 == 0, writer=f"{thread}|1")

    await asyncio.gather(*(run(f"t{number}") for number in range(8)))

    found = on_disk(database)
    assert len(found) == 8 * 40
    for number in range(8):
        mine = [each for each in found if each.startswith(f"t{number}.")]
        assert mine == [f"t{number}.{at}.{what}" for at in range(20) for what in ("answer", "intent")]


async def test_a_loop_that_ended_before_it_was_written_does_not_keep_it_from_the_disk(tmp_path: Path) -> None:
    """A command runs its loop piece by piece, and stands still while a person thinks."""
    database = await Database(tmp_path / "other.db").open()
    await database.transaction(lambda c: c.exec_driver_sql("CREATE TABLE notes (text TEXT PRIMARY KEY)"))
    database.begin_writer("t", 1)

    async def piece() -> None:
        await database.trail("t|1", note("answer"))

    await asyncio.to_thread(asyncio.run, piece())
    await database.trail("t|1", note("next"))
    await asyncio.sleep(LINGER_SECONDS * 20)

    assert on_disk(database) == ["answer", "next"]
    await database.close()


async def test_whoever_settles_waits_for_what_a_cancelled_caller_left_on_its_way(database: Database) -> None:
    """A lease is given back after that: a write that came later would be refused, or come under the next lease."""
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    await database.trail("t|1", note("answer"))
    left = asyncio.create_task(database.transaction(note("intent"), brief=True, writer="t|1"))
    await asyncio.sleep(0.05)
    left.cancel()
    settled = asyncio.create_task(database.settle("t"))
    await asyncio.sleep(0.05)
    assert not settled.done()

    other.execute("ROLLBACK")
    await settled

    assert on_disk(database) == ["answer", "intent"]
    other.close()


async def test_a_writer_that_gave_its_thread_back_is_not_kept_waiting(database: Database) -> None:
    """A task that outlives its run must hear at once that it may not write, before it writes anything else."""
    database.end_writer("t", 1)

    await database.trail("t|1", note("late"))

    assert on_disk(database) == ["late"]
    with pytest.raises(RuntimeError, match="no"):
        await database.trail("t|1", fail)
