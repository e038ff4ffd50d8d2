"""What is not as it should be in a state folder, and what to do about each thing that is found.

Nothing is changed. A *problem* needs somebody; a *note* is worth knowing.
"""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from sqlalchemy import Connection, RowMapping, select, text, update

from .clock import Clock
from .database import Database
from .errors import NotAllowed, NotFound
from .integrity import damaged_rows
from .migrations import MIGRATIONS
from .owners import is_held
from .runs import FINISHED
from .settings import Settings
from .signature import compare
from .tables import approvals, journal, leases, runs
from .versions import too_old

QUEUED_SECONDS = 3600.0
"""How long a run may be queued before somebody should look at it."""
_SHOWN_CHANGES = 3

Check = Literal["approval", "run", "outcome", "graph", "version", "schema", "folder", "knowledge", "thread", "row"]
SignatureNow = Callable[[str, Mapping[str, object]], Mapping[str, Mapping[str, str]]]
"""The signature that a graph has today, by its name and the options of a run; raises LookupError if it is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be."""

    check: Check
    id: str
    """Of what: a run, an approval, a call, a library, a path."""
    what: str
    """What is the matter, in a sentence."""
    todo: str
    """What to do about it: a command where there is one (it begins with ``graphwright``), else a sentence."""
    severity: Literal["problem", "note"] = "problem"


def examine_folder(settings: Settings) -> list[Finding]:
    """Everything that can be seen without opening the database as its owner does: permissions, versions, locks."""
    return [*_versions(), *_permissions(settings), *_file(settings.database), *_knowledge(settings.state / "knowledge")]


async def examine_database(
    database: Database, clock: Clock, tenant: str, signature_now: SignatureNow | None = None
) -> list[Finding]:
    """Runs, approvals and calls that nobody moves any more.

    Args:
        database: Of the state folder, opened.
        clock: The time now.
        tenant: Whose runs.
        signature_now: Finds the graphs of today; without it, changed graphs are not looked for.
    """
    now = clock()

    def work(connection: Connection) -> tuple[list[Finding], list[RowMapping]]:
        rows = connection.execute(select(runs).where(runs.c.tenant == tenant)).mappings().all()
        known = {row["id"]: row for row in rows}
        open_runs = [row for row in rows if row["status"] not in FINISHED]
        found = [*_orphaned(connection, tenant, known), *_stuck(connection, open_runs, now)]
        found += [*_unknown(connection, known), *_without_thread(connection)]
        return [*found, *_damaged(connection, tenant)], open_runs

    found, open_runs = await database.read(work)
    return [*found, *(_changed(open_runs, signature_now) if signature_now else [])]


async def withdraw_orphan(database: Database, approval_id: str) -> None:
    """Withdraw a question whose run has ended or is gone.

    Raises:
        NotFound: if no such question is open.
        NotAllowed: if its run goes on; cancelling the run withdraws what it asks.
    """

    def work(connection: Connection) -> None:
        mine = (approvals.c.id == approval_id) & (approvals.c.status == "pending")
        run_id = connection.execute(select(approvals.c.run_id).where(mine)).scalar()
        if run_id is None:
            raise NotFound(f"There is no open approval {approval_id!r}. `graphwright doctor` lists the orphaned ones.")
        status = connection.execute(select(runs.c.status).where(runs.c.id == run_id)).scalar()
        if status is not None and status not in FINISHED:
            raise NotAllowed(
                f"Approval {approval_id} belongs to run {run_id}, which is {status}. Answer it (`graphwright inbox`), "
                f"or end the run (`graphwright runs cancel {run_id}`)."
            )
        connection.execute(update(approvals).where(mine).values(status="cancelled"))

    await database.transaction(work)


def _orphaned(connection: Connection, tenant: str, known: Mapping[str, RowMapping]) -> Iterator[Finding]:
    query = select(approvals).where(approvals.c.tenant == tenant, approvals.c.status == "pending")
    for row in connection.execute(query).mappings():
        run = known.get(row["run_id"])
        if run is not None and run["status"] not in FINISHED:
            continue
        ended = "is gone" if run is None else f"is {run['status']}"
        yield Finding(
            check="approval",
            id=row["id"],
            what=f"It asks about {row['tool']}, and its run {row['run_id']} {ended}: nobody will act on an answer.",
            todo=f"graphwright doctor --withdraw {row['id']}",
        )


def _stuck(connection: Connection, open_runs: list[RowMapping], now: float) -> Iterator[Finding]:
    owners = {row["thread_id"]: row for row in connection.execute(select(leases)).mappings()}
    asked = select(approvals.c.run_id).where(approvals.c.status == "pending").distinct()
    unknown = select(journal.c.run_id).where(journal.c.status == "unknown").distinct()
    waits = {*connection.execute(asked).scalars(), *connection.execute(unknown).scalars()}
    for row in open_runs:
        lease, status, what = owners.get(row["thread_id"]), row["status"], ""
        if status == "running" and not _lives(lease, now):
            what = "It is recorded as running, and no living process moves it."
        elif status == "queued" and now - row["updated"] > QUEUED_SECONDS and not _lives(lease, now):
            what = f"It has been queued for {(now - row['updated']) / 3600:.0f} h, and no process moves it."
        elif status in ("waiting", "blocked") and row["id"] not in waits:
            what = f"It is {status}, and everything it asked is answered."
        if what:
            error = f" Last error: {row['error']}" if row["error"] and status == "queued" else ""
            yield Finding(check="run", id=row["id"], what=what + error, todo=f"graphwright resume {row['id']}")


