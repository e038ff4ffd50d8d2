"""The shop's database: one SQLite file, made whole at first use, then only read."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from secrets import token_hex

from graphwright.tools.builtin import Database

from .data import SCHEMA, generated

NAME = "warehouse"
FILE = "analyst.db"
ABOUT = "A furniture shop from 2025-01-01 to 2026-06-30: orders, refunds, care subscriptions and support tickets."


def warehouse(folder: Path) -> Database:
    """The database in a state folder, made now if it is not there."""
    path = folder / FILE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _make(path)
    return Database(path, ABOUT)


def _make(path: Path) -> None:
    """Under another name first: whoever finds the file finds all of it."""
    part = path.with_name(f".{path.name}.{token_hex(4)}")
    try:
        with closing(sqlite3.connect(part)) as database:
            database.executescript(SCHEMA)
            for table, rows in generated()._asdict().items():
                places = ", ".join("?" * len(rows[0]))
                database.executemany(f"INSERT INTO {table} VALUES ({places})", rows)
            database.commit()
        os.replace(part, path)  # noqa: PTH105 (atomic, also over a file that another process has just made)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
