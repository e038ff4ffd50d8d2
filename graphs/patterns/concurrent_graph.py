"""Concurrent: participants work on the same task side by side, and one answer is made of theirs."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage
from langgraph.graph import END, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypeIs

from graphwright.agents import Agent
from graphwright.runtime import RunContext

from ..catalogue import GraphEntry
from ..naming import named
from .aggregating import WAYS, Aggregate, Aggregator, NoAgreement, agreed, as_answer, merged, to_judge, voted
from .building import BEGIN, begun, in_words, said, stopped
from .carry import as_heard, whole
from .checking import PatternProblem, check, limit_problems, min_success_problems, participant_problems
from .lanes import Lanes
from .participants import AsParticipant, Participant, as_participant, as_participants
from .state import PatternState, Result
from .working import Node, ParticipantFailed, Worked, working_node

AGGREGATE = "aggregate"
"""The node that makes one answer of several."""


def concurrent(
    *participants: AsParticipant,
    aggregate: Aggregate | Aggregator | AsParticipant = "merge",
    min_success: int = 1,
    quorum: int | None = None,
    max_concurrency: int | None = None,
    name: str = "concurrent",
    description: str = "",
) -> StateGraph[PatternState, RunContext]:
    """Participants hear the same conversation and work side by side; their answers become one.

    Each is a task of its own, so that one that waits for a person or dies does not run the others again. What fails is
    a result with status ``error``; results are in declared order whoever was first. The history gets the one answer;
    the others are in ``results``.

    Args:
        participants: Who works.
        aggregate: ``merge``: all answers under their names. ``vote``: the most frequent one. ``quorum``: the one that
            ``quorum`` of them gave. An agent or graph that judges all of them. Or a function of the successful results.
        min_success: How many must succeed; with fewer the pattern fails.
        quorum: How many must give the same answer; more than half of all, if None.
        max_concurrency: How many work at once; None: as many as the run allows.
        name, description: What the pattern is called as a participant of another.

    Raises:
        PatternDeclarationError: listing everything wrong with the declaration.
    """
    workers = as_participants(participants)
    count = len(workers)
    check(
        name,
        participant_problems(workers, at_least=2, reserved=[BEGIN, AGGREGATE]),
        min_success_problems(min_success, count),
        limit_problems(max_concurrency=max_concurrency),
        _aggregate_problems(aggregate, quorum, count),
    )
    graph = begun(PatternState)
    lanes = Lanes(max_concurrency)
    for number, worker in enumerate(workers):
        graph.add_node(worker.name, worker_node(worker, number, lanes))
        graph.add_edge(BEGIN, worker.name)
    joined = _Joined(name, count, min_success, quorum or count // 2 + 1)
    graph.add_node(AGGREGATE, _aggregate_node(joined, aggregate))
    graph.add_edge([each.name for each in workers], AGGREGATE)
    graph.add_edge(AGGREGATE, END)
    text = description or f"Asks several side by side and makes one answer of theirs: {in_words(workers)}."
    return named(graph, name=name, description=text)


def is_participant(given: Any) -> TypeIs[AsParticipant]:
    """Whether what was given takes part itself, and is not a function."""
    return isinstance(given, Agent | StateGraph | GraphEntry | Participant)


def _aggregate_problems(aggregate: Any, quorum: int | None, count: int) -> Iterator[PatternProblem]:
    if not (is_participant(aggregate) or callable(aggregate) or aggregate in WAYS):
        yield PatternProblem(
            f"aggregate is {aggregate!r}.", f"It is one of {', '.join(WAYS)}, a function, an agent or a graph."
        )
    if quorum is not None and aggregate != "quorum":
        yield PatternProblem("quorum is given, but aggregate is another way.", "Say aggregate='quorum'.")
    if quorum is not None and not 1 <= quorum <= count:
        yield PatternProblem(f"quorum is {quorum}, with {count} participants.", f"It must be from 1 to {count}.")


def worker_node(worker: Participant, number: int, lanes: Lanes) -> Node:
    """The node of one of those that work side by side."""

    def prepare(state: PatternState, _runtime: Runtime[RunContext]) -> Sequence[BaseMessage]:
        return as_heard(whole(state.get("messages", [])), worker.speaks_as)

    def finish(_state: PatternState, worked: Worked, _runtime: Runtime[RunContext]) -> dict[str, Any]:
        return {"results": {worker.name: worked.result}, "route": [worker.name]}

    work = working_node(worker, prepare=prepare, finish=finish, number=number)
    # LangGraph finds the graph inside by what the node closes over.
    compiled = worker.compiled

    async def node(state: PatternState, runtime: Runtime[RunContext]) -> Any:
        assert compiled is not None
        async with lanes.one(runtime):
            return await work(state, runtime)

    return node


@dataclass(frozen=True)
class _Joined:
    """How several results become one."""

    pattern: str
    count: int
    min_success: int
    quorum: int

    def successes(self, state: PatternState) -> list[Result]:
        """Those that succeeded.

        Raises:
            ParticipantFailed: if they are too few.
        """
        return successes(state, self.pattern, self.min_success, self.count)


def successes(state: PatternState, pattern: str, needed: int, count: int) -> list[Result]:
    """The successful results, in declared order.

    Raises:
        ParticipantFailed: if they are fewer than needed; names who failed, and why.
    """
    results = list(state.get("results", {}).items())
    done = [each for _, each in results if each["status"] == "done"]
    if len(done) < needed:
        failed = [f"{key}: {each.get('error', '')}" for key, each in results if each["status"] == "error"]
        raise ParticipantFailed(
            f"Only {len(done)} of {count} in {pattern!r} succeeded; {needed} are needed. {' | '.join(failed)}"
        )
    return done


def _aggregate_node(joined: _Joined, aggregate: Any) -> Node:
    if is_participant(aggregate):
        return judge_node(as_participant(aggregate), joined.pattern, joined.successes)

    async def node(state: PatternState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        done = joined.successes(state)
        if callable(aggregate):
            value = aggregate(done)
            value = await value if inspect.isawaitable(value) else value
            return answered(value, runtime, joined.pattern, state)
        if aggregate == "merge":
            return answered(merged(done), runtime, joined.pattern, state)
        try:
            chosen = voted(done) if aggregate == "vote" else agreed(done, joined.quorum)
        except NoAgreement as why:
            return stopped(str(why), runtime, by=joined.pattern, state=state)
        message = said(chosen.get("text", ""), runtime, by=joined.pattern, state=state)
        return {"messages": [message], "output": chosen.get("output")}

    return node


def answered(value: Any, runtime: Runtime[RunContext], by: str, state: PatternState) -> dict[str, Any]:
    """The update with what a function made of the results."""
    message, output = as_answer(value, by)
    message.id = message.id or said("", runtime, by=by, state=state).id
    return {"messages": [message], "output": output}


def judge_node(judge: Participant, pattern: str, done: Any) -> Node:
    """The node of a participant that makes one answer of the successful results; ``done(state)`` gives them."""

    def prepare(state: PatternState, _runtime: Runtime[RunContext]) -> Sequence[BaseMessage]:
        return [to_judge(state.get("messages", []), done(state))]

    def finish(state: PatternState, worked: Worked, runtime: Runtime[RunContext]) -> dict[str, Any]:
        if not worked.is_done:
            return stopped(
                f"{judge.name!r} stopped: {worked.result.get('error', '')}", runtime, by=pattern, state=state
            )
        message = worked.answer
        return {"messages": [message] if message else [], "output": worked.result.get("output")}

    return working_node(judge, prepare=prepare, finish=finish, needed=True)
