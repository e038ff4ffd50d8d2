"""Approvals: asked once, answered once, by a decision that is on disk before anything acts on it.

A question is a row whose id follows from the call's key, so a node that runs again finds its question instead of
asking a second one. A decision is claimed by the database (one row for each approval), then delivered: the run is
driven until the tool's node has read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid5

import orjson
from sqlalchemy import Connection, RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError

from graphwright.tools import DecisionType

from .clock import Clock, new_id
from .database import Database
from .decisions import Decision, decision_from_wire, decision_to_wire
from .digests import plain_json
from .errors import AlreadyDecided, DigestMismatch, NotAllowed, NotFound
from .questions import Question
from .tables import approvals, decisions

ApprovalStatus = Literal["pending", "decided", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A question to a person about one tool call, and its decision once there is one."""

    id: str
    run_id: str
    thread_id: str
    agent: str
    tool: str
    call_id: str
    arguments: Mapping[str, Any]
    digest: str
    reason: str
    allowed: tuple[DecisionType, ...]
    status: ApprovalStatus
    asked: float
    delivered: float | None = None
    decision: Decision | None = None
    decided_by: str = ""
    decided: float | None = None


class Broker:
    """Keeps questions and decisions, and is the port by which a gate asks."""

    def __init__(self, database: Database, clock: Clock, *, tenant: str = "local") -> None:
        self._database = database
        self._clock = clock
        self._tenant = tenant

    async def ask(self, question: Question) -> Decision:
        """The decision on this question; pauses the run (a LangGraph interrupt) until there is one."""
        approval = await self.record(question)
        if approval.decision is not None:
            await self._mark_delivered(approval)
            return approval.decision
        # An inbox lists questions without running a graph; it need not pay for LangGraph.
        from langgraph.types import interrupt

        while True:
            # The resume value only wakes the node: what counts is the decision in the database.
            interrupt({**question.to_wire(), "approval_id": approval.id})
            approval = await self.get(approval.id)
            if approval.decision is not None:
                await self._mark_delivered(approval)
                return approval.decision

    async def decide(self, approval_id: str, decision: Decision, *, by: str, digest: str | None = None) -> Approval:
        """Record a decision. The first one counts; it is on disk when this returns.

        Args:
            approval_id: Which approval.
            decision: What was decided.
            by: Who decided.
            digest: The digest that the person was shown; None for whoever shows and decides in one breath.

        Raises:
            NotFound: if there is no such approval.
            AlreadyDecided: if it has a decision, or its run was cancelled; names who decided and when.
            DigestMismatch: if ``digest`` is that of other arguments.
            NotAllowed: if this kind of decision is not open to this question.
        """
        approval = await self.get(approval_id)
        if digest is not None and digest != approval.digest:
            raise DigestMismatch(
                f"Approval {approval_id} asks about other arguments than you were shown. Look at it again: "
                f"`graphwright inbox show {approval_id}`."
            )
        if decision.type not in approval.allowed:
            raise NotAllowed(
                f"Approval {approval_id} cannot be answered by {decision.type!r}; open to it: "
                f"{', '.join(approval.allowed)}."
            )
        if not await self._claim(approval, decision, by):
            raise AlreadyDecided(_who_decided(await self.get(approval_id)))
        return await self.get(approval_id)

    async def get(self, approval_id: str) -> Approval:
        """The approval with this id.

        Raises:
            NotFound: if there is none.
        """
        found = await self._select(approvals.c.id == approval_id)
        if not found:
            raise NotFound(f"There is no approval {approval_id!r}. `graphwright inbox` lists the open ones.")
        return found[0]

    async def pending(self, *, run_id: str | None = None) -> list[Approval]:
        """What waits for a person, oldest first."""
        mine = (approvals.c.run_id == run_id) if run_id else (approvals.c.tenant == self._tenant)
        return await self._select((approvals.c.status == "pending") & mine)

    async def of_run(self, run_id: str) -> list[Approval]:
        """Every approval of a run, oldest first."""
        return await self._select(approvals.c.run_id == run_id)

    async def cancel(self, run_id: str) -> None:
        """Withdraw what a cancelled run still asks."""
        statement = (
            update(approvals)
            .where(approvals.c.run_id == run_id, approvals.c.status == "pending")
            .values(status="cancelled")
        )
        await self._database.transaction(lambda connection: connection.execute(statement))

    async def record(self, question: Question) -> Approval:
        """Put the question on disk, once; asked again it is the same approval, decided or not.

        Raises:
            DigestMismatch: if the same call has other arguments now; it must not run on the old answer.
        """
        approval_id = "appr_" + uuid5(NAMESPACE_URL, question.key).hex[:16]
        now = self._clock()

        def work(connection: Connection) -> None:
            known = connection.execute(select(approvals.c.digest).where(approvals.c.id == approval_id)).scalar()
            if known is None:
                connection.execute(
                    insert(approvals).values(
                        id=approval_id,
                        key=question.key,
                        run_id=question.run_id,
                        thread_id=question.thread_id,
                        tenant=self._tenant,
                        agent=question.agent,
                        tool=question.tool,
                        call_id=question.call_id,
                        arguments=plain_json(question.arguments),
                        digest=question.digest,
                        reason=question.reason,
                        allowed=",".join(question.allowed),
                        status="pending",
                        asked=now,
                    )
                )
            elif known != question.digest:
                raise DigestMismatch(
                    f"The call behind approval {approval_id} has other arguments now than when a person was asked. "
                    "The run is stopped; nothing was done."
                )

        await self._database.transaction(work)
        return await self.get(approval_id)

    async def _claim(self, approval: Approval, decision: Decision, by: str) -> bool:
        now = self._clock()
        wire = orjson.dumps(decision_to_wire(decision, approval.tool), default=str).decode()

        def work(connection: Connection) -> bool:
            claimed = connection.execute(
                update(approvals)
                .where(approvals.c.id == approval.id, approvals.c.status == "pending")
                .values(status="decided")
            )
            if claimed.rowcount == 0:
                return False
            connection.execute(
                insert(decisions).values(
                    id=new_id("decision", at=now),
                    approval_id=approval.id,
                    type=decision.type,
                    wire=wire,
                    by=by,
                    digest=approval.digest,
                    decided=now,
                )
            )
            return True

        try:
            return await self._database.transaction(work)
        except IntegrityError:
            return False

    async def _mark_delivered(self, approval: Approval) -> None:
        if approval.delivered is None:
            statement = update(approvals).where(approvals.c.id == approval.id).values(delivered=self._clock())
            await self._database.transaction(lambda connection: connection.execute(statement))

    async def _select(self, condition: Any) -> list[Approval]:
        query = (
            select(approvals, decisions.c.wire, decisions.c.by, decisions.c.decided)
            .outerjoin(decisions, decisions.c.approval_id == approvals.c.id)
            .where(condition)
            .order_by(approvals.c.asked, approvals.c.id)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).mappings().all())
        return [_approval(row) for row in rows]


def _approval(row: RowMapping) -> Approval:
    plain = (
        "id",
        "run_id",
        "thread_id",
        "agent",
        "tool",
        "call_id",
        "digest",
        "reason",
        "status",
        "asked",
        "delivered",
    )
    decision = decision_from_wire(orjson.loads(row["wire"]), row["tool"]) if row["wire"] else None
    return Approval(
        **{name: row[name] for name in plain},
        arguments=orjson.loads(row["arguments"]),
        allowed=tuple(row["allowed"].split(",")),
        decision=decision,
        decided_by=row["by"] or "",
        decided=row["decided"],
    )


def _who_decided(approval: Approval) -> str:
    from datetime import UTC, datetime

    if approval.decision is None or approval.decided is None:
        return f"Approval {approval.id} was withdrawn: its run was cancelled."
    past = {"approve": "approved", "edit": "edited", "reject": "rejected", "respond": "answered"}
    moment = datetime.fromtimestamp(approval.decided, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return (
        f"Approval {approval.id} was already {past[approval.decision.type]} by {approval.decided_by} at {moment}. "
        "A decision counts once; yours was not recorded."
    )
