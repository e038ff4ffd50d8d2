"""Copy and delete a whole thread: every row of it, in every table, those of later releases too.

The tables are looked up in the database itself. A row belongs to a thread if a column named after an id
(``thread_id``, ``run_id``, ``approval_id``, ``entry_id``) holds one of the thread's, or its text key contains one. The
audit log is left alone: it is append-only, and says that there was such a thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

import orjson
from sqlalchemy import Column, ColumnElement, Connection, Integer, MetaData, String, Table, func, or_, select

from .clock import new_id
from .deciding import request_of
from .decisions import Edit
from .digests import plain_json
from .errors import NotFound, ThreadBusy
from .questions import request_of_interrupt
from .runs import FINISHED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .engine import Runtime
    from .runs import Thread

KEPT = frozenset({"audit", "schema_version"})
"""Tables that deleting leaves alone."""
_STATE = frozenset({"checkpoints", "writes"})
_NOT_COPIED = KEPT | _STATE | {"leases"}
_NAMED: Mapping[str, str] = {
    "thread_id": "threads",
    "run_id": "runs",
    "approval_id": "approvals",
    "entry_id": "journal",
}
"""Column to the table whose ids it holds."""


@dataclass(slots=True)
class _Ids:
    """The ids that belong to one thread, by the table that they are ids of."""

    of: dict[str, set[str]] = field(default_factory=dict)

    def all(self) -> set[str]:
        return set().union(*self.of.values())


async def delete_thread(runtime: Runtime, thread_id: str) -> dict[str, int]:
    """Delete everything of a thread, in one transaction; what it did in the world stays done.

    Returns:
        Table to the number of rows that were deleted.

    Raises:
        NotFound: if nothing of such a thread is in the database.
        ThreadBusy: if it has an unfinished run, or a process moves it.
    """
    await runtime.checkpointer()
    epoch = await runtime.leases.take(thread_id)

    def work(connection: Connection) -> dict[str, int]:
        _check_idle(connection, thread_id, "deleted")
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete=ON")  # what was said must not stay in free pages
        tables = _tables(connection)
        ids = _ids(connection, tables, thread_id)
        gone = {}
        for table in tables.values():
            if table.name not in KEPT and (mine := _mine(table, ids)) is not None:
                gone[table.name] = connection.execute(table.delete().where(mine)).rowcount
        gone = {name: count for name, count in gone.items() if count}
        if set(gone) <= {"leases"}:
            raise NotFound(f"There is no thread {thread_id!r}. `graphwright threads` lists them.")
        return gone

    try:
        return await runtime.database.transaction(work)
    except NotFound:
        await runtime.database.transaction(lambda connection: _forget_lease(connection, thread_id, epoch))
        raise
    finally:
        await runtime.leases.give_back(thread_id, epoch)


async def copy_thread(runtime: Runtime, thread_id: str) -> Thread:
    """Copy everything of a thread to a new one, which goes on by itself.

    Ids of runs, calls and approvals are new, in every text that names them, and so are the keys of calls. The thread
    itself is the last to be written: a copy that broke off is no thread, and ``doctor`` finds what it left.

    Raises:
        NotFound: if there is no such thread.
        ThreadBusy: if it has an unfinished run, or a process moves it.
    """
    source = await runtime.runs.thread(thread_id)
    await runtime.checkpointer()
    epoch = await runtime.leases.take(thread_id)
    try:
        await runtime.database.read(lambda connection: _check_idle(connection, thread_id, "copied"))
        names = await runtime.database.read(lambda connection: _new_names(connection, thread_id, runtime.clock()))
        await _copy_checkpoints(runtime, thread_id, names)
        await runtime.database.transaction(lambda connection: _copy_rows(connection, thread_id, names))
    finally:
        await runtime.leases.give_back(thread_id, epoch)
    return await runtime.runs.thread(names[source.id])


def _check_idle(connection: Connection, thread_id: str, done: str) -> None:
    from .tables import runs

    mine = (runs.c.thread_id == thread_id) & runs.c.status.not_in(FINISHED)
    busy = connection.execute(select(runs.c.id, runs.c.status).where(mine)).first()
    if busy is not None:
        raise ThreadBusy(
            f"Thread {thread_id} cannot be {done}: run {busy.id} is {busy.status}. Finish it "
            f"(`graphwright resume {busy.id}`), or end it (`graphwright runs cancel {busy.id}`)."
        )


def _forget_lease(connection: Connection, thread_id: str, epoch: int) -> None:
    """A lease that was taken on a thread that does not exist."""
    from .tables import leases

    connection.execute(leases.delete().where(leases.c.thread_id == thread_id, leases.c.epoch == epoch))


def _tables(connection: Connection) -> dict[str, Table]:
    found = MetaData()
    found.reflect(connection)
    return dict(found.tables)


def _ids(connection: Connection, tables: Mapping[str, Table], thread_id: str) -> _Ids:
    ids = _Ids({"threads": {thread_id}})
    for owner in ("runs", "approvals", "journal"):
        table = tables.get(owner)
        if table is not None:
            mine = select(table.c.id).where(table.c.thread_id == thread_id)
            ids.of[owner] = set(connection.execute(mine).scalars())
    return ids


def _mine(table: Table, ids: _Ids) -> Any:
    """The condition that a row of this table belongs to the thread; None if no row of it can."""
    conditions: list[ColumnElement[bool]] = [
        table.c[column].in_(ids.of[owner])
        for column, owner in _NAMED.items()
        if column in table.c and ids.of.get(owner)
    ]
    if table.name in ids.of and "id" in table.c:
        conditions.append(table.c.id.in_(ids.of[table.name]))
    if not conditions:
        names = [*ids.of["threads"], *ids.of.get("runs", ())]
        conditions = [func.instr(key, each) > 0 for key in _text_keys(table) for each in names]
    return or_(*conditions) if conditions else None


def _text_keys(table: Table) -> Iterator[Column[Any]]:
    return (each for each in table.primary_key.columns if isinstance(each.type, String))


def _new_names(connection: Connection, thread_id: str, now: float) -> dict[str, str]:
    """Every id of a thread to the id that its copy has; a question's follows from its key, as when it is asked."""
    tables = _tables(connection)
    ids = _ids(connection, tables, thread_id)
    names = {thread_id: new_id("thread", at=now)}
    for each in sorted(ids.of.get("runs", ())):
        names[each] = new_id("run", at=now)
    approvals = tables["approvals"]
    query = select(approvals.c.id, approvals.c.key).where(approvals.c.thread_id == thread_id)
    for approval, key in connection.execute(query):
        names[approval] = "appr_" + uuid5(NAMESPACE_URL, _renamed(key, names)).hex[:16]
    names.update(_new_digests(connection, thread_id, names))
    for table in tables.values():
        if table.name in _NOT_COPIED or "id" not in table.c or (mine := _mine(table, ids)) is None:
            continue
        for each in connection.execute(select(table.c.id).where(mine)).scalars():
            if isinstance(each, str) and each not in names:
                names[each] = new_id(each.partition("_")[0], at=now)
    return names