def _lives(lease: RowMapping | None, now: float) -> bool:
    return lease is not None and is_held(lease["owner"], lease["expires"], now)


def _unknown(connection: Connection, known: Mapping[str, RowMapping]) -> Iterator[Finding]:
    query = select(journal).where(journal.c.status == "unknown").order_by(journal.c.begun)
    for row in connection.execute(query).mappings():
        if row["run_id"] in known:
            yield Finding(
                check="outcome",
                id=row["id"],
                what=f"Nobody knows whether {row['name']} of run {row['run_id']} happened: {row['request'][:200]}",
                todo=f"graphwright resolve {row['id']} happened|retry|abandon",
            )


def _damaged(connection: Connection, tenant: str) -> Iterator[Finding]:
    for id_, what in damaged_rows(connection, tenant):
        todo = "Put the row right or restore the database from a backup; `graphwright audit verify` says what was done."
        yield Finding(check="row", id=id_, what=what, todo=todo)


def _without_thread(connection: Connection) -> Iterator[Finding]:
    if not connection.dialect.has_table(connection, "checkpoints"):
        return
    left = text("SELECT DISTINCT thread_id FROM checkpoints WHERE thread_id NOT IN (SELECT id FROM threads)")
    for thread in connection.execute(left).scalars():
        yield Finding(
            check="thread",
            id=thread,
            what="There are checkpoints of this thread, and no thread.",
            todo=f"graphwright threads delete {thread}",
        )


def _changed(open_runs: list[RowMapping], signature_now: SignatureNow) -> Iterator[Finding]:
    for row in open_runs:
        try:
            kept, options = json.loads(row["signature"] or "{}"), json.loads(row["options"] or "{}")
        except ValueError:
            continue  # a damaged row, which is told as one
        if not kept:
            continue
        cancel, run = f"graphwright runs cancel {row['id']}", row["id"]
        try:
            lines = compare(kept, signature_now(row["graph"], options))
        except Exception as error:  # a graph that is gone or broken is what is looked for
            what = f"Its graph {row['graph']!r} cannot be had: {error}"
            yield Finding(check="graph", id=run, what=what, todo=f"Bring the graph back, or end the run: {cancel}")
            continue
        if lines:
            more = f" and {len(lines) - _SHOWN_CHANGES} more" if len(lines) > _SHOWN_CHANGES else ""
            yield Finding(
                check="graph",
                id=run,
                what=f"Its graph {row['graph']!r} has changed: {'; '.join(lines[:_SHOWN_CHANGES])}{more}.",
                todo=f"Go back to that version, or: graphwright resume {run} --accept-changes; {cancel}",
            )


def _versions() -> Iterator[Finding]:
    for name, (here, oldest) in too_old().items():
        yield Finding(
            check="version",
            id=name,
            what=f"{name} {here} has known holes.",
            todo=f"pip install '{name}>={oldest}'",
        )


def _permissions(settings: Settings) -> Iterator[Finding]:
    for path in (settings.state, settings.database):
        if not path.exists():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        # What is in a folder that others cannot enter is closed to them, whatever its own mode is.
        if mode & 0o077 and (path == settings.state or stat.S_IMODE(path.parent.stat().st_mode) & 0o077):
            right = "700" if path.is_dir() else "600"
            yield Finding(
                check="folder",
                id=str(path),
                what=f"Others on this machine can reach it (mode {mode:o}); it holds what people and models said.",
                todo=f"chmod {right} {path}",
            )


def _file(path: Path) -> Iterator[Finding]:
    """The database file, read only: whether it is whole, and of a schema that this release knows."""
    if not path.exists():
        return
    restore = "Restore it from a backup, or move the file away to start empty."
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            (whole,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            (has,) = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'schema_version'").fetchone()
            (version,) = connection.execute("SELECT max(version) FROM schema_version").fetchone() if has else (0,)
        finally:
            connection.close()
    except sqlite3.Error as error:
        yield Finding(check="schema", id=str(path), what=f"The database cannot be read: {error}.", todo=restore)
        return
    if whole != "ok":
        yield Finding(check="schema", id=str(path), what=f"The database is damaged: {whole}.", todo=restore)
    if int(version or 0) > len(MIGRATIONS):
        what = f"The database has schema version {version}; this release knows {len(MIGRATIONS)}."
        todo = "Upgrade graphwright, or choose another state folder with --state DIR."
        yield Finding(check="schema", id=str(path), what=what, todo=todo)


def _knowledge(folder: Path) -> Iterator[Finding]:
    """Whether another process holds the knowledge base: the system frees the lock of one that has died."""
    if not (folder / ".lock").exists():
        return
    try:
        with FileLock(folder / ".lock", timeout=0):
            return
    except Timeout:
        who = "A living process"
        with suppress(OSError, ValueError, KeyError, TypeError):  # it did not leave its name
            owner = json.loads((folder / "owner.json").read_text())
            who = f"Process {owner['pid']} on {owner['host']} ({owner['command']}, since {owner['since']} UTC)"
        what, todo = f"{who} uses the knowledge base; it has one owner at a time.", "Wait until it ends, or end it."
        yield Finding(check="knowledge", id=str(folder), what=what, todo=todo, severity="note")
    except OSError as error:
        what = f"Its lock cannot be taken: {error.strerror or error}."
        yield Finding(check="knowledge", id=str(folder), what=what, todo="Make the folder writable.")
