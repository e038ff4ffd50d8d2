"""The shop's database: one SQLite file, made whole at first use, then only read."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from graphwright.tools.builtin import Database

from ..sample_database import SampleDatabase
from .data import SCHEMA, generated

NAME = "warehouse"
FILE = "analyst.db"
ABOUT = "A furniture shop from 2025-01-01 to 2026-06-30: orders, refunds, care subscriptions and support tickets."


def warehouse(folder: Path) -> Database:
    """The database in a state folder, made now if it is not there."""
    return Database(SampleDatabase(folder / FILE, SCHEMA, _fill).path, ABOUT)


def _fill(db: sqlite3.Connection) -> None:
    """Insert the generated rows."""
    for table, rows in generated()._asdict().items():
        db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
