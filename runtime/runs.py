"""Threads and runs as the database keeps them, and the status machine of a run.

The status is ours and is written before anything else happens; it is never guessed from a checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, get_args

import orjson
from sqlalchemy import Connection, RowMapping, func, select, update

from .clock import Clock, new_id
from .damage import known_value, readable
from .database import Database
from .errors import NotFound, RunFinished, ThreadBusy
from .leases import fence
from .statements import Statement
from .tables import runs, threads
from .turns import FINISHED as FINISHED
from .turns import FORK, IfBusy, begin_epoch, make_room
from .turns import Status as Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """One conversation or piece of work that runs move along."""

    id: str
    graph: str
    tenant: str
    user: str
    title: str
    fork: int
    created: float
    updated: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One input moved along its graph."""

    id: str
    thread_id: str
    graph: str
    status: Status
    input: Mapping[str, Any]
    output: str | None = None
    error: str | None = None
    model: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)
    """Prompt name to version (content hash), of every prompt that this run has sent."""
    usage: Mapping[str, Any] = field(default_factory=dict)
    signature: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What the graph was when the run was last driven; empty before."""
    tenant: str = "local"
    user: str = "local"
    created: float = 0.0
    updated: float = 0.0


STATUSES: frozenset[str] = frozenset(get_args(Status))
_GET = Statement("SELECT * FROM runs WHERE id = :run")
_GET_THREAD = Statement("SELECT * FROM threads WHERE id = :thread")
_OF_THREAD = Statement(
    "SELECT * FROM runs WHERE tenant = :tenant AND thread_id = :thread ORDER BY created DESC, id DESC LIMIT :limit"
)
_TOUCH = Statement("UPDATE threads SET updated = :now WHERE id = :thread")
_FIRST = Statement(
    "SELECT id, status FROM runs WHERE thread_id = :thread AND status NOT IN ('done', 'failed', 'cancelled')"
    " ORDER BY created, id LIMIT 1"
)
_NEW_THREAD = Statement(
    'INSERT INTO threads (id, graph, tenant, "user", title, fork, created, updated)'
    " VALUES (:thread, :graph, :tenant, :user, :title, 0, :now, :now)"
)
_NEW_RUN = Statement(
    'INSERT INTO runs (id, thread_id, graph, status, input, model, options, prompts, signature, usage, tenant, "user",'
    " created, updated) VALUES (:run, :thread, :graph, 'queued', :input, :model, :options, '{}', '', '{}', :tenant,"
    " :user, :now, :now) RETURNING *"
)


class RunStore:
    """Makes, finds and moves threads and runs."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def create(
        self,
        graph: str,
        values: Mapping[str, Any],
        *,
        thread_id: str | None,
        user: str,
        tenant: str,
        model: str = "",
        title: str = "",
        options: Mapping[str, Any] | None = None,
        if_busy: IfBusy = "reject",
    ) -> Run:
        """Commit a queued run, on a new thread or on one that exists.

        Args:
            graph: Its graph's name.
            values: Its input.
            thread_id: The thread; None for a new one.
            user: Who asks.
            tenant: Whose data it is.
            model: The spec of its model.
            title: Of a new thread.
            options: What is remembered with the run; ``fork`` begins a new fork epoch of the thread.
            if_busy: What to do if the thread has a run that has not finished.

        Raises:
            NotFound: if ``thread_id`` names no thread of this tenant.
            ThreadBusy: if that thread has a run that has not finished, and ``if_busy`` is ``reject``.
        """
        now = self._clock()
        remembered, given = dict(options or {}), _dump(values)
        whose = {"graph": graph, "tenant": tenant, "user": user, "now": now}

        def work(connection: Connection) -> Run:
            thread = thread_id or new_id("thread", at=now)
            begun = now if thread_id is None else _after_others(connection, thread, now)
            run_id = new_id("run", at=begun)
            if thread_id is None:
                _NEW_THREAD.count(connection, {**whose, "thread": thread, "title": title[:200]})
            else:
                self._check_thread(connection, thread, tenant, graph)
                remembered.update(make_room(connection, thread, run_id, if_busy, now))
                if FORK in remembered:
                    remembered[FORK] = {**remembered[FORK], "epoch": begin_epoch(connection, thread)}
            asked = {"run": run_id, "thread": thread, "input": given, "model": model, "options": _dump(remembered)}
            return read_run(_NEW_RUN.rows(connection, {**whose, **asked, "now": begun})[0])

        return await self._database.transaction(work, brief=True, apart=True)

    @staticmethod
    def _check_thread(connection: Connection, thread_id: str, tenant: str, graph: str) -> None:
        row = connection.execute(select(threads).where(threads.c.id == thread_id)).mappings().first()
        if row is None or row["tenant"] != tenant:
            raise NotFound(f"There is no thread {thread_id!r}. `graphwright threads` lists them.")
        if row["graph"] != graph:
            raise NotFound(
                f"Thread {thread_id} belongs to graph {row['graph']!r}, not {graph!r}. "
                f"Use `graphwright run {row['graph']}`, or leave out --thread."
            )

    async def get(self, run_id: str) -> Run:
        """The run with this id.

        Raises:
            NotFound: if there is none.
        """
        row = await self._database.read(
            lambda connection: _GET.row(connection, {"run": run_id}), brief=True, apart=True
        )
        if row is None:
            raise NotFound(f"There is no run {run_id!r}. `graphwright runs` lists them.")
        return read_run(row)

    async def thread(self, thread_id: str) -> Thread:
        """The thread with this id.

        Raises:
            NotFound: if there is none.
        """
        row = await self._database.read(
            lambda connection: _GET_THREAD.row(connection, {"thread": thread_id}), brief=True
        )
        if row is None:
            raise NotFound(f"There is no thread {thread_id!r}. `graphwright threads` lists them.")
        return Thread(**row)

    async def runs(
        self, *, tenant: str, status: str | None = None, thread_id: str | None = None, limit: int = 50
    ) -> list[Run]:
        """The newest runs first."""
        if thread_id is not None and status is None:
            named = {"tenant": tenant, "thread": thread_id, "limit": limit}
            found = await self._database.read(
                lambda connection: _OF_THREAD.rows(connection, named), brief=True, apart=True
            )
            return [read_run(row) for row in found]
        query = (
            select(runs).where(runs.c.tenant == tenant).order_by(runs.c.created.desc(), runs.c.id.desc()).limit(limit)
        )
        if status:
            query = query.where(runs.c.status == status)
        if thread_id:
            query = query.where(runs.c.thread_id == thread_id)
        rows = await self._database.read(lambda connection: connection.execute(query).mappings().all())
        return [read_run(row) for row in rows]

    async def threads(self, *, tenant: str, limit: int = 50) -> list[tuple[Thread, int, str]]:
        """The threads last used first, each with its number of runs and the status of its newest."""
        newest = (
            select(runs.c.status)
            .where(runs.c.thread_id == threads.c.id)
            .order_by(runs.c.created.desc(), runs.c.id.desc())
            .limit(1)
            .scalar_subquery()
        )
        count = select(func.count()).where(runs.c.thread_id == threads.c.id).scalar_subquery()
        query = (
            select(threads, count.label("runs"), newest.label("status"))
            .where(threads.c.tenant == tenant)
            .order_by(threads.c.updated.desc())
            .limit(limit)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).mappings().all())
        names = set(Thread.__dataclass_fields__)
        return [(Thread(**{name: row[name] for name in names}), row["runs"], row["status"] or "") for row in rows]

    async def sign(self, run_id: str, signature: Mapping[str, Mapping[str, str]]) -> None:
        """Keep the signature of the graph that a run is driven with."""
        statement = update(runs).where(runs.c.id == run_id).values(signature=_dump(signature))
        await self._database.transaction(lambda connection: connection.execute(statement))

    async def unfinished(self, thread_id: str) -> list[Run]:
        """The runs of a thread that have not ended, in the order in which they take their turns."""
        query = select(runs).where(runs.c.thread_id == thread_id, runs.c.status.not_in(FINISHED))
        ordered = query.order_by(runs.c.created, runs.c.id)
        rows = await self._database.read(lambda connection: connection.execute(ordered).mappings().all())
        return [read_run(row) for row in rows]

    async def check_turn(self, run: Run) -> None:
        """Let only the first of a thread's unfinished runs be moved.

        Raises:
            ThreadBusy: if another comes before.
        """
        first = await self._database.read(
            lambda connection: _FIRST.row(connection, {"thread": run.thread_id}), brief=True
        )
        if first is not None and first["id"] != run.id:
            raise ThreadBusy(
                f"Run {run.id} waits for its turn: run {first['id']} on the same thread is {first['status']}. Finish "
                f"that one (`graphwright resume {first['id']}`), or end it (`graphwright runs cancel {first['id']}`)."
            )

    async def remember(self, run_id: str, **options: Any) -> Run:
        """Keep further options with a run; None forgets one."""

        def work(connection: Connection) -> None:
            text = connection.execute(select(runs.c.options).where(runs.c.id == run_id)).scalar()
            merged = {**orjson.loads(text or "{}"), **options}
            kept = {name: value for name, value in merged.items() if value is not None}
            connection.execute(update(runs).where(runs.c.id == run_id).values(options=_dump(kept)))

        await self._database.transaction(work)
        return await self.get(run_id)

    async def move(self, run_id: str, status: Status, *, epoch: int | None = None, **changes: Any) -> Run:
        """Set a run's status, with what else is known of it.

        Raises:
            RunFinished: if the run has already ended; an ended run never changes.
            LeaseLost: if ``epoch`` is given and another writer has taken the thread.
        """
        now = self._clock()
        values = {name: _dump(value) if isinstance(value, Mapping) else value for name, value in changes.items()}

        def work(connection: Connection) -> Run:
            named = {**values, "run": run_id, "status": status, "now": now}
            moved = next(iter(_moving(tuple(values)).rows(connection, named)), None)
            row = moved or _GET.row(connection, {"run": run_id})
            if row is None:
                raise NotFound(f"There is no run {run_id!r}. `graphwright runs` lists them.")
            if epoch is not None:
                fence(connection, row["thread_id"], epoch)
            if moved is None:
                raise RunFinished(f"Run {run_id} is {row['status']}; it cannot become {status}.")
            _TOUCH.count(connection, {"thread": row["thread_id"], "now": now})
            return read_run(row)

        return await self._database.transaction(work, brief=True, apart=True)


@cache
def _moving(names: tuple[str, ...]) -> Statement:
    changes = "".join(f", {name} = :{name}" for name in names)
    return Statement(
        f"UPDATE runs SET status = :status, updated = :now{changes} WHERE id = :run"
        " AND status NOT IN ('done', 'failed', 'cancelled') RETURNING *"
    )


def _after_others(connection: Connection, thread_id: str, now: float) -> float:
    """The time now, but after every other run of the thread: turns are taken in order though the clock was set back."""
    last = connection.execute(select(func.max(runs.c.created)).where(runs.c.thread_id == thread_id)).scalar()
    return now if last is None else max(now, last + 0.001)


def _dump(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()


def read_run(row: RowMapping | Mapping[str, Any]) -> Run:
    """A run as its row has it.

    Raises:
        DamagedRow: if the row is not as it was written.
    """
    values = {name: row[name] for name in Run.__dataclass_fields__}
    with readable("runs", values["id"]):
        known_value("status", values["status"], STATUSES)
        for name in ("input", "options", "prompts", "usage", "signature"):
            values[name] = orjson.loads(values[name] or "{}")
    return Run(**values)
