"""The agent loop of somebody who may hand over: a handoff tool for each target, and an end once one was granted.

A handoff is a call like any other: it passes the gate, and has its result. The other calls of the same message run
beside it; the thread passes on when all of them are answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command
from pydantic import Field

from graphwright.agents import Agent
from graphwright.runtime import RunContext
from graphwright.tools import Tool, tool

from ..loop import Loop
from ..naming import named
from ..state import AgentState
from .handoff_rules import PERSON, HandoffRules, desk_from_plain, refusal

PREFIX = "transfer_to_"
LONGEST_NAME = 64 - len(PREFIX)
"""Characters of a target's name: what a tool's name leaves."""


class DeskState(AgentState, total=False):
    """The state of one agent's turn at the desk."""

    desk: dict[str, Any]
    """Who has the thread and how it got there, when the turn began."""
    told: int
    """How many messages the turn began with."""
    handed: dict[str, Any] | None
    """To whom the thread goes, with which words, and whether anything was done in this turn; None for an answer."""


def transfer_tool(name: str, description: str) -> Tool:
    """The tool that hands the thread to ``name``; what the model is told is the target's description."""

    async def transfer(
        note: Annotated[str, Field(max_length=2000, description="What the one who takes over has to know.")] = "",
    ) -> str:
        return f"Handed over to {name}."

    async def escalate(
        question: Annotated[str, Field(min_length=1, max_length=2000, description="Complete in itself.")],
    ) -> str:
        return "Handed over to a person."

    function = escalate if name == PERSON else transfer
    function.__doc__ = " ".join(description.split())
    return tool(function, effect="read", name=f"{PREFIX}{name}", trusted=True)


def handing_loop(agent: Agent, tools: Sequence[Tool], rules: HandoffRules) -> StateGraph[DeskState, RunContext]:
    """An agent at work that may also end its turn by handing over."""
    loop = HandingLoop(agent.using(*tools), rules)
    graph = StateGraph(DeskState, context_schema=RunContext)
    graph.add_node("model", loop.model, destinations=("tools", "model", END))
    graph.add_node("tools", loop.tools)
    graph.add_edge(START, "model")
    graph.add_edge("tools", "model")
    return named(graph, name=agent.name, description=agent.description)


class HandingLoop(Loop):
    """The agent loop, ended by a granted handoff."""

    def __init__(self, agent: Agent, rules: HandoffRules) -> None:
        super().__init__(agent)
        self.rules = rules
        self._transfers = {f"{PREFIX}{name}": name for name in rules.targets.get(agent.name, ())}

    async def model(self, state: DeskState, runtime: Runtime[RunContext]) -> Command[Any]:  # type: ignore[override]  # a state with more keys
        """One turn of the model; the end, once the thread was handed over."""
        call = granted(state.get("messages", []), self.agent.name, self._transfers)
        if call is None:
            return await super().model(state, runtime)
        note = call["args"].get("question") or call["args"].get("note") or ""
        handed = {"to": self._transfers[call["name"]], "note": str(note), "progress": self._progress(state)}
        return Command(update={"handed": handed, "output": {"handed_to": handed["to"]}}, goto=END)

    def _refusal(self, call: ToolCall, answer: AIMessage, state: DeskState) -> str | None:
        if call["name"] not in self._transfers:
            return None
        desk = desk_from_plain(state["desk"])
        progress = self._progress(state) or any(each["name"] not in self._transfers for each in answer.tool_calls)

        def why_not(one: ToolCall) -> str | None:
            return refusal(desk, self._transfers[one["name"]], self.rules, progress=progress)

        transfers = [each for each in answer.tool_calls if each["name"] in self._transfers]
        first = next((each for each in transfers if why_not(each) is None), None)
        if first is None or call is first:
            return why_not(call)
        return f"Not handed over: only one can have the thread, and it goes to {self._transfers[first['name']]}."

    def _progress(self, state: DeskState) -> bool:
        """Whether a tool of the agent's own has answered in this turn."""
        own = state.get("messages", [])[state.get("told", 0) :]
        return any(
            isinstance(each, ToolMessage) and each.status == "success" and each.name not in self._transfers
            for each in own
        )


def granted(history: Sequence[BaseMessage], agent: str, transfers: Mapping[str, str]) -> ToolCall | None:
    """The handoff that the agent's newest message made and that was granted."""
    results = {}
    for message in reversed(history):
        if isinstance(message, ToolMessage):
            results[message.tool_call_id] = message.status
        elif isinstance(message, AIMessage):
            made = [each for each in message.tool_calls if each["name"] in transfers] if message.name == agent else []
            return next((each for each in made if results.get(each["id"] or "") == "success"), None)
        elif isinstance(message, HumanMessage):
            return None
    return None