def _new_digests(connection: Connection, thread_id: str, names: Mapping[str, str]) -> dict[str, str]:
    """Each digest of a question, and of an edited one, to that of its copy: they are over thread, key and arguments."""
    from .approval_rows import load
    from .tables import approvals

    found: dict[str, str] = {}
    for each in load(connection, approvals.c.thread_id == thread_id):
        copied = replace(
            each, thread_id=names[thread_id], key=_renamed(each.key, names), call_id=_renamed(each.call_id, names)
        )
        asked = _renamed_data(each.original_arguments, names)
        is_of_call = request_of(each, each.original_arguments) == each.original_digest
        of_interrupt = request_of_interrupt(copied.thread_id, copied.call_id, asked)
        found[each.original_digest] = request_of(copied, asked) if is_of_call else of_interrupt
        for step in each.steps:
            if isinstance(step.decision, Edit):
                found[step.digest] = request_of(copied, _renamed_data(step.decision.arguments, names))
    return found


def _renamed_data(value: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    renamed: dict[str, Any] = orjson.loads(_renamed(plain_json(value), names))
    return renamed


def _copy_rows(connection: Connection, thread_id: str, names: Mapping[str, str]) -> None:
    tables = _tables(connection)
    ids = _ids(connection, tables, thread_id)
    for table in tables.values():
        mine = None if table.name in _NOT_COPIED else _mine(table, ids)
        if mine is None:
            continue
        counted = [each.name for each in table.primary_key.columns if _counts_itself(each, table)]
        order = [table.c[name] for name in counted]
        rows = [
            {name: _renamed(value, names) for name, value in row.items() if name not in counted}
            for row in connection.execute(select(table).where(mine).order_by(*order)).mappings()
        ]
        if rows:
            connection.execute(table.insert(), rows)


def _counts_itself(column: Column[Any], table: Table) -> bool:
    return isinstance(column.type, Integer) and len(table.primary_key.columns) == 1


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """The value with every old id in its text replaced. Ids are drawn by lot and long: nothing else looks like one."""
    if not isinstance(value, str):
        return value
    for old in _within(value, names):
        value = value.replace(old, names[old])
    return value


def _within(text: str, names: Iterable[str]) -> list[str]:
    return [each for each in names if each in text]


async def _copy_checkpoints(runtime: Runtime, thread_id: str, names: Mapping[str, str]) -> None:
    """By way of the saver, not row by row: a sealed value opens only at the place that it was sealed for."""
    saver = await runtime.checkpointer()
    paths = await runtime.database.read(lambda connection: _paths(connection, thread_id))
    found = [each async for each in saver.alist({"configurable": {"thread_id": thread_id}})]
    for each in reversed(found):
        at = each.config["configurable"]
        place = {"thread_id": names[thread_id], "checkpoint_ns": at.get("checkpoint_ns", "")}
        parent = (each.parent_config or {}).get("configurable", {}).get("checkpoint_id")
        metadata: Any = {name: _renamed(value, names) for name, value in each.metadata.items()}
        before: Any = {"configurable": {**place, **({"checkpoint_id": parent} if parent else {})}}
        await saver.aput(before, each.checkpoint, metadata, {})
        here: Any = {"configurable": {**place, "checkpoint_id": at["checkpoint_id"]}}
        writes: dict[str, list[tuple[str, Any]]] = {}
        for task, channel, value in each.pending_writes or ():
            writes.setdefault(task, []).append((channel, value))
        for task, pairs in writes.items():
            path = paths.get((place["checkpoint_ns"], at["checkpoint_id"], task), "")
            special = [pair for pair in pairs if pair[0].startswith("__") and pair[0] != "__pregel_tasks"]
            for group in ([pair for pair in pairs if pair not in special], *([pair] for pair in special)):
                if group:
                    await saver.aput_writes(here, group, task, path)


def _paths(connection: Connection, thread_id: str) -> dict[tuple[str, str, str], str]:
    """(Namespace, checkpoint, task) to the task's path, by which LangGraph orders what parallel tasks wrote."""
    writes = _tables(connection)["writes"].c
    query = select(writes.checkpoint_ns, writes.checkpoint_id, writes.task_id, writes.task_path)
    rows = connection.execute(query.where(writes.thread_id == thread_id)).all()
    return {(place, checkpoint, task): path or "" for place, checkpoint, task, path in rows}
