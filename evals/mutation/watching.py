"""What each case does on the graph as it is: mutants are made from it, and know by it which cases come by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage

from graphwright.runtime import Decision, GateCall, ModelCall, Outcome
from graphwright.runtime.context import ModelHandler
from graphwright.runtime.gate import Handler
from graphwright.runtime.questions import Ask, Question
from graphwright.tools import Tool

from ..altering import Alteration
from ..case import Case
from ..observed import Observed


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """One call that came out of the gate."""

    tool: Tool
    agent: str
    arguments: Mapping[str, Any]
    outcome: Outcome
    is_models: bool
    """Whether a model made it, and not the graph's own code."""

    @property
    def has_failed(self) -> bool:
        """Whether the tool was called and failed."""
        return self.outcome.status == "error" and self.outcome.ran


@dataclass(slots=True)
class Lived:
    """One case on the unbroken graph."""

    case: Case
    observed: Observed
    passing: frozenset[str]
    """The scorers that it passes."""
    calls: list[Called] = field(default_factory=list)
    """By tool and arguments: which of several side by side was faster must not matter. Each once."""
    offered: set[tuple[str, str]] = field(default_factory=set)
    """Agent and tool, of every tool that a model was offered."""
    chosen: set[tuple[str, str]] = field(default_factory=set)
    """Agent and tool, of every tool that a model called."""
    asked: set[tuple[str, str]] = field(default_factory=set)
    """Tool and decision, of every question that was answered."""
    agents: set[str] = field(default_factory=set)
    """Agents whose model was asked."""
    readers: set[str] = field(default_factory=set)
    """Agents whose model reads its instructions."""

    def called(self, tool: str) -> Iterator[Called]:
        """The calls of a tool."""
        return (each for each in self.calls if each.tool.name == tool)


Touches = Callable[[Lived], bool]
"""Whether a case comes by a place."""


def calling(tool: str, *, with_argument: str = "") -> Touches:
    """Cases that call a tool, and give it this argument where one is named."""

    def touches(lived: Lived) -> bool:
        return any(not with_argument or each.arguments.get(with_argument) is not None for each in lived.called(tool))

    return touches


def succeeding(tool: str) -> Touches:
    """Cases in which a call of a tool succeeds."""
    return lambda lived: any(each.outcome.status == "success" for each in lived.called(tool))


def failing(tool: str) -> Touches:
    """Cases in which a tool is called and fails."""
    return lambda lived: any(each.has_failed for each in lived.called(tool))


def choosing(agent: str, tool: str) -> Touches:
    """Cases in which the model of an agent calls a tool."""
    return lambda lived: (agent, tool) in lived.chosen


def name_of_spec(spec: Mapping[str, Any]) -> str:
    """The name of a tool as a model is offered it."""
    return str(spec["function"]["name"])


class Watch(Alteration):
    """Notes what one run of a case does; alters nothing."""

    def __init__(self, lived: Lived) -> None:
        self._lived = lived
        self._known: set[str] = set()

    async def ask_model(self, call: ModelCall, following: ModelHandler) -> AIMessage:
        """Note who was offered what, and what it chose."""
        lived = self._lived
        lived.agents.add(call.agent)
        if call.model.reads_instructions:
            lived.readers.add(call.agent)
        lived.offered |= {(call.agent, name_of_spec(spec)) for spec in call.request.tools}
        answer = await following(call)
        lived.chosen |= {(call.agent, made["name"]) for made in answer.tool_calls}
        return answer

    async def call_tool(self, call: GateCall, following: Handler) -> Outcome:
        """Note the call, once it came back."""
        outcome = await following(call)
        if call.key not in self._known:
            self._known.add(call.key)
            made = Called(
                tool=call.tool,
                agent=call.context.agent,
                arguments=dict(call.arguments),
                outcome=outcome,
                is_models=call.toolbox is not None,
            )
            self._lived.calls.append(made)
        return outcome

    async def ask_person(self, question: Question, following: Ask) -> Decision:
        """Note what was decided."""
        decision = await following(question)
        self._lived.asked.add((question.tool, decision.type))
        return decision
