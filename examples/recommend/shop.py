"""The shop's database, and the trained model beside it; made from the generator at first use."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..sample_database import SampleDatabase
from .profile import Profile, profile_of

if TYPE_CHECKING:
    from graphwright.retrieval import Neighbours

    from .data import Event, Item
    from .engine import Engine
    from .signals import Signals

FOLDER = "recommend"
_FILE = "shop.sqlite3"
LIVE = 1_000_000
"""The number of the session in which events are that came in live; one for each user."""
_TABLES = """
CREATE TABLE items (id TEXT PRIMARY KEY, data TEXT NOT NULL);
CREATE TABLE events (
    number INTEGER PRIMARY KEY, user TEXT NOT NULL, item TEXT NOT NULL, kind TEXT NOT NULL,
    session INTEGER NOT NULL, at REAL NOT NULL, key TEXT UNIQUE
);
CREATE INDEX events_of_user ON events (user, number);
CREATE TABLE features (user TEXT PRIMARY KEY, data TEXT NOT NULL, events INTEGER NOT NULL);
"""


class Shop:
    """Items, events and features in SQLite; the engine that was trained on them."""

    def __init__(self, state: Path) -> None:
        self._folder = state / FOLDER
        self._database = _database(state)
        self._lock = threading.RLock()
        self._engine: Engine | None = None
        self._neighbours: Neighbours | None = None

    @classmethod
    def open(cls, state: Path) -> Shop:
        """The shop of a state folder; at first use it is filled and the ranker is trained, which takes seconds.

        Without scikit-learn it opens all the same; whatever needs the ranker says what is missing.
        """
        from graphwright.retrieval import KnowledgeBaseBusy

        from .ranking import MissingExtra

        shop = cls(state)
        shop._database.path  # noqa: B018  # filled at first sight
        if not shop.is_trained:
            with suppress(MissingExtra, KnowledgeBaseBusy):
                shop.vectors(shop.engine.signals)
        return shop

    @property
    def is_trained(self) -> bool:
        """Whether signals and ranker are on disk."""
        return all((self._folder / name).exists() for name in ("signals.npz", "ranker.json"))

    @cached_property
    def items(self) -> dict[str, Item]:
        """The catalogue."""
        from .data import Item

        with self._database.reading() as db:
            return {
                id: Item(**json.loads(data)) for id, data in db.execute("SELECT id, data FROM items ORDER BY rowid")
            }

    @property
    def engine(self) -> Engine:
        """Recommends; trained at first use, which takes a few seconds, and read from its files after that.

        Its nearest neighbours raise KnowledgeBaseBusy while another process has the vectors open; the rest works.

        Raises:
            MissingExtra: if it has to be trained and scikit-learn is not installed.
        """
        with self._lock:
            if self._engine is None:
                self._engine = self._opened()
            return self._engine

    def _opened(self) -> Engine:
        from .engine import Engine, trained
        from .ranking import Ranker
        from .signals import Signals

        items = [*self.items.values()]
        if not self.is_trained:
            learned, fitted = trained(items, self.events())
            learned.save(self._folder / "signals.npz")
            fitted.save(self._folder / "ranker.json")
        signals, ranker = Signals.load(self._folder / "signals.npz"), Ranker.load(self._folder / "ranker.json")
        return Engine(items, signals, ranker, lambda vector, count: self.vectors(signals).nearest(vector, count))

    def vectors(self, signals: Signals) -> Neighbours:
        """The items' vectors in Chroma. Raises KnowledgeBaseBusy."""
        from graphwright.retrieval import Neighbours

        with self._lock:
            if self._neighbours is None:
                self._neighbours = Neighbours(self._folder / "vectors", "items")
                if self._neighbours.count() != len(signals.ids):
                    self._neighbours.put(signals.ids, signals.vectors.astype("float32"))
            return self._neighbours

    def events(self, user: str | None = None) -> list[Event]:
        """What happened, oldest first: to one user, or to all."""
        from .data import Event

        where, values = ("WHERE user = ?", [user]) if user else ("", [])
        with self._database.reading() as db:
            query = f"SELECT user, item, kind, session, at FROM events {where} ORDER BY session >= {LIVE}, at, number"
            return [Event(*row) for row in db.execute(query, values)]

    def add_event(self, user: str, item: str, kind: str, key: str) -> int:
        """Add an event that came in live; the same key again adds nothing. Gives how many live ones the user has."""
        from .data import DAYS

        with self._database.writing() as db:
            count = "SELECT count(*) FROM events WHERE user = ? AND session = ?"
            before = db.execute(count, [user, LIVE]).fetchone()[0]
            # The data's own clock: live events follow each other after its last day.
            values = [user, item, kind, LIVE, DAYS + 1 + before / 1440, key]
            sql = "INSERT OR IGNORE INTO events (user, item, kind, session, at, key) VALUES (?, ?, ?, ?, ?, ?)"
            db.execute(sql, values)
            return int(db.execute(count, [user, LIVE]).fetchone()[0])

    def refresh(self, user: str) -> Profile:
        """Compute a user's features from the events and store them."""
        profile = profile_of(user, self.events(user))
        with self._database.writing() as db:
            sql = "INSERT OR REPLACE INTO features VALUES (?, ?, ?)"
            db.execute(sql, [user, json.dumps(profile), profile["events"]])
        return profile

    def profile(self, user: str) -> Profile:
        """A user's features as they are stored; of somebody nobody knows, empty ones."""
        with self._database.reading() as db:
            row = db.execute("SELECT data FROM features WHERE user = ?", [user]).fetchone()
        found: Profile = json.loads(row[0]) if row else profile_of(user, self.events(user))
        return found

    def close(self) -> None:
        """Let go of the vectors."""
        with self._lock:
            if self._neighbours is not None:
                self._neighbours.close()
            self._engine = self._neighbours = None


def live_world(state: Path) -> dict[str, Any]:
    """What events have changed: each user's live events in order, and the last item that the features know of."""
    if not (state / FOLDER / _FILE).exists():
        return {}
    with _database(state).looking() as db:
        events: dict[str, list[str]] = {}
        query = "SELECT user, kind, item FROM events WHERE session = ? ORDER BY user, at, number"
        for user, kind, item in db.execute(query, [LIVE]):
            events.setdefault(user, []).append(f"{kind} {item}")
        stored = db.execute("SELECT user, data FROM features ORDER BY user").fetchall()
    last = {user: _newest(json.loads(data)["recent"]) for user, data in stored}
    return {user: {"events": ", ".join(done), "last_seen": last.get(user, "")} for user, done in events.items()}


def _newest(recent: Sequence[str]) -> str:
    return recent[0] if recent else ""


def _database(state: Path) -> SampleDatabase:
    return SampleDatabase(state / FOLDER / _FILE, _TABLES, _fill)


def _fill(db: sqlite3.Connection) -> None:
    """Insert the generated items and events."""
    from dataclasses import asdict, astuple

    from .data import dataset

    data = dataset()
    db.executemany("INSERT INTO items VALUES (?, ?)", [(i.id, json.dumps(asdict(i))) for i in data.items])
    rows = [astuple(each) for each in data.events]
    db.executemany("INSERT INTO events (user, item, kind, session, at) VALUES (?, ?, ?, ?, ?)", rows)
