"""Transcripts of random runs: whatever happens, every tool call has its one result, and providers take the history.

``SUBJECTS`` are the graphs that must keep this. A new pattern joins by one entry: a function that makes its graph of
a model and tools. The model's turns are drawn at random, from the tools that a request offers and from what goes wrong.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from langchain_core.messages import BaseMessage, HumanMessage
from langgraph.graph import START, StateGraph

from graphwright import graphs
from graphwright.agents import Agent, Compaction
from graphwright.graphs import AgentState, Termination, agent_loop, chooser, transcript_problems
from graphwright.models import ModelRequest, ScriptedModel
from graphwright.models.script import Reply, When
from graphwright.runtime import Approve, Edit, Reject, Respond, Run, RunContext, Runtime, Settings
from graphwright.runtime.forking import fork
from graphwright.runtime.history import history
from graphwright.runtime.replaying import replay
from graphwright.tools import Tool, ToolFailed, tool

# The world of the random runs


@tool(effect="read")
async def look(what: str = "it") -> str:
    """Look at something."""
    return f"It is {what}."


@tool(effect="read")
def fail() -> str:
    """Fail."""
    raise ToolFailed("It cannot be done.")


@tool(effect="read")
async def burst() -> str:
    """Fail in a way that nobody has thought of."""
    raise ValueError("a bug")


@tool(effect="write", approval="Moves money.")
async def pay(amount: int = 1) -> str:
    """Pay an amount."""
    return f"paid {amount}"


@tool(effect="write", once=False)
async def note(text: str = "x") -> str:
    """Write a note."""
    if text == "crash":
        raise ZeroDivisionError
    return "noted"


TOOLS = (look, fail, burst, pay, note)
CALLS = (
    "look",
    "fail",
    "burst",
    "pay",
    "pay",
    "note",
    "unknown",
    "wrong",
    "broken",
    "crash",
    "offered",
    "colleague",
    "colleague",
)
COLLEAGUES = ("transfer_to_", "delegate_to_")


@dataclass(frozen=True)
class Plan:
    """What the model does: for each turn after an input the calls it makes, then it answers."""

    turns: tuple[tuple[str, ...], ...]
    ids: str

    def answer(self, request: ModelRequest) -> Reply:
        since = [*itertools.takewhile(lambda each: not _is_input(each), reversed(request.messages))]
        marks = [int(each.text.split()[1]) for each in since if each.type == "ai" and each.text.startswith("turn ")]
        turn = max(marks, default=-1) + 1
        if request.output is not None:
            return Reply(output=_filled(request.output, len(request.messages) + len(self.turns)))
        if turn >= len(self.turns) or not request.tools or request.tool_choice == "none":
            return Reply(text=f"turn {turn} done " + "and said " * 20)
        calls, invalid = [], []
        for number, kind in enumerate(self.turns[turn]):
            id_ = {"fresh": None, "reused": f"call_{number}", "same": "call_0"}[self.ids]
            if kind == "broken":
                invalid.append({"name": "look", "args": '{"what": ', "error": "Expecting value", "id": id_})
            else:
                calls.append({"id": id_, **_call(kind, number, request)})
        return Reply(text=f"turn {turn}", tool_calls=calls, invalid_tool_calls=invalid)


def _filled(schema: Any, number: int) -> Any:
    """Some value of a JSON schema; which one depends on the number."""
    root = schema

    def value(part: Any, seed: int) -> Any:
        if "$ref" in part:
            return value(root["$defs"][part["$ref"].rpartition("/")[2]], seed)
        if "anyOf" in part:
            return value(part["anyOf"][seed % len(part["anyOf"])], seed)
        if "enum" in part:
            return part["enum"][seed % len(part["enum"])]
        if part.get("type") == "object":
            return {name: value(each, seed + at) for at, (name, each) in enumerate(part["properties"].items())}
        if part.get("type") == "array":
            return [value(part["items"], seed + at) for at in range(1 + seed % 2)]
        kinds = {"string": f"text {seed}", "boolean": seed % 3 == 0, "integer": seed, "number": 0.5, "null": None}
        return kinds[part["type"]]

    return value(schema, number)


def _is_input(message: BaseMessage) -> bool:
    return isinstance(message, HumanMessage) and message.text.startswith("input")


def _call(kind: str, number: int, request: ModelRequest) -> dict[str, Any]:
    functions = [each["function"] for each in request.tools]
    if kind == "colleague":
        functions = [each for each in functions if each["name"].startswith(COLLEAGUES)] or functions
    if kind in ("offered", "colleague"):
        function = functions[(number + len(request.messages)) % len(functions)]
        parameters = function["parameters"]
        needed = {name: parameters["properties"][name] for name in parameters.get("required", ())}
        return {"name": function["name"], "args": _filled({"type": "object", "properties": needed}, number)}
    plain = {"unknown": ("lok", {}), "wrong": ("pay", {"amount": "many"}), "crash": ("note", {"text": "crash"})}
    name, args = plain.get(kind, (kind, {}))
    return {"name": name, "args": args}


plans = st.builds(
    Plan,
    st.lists(st.lists(st.sampled_from(CALLS), min_size=1, max_size=4).map(tuple), max_size=3).map(tuple),
    st.sampled_from(["fresh", "reused", "same"]),
)


@dataclass(frozen=True)
class Schedule:
    """What happens to the run: how people decide, where it is broken off, from where it is forked."""

    decisions: tuple[str, ...]
    breaks: tuple[int, ...]
    """After how many events each of the first drives is broken off."""
    fork_at: int | None
    resolution: Any


schedules = st.builds(
    Schedule,
    st.lists(st.sampled_from(["approve", "reject", "edit", "respond"]), max_size=6).map(tuple),
    st.lists(st.integers(1, 12), max_size=3).map(tuple),
    st.none() | st.integers(0, 20),
    st.sampled_from(["happened", "retry", "abandon"]),
)

# The graphs that must keep it

Subject = Callable[[Any, Sequence[Tool]], StateGraph[Any, Any, Any, Any]]


def one_agent(model: Any, tools: Sequence[Tool], **options: Any) -> StateGraph[Any, Any, Any, Any]:
    agent = Agent(name="worker", description="Works.", prompt="Work.", tools=tuple(tools), model=model, **options)
    return agent_loop(agent)


def compacting(strategy: Any) -> Subject:
    def make(model: Any, tools: Sequence[Tool]) -> StateGraph[Any, Any, Any, Any]:
        return one_agent(model, tools, compaction=Compaction(budget=200, strategy=strategy))

    return make


def side_by_side(model: Any, tools: Sequence[Tool]) -> StateGraph[Any, Any, Any, Any]:
    """Two agents at a time on one history, then a third."""
    graph = StateGraph(AgentState, context_schema=RunContext)
    for name in ("left", "right", "last"):
        agent = Agent(name=name, description="Works.", prompt="Work.", tools=tuple(tools), model=model)
        graph.add_node(name, agent_loop(agent).compile())
    graph.add_edge(START, "left")
    graph.add_edge(START, "right")
    graph.add_edge(["left", "right"], "last")
    return graph


def reads(tools: Sequence[Tool]) -> list[Tool]:
    return [each for each in tools if each.labels.effect == "read"]


def team(model: Any, tools: Sequence[Tool], *names: str) -> list[Agent]:
    return [
        Agent(name=name, description=f"Does {name}.", prompt="Work.", tools=tuple(tools), model=model) for name in names
    ]


def managed(make: Any, has_tools: bool = False, **options: Any) -> Subject:
    """A pattern with a manager, who has no tools where it fills forms."""

    def subject(model: Any, tools: Sequence[Tool]) -> StateGraph[Any, Any, Any, Any]:
        (manager,) = team(model, tools if has_tools else (), "manager")
        graph: StateGraph[Any, Any, Any, Any] = make(*team(model, tools, "left", "right"), manager=manager, **options)
        return graph

    return subject


def in_sequential(model: Any, tools: Sequence[Tool]) -> StateGraph[Any, Any, Any, Any]:
    (judge,) = team(model, reads(tools), "judge")
    return graphs.sequential(*team(model, tools, "first", "second"), carry="full", gates={"first": judge})


def in_router(model: Any, tools: Sequence[Tool]) -> StateGraph[Any, Any, Any, Any]:
    choosing = replace(chooser(), model=model)
    return graphs.router(
        team(model, tools, "left", "right"), rules=[("input 2", "right")], model=choosing, default="left"
    )


in_group_chat = managed(graphs.group_chat, person="Decides.", termination=Termination(max_rounds=3))
PATTERNS: dict[str, Subject] = {
    "handoff": lambda model, tools: graphs.handoff(
        *team(model, tools, "one", "two", "three"), max_handoffs=3, person="Knows."
    ),
    "supervisor": managed(graphs.supervisor, has_tools=True, max_rounds=3, carry="full"),
    "supervisor by form": managed(graphs.supervisor, by="form", max_rounds=2, output="full"),
    "group_chat": lambda model, tools: in_group_chat(model, reads(tools)),
    "concurrent": lambda model, tools: graphs.concurrent(
        *team(model, tools, "left", "right"), aggregate=team(model, tools, "judge")[0]
    ),
    "map_reduce": lambda model, tools: graphs.map_reduce(
        lambda _: ["input a", "input b"], team(model, tools, "mapper")[0], lambda results: f"{len(results)} results"
    ),
    "plan_execute": lambda model, tools: graphs.plan_execute(
        *team(model, reads(tools), "planner"), *team(model, tools, "left", "right"), max_steps=3
    ),
    "magentic": managed(graphs.magentic, review="plan", max_rounds=3, max_stall_count=1, max_reset_count=1),
    "maker_checker": lambda model, tools: graphs.maker_checker(
        *team(model, tools, "maker", "checker"), max_rounds=2, fallback="escalate"
    ),
    "sequential": in_sequential,
    "router": in_router,
}
SUBJECTS: dict[str, Subject] = {
    "agent": one_agent,
    "few calls": lambda model, tools: one_agent(model, tools, max_calls=3, max_turns=3),
    "trim": compacting("trim"),
    "summarise": compacting("summarise"),
    "clear_results": compacting("clear_results"),
    "side by side": side_by_side,
    **PATTERNS,
}


class Scenario:
    """One random run, from its start to its end and the end of its fork."""

    def __init__(self, runtime: Runtime, subject: Subject, plan: Plan, schedule: Schedule, refused: Any) -> None:
        self.runtime = runtime
        self.refused = refused
        self.model = ScriptedModel([When(lambda _: True, plan.answer, times=None)])
        self.graph = subject(self.model, TOOLS)
        self.decisions = itertools.cycle(schedule.decisions or ("approve",))
        self.breaks = iter(schedule.breaks)
        self.schedule = schedule

    async def play(self) -> None:
        first = await self.to_the_end(await self.start("input 1"))
        await self.to_the_end(await self.start("input 2", thread_id=first.thread_id))
        if self.schedule.fork_at is not None:
            points = await self.points(first.thread_id)
            at = points[self.schedule.fork_at % len(points)]
            if at.source != "input" or at.next:
                await self.to_the_end(await fork(self.runtime, self.graph, first.thread_id, at.id))
        await self.check(first.thread_id)
        replayed = await replay(self.runtime, self.graph, first.id)
        assert replayed.verdict == "same", replayed

    async def start(self, text: str, **options: Any) -> Run:
        return await self.runtime.start("subject", {"messages": [{"role": "user", "content": text}]}, **options)

    async def to_the_end(self, run: Run) -> Run:
        for _ in range(60):
            await self.drive(run, next(self.breaks, None))
            now = await self.runtime.runs.get(run.id)
            if now.status == "waiting":
                await self.decide(run)
            elif now.status == "blocked":
                for entry in await self.runtime.journal.unknown(run_id=run.id):
                    await self.runtime.journal.resolve(entry.id, self.schedule.resolution, by="ann")
            elif now.status not in ("queued", "running"):  # running: broken off before its first step
                assert now.status == "done", now.error
                return now
        raise AssertionError("The run does not end.")

    async def drive(self, run: Run, breaks_after: int | None) -> None:
        async with aclosing(self.runtime.drive(run.id, self.graph, output=str)) as events:
            number = 0
            async for _ in events:
                number += 1
                if number == breaks_after:
                    return

    async def decide(self, run: Run) -> None:
        for approval in await self.runtime.approvals.pending(run_id=run.id):
            kinds: dict[str, Any] = {
                "approve": Approve(),
                "reject": Reject("no"),
                "edit": Edit({"amount": 7}),
                "respond": Respond("It was paid elsewhere."),
            }
            kind = next(self.decisions)
            if kind not in approval.allowed:
                kind = "respond" if "respond" in approval.allowed else "approve"
            await self.runtime.decide(approval.id, kinds[kind], by="ann")

    async def points(self, thread_id: str) -> list[Any]:
        return await history(self.graph.compile(checkpointer=await self.runtime.checkpointer()), thread_id)

    async def check(self, thread_id: str) -> None:
        for point in await self.points(thread_id):
            messages = point.values.get("messages", [])
            assert transcript_problems(messages, is_at_work=bool(point.next)) == []
            if not point.next:
                assert self.refused(messages) is None
        for request in self.model.requests:
            assert self.refused(request.messages) is None
            assert transcript_problems(request.messages) == []


@pytest.fixture(scope="module")
def play(refused: Any) -> Callable[[str, Plan, Schedule], None]:
    async def scenario(name: str, plan: Plan, schedule: Schedule) -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with Runtime(Settings(project_dir=Path(folder), state_dir=Path(folder) / "state")) as runtime:
                await Scenario(runtime, SUBJECTS[name], plan, schedule, refused).play()

    return lambda *played: asyncio.run(scenario(*played))


def random_runs(count: int) -> Any:
    """So many of them; not made smaller when one fails, which would take minutes."""
    phases = (Phase.explicit, Phase.reuse, Phase.generate)
    return settings(max_examples=count, deadline=None, phases=phases, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", SUBJECTS)
@random_runs(3)
@given(plan=plans, schedule=schedules)
def test_every_call_has_one_result_through_parallel_calls_decisions_crashes_and_forks(
    play: Any, name: str, plan: Plan, schedule: Schedule
) -> None:
    play(name, plan, schedule)


@pytest.mark.soak
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("name", SUBJECTS)
@random_runs(150)
@given(plan=plans, schedule=schedules)
def test_every_call_has_one_result_in_many_random_runs(play: Any, name: str, plan: Plan, schedule: Schedule) -> None:
    play(name, plan, schedule)


def test_a_call_that_outlives_its_broken_off_run_leaves_no_result_without_a_record(play: Any) -> None:
    """It once kept its record waiting, which was refused under the next lease, and its result was not."""
    turns = (("fail", "burst", "crash", "burst"), ("colleague", "pay"), ("unknown", "colleague"))
    plan = Plan(turns=turns, ids="same")

    play("router", plan, Schedule(("edit", "reject", "respond"), (10, 2, 2), 0, "happened"))
