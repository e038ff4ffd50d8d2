"""What is remembered for somebody across their threads: one SQLite file, a few hundred facts an owner, each labelled.

A fact keeps what was known when it was written: whether a stranger's words could have been in it, and whose. Nothing
here turns an untrusted fact into a trusted one, and none is changed in place: it is forgotten, and another is written.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import FolderNotWritable, MemoryDamaged, MemoryRefused

if TYPE_CHECKING:
    from .memory_ranking import Ranking

FORMAT = 1
MAX_TEXT = 1_000
"""Characters of one fact."""
MAX_ABOUT = 80
"""Characters of what a fact is about."""
MOST = 500
"""Facts of one owner with one label: what strangers say cannot crowd out what the owner said."""
_BUSY = 30.0
_HELD = 63
"""Owners whose ranking is kept besides the newest one."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS memories(
    row INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, user TEXT NOT NULL, id TEXT NOT NULL,
    text TEXT NOT NULL, about TEXT NOT NULL, subject TEXT NOT NULL, trusted INTEGER NOT NULL, heard TEXT NOT NULL,
    run TEXT NOT NULL, written REAL NOT NULL, UNIQUE(tenant, user, id));
CREATE TABLE IF NOT EXISTS written(
    tenant TEXT NOT NULL, user TEXT NOT NULL, key TEXT NOT NULL, id TEXT NOT NULL,
    PRIMARY KEY(tenant, user, key)) WITHOUT ROWID;
"""
_COLUMNS = "id, text, about, trusted, heard, run, written"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose memories: one user of one tenant. Nobody else reads or changes them."""

    tenant: str
    user: str

    def __post_init__(self) -> None:
        if not (self.tenant.strip() and self.user.strip()):
            raise MemoryRefused("Nothing can be remembered for nobody: the run has no user, or no tenant.")


@dataclass(frozen=True, slots=True)
class Memory:
    """One fact."""

    id: str
    text: str
    about: str
    """What it is about, as it was written; may be empty."""
    trusted: bool
    """No stranger's words had been read when it was written."""
    heard: tuple[str, ...]
    """Of an untrusted one: whose words had been read (tools, inputs), so far as it was known."""
    run: str
    """Which run wrote it."""
    written: float
    """Unix seconds."""


