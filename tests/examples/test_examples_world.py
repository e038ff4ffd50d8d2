"""Looking at the world of a shipped graph: it says what the state folder holds, and leaves the folder as it is."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from graphwright.examples.sample_database import SampleDatabase
from graphwright.graphs import Catalogue
from graphwright.graphs.catalogue import SHIPPED

SCHEMA = "CREATE TABLE things (name TEXT UNIQUE, padding TEXT);"
CHILD = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from graphwright.examples.sample_database import SampleDatabase

    path, schema, what = Path(sys.argv[1]), sys.argv[2], sys.argv[3]

    def cut_off(db):
        db.execute("PRAGMA cache_size = 1")  # so that pages of the unfinished transaction reach the file
        db.executemany("INSERT INTO things VALUES (?, ?)", [(str(each), "x" * 200) for each in range(5_000)])
        os.kill(os.getpid(), signal.SIGKILL)

    def fill(db):
        if what == "filling":
            cut_off(db)
        db.execute("INSERT INTO things VALUES ('first', '')")

    print("ready", flush=True)
    sys.stdin.readline()
    with SampleDatabase(path, schema, fill).writing() as db:
        if what == "writing":
            cut_off(db)
    """
)


def things(path: Path) -> SampleDatabase:
    return SampleDatabase(path, SCHEMA, lambda db: db.execute("INSERT INTO things VALUES ('first', '')"))


def names(database: SampleDatabase) -> list[str]:
    with database.looking() as db:
        return [name for (name,) in db.execute("SELECT name FROM things ORDER BY rowid")]


def held(folder: Path) -> Mapping[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", SHIPPED)
def test_looking_at_a_world_that_is_not_there_yet_makes_nothing(tmp_path: Path, name: str) -> None:
    world = Catalogue.load().get(name).world

    if world is not None:
        assert world(tmp_path / "state") == world(tmp_path / "state")

    assert list(tmp_path.iterdir()) == []


def test_what_is_looked_at_before_the_first_use_is_what_the_first_use_makes(tmp_path: Path) -> None:
    before = names(things(tmp_path / "deep" / "things.db"))

    assert list(tmp_path.iterdir()) == []
    assert things(tmp_path / "deep" / "things.db").path.exists()
    assert names(things(tmp_path / "deep" / "things.db")) == before == ["first"]


def test_a_read_only_folder_can_be_looked_at(tmp_path: Path) -> None:
    database = things(tmp_path / "state" / "things.db")
    with database.writing() as db:
        db.execute("INSERT INTO things VALUES ('second', '')")
    database.path.chmod(0o400)
    (tmp_path / "state").chmod(0o500)
    before = held(tmp_path)

    assert names(things(database.path)) == ["first", "second"]
    assert held(tmp_path) == before


def test_what_raises_inside_a_transaction_leaves_nothing(tmp_path: Path) -> None:
    database = things(tmp_path / "things.db")

    with pytest.raises(sqlite3.IntegrityError), database.writing() as db:
        db.executemany("INSERT INTO things VALUES (?, '')", [("second",), ("first",)])

    assert names(database) == ["first"]


def child(path: Path, what: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, str(path), SCHEMA, what]
    started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


@pytest.mark.parametrize("when", ["writing", "filling"])
def test_what_a_killed_process_left_half_done_is_neither_seen_nor_touched_and_undone_at_the_next_use(
    tmp_path: Path, when: str
) -> None:
    path = tmp_path / "things.db"
    killed = child(path, when)
    killed.communicate("\n", timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert path.with_name("things.db-journal").exists()
    before = held(tmp_path)

    assert names(things(path)) == ["first"]
    assert held(tmp_path) == before
    with things(path).reading() as db:
        assert [name for (name,) in db.execute("SELECT name FROM things")] == ["first"]


def test_processes_that_open_it_first_at_the_same_time_fill_it_once(tmp_path: Path) -> None:
    children = [child(tmp_path / "things.db", "nothing") for _ in range(3)]

    for each in children:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    for each in children:
        each.communicate(timeout=60)

    assert [each.returncode for each in children] == [0, 0, 0]
    assert names(things(tmp_path / "things.db")) == ["first"]
