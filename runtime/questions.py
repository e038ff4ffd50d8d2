"""The question an approval asks, and the port that carries it to a person.

Whoever drives the run chooses the port: the broker of a :class:`Runtime` keeps questions and decisions in the
database; a graph that runs on bare LangGraph raises a plain interrupt.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphwright.tools import DECISION_TYPES, DecisionType

from .decisions import Decision, decision_from_wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One call that waits for a person."""

    key: str
    """Names this call of this run for ever: thread, place in the graph, message, call, fork epoch."""
    call_id: str
    tool: str
    arguments: Mapping[str, Any]
    """The exact arguments, as plain JSON values."""
    reason: str
    """Why a person is asked, in a sentence."""
    agent: str = ""
    run_id: str = ""
    thread_id: str = ""
    digest: str = ""
    """SHA-256 over what is asked; a decision names it, so that an answer to something else is refused."""
    allowed: tuple[DecisionType, ...] = DECISION_TYPES
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_wire(self) -> dict[str, Any]:
        """The question in LangChain's approval schema, with our keys beside it."""
        return {
            "type": "tool_approval",
            "tool_call_id": self.call_id,
            "name": self.tool,
            "args": dict(self.arguments),
            "description": self.reason,
            "agent": self.agent,
            "run_id": self.run_id,
            "digest": self.digest,
            "allowed_decisions": list(self.allowed),
            **self.extra,
        }


Ask = Callable[[Question], Awaitable[Decision]]
"""Carries a question to a person and returns the decision; pauses the run until there is one."""


async def ask_by_interrupt(question: Question) -> Decision:
    """Ask by a plain LangGraph interrupt; the resume value is the decision on the wire."""
    # An inbox lists questions without running a graph; it need not pay for LangGraph.
    from langgraph.types import interrupt

    return decision_from_wire(interrupt(question.to_wire()), question.tool)
