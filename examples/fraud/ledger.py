"""The bank's database: accounts, payments, windows of the stream, freezes. SQLite, one file."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from ..sample_database import SampleDatabase

FILE = "fraud.sqlite3"
_TABLES = """
CREATE TABLE accounts (id TEXT PRIMARY KEY, home TEXT NOT NULL, opened INTEGER NOT NULL, status TEXT NOT NULL);
CREATE TABLE merchants (id TEXT PRIMARY KEY, category TEXT NOT NULL, country TEXT NOT NULL, opened INTEGER NOT NULL);
CREATE TABLE payments (
    number INTEGER PRIMARY KEY, account TEXT NOT NULL, merchant TEXT NOT NULL, device TEXT NOT NULL,
    minute INTEGER NOT NULL, amount REAL NOT NULL, country TEXT NOT NULL, channel TEXT NOT NULL
);
CREATE INDEX payments_of_account ON payments (account, number);
CREATE INDEX payments_of_device ON payments (device, number);
CREATE TABLE windows (
    number INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL, drift REAL, level TEXT,
    key TEXT NOT NULL UNIQUE
);
CREATE TABLE scores (payment INTEGER PRIMARY KEY, score REAL NOT NULL, flagged INTEGER NOT NULL);
CREATE TABLE alarms (window INTEGER PRIMARY KEY, drift REAL NOT NULL);
CREATE TABLE actions (
    number INTEGER PRIMARY KEY, account TEXT NOT NULL, status TEXT NOT NULL, decided_by TEXT NOT NULL,
    why TEXT NOT NULL, key TEXT NOT NULL UNIQUE
);
CREATE TABLE start (first INTEGER NOT NULL);
"""
_COUNTED = ("windows", "scores", "alarms")


class ActionRefused(Exception):
    """An account cannot be treated so; the text says why."""


class Ledger:
    """Accounts, payments and windows; made from the generator at first use."""

    def __init__(self, state: Path) -> None:
        self._database = _database(state)

    @property
    def path(self) -> Path:
        """The database, filled."""
        return self._database.path

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """What a query finds, each row by its columns."""
        with self._database.reading() as db:
            return [dict(row) for row in db.execute(query, values)]

    def row(self, query: str, *values: Any) -> dict[str, Any] | None:
        """The first row that a query finds."""
        return next(iter(self.rows(query, *values)), None)

    @property
    def cursor(self) -> int:
        """The number of the last payment that has arrived: what comes after it is not known yet."""
        found = self.row("SELECT coalesce((SELECT max(last) FROM windows), (SELECT first - 1 FROM start)) AS last")
        assert found is not None
        return int(found["last"])

    def take(self, count: int, key: str) -> dict[str, int]:
        """The next payments of the stream as a window; the same key again is the same window.

        A payment belongs to one window, however many runs take them at once.

        Returns:
            Number, first and last payment of the window; the first is after the last if nothing is left.
        """
        with self._database.writing() as db:
            found = db.execute("SELECT number, first, last FROM windows WHERE key = ?", [key]).fetchone()
            if found is None:
                first = db.execute(
                    "SELECT coalesce((SELECT max(last) + 1 FROM windows), (SELECT first FROM start))"
                ).fetchone()[0]
                end = db.execute("SELECT max(number) FROM payments").fetchone()[0]
                last = min(first + count - 1, end)
                if first > last:
                    return {"number": 0, "first": first, "last": last}
                number = db.execute("SELECT coalesce(max(number), 0) + 1 FROM windows").fetchone()[0]
                db.execute("INSERT INTO windows VALUES (?, ?, ?, NULL, NULL, ?)", [number, first, last, key])
                found = {"number": number, "first": first, "last": last}
        return {"number": found["number"], "first": found["first"], "last": found["last"]}

    def keep_scores(self, window: int, scores: list[tuple[int, float, bool]], drift: float, level: str) -> None:
        """Write down a window's scores and the drift, once."""
        with self._database.writing() as db:
            db.executemany("INSERT OR IGNORE INTO scores VALUES (?, ?, ?)", scores)
            db.execute("UPDATE windows SET drift = ?, level = ? WHERE number = ?", [drift, level, window])

    def raise_alarm(self, window: int, drift: float) -> None:
        """Write down that the scores of a window are not what they were, once."""
        with self._database.writing() as db:
            db.execute("INSERT OR IGNORE INTO alarms VALUES (?, ?)", [window, drift])

    def set_status(self, account: str, status: str, *, by: str, why: str, key: str) -> None:
        """Freeze an account or open it again; the same key again changes nothing.

        Raises:
            ActionRefused: if there is no such account, or it has this status already.
        """
        with self._database.writing() as db:
            if db.execute("SELECT 1 FROM actions WHERE key = ?", [key]).fetchone():
                return
            row = db.execute("SELECT status FROM accounts WHERE id = ?", [account]).fetchone()
            if row is None:
                raise ActionRefused(f"There is no account {account!r}.")
            if row["status"] == status:
                raise ActionRefused(f"Account {account} is {status} already.")
            values = [account, status, by, why, key]
            db.execute("INSERT INTO actions (account, status, decided_by, why, key) VALUES (?, ?, ?, ?, ?)", values)
            db.execute("UPDATE accounts SET status = ? WHERE id = ?", [status, account])

    def has_done(self, key: str) -> bool:
        """Whether the freeze or opening of this key happened."""
        return self.row("SELECT 1 AS done FROM actions WHERE key = ?", key) is not None


def fraud_world(state: Path) -> dict[str, Any]:
    """The accounts that are frozen or were opened again, and how far the stream is worked off."""
    with _database(state).looking() as db:
        latest = "SELECT account, status, decided_by FROM actions ORDER BY number"
        accounts = {account: {"status": status, "by": by} for account, status, by in db.execute(latest)}
        counts = {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in _COUNTED}
    return {"accounts": dict(sorted(accounts.items())), "stream": counts}


def _database(state: Path) -> SampleDatabase:
    return SampleDatabase(state / FILE, _TABLES, _fill)


def _fill(db: sqlite3.Connection) -> None:
    """Insert the generated bank."""
    from .data import bank

    data = bank()
    frozen = frozenset(data.frozen)
    accounts = [(a.id, a.home, a.opened, "frozen" if a.id in frozen else "open") for a in data.accounts]
    db.executemany("INSERT INTO accounts VALUES (?, ?, ?, ?)", accounts)
    db.executemany(
        "INSERT INTO merchants VALUES (?, ?, ?, ?)",
        [(m.id, m.category, m.country, m.opened) for m in data.merchants],
    )
    db.executemany(
        "INSERT INTO payments VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(p.number, p.account, p.merchant, p.device, p.minute, p.amount, p.country, p.channel) for p in data.payments],
    )
    for account in data.frozen:
        values = [account, "frozen", "ann and bob", "before the stream", f"earlier:{account}"]
        db.execute("INSERT INTO actions VALUES (NULL, ?, ?, ?, ?, ?)", values)
    db.execute("INSERT INTO start VALUES (?)", [data.stream[0].number])
