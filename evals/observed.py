"""What a run of a case came to: everything a scorer may look at, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_core.messages import BaseMessage

from .case import RunStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A tool call that was made, as the journal has it."""

    tool: str
    arguments: Mapping[str, Any]
    """As the tool was called with them: a person may have edited what the model said."""
    effect: Literal["read", "write", "egress"] = "egress"
    """By its label; a tool without one counts as egress."""
    status: Literal["success", "error", "refused", "unknown"] = "success"
    """``refused``: it never reached the tool; ``unknown``: nobody knows whether it happened."""
    agent: str = ""
    path: str = ""
    """Where in the graph, such as ``team/clerk``."""

    @property
    def has_effect(self) -> bool:
        """Whether it may have changed the world."""
        return self.effect != "read" and self.status in ("success", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An approval that was asked."""

    tool: str
    arguments: Mapping[str, Any]
    agent: str = ""
    decision: str = ""
    """approve, edit, reject or respond; empty while it waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that happened in a run, and how long it took."""

    at: float
    """Seconds after the first moment, by the clock of the case: what people let pass is in it. Its end, where only that
    is recorded: of steps, of what models answered and of reads."""
    seconds: float
    """From ``at`` on; 0 where ``at`` is its end, and for what has not ended."""
    kind: Literal["model", "tool", "approval", "step"]
    name: str
    path: str = ""
    """Where in the graph."""
    status: str = ""
    """Of a call: its status; of an approval: the decision, empty while it waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a run used."""

    tokens: int = 0
    money: float | None = None
    """In the currency of the price table; None where a model has no price."""
    model_calls: int = 0
    tool_calls: int = 0
    seconds: float = 0.0
    """Wall time, without the waiting for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One run of one case."""

    case_id: str
    status: RunStatus
    answer: str = ""
    """What a person reads."""
    state: Mapping[str, Any] = field(default_factory=dict)
    """The final state of the graph."""
    messages: Sequence[BaseMessage] = ()
    calls: tuple[Call, ...] = ()
    """In the order in which they began."""
    approvals: tuple[Asked, ...] = ()
    """In the order in which they were asked."""
    world_before: Mapping[str, Any] | None = None
    """The end state of the graph's world before the run; None where the graph declares none."""
    world_after: Mapping[str, Any] | None = None
    retrieved: tuple[Mapping[str, Any], ...] = ()
    """The chunks that searches gave, best first, in the order of the searches."""
    route: tuple[str, ...] = ()
    """Nodes and agents that worked, in order, as paths."""
    instructions: Mapping[str, str] = field(default_factory=dict)
    """Agent to the system message with which its model was asked first; empty where nobody listened."""
    timeline: tuple[Moment, ...] = ()
    """Steps, model calls, tool calls and approvals in the order in which they began; none where nobody looked."""
    spent: Spent = Spent()
    error: str = ""
    """Why the run failed; empty otherwise."""
    trouble: str = ""
    """Why nothing can be said about it (the harness failed, not the graph): it is unmeasured then."""
    run_id: str = ""
