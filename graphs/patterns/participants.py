"""Who takes part in a pattern: an agent or a graph, under a name, with a sentence about itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

from langchain_core.messages import AIMessage, BaseMessage
from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph

from graphwright.agents import Agent
from graphwright.tools import Tool

from ..catalogue import GraphDeclarationError, GraphEntry
from ..loop import agent_loop
from ..naming import name_of
from ..parts import agents_of, graph_tools


@dataclass(frozen=True, kw_only=True, eq=False)
class Participant:
    """A graph that works on messages, under a name.

    Its state has a channel ``messages`` as :class:`AgentState` does; a graph with another state brings ``into`` and
    ``out``.
    """

    name: str
    """What events, results and other participants call it; also its node in the pattern."""
    description: str
    """What it is good for, in one sentence that others read before they hand over."""
    graph: StateGraph[Any, Any, Any, Any]
    """Uncompiled."""
    tools: tuple[Tool, ...] = ()
    """What it and everybody inside it may call."""
    agent: Agent | None = None
    """The declaration, where the participant is one agent."""
    into: Callable[[list[BaseMessage]], Mapping[str, Any]] | None = None
    """Makes the graph's input of what it is told; None for ``{"messages": ...}``."""
    out: Callable[[Mapping[str, Any]], Sequence[BaseMessage]] | None = None
    """Makes what it says of the graph's final state; None for the messages that are new in ``messages``."""

    @cached_property
    def compiled(self) -> CompiledStateGraph[Any, Any, Any, Any]:
        """The graph, compiled once; it takes the checkpointer of whoever runs it."""
        return self.graph.compile(name=self.name)

    @cached_property
    def speaks_as(self) -> frozenset[str]:
        """The names that its messages bear: its own, and those of the agents inside it."""
        return frozenset({self.name, *(each.name for each in agents_of(self.graph))})


AsParticipant: TypeAlias = Agent | StateGraph[Any, Any, Any, Any] | GraphEntry | Participant
"""What a pattern takes as a participant."""


def as_participant(given: AsParticipant, *, name: str | None = None, description: str | None = None) -> Participant:
    """A participant out of an agent, an uncompiled graph, a graph of the catalogue, or another participant.

    Args:
        given: Who takes part. A graph built by ``agent_loop`` or by a pattern has its name; give other graphs one by
            :func:`~graphwright.graphs.named`, or here. What a graph of the catalogue provides to its tools, the
            graph around it has to provide.
        name, description: In place of its own.

    Raises:
        GraphDeclarationError: if it is none of these, for example a compiled graph.
    """
    made = _made(given)
    return replace(made, name=made.name if name is None else name, description=description or made.description)


def as_participants(given: Iterable[AsParticipant]) -> list[Participant]:
    """Several participants, in order."""
    return [as_participant(each) for each in given]


def _made(given: AsParticipant) -> Participant:
    if isinstance(given, Participant):
        return given if given.tools else replace(given, tools=tuple(graph_tools(given.graph)))
    if isinstance(given, Agent):
        return Participant(
            name=given.name,
            description=given.description,
            graph=agent_loop(given),
            tools=tuple(given.toolbox),
            agent=given,
        )
    if isinstance(given, GraphEntry):
        return _of_entry(given)
    if isinstance(given, StateGraph):
        known = name_of(given)
        return Participant(
            name=known.name if known else "",
            description=known.description if known else "",
            graph=given,
            tools=tuple(graph_tools(given)),
        )
    hint = " Give the graph before .compile()." if isinstance(given, CompiledStateGraph) else ""
    raise GraphDeclarationError(
        f"A {type(given).__name__} cannot take part in a pattern. An Agent, an uncompiled StateGraph, a graph of the "
        f"catalogue or a Participant can.{hint}"
    )


def _of_entry(entry: GraphEntry) -> Participant:
    graph = entry.graph()
    on_messages = entry.input == entry.output == "messages"

    def into(messages: list[BaseMessage]) -> Mapping[str, Any]:
        if entry.input == "messages":
            return {"messages": messages}
        return entry.values(str(messages[-1].text) if messages else "")

    def out(state: Mapping[str, Any]) -> Sequence[BaseMessage]:
        text = entry.answer(state)
        return [AIMessage(text, name=entry.name)] if text else []

    return Participant(
        name=entry.name,
        description=entry.description,
        graph=graph,
        tools=tuple(graph_tools(graph)),
        into=None if on_messages else into,
        out=None if on_messages else out,
    )