class Memories:
    """The facts of all owners. Safe for threads and processes: each operation is a transaction of its own."""

    def __init__(self, path: Path, *, embedder: str = "lsa", now: Callable[[], float] = time.time) -> None:
        """
        Args:
            path: The SQLite file; made, with its folder, if it is missing.
            embedder: ``lsa`` (nothing leaves the machine), ``openai:MODEL`` or ``chroma:minilm``. A few facts teach LSA
                no synonyms; a model that knows them is sent the facts of whoever recalls, once while the process lives.
            now: The time, in Unix seconds.

        Raises:
            FolderNotWritable, MemoryDamaged: if it cannot be used.
        """
        self.path = Path(path)
        self._embedder = embedder
        self._now = now
        self._lock = threading.Lock()
        self._rankings: dict[Owner, tuple[tuple[str, ...], Ranking]] = {}
        self._make()

    def remember(
        self,
        owner: Owner,
        text: str,
        *,
        about: str = "",
        trusted: bool = False,
        heard: Sequence[str] = (),
        run: str = "",
        key: str,
    ) -> str:
        """Keep a fact, once for one key; the same words under the same label are kept once.

        Args:
            owner: For whom.
            text: The fact.
            about: What it is about, to find it by exactly.
            trusted: Whether no stranger's words could be in it; where that is not known, they could.
            heard: Whose words could.
            run: Which run keeps it.
            key: Of the call.

        Returns:
            Its id.

        Raises:
            MemoryRefused: if it is empty or too long, or there are too many.
        """
        text, about = _clean(text), " ".join(_clean(about).split())
        _check(text, about)
        subject = folded(about)
        with self._changing() as db:
            known = db.execute(
                "SELECT id FROM written WHERE tenant = ? AND user = ? AND key = ?", (owner.tenant, owner.user, key)
            ).fetchone()
            if known is not None:
                return str(known[0])
            found = _id_of(owner, text, subject, trusted)
            if not _has(db, owner, found):
                _check_room(db, owner, trusted)
                names = json.dumps([] if trusted else list(dict.fromkeys(heard)), ensure_ascii=False)
                values = (owner.tenant, owner.user, found, text, about, subject, trusted, names, run, self._now())
                db.execute(
                    "INSERT INTO memories(tenant, user, id, text, about, subject, trusted, heard, run, written)"
                    " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    values,
                )
            db.execute("INSERT INTO written VALUES(?, ?, ?, ?)", (owner.tenant, owner.user, key, found))
        return found

    def recall(self, owner: Owner, query: str = "", *, most: int = 5) -> list[Memory]:
        """What is remembered, best first; without a query the newest.

        Args:
            owner: Whose.
            query: What to look for. Facts about exactly this come first (case, white space and invisible characters do
                not matter), then those like it, by words and by vectors.
            most: How many at most.

        Raises:
            EmbedderFailed, UnknownEmbedder: from the embedder.
        """
        found = self.all(owner)
        if query.strip():
            subject = folded(_clean(query[:MAX_TEXT]))
            exact = [each for each in found if each.about and folded(each.about) == subject]
            found = [*exact, *(each for each in self._ranked(owner, found, query) if each not in exact)]
        return found[: max(0, most)]

    def all(self, owner: Owner) -> list[Memory]:
        """Everything that is remembered for somebody, newest first."""
        with self._opened() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM memories WHERE tenant = ? AND user = ? ORDER BY row DESC",
                (owner.tenant, owner.user),
            ).fetchall()
        return [_memory(row) for row in rows]

    def owners(self) -> list[Owner]:
        """Who has anything remembered, sorted."""
        with self._opened() as db:
            rows = db.execute("SELECT DISTINCT tenant, user FROM memories ORDER BY tenant, user").fetchall()
        return [Owner(*row) for row in rows]

    def forget(self, owner: Owner, memory_id: str, *, key: str) -> None:
        """Delete one fact for good; its words are overwritten in the file. The same key again does nothing.

        Raises:
            MemoryRefused: if the owner has none of this id; of somebody else's the same is said.
        """
        wanted = memory_id.strip().lower()
        with self._changing() as db:
            mine = (owner.tenant, owner.user)
            done = db.execute("SELECT 1 FROM written WHERE tenant = ? AND user = ? AND key = ?", (*mine, key))
            if done.fetchone() is not None:
                return
            gone = db.execute("DELETE FROM memories WHERE tenant = ? AND user = ? AND id = ?", (*mine, wanted))
            if gone.rowcount == 0:
                raise MemoryRefused(f"There is no memory {memory_id[:40]!r}. Recall it first, for its id.")
            db.execute("INSERT INTO written VALUES(?, ?, ?, ?)", (*mine, key, wanted))

    def forget_all(self, owner: Owner) -> int:
        """Delete everything that is remembered for somebody; how many facts there were."""
        with self._changing() as db:
            mine = (owner.tenant, owner.user)
            gone = db.execute("DELETE FROM memories WHERE tenant = ? AND user = ?", mine)
            return gone.rowcount

    def _ranked(self, owner: Owner, found: list[Memory], query: str) -> list[Memory]:
        from .memory_ranking import Ranking  # numpy: a quarter of a second that a run without recall must not cost

        if not found:
            return []
        ids = tuple(each.id for each in found)
        with self._lock:
            held, ranking = self._rankings.get(owner, ((), None))
        if ranking is None or held != ids:
            ranking = Ranking([f"{each.about}\n{each.text}" for each in found], self._embedder, ranking)
            with self._lock:
                self._rankings = {**dict(list(self._rankings.items())[-_HELD:]), owner: (ids, ranking)}
        return [found[at] for at in ranking.best(query[:MAX_TEXT])]

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._opened() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.rollback()
                raise
            db.commit()

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=_BUSY, isolation_level=None)) as db:
                db.execute("PRAGMA secure_delete = ON")
                yield db
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "readonly" in str(error) or "unable to open" in str(error):
                raise FolderNotWritable(f"The memories in {str(self.path)!r} cannot be used now: {error}.") from error
            raise MemoryDamaged(self.path, error) from error
        except sqlite3.DatabaseError as error:
            raise MemoryDamaged(self.path, error) from error

    def _make(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise FolderNotWritable(
                f"The memories in {str(self.path)!r} cannot be written ({error.strerror or error}). Make the folder "
                "writable, or name another one."
            ) from error
        with self._opened() as db:
            found = db.execute("PRAGMA user_version").fetchone()[0]
            if found not in (0, FORMAT):
                raise MemoryDamaged(self.path, f"its format is {found}, this version reads {FORMAT}")
            if not found:
                db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;")


def folded(text: str) -> str:
    """What a fact is about, in its one spelling: compatibility forms folded, no case, nothing invisible."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(each for each in plain if unicodedata.category(each) != "Cf").split())


def _clean(text: str) -> str:
    """Without what no reader sees as text: control characters and halves of characters."""
    kept = (each for each in text if each in "\n\t" or unicodedata.category(each) not in ("Cc", "Cs"))
    return unicodedata.normalize("NFC", "".join(kept)).strip()


def _check(text: str, about: str) -> None:
    if not text:
        raise MemoryRefused("There is nothing to remember. Say the fact in a sentence.")
    if len(text) > MAX_TEXT:
        raise MemoryRefused(f"A memory has {MAX_TEXT:,} characters at most, not {len(text):,}. Say it shorter.")
    if len(about) > MAX_ABOUT or len(folded(about)) > 4 * MAX_ABOUT:
        raise MemoryRefused(f"What a memory is about has {MAX_ABOUT} characters at most. Use a few words.")


def _check_room(db: sqlite3.Connection, owner: Owner, trusted: bool) -> None:
    counted = "SELECT count(*) FROM memories WHERE tenant = ? AND user = ? AND trusted = ?"
    if db.execute(counted, (owner.tenant, owner.user, trusted)).fetchone()[0] >= MOST:
        raise MemoryRefused(f"{MOST} memories are the most that are kept. Forget one that is not needed any more.")


def _has(db: sqlite3.Connection, owner: Owner, id: str) -> bool:
    asked = "SELECT 1 FROM memories WHERE tenant = ? AND user = ? AND id = ?"
    return db.execute(asked, (owner.tenant, owner.user, id)).fetchone() is not None


def _id_of(owner: Owner, text: str, subject: str, trusted: bool) -> str:
    """The same fact of the same owner under the same label has one id."""
    named = json.dumps([owner.tenant, owner.user, text, subject, trusted]).encode()
    return f"m-{hashlib.sha256(named).hexdigest()[:12]}"


def _memory(row: Sequence[Any]) -> Memory:
    id, text, about, trusted, heard, run, written = row
    return Memory(id, text, about, bool(trusted), tuple(json.loads(heard)), run, written)
