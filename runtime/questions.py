"""The question an approval asks, and the port that carries it to a person.

Whoever drives the run chooses the port: the broker of a :class:`Runtime` keeps questions and decisions in the
database; a graph that runs on bare LangGraph raises a plain interrupt.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphwright.tools import DECISION_TYPES, ApprovalRules, DecisionType

from .decisions import Decision, decision_from_wire
from .digests import digest
from .errors import NotAllowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One call that waits for a person."""

    key: str
    """Names this call of this run for ever: thread, place in the graph, message, call, fork epoch."""
    call_id: str
    tool: str
    arguments: Mapping[str, Any]
    """The exact arguments, as plain JSON values."""
    rules: ApprovalRules
    """Why a person is asked, who may answer, how many must, and until when."""
    agent: str = ""
    path: str = ""
    """Where in the graph it is asked: node names, parted by ``/``."""
    run_id: str = ""
    thread_id: str = ""
    requester: str = ""
    """Who started the run."""
    digest: str = ""
    """SHA-256 over what is asked; a decision names it, so that an answer to something else is refused."""
    allowed: tuple[DecisionType, ...] = DECISION_TYPES
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """Why a person is asked, in a sentence."""
        return self.rules.reason

    def to_wire(self) -> dict[str, Any]:
        """The question in LangChain's approval schema, with our keys beside it."""
        wire = approval_wire(
            self.rules,
            call_id=self.call_id,
            tool=self.tool,
            arguments=self.arguments,
            agent=self.agent,
            run_id=self.run_id,
            digest=self.digest,
            allowed=self.allowed,
        )
        return {**wire, "path": self.path, **self.extra}


Ask = Callable[[Question], Awaitable[Decision]]
"""Carries a question to a person and returns the decision; pauses the run until there is one."""


async def ask_by_interrupt(question: Question) -> Decision:
    """Ask by a plain LangGraph interrupt; the resume value is the decision on the wire.

    Raises:
        NotAllowed: if the tool's rules want more than any one person at any time: nobody would check them here.
    """
    if not question.rules.is_plain:
        raise NotAllowed(
            f"Tool {question.tool!r} declares who may approve it, how many, or until when. Bare LangGraph cannot "
            "check that; nothing was done. Run the graph by a graphwright Runtime."
        )
    # An inbox lists questions without running a graph; it need not pay for LangGraph.
    from langgraph.types import interrupt

    return decision_from_wire(interrupt(question.to_wire()), question.tool)


def request_digest(tenant: str, thread_id: str, key: str, tool: str, arguments: Mapping[str, Any]) -> str:
    """The digest of a request: this call, with exactly these arguments."""
    return digest([tenant, thread_id, key, tool, arguments])


def request_of_interrupt(thread_id: str, interrupt_id: str, value: Mapping[str, Any]) -> str:
    """The digest of a question that a graph asks by LangGraph's own ``interrupt``."""
    return digest([thread_id, interrupt_id, value])


def approval_wire(
    rules: ApprovalRules,
    *,
    call_id: str,
    tool: str,
    arguments: Mapping[str, Any],
    agent: str,
    run_id: str,
    digest: str,
    allowed: Sequence[DecisionType],
) -> dict[str, Any]:
    """A question as LangChain's inbox clients read it: their keys first, ours beside them."""
    return {
        "type": "tool_approval",
        "tool_call_id": call_id,
        "name": tool,
        "args": dict(arguments),
        "description": rules.reason,
        "agent": agent,
        "run_id": run_id,
        "digest": digest,
        "allowed_decisions": list(allowed),
        "roles": list(rules.roles),
        "quorum": rules.quorum,
        "exclude_requester": rules.exclude_requester,
        "exclude": list(rules.exclude),
        "deadline_seconds": rules.deadline,
        "on_deadline": rules.on_deadline if rules.deadline is not None else None,
    }
