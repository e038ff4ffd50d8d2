"""The journal: an intent is on disk before an effect, its outcome after it, and both before anything builds on them.

A call is named for ever by its key (thread, fork epoch, place or message, call id). Whoever finds a key again finds
what came of it: the recorded outcome, or an intent that nobody finished. What to do about the latter follows from the
semantics of the call:

- ``pure``: nothing happened in the world; run it again.
- ``idempotent``: run it again with the same idempotency key.
- ``at_most_once``: whether it happened is *unknown*. A probe or a person has to say.

Every write names the epoch of the writer's lease, and the database refuses it if another has taken the thread since.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import orjson
from sqlalchemy import Connection, RowMapping, select, update

from graphwright.tools import Tool

from .audit import AuditEntry, AuditLog
from .audit_rows import audit as audit_rows
from .clock import Clock, new_id
from .damage import known_value, readable, whole
from .database import Database
from .digests import canonical_json, digest
from .errors import DamagedRow, JournalDivergence, NotAllowed, NotFound
from .leases import fence
from .ordering import Order
from .recording import INSERT, PASSED, Recorded, Recording, audited
from .statements import Statement
from .tables import journal, runs
from .trailing import writer_key

Kind = Literal["tool", "model", "step", "policy"]
Semantics = Literal["pure", "idempotent", "at_most_once"]
EntryStatus = Literal["intent", "done", "failed", "unknown", "happened", "retry", "abandoned"]
KINDS: frozenset[str] = frozenset(get_args(Kind))
STATUSES: frozenset[str] = frozenset(get_args(EntryStatus))
SETTLED: frozenset[EntryStatus] = frozenset({"done", "failed", "happened", "abandoned"})
Resolution = Literal["happened", "retry", "abandon"]


def semantics_of(tool: Tool) -> Semantics:
    """What may be done about a call of this tool whose outcome is not known."""
    if tool.labels.effect == "read":
        return "pure"
    return "at_most_once" if tool.labels.once else "idempotent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """On whose behalf the journal is written: a run, under a lease."""

    run_id: str
    thread_id: str
    epoch: int
    known: frozenset[str] = frozenset()
    """Keys that the run had recorded before this lease; only these can come by again."""
    order: Order = field(default_factory=Order, compare=False)
    """When this writer's rows begin."""

    @property
    def name(self) -> str:
        """What trails of it is kept under."""
        return writer_key(self.thread_id, self.epoch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is about to be done."""

    key: str
    kind: Kind
    name: str
    """Of the tool, the model or the step."""
    semantics: Semantics
    request: Any
    """The arguments, or what identifies the request: plain JSON values."""
    agent: str = ""
    path: str = ""
    """Where in the graph it is done: node names, parted by ``/``."""
    note: Mapping[str, Any] = field(default_factory=dict)
    """What the audit log is told besides: by which policy rule it was let through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the journal."""

    key: str
    id: str
    run_id: str
    thread_id: str
    kind: Kind
    name: str
    agent: str
    semantics: Semantics
    digest: str
    request: Any
    status: EntryStatus
    outcome: Any
    epoch: int
    attempt: int
    begun: float
    ended: float | None
    path: str = ""
    """Where in the graph it was done; empty in what was recorded before paths were."""


_FIND = Statement("SELECT * FROM journal WHERE key = :key")
_OF_RUN = Statement("SELECT * FROM journal WHERE run_id = :run ORDER BY begun, id")
_KEYS = Statement("SELECT key, begun FROM journal WHERE run_id = :run")
_AGAIN = Statement(
    "UPDATE journal SET status = 'intent', epoch = :epoch, attempt = attempt + 1, run_id = :run_id WHERE key = :key"
)
_SETTLED_SO = select(audit_rows.c.kind).where(
    audit_rows.c.kind.in_(("call.done", "call.happened", "call.abandoned")),
)
_END = Statement("UPDATE journal SET status = :status, outcome = :outcome, ended = :ended WHERE key = :key")


class Journal:
    """The journal of one database."""

    def __init__(
        self, database: Database, clock: Clock, audit: AuditLog | None = None, *, tenant: str | None = None
    ) -> None:
        """
        Args:
            database: Opened before the first call.
            clock: The time now.
            audit: Told each change in its transaction.
            tenant: Whose calls :meth:`unknown` lists; None for everybody's.
        """
        self._database = database
        self._clock = clock
        self._audit = audit
        self._tenant = tenant

    async def find(self, key: str) -> Entry | None:
        """What is known of a call."""
        row = await self._database.read(lambda connection: _FIND.row(connection, {"key": key}), brief=True)
        return read_entry(row) if row else None

    async def begin(self, writer: Writer, intent: Intent) -> tuple[Entry, bool]:
        """Commit an intent; or return what is known of this call, if it was begun before.

        Returns:
            The entry, and whether this caller began it and may act.

        Raises:
            LeaseLost: if another writer has taken the thread.
            JournalDivergence: if the same call has other arguments than when it was begun.
        """
        wanted = digest([intent.kind, intent.name, intent.request])

        def work(connection: Connection) -> tuple[Entry, bool]:
            fence(connection, writer.thread_id, writer.epoch)
            known = _FIND.row(connection, {"key": intent.key})
            if known is not None:
                return _same(read_entry(known), intent, wanted), False
            row = self._row(writer, intent, wanted, status="intent", outcome=None)
            INSERT.count(connection, row)
            what = {"call": row["id"], "name": intent.name, "digest": wanted, "semantics": intent.semantics}
            what.update(audited(intent.note))
            self._note(connection, f"{intent.kind}.begun", intent.agent, writer, what)
            return _parsed({**row, "attempt": 1}), True

        return await self._database.transaction(work, brief=True, writer=writer.name)

    async def again(self, writer: Writer, key: str) -> None:
        """Commit that a call is made once more, under the same key.

        Raises:
            LeaseLost: if another writer has taken the thread.
            DamagedRow: if the audit log says that the call was settled: somebody has changed the journal's row.
        """
        values = {"key": key, "epoch": writer.epoch, "run_id": writer.run_id}

        def work(connection: Connection) -> None:
            self._refuse_settled(connection, writer, key)
            _AGAIN.count(connection, values)
            self._note(connection, "call.repeated", "system", writer, {"key": key})

        await self._fenced(writer, work)

    async def end(self, writer: Writer, key: str, status: EntryStatus, outcome: Any = None) -> None:
        """Commit what came of a call.

        Raises:
            LeaseLost: if another writer has taken the thread; whoever has it finds the intent.
        """
        values = {"key": key, "status": status, "outcome": _dump(outcome), "ended": self._clock()}

        def work(connection: Connection) -> None:
            _END.count(connection, values)
            self._note(connection, f"call.{status}", "system", writer, {"key": key})

        await self._fenced(writer, work)

    async def record(self, writer: Writer, intent: Intent, outcome: Any, status: EntryStatus = "done") -> None:
        """Write a call and its outcome in one breath: for what changes nothing in the world.

        It is on disk before anything of the thread that may depend on it, see :meth:`Database.trail`; if another writer
        has taken the thread, the next write that is waited for says so.
        """
        row = self._row(writer, intent, digest([intent.kind, intent.name, intent.request]), status, outcome)

        def tell(connection: Connection, kind: str, actor: str, event: Mapping[str, Any]) -> None:
            self._note(connection, kind, actor, writer, event)

        recording = Recording(writer.thread_id, writer.epoch, tell, Recorded(row, _told(intent, row)))
        await self._database.trail(writer.name, recording)

    async def writer(self, run_id: str, thread_id: str, epoch: int) -> Writer:
        """The writer of a run under this lease, knowing what the run has recorded so far."""
        rows = await self._database.read(
            lambda connection: _KEYS.rows(connection, {"run": run_id}), brief=True, thread_id=thread_id
        )
        known, order = frozenset(row["key"] for row in rows), Order(max((row["begun"] for row in rows), default=0.0))
        return Writer(run_id=run_id, thread_id=thread_id, epoch=epoch, known=known, order=order)

    async def unknown(self, *, run_id: str | None = None, damaged: list[DamagedRow] | None = None) -> list[Entry]:
        """Calls of this tenant, or of one run, of which nobody knows whether they happened; oldest first.

        ``damaged`` is given what is wrong with rows that cannot be read; without it, the first one raises.
        """
        query = select(journal).where(journal.c.status == "unknown").order_by(journal.c.begun, journal.c.id)
        if run_id:
            query = query.where(journal.c.run_id == run_id)
        elif self._tenant is not None:
            query = query.where(journal.c.run_id.in_(select(runs.c.id).where(runs.c.tenant == self._tenant)))
        rows = await self._database.read(lambda connection: connection.execute(query).mappings().all())
        return list(whole(rows, read_entry, damaged))

    async def of_run(self, run_id: str) -> list[Entry]:
        """Everything that a run asked models and did with tools, in order."""
        rows = await self._database.read(lambda connection: _OF_RUN.rows(connection, {"run": run_id}), brief=True)
        return [read_entry(row) for row in rows]

    async def resolve(self, entry_id: str, resolution: Resolution, *, by: str, note: str = "") -> Entry:
        """Say what became of a call with unknown outcome.

        Args:
            entry_id: Which call.
            resolution: ``happened`` (do not repeat it; ``note`` is told to the model), ``retry`` (it did not happen;
                do it now), ``abandon`` (do not repeat it; the model is told that it failed).
            by: Who says so.
            note: What the model is told.

        Raises:
            NotFound: if there is no such entry.
            NotAllowed: if its outcome is known already.
        """
        status: EntryStatus = "abandoned" if resolution == "abandon" else resolution
        outcome = {"resolved": resolution, "by": by, "note": note}
        statement = (
            update(journal)
            .where(journal.c.id == entry_id, journal.c.status == "unknown")
            .values(status=status, outcome=_dump(outcome), ended=self._clock())
        )

        def work(connection: Connection) -> bool:
            is_mine = connection.execute(statement).rowcount == 1
            if is_mine and self._audit is not None:
                event = {"call": entry_id, "resolution": resolution, "note": note}
                self._audit.append(connection, AuditEntry(kind="call.resolved", actor=by, event=event))
            return is_mine

        resolved = await self._database.transaction(work)
        query = select(journal).where(journal.c.id == entry_id)
        row = await self._database.read(lambda connection: connection.execute(query).mappings().first())
        if row is None:
            raise NotFound(f"There is no call {entry_id!r}. `graphwright inbox` lists those with unknown outcome.")
        if not resolved:
            raise NotAllowed(f"The outcome of call {entry_id} is known: {row['status']}. Nothing was changed.")
        return read_entry(row)

    def _refuse_settled(self, connection: Connection, writer: Writer, key: str) -> None:
        """No effect is repeated because a row was edited: what the audit log says was done is not done again."""
        if self._audit is None:
            return
        settled = told_settled(connection, writer.thread_id, key)
        if settled is not None:
            raise DamagedRow(
                f"The journal says that the call {key!r} may be made again, and the audit log has it as {settled!r}. "
                "Somebody has changed the journal; the call was not repeated. Restore the row from a backup, then "
                "resume the run."
            )

    def _note(self, connection: Connection, kind: str, actor: str, writer: Writer, event: Mapping[str, Any]) -> None:
        """No audit row, no effect: the row is kept in the transaction of what it tells about, or neither is."""
        if self._audit is not None:
            run, thread = writer.run_id, writer.thread_id
            entry = AuditEntry(kind=kind, actor=actor or "system", event=event, run_id=run, thread_id=thread)
            self._audit.require(connection, entry, is_clean=kind == PASSED)

    async def _fenced(self, writer: Writer, work: Callable[[Connection], Any]) -> None:
        await self._database.transaction(_behind_fence(writer, work), brief=True, writer=writer.name)

    def _row(self, writer: Writer, intent: Intent, wanted: str, status: str, outcome: Any) -> dict[str, Any]:
        now = writer.order.next(self._clock())
        return {
            "key": intent.key,
            "id": new_id("call", at=now),
            "run_id": writer.run_id,
            "thread_id": writer.thread_id,
            "kind": intent.kind,
            "name": intent.name,
            "agent": intent.agent,
            "semantics": intent.semantics,
            "digest": wanted,
            "request": canonical_json(intent.request).decode(),
            "status": status,
            "outcome": _dump(outcome),
            "epoch": writer.epoch,
            "begun": now,
            "ended": None if status == "intent" else now,
            "path": intent.path,
        }


def _same(entry: Entry, intent: Intent, wanted: str) -> Entry:
    if entry.digest != wanted:
        raise JournalDivergence(
            f"The {entry.kind} call {entry.name!r} ({entry.id}) was recorded with other arguments than it has now. "
            "The graph does not do the same when it runs again: keep time, randomness and outside reads out of the "
            "way to a tool call, or put them in tools of their own."
        )
    return entry


def _told(intent: Intent, row: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the audit log is told of the decision that a row records, or that let its call through."""
    if intent.kind == "policy":
        told = {name: intent.request.get(name) for name in ("tool", "verdict", "rule", "found")}
        return {"key": intent.key, "name": intent.name, "digest": row["digest"], **told}
    if not intent.note:
        return {}
    return {"call": row["id"], "name": intent.name, "digest": row["digest"], **audited(intent.note)}


def _behind_fence(writer: Writer, work: Callable[[Connection], Any]) -> Callable[[Connection], None]:
    """The same work, for whoever holds the lease."""

    def fenced(connection: Connection) -> None:
        fence(connection, writer.thread_id, writer.epoch)
        work(connection)

    return fenced


def _dump(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value, default=str).decode()


def told_settled(connection: Connection, thread_id: str, key: str) -> str | None:
    """How the audit log says that a call was settled, for good: ``call.done``, ...; None if it does not."""
    named = audit_rows.c.event.contains(f'"key":{canonical_json(key).decode()}', autoescape=True)
    found: str | None = connection.execute(_SETTLED_SO.where(audit_rows.c.thread_id == thread_id, named)).scalar()
    return found


def read_entry(row: RowMapping | Mapping[str, Any]) -> Entry:
    """An entry as the database has it, checked: rows outlive whoever wrote them."""
    with readable("journal", str(row["id"]), str(row["run_id"])):
        entry = _parsed(row)
        known_value("kind", entry.kind, KINDS)
        known_value("status", entry.status, STATUSES)
        _check_outcome(entry)
        if entry.digest != digest([entry.kind, entry.name, entry.request]):
            raise ValueError("its digest is not that of its request")
    return entry


def _parsed(row: RowMapping | Mapping[str, Any]) -> Entry:
    values: dict[str, Any] = {name: row.get(name) for name in Entry.__dataclass_fields__}
    values["request"] = orjson.loads(values["request"])
    values["outcome"] = orjson.loads(values["outcome"]) if values["outcome"] else None
    return Entry(**values)


def _check_outcome(entry: Entry) -> None:
    """A settled call has what its next reader is given; an edited status does not bring it along."""
    if entry.outcome is not None and not isinstance(entry.outcome, dict):
        raise ValueError("its outcome is no object")
    if entry.kind != "tool":
        return
    wanted = {"done": ("content", "status", "artifact"), "failed": ("error",)}.get(entry.status, ())
    missing = [name for name in wanted if name not in (entry.outcome or {})]
    if missing:
        raise ValueError(f"it is {entry.status}, and its outcome lacks {', '.join(missing)}")
