"""The moderation desk's database: posts, authors, cases and the trail of what happened to each. SQLite, one file."""

from __future__ import annotations

import sqlite3
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..sample_database import SampleDatabase

FILE = "moderation.sqlite3"
PANEL = "the panel"
"""Who decided where the reviewers agreed and nobody was asked."""
OUTCOMES = {
    "ok": "kept",
    "self_promotion": "limited: self_promotion",
    "spam": "removed: spam",
    "scam": "removed: scam",
    "harassment": "removed: harassment",
}
"""Label to what happens to the post. A limited one is shown without its links."""
_TABLES = """
CREATE TABLE posts (id TEXT PRIMARY KEY, author TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE authors (
    id TEXT PRIMARY KEY, joined_days INTEGER NOT NULL, posts INTEGER NOT NULL, strikes INTEGER NOT NULL
);
CREATE TABLE cases (
    post TEXT PRIMARY KEY REFERENCES posts, label TEXT NOT NULL, stage TEXT NOT NULL, decided_by TEXT NOT NULL
);
CREATE TABLE trail (
    number INTEGER PRIMARY KEY, post TEXT NOT NULL, stage TEXT NOT NULL, label TEXT NOT NULL, decided_by TEXT NOT NULL,
    why TEXT NOT NULL, key TEXT NOT NULL UNIQUE
);
"""


class CaseRefused(Exception):
    """A case cannot be decided so; the text says why, for whoever asked."""


class Desk:
    """Posts, cases and their trail; made from the generator at first use."""

    def __init__(self, state: Path) -> None:
        self._database = _database(state)

    def post(self, post_id: str) -> dict[str, str] | None:
        """A post with its author, or None."""
        return self._one("SELECT id AS post_id, author AS author_id, text FROM posts WHERE id = ?", post_id)

    def author(self, author_id: str) -> dict[str, Any]:
        """What is known of an author; of somebody new, that they are."""
        found = self._one("SELECT joined_days, posts, strikes FROM authors WHERE id = ?", author_id)
        return found or {"joined_days": 0, "posts": 0, "strikes": 0}

    def case(self, post_id: str) -> dict[str, Any] | None:
        """How a post was decided, with its trail oldest first; None if it is open."""
        case = self._one("SELECT post AS post_id, label, stage, decided_by FROM cases WHERE post = ?", post_id)
        if case is None:
            return None
        query = "SELECT stage, label, decided_by, why FROM trail WHERE post = ? ORDER BY number"
        with self._database.reading() as db:
            trail = [dict(row) for row in db.execute(query, [post_id])]
        return {**case, "outcome": OUTCOMES[case["label"]], "trail": trail}

    def submit(self, text: str) -> str:
        """Put a post that came from outside into the database; the same text is the same post. Gives its id."""
        post_id = f"x-{sha256(text.encode()).hexdigest()[:8]}"
        with self._database.writing() as db:
            db.execute("INSERT OR IGNORE INTO posts VALUES (?, 'a-new', ?)", [post_id, text])
        return post_id

    def decide(self, post_id: str, stage: str, label: str, *, by: str, why: str, key: str) -> None:
        """Decide a case, or the appeal against its decision; the same key again changes nothing.

        Raises:
            CaseRefused: if there is no such post, it was decided before, or there is nothing to appeal against.
        """
        with self._database.writing() as db:
            if db.execute("SELECT 1 FROM trail WHERE key = ?", [key]).fetchone():
                return
            if not db.execute("SELECT 1 FROM posts WHERE id = ?", [post_id]).fetchone():
                raise CaseRefused(f"There is no post {post_id!r}.")
            row = db.execute("SELECT stage FROM cases WHERE post = ?", [post_id]).fetchone()
            if problem := problem_with(stage, row["stage"] if row else None, post_id):
                raise CaseRefused(problem)
            trail = "INSERT INTO trail (post, stage, label, decided_by, why, key) VALUES (?, ?, ?, ?, ?, ?)"
            db.execute(trail, [post_id, stage, label, by, why, key])
            db.execute("INSERT OR REPLACE INTO cases VALUES (?, ?, ?, ?)", [post_id, label, stage, by])

    def _one(self, query: str, value: str) -> dict[str, Any] | None:
        with self._database.reading() as db:
            row = db.execute(query, [value]).fetchone()
        return dict(row) if row else None


def problem_with(stage: str, before: str | None, post_id: str) -> str:
    """Why a case at stage ``before`` (None: open) cannot be decided at this stage; empty if it can."""
    if stage == "review" and before is not None:
        return f"Post {post_id} was decided before. Its author may appeal: 'Appeal {post_id}: why'."
    if stage == "appeal" and before is None:
        return f"Post {post_id} was not decided yet; there is nothing to appeal against."
    if stage == "appeal" and before == "appeal":
        return f"An appeal about post {post_id} was decided before; that is final."
    return ""


def moderation_world(state: Path) -> dict[str, Any]:
    """Every case as it is decided now, and the posts that came from outside."""
    with _database(state).looking() as db:
        cases = db.execute("SELECT post, label, stage, decided_by FROM cases ORDER BY post").fetchall()
        new = dict(db.execute("SELECT id, text FROM posts WHERE id LIKE 'x-%' ORDER BY id").fetchall())
    decided = {post: {"outcome": OUTCOMES[label], "stage": stage, "by": by} for post, label, stage, by in cases}
    return {"cases": decided, **({"submitted": new} if new else {})}


def _database(state: Path) -> SampleDatabase:
    return SampleDatabase(state / FILE, _TABLES, _fill)


def _fill(db: sqlite3.Connection) -> None:
    """Insert the generated posts, their authors, and what was decided before."""
    from .data import authors, earlier_decisions, queue

    db.executemany("INSERT INTO posts VALUES (?, ?, ?)", [(p.id, p.author, p.text) for p in queue()])
    db.executemany(
        "INSERT INTO authors VALUES (?, ?, ?, ?)", [(a.id, a.joined_days, a.posts, a.strikes) for a in authors()]
    )
    for post, label, by in earlier_decisions():
        db.execute("INSERT INTO cases VALUES (?, ?, 'review', ?)", [post, label, by])
        values = [post, label, by, "decided by hand", f"earlier:{post}"]
        db.execute("INSERT INTO trail VALUES (NULL, ?, 'review', ?, ?, ?, ?)", values)
