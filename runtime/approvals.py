"""An approval: a question to a person about one call, every step that people took on it, and its one decision."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from graphwright.tools import ApprovalRules, DecisionType

from .decisions import Decision, Edit, decision_to_wire
from .questions import approval_wire

ApprovalStatus = Literal["pending", "decided", "cancelled"]
StepKind = Literal["answer", "delegate", "escalate"]

DEADLINE = "the deadline"
"""Stands as the one who decided where nobody answered in time; no person may bear this name."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who decides, as whoever asked them to sign in knows them."""

    name: str
    roles: frozenset[str] = frozenset()


def same_person(name: str) -> str:
    """The one spelling of a name: `Ann`, `ann ` and `ＡＮＮ` are one person and count once."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalStep:
    """One thing that happened to a question. Steps are only ever added."""

    kind: StepKind
    by: str
    time: float
    to: str = ""
    """Whom it was handed to."""
    decision: Decision | None = None
    """The answer, where the step is one."""
    digest: str = ""
    """What the answer approves: the digest of the arguments as they are after it."""
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A question to a person about one tool call, and its decision once there is one."""

    id: str
    key: str
    run_id: str
    thread_id: str
    tenant: str
    agent: str
    tool: str
    call_id: str
    path: str = ""
    """Where in the graph it is asked: node names, parted by ``/``."""
    requester: str
    """Who started the run."""
    original_arguments: Mapping[str, Any]
    original_digest: str
    rules: ApprovalRules
    run_roles: tuple[str, ...] = ()
    """Roles that the run names; whoever decides needs one of them as well as one of :attr:`roles`."""
    allowed: tuple[DecisionType, ...]
    status: ApprovalStatus
    asked: float
    deadline: float | None = None
    """Unix seconds; it is acted on by whoever looks next."""
    delivered: float | None = None
    steps: tuple[ApprovalStep, ...] = ()
    decision: Decision | None = None
    decided_by: str = ""
    decided: float | None = None

    @property
    def reason(self) -> str:
        """Why a person is asked."""
        return self.rules.reason

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The arguments that the question is about now: the call's, or what somebody edited them to."""
        edit = self._edit
        return edit.decision.arguments if edit and isinstance(edit.decision, Edit) else self.original_arguments

    @property
    def digest(self) -> str:
        """The digest that an answer must name: that of :attr:`arguments`."""
        edit = self._edit
        return edit.digest if edit else self.original_digest

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles asked now; empty means anybody."""
        return self.rules.escalate_to if self.is_escalated else self.rules.roles

    @property
    def is_escalated(self) -> bool:
        """Whether the first deadline has passed and others are asked."""
        return any(step.kind == "escalate" for step in self.steps)

    @property
    def approvals(self) -> tuple[ApprovalStep, ...]:
        """Who has approved the arguments as they are now, each person once."""
        return tuple(
            {
                same_person(step.by): step
                for step in self.steps
                if step.kind == "answer"
                and step.digest == self.digest
                and step.decision
                and step.decision.type in ("approve", "edit")
            }.values()
        )

    @property
    def last_time(self) -> float:
        """When something was last recorded; a clock that was set back does not go behind it."""
        return max(self.asked, *(step.time for step in self.steps)) if self.steps else self.asked

    @property
    def _edit(self) -> ApprovalStep | None:
        return next((step for step in reversed(self.steps) if isinstance(step.decision, Edit)), None)

    def to_wire(self) -> dict[str, Any]:
        """The question in LangChain's approval schema, with what was answered so far."""
        return {
            **approval_wire(
                self.rules,
                call_id=self.call_id,
                tool=self.tool,
                arguments=self.arguments,
                agent=self.agent,
                run_id=self.run_id,
                digest=self.digest,
                allowed=self.allowed,
            ),
            "approval_id": self.id,
            "path": self.path,
            "roles": list(self.roles),
            "run_roles": list(self.run_roles),
            "requester": self.requester,
            "deadline": self.deadline,
            "escalated": self.is_escalated,
            "approvals": [{"by": step.by, "time": step.time, "comment": step.comment} for step in self.approvals],
        }


def approval_data(approval: Approval) -> dict[str, Any]:
    """An approval as plain data, for events and ``--json``."""
    rules = approval.rules
    wire = approval.to_wire()
    return {
        "id": approval.id,
        "run_id": approval.run_id,
        "thread_id": approval.thread_id,
        "agent": approval.agent,
        "path": approval.path,
        "tool": approval.tool,
        "arguments": dict(approval.arguments),
        "original_arguments": dict(approval.original_arguments),
        "reason": approval.reason,
        "digest": approval.digest,
        "allowed": list(approval.allowed),
        "status": approval.status,
        "asked": approval.asked,
        **{name: wire[name] for name in ("roles", "run_roles", "quorum", "requester", "exclude_requester", "exclude")},
        **{name: wire[name] for name in ("deadline", "on_deadline", "escalated", "approvals")},
        "escalate_to": list(rules.escalate_to),
        "default": rules.default,
        "steps": [_step_data(step, approval.tool) for step in approval.steps],
        "decision": decision_to_wire(approval.decision, approval.tool) if approval.decision else None,
        "decided_by": approval.decided_by,
        "decided": approval.decided,
    }


def _step_data(step: ApprovalStep, tool: str) -> dict[str, Any]:
    data: dict[str, Any] = {"kind": step.kind, "by": step.by, "time": step.time}
    if step.to:
        data["to"] = step.to
    if step.decision is not None:
        data["decision"] = decision_to_wire(step.decision, tool)
    elif step.comment:
        data["comment"] = step.comment
    return data
