"""Approvals as the database keeps them: a row for the question, one for each step, one for the decision.

A change is written only if nobody else has changed the approval since it was read: the row counts its steps, and the
write names the count that it saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, get_args

import orjson
from sqlalchemy import ColumnElement, Connection, RowMapping, insert, select, update

from graphwright.tools import ApprovalRules

from .approvals import Approval, ApprovalStatus, ApprovalStep
from .clock import new_id
from .damage import known_value, readable, whole
from .decisions import decision_from_wire, decision_to_wire
from .digests import plain_json
from .errors import DamagedRow
from .questions import request_digest, request_of_interrupt
from .tables import approval_steps, approvals, decisions

_QUERY = (
    select(approvals, decisions.c.wire, decisions.c.by, decisions.c.decided)
    .outerjoin(decisions, decisions.c.approval_id == approvals.c.id)
    .order_by(approvals.c.asked, approvals.c.id)
)
_PLAIN = (
    "id", "key", "run_id", "thread_id", "tenant", "agent", "tool", "call_id", "path", "requester", "status", "asked"
)  # fmt: skip
_MAX_BY = 200
STATUSES: frozenset[str] = frozenset(get_args(ApprovalStatus))


def load(
    connection: Connection,
    condition: ColumnElement[bool],
    *,
    limit: int | None = None,
    offset: int = 0,
    damaged: list[DamagedRow] | None = None,
) -> list[Approval]:
    """The approvals that fulfil the condition, oldest first: all, or ``limit`` of them after the first ``offset``.

    Args:
        connection: Only read from.
        condition: Which.
        limit, offset: See above.
        damaged: Is given what is wrong with rows that cannot be read; without it, the first one raises.
    """
    query = _QUERY.where(condition)
    if limit is not None:
        query = query.limit(limit).offset(offset)
    rows = connection.execute(query).mappings().all()
    steps: dict[str, list[RowMapping]] = {}
    if any(row["steps"] for row in rows):
        # The condition again rather than a list of ids: an inbox may hold more than a statement may name.
        chosen = select(approvals.c.id).where(condition, approvals.c.steps > 0)
        mine = approval_steps.c.approval_id.in_(
            chosen if limit is None else [row["id"] for row in rows if row["steps"]]
        )
        found = connection.execute(select(approval_steps).where(mine).order_by(approval_steps.c.number))
        for step in found.mappings():
            steps.setdefault(step["approval_id"], []).append(step)
    read = whole(rows, lambda row: _approval(row, steps.get(row["id"], ())), damaged)
    return list(read)


def add(connection: Connection, approval: Approval) -> None:
    """Write a new question."""
    connection.execute(
        insert(approvals),
        {
            **{name: getattr(approval, name) for name in _PLAIN},
            "arguments": plain_json(approval.original_arguments),
            "digest": approval.original_digest,
            "reason": approval.reason,
            "allowed": ",".join(approval.allowed),
            "rules": plain_json(asdict(approval.rules)),
            "run_roles": plain_json(list(approval.run_roles)),
            "deadline": approval.deadline,
        },
    )


def save(connection: Connection, before: Approval, after: Approval) -> bool:
    """Write what changed; False, and nothing is written, if somebody else was faster."""
    claimed = connection.execute(
        update(approvals)
        .where(approvals.c.id == before.id, approvals.c.status == before.status, approvals.c.steps == len(before.steps))
        .values(status=after.status, deadline=after.deadline, steps=len(after.steps))
    )
    if claimed.rowcount == 0:
        return False
    for number, step in enumerate(after.steps[len(before.steps) :], len(before.steps) + 1):
        connection.execute(insert(approval_steps).values(_step_row(after, number, step)))
    if after.decision is not None and before.decision is None:
        connection.execute(insert(decisions).values(_decision_row(after)))
    return True


def _step_row(approval: Approval, number: int, step: ApprovalStep) -> dict[str, Any]:
    return {
        "approval_id": approval.id,
        "number": number,
        "kind": step.kind,
        "by": step.by,
        "to": step.to,
        "wire": plain_json(decision_to_wire(step.decision, approval.tool)) if step.decision else None,
        "digest": step.digest,
        "comment": step.comment,
        "time": step.time,
    }


def _decision_row(approval: Approval) -> dict[str, Any]:
    assert approval.decision is not None
    by = approval.decided_by
    approves = approval.decision.type in ("approve", "edit")
    return {
        "id": new_id("decision", at=approval.decided),
        "approval_id": approval.id,
        "type": approval.decision.type,
        "wire": plain_json(decision_to_wire(approval.decision, approval.tool)),
        "by": by if len(by) <= _MAX_BY else f"{by[: _MAX_BY - 1]}…",
        "digest": approval.digest if approves else approval.original_digest,
        "decided": approval.decided,
    }


def _approval(row: RowMapping, steps: Sequence[RowMapping]) -> Approval:
    with readable("approvals", row["id"], row["run_id"]):
        known_value("status", row["status"], STATUSES)
        if (row["status"] == "decided") is not bool(row["wire"]):
            raise ValueError(f"it is {row['status']}, and {'has a' if row['wire'] else 'there is no'} decision")
        if row["steps"] > len(steps):
            raise ValueError(f"it counts {row['steps']} steps, and there are {len(steps)}")
        # A step that was added since the row was read belongs to the next state.
        approval = _parsed(row, steps[: row["steps"]])
        if row["rules"]:  # a question of the first release does not say how its digest was made
            _check_digest(approval)
        return approval


def _check_digest(approval: Approval) -> None:
    """Nobody is shown, or decides on, other arguments than those that were asked about."""
    arguments = approval.original_arguments
    if not isinstance(arguments, dict):
        raise TypeError("its arguments are no object")
    of_call = request_digest(approval.tenant, approval.thread_id, approval.key, approval.tool, arguments)
    of_interrupt = request_of_interrupt(approval.thread_id, approval.call_id, arguments)
    if approval.original_digest not in (of_call, of_interrupt):
        raise ValueError("its digest is not that of its arguments")


def _parsed(row: RowMapping, steps: Sequence[RowMapping]) -> Approval:
    rules = orjson.loads(row["rules"]) if row["rules"] else {"reason": row["reason"] or "A person must look at this."}
    return Approval(
        **{name: row[name] for name in (*_PLAIN, "deadline", "delivered", "decided")},
        original_arguments=orjson.loads(row["arguments"]),
        original_digest=row["digest"],
        rules=ApprovalRules(**rules),
        run_roles=tuple(orjson.loads(row["run_roles"])),
        allowed=tuple(row["allowed"].split(",")),
        steps=tuple(_step(each, row["tool"]) for each in steps),
        decision=decision_from_wire(orjson.loads(row["wire"]), row["tool"]) if row["wire"] else None,
        decided_by=row["by"] or "",
    )


def _step(row: RowMapping, tool: str) -> ApprovalStep:
    return ApprovalStep(
        kind=row["kind"],
        by=row["by"],
        time=row["time"],
        to=row["to"],
        decision=decision_from_wire(orjson.loads(row["wire"]), tool) if row["wire"] else None,
        digest=row["digest"],
        comment=row["comment"],
    )
