"""A participant at work: one node of a pattern that runs the participant's own graph inside.

The graph runs under the node's checkpoint namespace with the run's context, so that interrupts, approvals, streaming,
budgets and the journal work inside as they do outside, however deep. A node that comes by again after an interrupt or
a crash finds the inner graph where it stopped.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langgraph.errors import GraphBubbleUp
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from graphwright.runtime import RunContext, RuntimeProblem

from ..calls import AgentFailed, RunEnded
from ..speaking import tell
from .carry import last_said, whole
from .participants import Participant
from .places import mark_of
from .state import Result

MAX_TOLD = 2_000
"""Characters of an answer that the event about it carries; the whole of it is in the state."""


class ParticipantFailed(AgentFailed):
    """A participant gave nothing to go on with, and the pattern cannot do without it. For the developer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """What came of a participant's work."""

    result: Result
    messages: tuple[BaseMessage, ...] = ()
    """Everything it said and did, oldest first, as a whole history; empty where it failed."""
    told: tuple[BaseMessage, ...] = ()
    """What it was told."""
    state: Mapping[str, Any] | None = None
    """The final state of its graph; None where it failed."""
    stopped: bool = False
    """Whether its graph stopped itself and says why, as at a gate; the status is ``error`` then."""

    @property
    def is_done(self) -> bool:
        """Whether there is an answer to go on with."""
        return self.result["status"] == "done"

    @property
    def answer(self) -> AIMessage | None:
        """Its answer as a message of its own, without its exchanges with tools."""
        said = last_said(self.messages)
        if not said:
            return None
        message = said[0]
        if isinstance(message, AIMessage) and message.name:
            return message
        return AIMessage(str(message.text), id=message.id, name=message.name or self.result["participant"])


Prepare = Callable[[Any, Runtime[RunContext]], Sequence[BaseMessage] | Awaitable[Sequence[BaseMessage]]]
"""Makes what the participant is told out of the pattern's state."""
Finish = Callable[[Any, Worked, Runtime[RunContext]], Any]
"""Makes the state update (or Command) out of the pattern's state and what came of the work; may be async."""


class Node(Protocol):
    """What LangGraph calls: the state goes in, an update or a Command comes out."""

    async def __call__(self, state: Any, runtime: Runtime[RunContext]) -> Any:
        """One step."""


def working_node(
    participant: Participant,
    *,
    prepare: Prepare,
    finish: Finish,
    number: int | Callable[[Any], int] = 0,
    needed: bool = False,
) -> Node:
    """A node that tells a participant something, lets it work, and turns what came of it into a state update.

    Args:
        participant: Who works.
        prepare: What it is told: messages, from the state.
        finish: The update, from the state and :class:`Worked`; an error of the participant comes here as a result.
        number: Its place among the declared participants, or how to get that of an item out of the state; stands in
            the result and on the events.
        needed: Whether the pattern fails without it: then an error is raised as it is, so that a run whose model
            could not be reached stays resumable.
    """
    # LangGraph looks into a node's closure for the graph inside: signatures and pictures show it by that.
    compiled = participant.compiled

    async def node(state: Any, runtime: Runtime[RunContext]) -> Any:
        told = prepare(state, runtime)
        messages = await told if inspect.isawaitable(told) else told
        place = number(state) if callable(number) else number
        worked = await work(participant, messages, runtime, number=place, needed=needed, compiled=compiled)
        update = finish(state, worked, runtime)
        return await update if inspect.isawaitable(update) else update

    return node


async def work(
    participant: Participant,
    messages: Sequence[BaseMessage],
    runtime: Runtime[RunContext],
    *,
    number: int = 0,
    needed: bool = False,
    compiled: CompiledStateGraph[Any, Any, Any, Any] | None = None,
) -> Worked:
    """Let a participant work inside the node that calls this; once per node, or the places in it are numbered.

    What fails inside becomes a result with status ``error``, as does an end without any answer; interrupts, problems
    of the run itself (budgets, leases, cancelled runs) and tools whose errors end the run pass.

    Args:
        participant: Who works.
        messages: What it is told.
        runtime: LangGraph's, of the node.
        number: Stands in the result.
        needed: Raise what fails inside as it is. That a graph stopped and says why stays a result.
        compiled: Its graph compiled, where the caller has it.

    Raises:
        ParticipantFailed: if it is ``needed`` and ended without an answer.
    """
    mark = mark_of(runtime)
    told = _with_ids(messages, f"{mark}|told")
    values = participant.into(told) if participant.into else {"messages": told}
    about = {"number": number}
    tell(runtime, "participant_started", agent=participant.name, data=about)
    try:
        state = await (compiled or participant.compiled).ainvoke(values)
    except (GraphBubbleUp, RuntimeProblem, RunEnded):
        raise
    except Exception as error:
        if needed:
            raise
        worked = _failed(participant, number, _in_words(error), retryable=bool(getattr(error, "retryable", False)))
    else:
        worked = _worked(participant, number, told, state, f"{mark}|said:{len(told)}")
    worked = replace(worked, told=tuple(told))
    result = worked.result
    text = (result.get("text") or result.get("error", ""))[:MAX_TOLD]
    tell(runtime, "participant_finished", agent=participant.name, status=result["status"], text=text, data=about)
    if needed and not worked.is_done and not worked.stopped:
        raise ParticipantFailed(f"Participant {participant.name!r} failed: {result.get('error', '')}")
    return worked


def _worked(
    participant: Participant, number: int, told: Sequence[BaseMessage], state: Mapping[str, Any], prefix: str
) -> Worked:
    if state.get("failed"):
        failed = _failed(participant, number, str(state.get("ended") or "It stopped without saying why."))
        return replace(failed, stopped=True)
    said = whole(_with_ids(_said(participant, told, state), prefix))
    output = state.get("output") if isinstance(state.get("output"), dict) else None
    answers = [each for each in last_said(said) if not isinstance(each, ToolMessage)]
    if not answers and output is None:
        return _failed(participant, number, "It ended without an answer.")
    text = str(answers[0].text) if answers else ""
    result = Result(participant=participant.name, status="done", number=number, text=text, output=output)
    if state.get("warning"):
        result["warning"] = str(state["warning"])
    return Worked(result=result, messages=tuple(said), state=state)


def _said(participant: Participant, told: Sequence[BaseMessage], state: Mapping[str, Any]) -> Sequence[BaseMessage]:
    if participant.out is not None:
        return participant.out(state)
    known = {each.id for each in told}
    return [each for each in state.get("messages") or () if each.id not in known]


def _failed(participant: Participant, number: int, error: str, *, retryable: bool = False) -> Worked:
    result = Result(participant=participant.name, status="error", number=number, text="", error=error)
    if retryable:
        result["retryable"] = True
    return Worked(result=result)


def _with_ids(messages: Sequence[BaseMessage], prefix: str) -> list[BaseMessage]:
    """The messages, each with an id: the same one whenever the node comes by again."""
    return [
        each if each.id else each.model_copy(update={"id": f"{prefix}:{place}"}) for place, each in enumerate(messages)
    ]


def _in_words(error: Exception) -> str:
    return str(error) if isinstance(error, AgentFailed) and str(error) else f"{type(error).__name__}: {error}"
