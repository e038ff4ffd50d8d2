"""Rows that are not as they were written: looked for by the doctor, before a run meets them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from sqlalchemy import Connection, select

from .approval_rows import load
from .errors import DamagedRow
from .journal import read_entry, told_settled
from .runs import read_run
from .tables import approvals, journal, runs


def damaged_rows(connection: Connection, tenant: str) -> Iterator[tuple[str, str]]:
    """The id of each row of a tenant that cannot be used, and why.

    A call that the journal would make again and of which the audit log says that it was settled is one of them.
    """
    whose = select(runs.c.id).where(runs.c.tenant == tenant)
    for row in connection.execute(select(runs).where(runs.c.tenant == tenant)).mappings():
        yield from _problem(row["id"], partial(read_run, row))
    for row in connection.execute(select(journal).where(journal.c.run_id.in_(whose))).mappings():
        yield from _problem(row["id"], partial(read_entry, row))
        if row["status"] in ("intent", "retry", "unknown") and (
            told := told_settled(connection, row["thread_id"], row["key"])
        ):
            yield row["id"], f"The journal has call {row['id']} as {row['status']!r}, the audit log as {told!r}."
    for id_ in connection.execute(select(approvals.c.id).where(approvals.c.tenant == tenant)).scalars().all():
        yield from _problem(id_, partial(load, connection, approvals.c.id == id_))


def _problem(id_: str, read: Callable[[], Any]) -> Iterator[tuple[str, str]]:
    try:
        read()
    except DamagedRow as error:
        yield id_, str(error)
