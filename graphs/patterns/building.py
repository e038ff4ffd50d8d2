"""What every pattern is built from: its graph with the node it begins with, and how it stops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from langchain_core.messages import AIMessage
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime

from graphwright.runtime import RunContext

from ..speaking import tell
from .participants import Participant
from .places import mark_of
from .state import PatternState, fresh

StateT = TypeVar("StateT", bound=PatternState)

BEGIN = "begin"
"""The node that makes a new input count from zero."""


def begun(state: type[StateT], **more: Any) -> StateGraph[StateT, RunContext]:
    """A graph over this state with the node :data:`BEGIN`: what was counted for the last input counts no more.

    Args:
        state: The state's type.
        more: What further keys of the state begin with; see :func:`~graphwright.graphs.patterns.state.fresh`.
    """

    async def begin(_state: Any) -> dict[str, Any]:
        return fresh(**more)

    graph = StateGraph(state, context_schema=RunContext)
    # A type variable cannot say that it is a TypedDict, which LangGraph's signature asks for.
    cast(Any, graph).add_node(BEGIN, begin)
    graph.add_edge(START, BEGIN)
    return graph


def stopped(
    reason: str, runtime: Runtime[RunContext], *, by: str, state: Mapping[str, Any], failed: bool = True
) -> dict[str, Any]:
    """The update with which a pattern stops before its work was done: it says why, in words and in the state.

    Args:
        reason: In a sentence.
        runtime: Of the node that stops.
        by: Name of the pattern.
        state: Of the pattern.
        failed: Whether what it leaves must not be built upon.
    """
    tell(runtime, "note", agent=by, text=f"Stopped. {reason}")
    return {"ended": reason, "failed": failed, "messages": [said(f"Stopped. {reason}", runtime, by=by, state=state)]}


def said(text: str, runtime: Runtime[RunContext], *, by: str, state: Mapping[str, Any]) -> AIMessage:
    """An answer that code puts together; its id is the same whenever the node comes by again, in a replay too."""
    return AIMessage(text, name=by, id=f"{mark_of(runtime)}|{by}:{len(state.get('messages') or ())}")


def in_words(participants: list[Participant]) -> str:
    """The participants' names in a sentence."""
    return ", ".join(each.name for each in participants)
