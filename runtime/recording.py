"""Rows of the journal that wait for nobody: those of one transaction share a look at the lease and an audit row.

Reads are the most frequent calls, and nothing in the world depends on them: a look and a row for each would cost more
than the call. Effects never come this way; each has its own row, before it happens.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from .leases import fence
from .statements import Statement
from .trailing import Gathering, Work

MOST = 50
"""Calls that one audit row names at most."""
PASSED = "policy.passed"
"""The kind of an audit row that names calls which policy let through: by ids, digests and names, never by text."""
INSERT = Statement(
    "INSERT INTO journal (key, id, run_id, thread_id, kind, name, agent, semantics, digest, request, status, outcome,"
    " epoch, attempt, begun, ended, path) VALUES (:key, :id, :run_id, :thread_id, :kind, :name, :agent, :semantics,"
    " :digest, :request, :status, :outcome, :epoch, 1, :begun, :ended, :path)"
)
_RECORD = Statement(INSERT.sql + " ON CONFLICT (key) DO NOTHING")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One row, and what the audit log is told of the decision behind it; nothing where there is none."""

    row: Mapping[str, Any]
    told: Mapping[str, Any]


Tell = Callable[[Connection, str, str, Mapping[str, Any]], None]
"""Appends to the audit log: kind, who did it, what."""


def audited(note: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the audit log is told of what stands beside a call; in which task it was made stands in the journal."""
    policy = note.get("policy")
    return {**note, "policy": {name: each for name, each in policy.items() if name != "tasks"}} if policy else note


class Recording(Gathering):
    """Rows of one writer that go to disk together."""

    def __init__(self, thread_id: str, epoch: int, tell: Tell, first: Recorded) -> None:
        self._of = thread_id, epoch
        self._tell = tell
        self._rows = [first]

    def gather(self, other: Work) -> bool:
        """Take the rows of another recording of the same writer along, as far as there is room."""
        if not isinstance(other, Recording) or other._of != self._of or len(self._rows) + len(other._rows) > MOST:
            return False
        self._rows += other._rows
        return True

    def __call__(self, connection: Connection) -> None:
        """Write the rows that are not there yet, and tell of their decisions.

        Raises:
            LeaseLost: if another writer has taken the thread.
        """
        fence(connection, *self._of)
        passed: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for each in self._rows:
            if not _RECORD.count(connection, each.row) or not each.told:
                continue
            if each.row["kind"] == "policy":
                self._tell(connection, "policy.decided", each.row["agent"], each.told)
            else:
                passed[each.row["agent"]].append(each.told)
        for agent, calls in passed.items():
            self._tell(connection, PASSED, agent, {"calls": calls})
