"""Sequential: participants work one after the other, and a gate after a stage keeps bad output from flowing on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AnyMessage, BaseMessage, HumanMessage
from langgraph.graph import END, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from graphwright.runtime import RunContext

from ..naming import named
from ..speaking import tell
from .building import BEGIN, begun, in_words, stopped
from .carry import POLICIES, Carry, as_heard, carry_over, whole
from .checking import PatternProblem, check, participant_problems, unknown_problems
from .judging import NOT_JUDGED, Judge, Judging, Verdict, as_judge, judging_node
from .participants import AsParticipant, Participant, as_participants
from .state import PatternState, Result
from .working import Node, Worked, working_node

GATE = "_gate"
"""Ends the name of the node that holds a stage's gate."""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What a stage's answer must pass before the next stage sees it."""

    check: Judging
    """Code, a schema, an agent or a graph; see :data:`~graphwright.graphs.patterns.judging.Judging`."""
    retries: int = 1
    """How often the stage is told what is wrong and tries again; then the whole stops."""
    criteria: str = ""
    """When to accept, in words, for a gate that is an agent or a graph."""


class SequentialState(PatternState, total=False):
    """The state of a sequence."""

    pending: list[AnyMessage]
    """What a stage said that its gate has not let pass yet."""
    objections: list[str]
    """What the gate found wrong with it."""
    told: list[AnyMessage]
    """What the gated stage was told, for another try."""


def sequential(
    *participants: AsParticipant,
    carry: Carry = "last",
    gates: Mapping[str, Gate | Judging] | None = None,
    name: str = "sequential",
    description: str = "",
) -> StateGraph[SequentialState, RunContext]:
    """Participants work in the order given; each hears what went before as ``carry`` says.

    The first one hears the whole conversation. A gate looks at a stage's answer: if it objects, the stage is told why
    and tries again as often as the gate allows; then the whole stops and says so (``ended``), and the answer that did
    not pass is nowhere in the history. An error of a participant ends the run.

    Args:
        participants: The stages.
        carry: What goes along to each stage after the first: ``last`` answer, ``full`` history, ``summary``, or a
            function of the history.
        gates: Stage to gate; what judges may stand for a :class:`Gate` with one retry.
        name, description: What the pattern is called as a participant of another.

    Raises:
        PatternDeclarationError: listing everything wrong with the declaration.
    """
    stages = as_participants(participants)
    guards = {stage: gate if isinstance(gate, Gate) else Gate(check=gate) for stage, gate in (gates or {}).items()}
    names = [each.name for each in stages]
    check(
        name,
        participant_problems(stages, reserved=[BEGIN, *(f"{each}{GATE}" for each in guards)]),
        unknown_problems(guards, names, where="gates", what="stage"),
        _gate_problems(guards),
        carry_problems(carry),
    )
    graph = begun(SequentialState, pending=[], objections=[], told=[])
    for number, (stage, following) in enumerate(zip(stages, [*names[1:], END], strict=True)):
        _add_stage(graph, _Stage(name, stage, number, following, carry), guards.get(stage.name))
    graph.add_edge(BEGIN, names[0])
    return named(graph, name=name, description=description or f"Works in turn: {in_words(stages)}.")


def carry_problems(carry: Carry) -> Iterator[PatternProblem]:
    """A policy that there is not."""
    if not callable(carry) and carry not in POLICIES:
        yield PatternProblem(f"carry is {carry!r}.", f"It is one of {', '.join(POLICIES)}, or a function of messages.")


def _gate_problems(gates: Mapping[str, Gate]) -> Iterator[PatternProblem]:
    for stage, gate in gates.items():
        if gate.retries < 0:
            yield PatternProblem(f"The gate of {stage!r} has {gate.retries} retries.", "0 tries once.")


@dataclass(frozen=True)
class _Stage:
    pattern: str
    who: Participant
    number: int
    following: str
    carry: Carry

    async def told(self, state: SequentialState, runtime: Runtime[RunContext]) -> Sequence[BaseMessage]:
        """What it hears; after an objection, that and its own answer."""
        if state.get("objections"):
            mend = "\n".join(f"- {each}" for each in state["objections"])
            feedback = HumanMessage(f"This cannot pass yet. Change it, and give the whole answer again:\n{mend}")
            return [*state.get("told", ()), *_answers(state["pending"]), feedback]
        messages = state.get("messages", [])
        if self.number == 0:
            return as_heard(whole(messages), self.who.speaks_as)
        return await carry_over(messages, self.carry, runtime, listener=self.who.speaks_as)


def _answers(pending: Sequence[BaseMessage]) -> list[BaseMessage]:
    return [each for each in whole(pending) if each.type == "ai" and not getattr(each, "tool_calls", None)][-1:]


def _add_stage(graph: StateGraph[SequentialState, RunContext], stage: _Stage, gate: Gate | None) -> None:
    name = stage.who.name
    destinations = (f"{name}{GATE}" if gate else stage.following, END)
    graph.add_node(name, _stage_node(stage, gate, destinations[0]), destinations=tuple(dict.fromkeys(destinations)))
    if gate:
        graph.add_node(
            f"{name}{GATE}",
            _gate_node(stage, gate, as_judge(gate.check)),
            destinations=tuple(dict.fromkeys((stage.following, name, END))),
        )


def _stage_node(stage: _Stage, gate: Gate | None, following: str) -> Node:
    name = stage.who.name

    async def prepare(state: SequentialState, runtime: Runtime[RunContext]) -> Sequence[BaseMessage]:
        return await stage.told(state, runtime)

    def finish(state: SequentialState, worked: Worked, runtime: Runtime[RunContext]) -> Command[Any]:
        update: dict[str, Any] = {"results": {name: worked.result}, "route": [name]}
        if not worked.is_done:
            reason = f"Stage {name!r} stopped: {worked.result.get('error', '')}"
            return Command(update={**update, **stopped(reason, runtime, by=stage.pattern, state=state)}, goto=END)
        if gate:
            return Command(
                update={**update, "pending": list(worked.messages), "told": list(worked.told)}, goto=following
            )
        return Command(update={**update, **passed(worked.messages, worked.result)}, goto=following)

    return working_node(stage.who, prepare=prepare, finish=finish, number=stage.number, needed=True)


def _gate_node(stage: _Stage, gate: Gate, judge: Judge) -> Node:
    name = stage.who.name

    def subject(state: SequentialState) -> tuple[Sequence[BaseMessage], Result]:
        return state.get("messages", []), state["results"][name]

    def ruled(state: SequentialState, verdict: Verdict, runtime: Runtime[RunContext]) -> Command[Any]:
        tries = state["route"].count(name)
        if verdict.approved:
            update = passed(state["pending"], state["results"][name])
            if NOT_JUDGED in verdict.objections:
                update["warning"] = NOT_JUDGED
            return Command(update=update, goto=stage.following)
        tell(runtime, "note", agent=judge.name, text=_objecting(name, verdict))
        if tries <= gate.retries:
            return Command(update={"objections": verdict.objections}, goto=name)
        reason = f"The gate after {name!r} let nothing pass in {tries} tries. {' '.join(verdict.objections)}"
        refused: Result = {**state["results"][name], "status": "error", "error": reason}
        update = {
            **passed([], refused),
            "results": {name: refused},
            **stopped(reason, runtime, by=stage.pattern, state=state),
        }
        return Command(update=update, goto=END)

    return judging_node(judge, subject=subject, ruled=ruled, criteria=gate.criteria)


def passed(messages: Sequence[BaseMessage], result: Result) -> dict[str, Any]:
    """The update with which a stage's answer becomes part of the history."""
    return {
        "messages": list(messages),
        "output": result.get("output") if result["status"] == "done" else None,
        "pending": [],
        "told": [],
        "objections": [],
    }


def _objecting(stage: str, verdict: Verdict) -> str:
    return "\n".join([f"The answer of {stage} does not pass:", *(f"- {each}" for each in verdict.objections)])
