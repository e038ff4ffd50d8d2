"""Map and reduce: a task is split into items, one participant works on each, and the results become one answer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from langchain_core.messages import BaseMessage, HumanMessage
from langgraph.graph import END, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, Send
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from graphwright.agents import Agent
from graphwright.runtime import RunContext

from ..naming import named
from .aggregating import Aggregator
from .building import BEGIN, begun, stopped
from .carry import as_heard, whole
from .checking import PatternProblem, check, limit_problems, participant_problems
from .concurrent_graph import answered, is_participant, judge_node, successes
from .lanes import Lanes
from .participants import AsParticipant, Participant, as_participant
from .state import PatternState, Result
from .working import Node, ParticipantFailed, Worked, working_node

SPLIT, REDUCE = "split", "reduce"
MAX_ITEMS = 200
"""Items of one task at most; more are a sign that the split went wrong."""


class Items(BaseModel):
    """How a task is split."""

    items: list[str] = Field(description="The parts, each complete in itself.")


class MapState(PatternState, total=False):
    """The state of map and reduce; ``results`` are by the item's number."""

    items: list[Any]


class Item(TypedDict):
    """What one mapper is sent."""

    number: int
    item: Any


Split = Callable[[Sequence[BaseMessage]], Any]
"""Makes the items (texts or plain JSON values) out of the conversation; may be async."""


def map_reduce(
    split: Split | AsParticipant,
    mapper: AsParticipant,
    reduce: Aggregator | AsParticipant,
    *,
    max_concurrency: int | None = None,
    min_success: int | None = None,
    name: str = "map_reduce",
    description: str = "",
) -> StateGraph[MapState, RunContext]:
    """Split a task into items, have each worked on by a mapper of its own, and make one answer of the results.

    Each item is a task of its own. Results are in the order of the items; what fails is a result with status
    ``error``.

    Args:
        split: A function of the conversation, or an agent whose structured answer has a list (an agent without one
            is made to give a list of texts).
        mapper: Who works on an item; it hears the item alone.
        reduce: A function of the successful results, or an agent or graph that is told all of them.
        max_concurrency: How many items are worked on at once; None: as many as the run allows.
        min_success: How many items must succeed; None: all.
        name, description: What the pattern is called as a participant of another.

    Raises:
        PatternDeclarationError: listing everything wrong with the declaration.
    """
    worker = as_participant(mapper)
    splitter = as_participant(_listing(split)) if is_participant(split) else None
    reducer = as_participant(reduce) if is_participant(reduce) else None
    taking_part = [each for each in (splitter, worker, reducer) if each]
    check(
        name,
        participant_problems(taking_part, reserved=[BEGIN, SPLIT, REDUCE]),
        limit_problems(max_concurrency=max_concurrency, min_success=min_success),
        _callable_problems(split=split, reduce=reduce),
    )
    graph = begun(MapState, items=[])
    plan = _Plan(name, worker.name, min_success)
    graph.add_node(SPLIT, _split_node(plan, split, splitter), destinations=(worker.name, REDUCE, END))
    graph.add_node(worker.name, _map_node(worker, Lanes(max_concurrency)))
    graph.add_node(REDUCE, _reduce_node(plan, reduce, reducer))
    graph.add_edge(BEGIN, SPLIT)
    graph.add_edge(worker.name, REDUCE)
    graph.add_edge(REDUCE, END)
    return named(graph, name=name, description=description or f"Splits a task; {worker.name} works on each part.")


def _listing(split: Any) -> Any:
    return replace(split, output=Items) if isinstance(split, Agent) and split.output is None else split


def _callable_problems(**given: Any) -> Iterator[PatternProblem]:
    for name, value in given.items():
        if not callable(value) and not is_participant(value):
            yield PatternProblem(f"{name} is a {type(value).__name__}.", "Give a function, an agent or a graph.")


@dataclass(frozen=True)
class _Plan:
    pattern: str
    worker: str
    min_success: int | None

    def sent(self, items: Sequence[Any], state: MapState, runtime: Runtime[RunContext], **more: Any) -> Command[Any]:
        """On to the mappers; to the end if there is nothing to work on."""
        if len(items) > MAX_ITEMS:
            raise ParticipantFailed(
                f"{self.pattern!r} was to work on {len(items)} items; {MAX_ITEMS} are allowed. Split more coarsely."
            )
        if not items:
            update = {**more, **stopped("The task has no items to work on.", runtime, by=self.pattern, state=state)}
            return Command(update=update, goto=END)
        sends = [Send(self.worker, Item(number=number, item=item)) for number, item in enumerate(items)]
        return Command(update={**more, "items": list(items)}, goto=sends)

    def successes(self, state: MapState) -> list[Result]:
        """The results of the items that succeeded, in order."""
        count = len(state.get("items", []))
        needed = count if self.min_success is None else min(self.min_success, count)
        return successes(state, self.pattern, needed, count)


def _split_node(plan: _Plan, split: Any, splitter: Participant | None) -> Node:
    if splitter is None:

        async def by_code(state: MapState, runtime: Runtime[RunContext]) -> Command[Any]:
            items = split(list(state.get("messages", [])))
            return plan.sent(list(await items if inspect.isawaitable(items) else items), state, runtime)

        return by_code

    def prepare(state: MapState, _runtime: Runtime[RunContext]) -> Sequence[BaseMessage]:
        return as_heard(whole(state.get("messages", [])), splitter.speaks_as)

    def finish(state: MapState, worked: Worked, runtime: Runtime[RunContext]) -> Command[Any]:
        if not worked.is_done:
            reason = f"{splitter.name!r} stopped: {worked.result.get('error', '')}"
            return Command(update=stopped(reason, runtime, by=plan.pattern, state=state), goto=END)
        return plan.sent(_items_of(worked.result), state, runtime, route=[splitter.name])

    return working_node(splitter, prepare=prepare, finish=finish, needed=True)


def _items_of(result: Result) -> list[Any]:
    output: Mapping[str, Any] = result.get("output") or {}
    lists = [value for value in output.values() if isinstance(value, list)]
    if len(lists) != 1:
        raise ParticipantFailed(
            f"The answer of {result['participant']!r} has {len(lists)} lists; the items are taken from exactly one. "
            "Give it an output with one list."
        )
    return lists[0]


def _map_node(worker: Participant, lanes: Lanes) -> Node:
    def prepare(state: Item, _runtime: Runtime[RunContext]) -> Sequence[BaseMessage]:
        item = state["item"]
        text = item if isinstance(item, str) else orjson.dumps(item, option=orjson.OPT_NON_STR_KEYS).decode()
        # Its own id: by that a replay tells the items of one node apart.
        return [HumanMessage(text, id=f"item:{state['number']}")]

    def finish(state: Item, worked: Worked, _runtime: Runtime[RunContext]) -> dict[str, Any]:
        return {"results": {str(state["number"]): worked.result}, "route": [worker.name]}

    work = working_node(worker, prepare=prepare, finish=finish, number=lambda item: item["number"])
    # LangGraph finds the graph inside by what the node closes over.
    compiled = worker.compiled

    async def node(state: Item, runtime: Runtime[RunContext]) -> Any:
        assert compiled is not None
        async with lanes.one(runtime):
            return await work(state, runtime)

    return node


def _reduce_node(plan: _Plan, reduce: Any, reducer: Participant | None) -> Node:
    if reducer is not None:
        return judge_node(reducer, plan.pattern, plan.successes)

    async def node(state: MapState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        value = reduce(plan.successes(state))
        return answered(await value if inspect.isawaitable(value) else value, runtime, plan.pattern, state)

    return node
