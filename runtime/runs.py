"""Threads and runs as the database keeps them, and the status machine of a run.

The status is ours and is written before anything else happens; it is never guessed from a checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, func, insert, select, text, update

from .clock import Clock, new_id
from .database import Database
from .errors import NotFound, RunFinished, ThreadBusy
from .leases import fence
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


_THREAD = text("SELECT thread_id FROM runs WHERE id = :run")


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
        remembered = dict(options or {})

        def work(connection: Connection) -> str:
            thread = thread_id or new_id("thread", at=now)
            run_id = new_id("run", at=now)
            if thread_id is None:
                connection.execute(
                    insert(threads).values(
                        id=thread, graph=graph, tenant=tenant, user=user, title=title[:200], created=now, updated=now
                    )
                )
            else:
                self._check_thread(connection, thread, tenant, graph)
                remembered.update(make_room(connection, thread, run_id, if_busy, now))
                if FORK in remembered:
                    remembered[FORK] = {**remembered[FORK], "epoch": begin_epoch(connection, thread)}
            connection.execute(
                insert(runs).values(
                    id=run_id,
                    thread_id=thread,
                    graph=graph,
                    status="queued",
                    input=_dump(values),
                    model=model,
                    options=_dump(remembered),
                    tenant=tenant,
                    user=user,
                    created=now,
                    updated=now,
                )
            )
            return run_id

        return await self.get(await self._database.transaction(work))

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
            lambda connection: connection.execute(select(runs).where(runs.c.id == run_id)).mappings().first()
        )
        if row is None:
            raise NotFound(f"There is no run {run_id!r}. `graphwright runs` lists them.")
        return _run(row)

    async def thread(self, thread_id: str) -> Thread:
        """The thread with this id.

        Raises:
            NotFound: if there is none.
        """
        row = await self._database.read(
            lambda connection: connection.execute(select(threads).where(threads.c.id == thread_id)).mappings().first()
        )
        if row is None:
            raise NotFound(f"There is no thread {thread_id!r}. `graphwright threads` lists them.")
        return Thread(**row)

    async def runs(
        self, *, tenant: str, status: str | None = None, thread_id: str | None = None, limit: int = 50
    ) -> list[Run]:
        """The newest runs first."""
        query = (
            select(runs).where(runs.c.tenant == tenant).order_by(runs.c.created.desc(), runs.c.id.desc()).limit(limit)
        )
        if status:
            query = query.where(runs.c.status == status)
        if thread_id:
            query = query.where(runs.c.thread_id == thread_id)
        rows = await self._database.read(lambda connection: connection.execute(query).mappings().all())
        return [_run(row) for row in rows]

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
        return [_run(row) for row in rows]

    async def check_turn(self, run: Run) -> None:
        """Let only the first of a thread's unfinished runs be moved.

        Raises:
            ThreadBusy: if another comes before.
        """
        first = (await self.unfinished(run.thread_id) or [run])[0]
        if first.id != run.id:
            raise ThreadBusy(
                f"Run {run.id} waits for its turn: run {first.id} on the same thread is {first.status}. "
                f"Finish that one (`graphwright resume {first.id}`), or end it (`graphwright runs cancel {first.id}`)."
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

        def work(connection: Connection) -> None:
            if epoch is not None:
                fence(connection, str(connection.execute(_THREAD, {"run": run_id}).scalar()), epoch)
            moved = connection.execute(
                update(runs)
                .where(runs.c.id == run_id, runs.c.status.not_in(FINISHED))
                .values(status=status, updated=now, **values)
            )
            if moved.rowcount == 0:
                known = connection.execute(select(runs.c.status).where(runs.c.id == run_id)).scalar()
                if known is None:
                    raise NotFound(f"There is no run {run_id!r}. `graphwright runs` lists them.")
                raise RunFinished(f"Run {run_id} is {known}; it cannot become {status}.")
            thread = select(runs.c.thread_id).where(runs.c.id == run_id).scalar_subquery()
            connection.execute(update(threads).where(threads.c.id == thread).values(updated=now))

        await self._database.transaction(work)
        return await self.get(run_id)


def _dump(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()


def _run(row: RowMapping) -> Run:
    values = {name: row[name] for name in Run.__dataclass_fields__}
    for name in ("input", "options", "prompts", "usage", "signature"):
        values[name] = orjson.loads(values[name] or "{}")
    return Run(**values)
