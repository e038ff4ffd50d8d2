"""Supervisor: a manager gives work to workers, sees what came of it, and answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, Send
from typing_extensions import TypedDict

from graphwright.agents import Agent
from graphwright.runtime import RunContext
from graphwright.tools import InvalidArguments, Tool

from ..answers import tool_message
from ..loop import Loop
from ..naming import named
from ..notes import merge_notes
from ..turns import progress
from .briefing import briefed, listed
from .carry import POLICIES, Carry, carry_over
from .checking import PatternProblem, check, limit_problems, participant_problems, tool_problems
from .delegating import delegate_tool, name_problems
from .participants import AsParticipant, Participant, as_participants
from .state import PatternState, fresh
from .supervisor_form import FormState, form_graph, reported
from .working import Node, Worked, working_node

OutputMode = Literal["last", "full"]


class SupervisorState(PatternState, total=False):
    """The state of a supervisor that delegates by tool calls."""

    notes: Annotated[dict[str, Any], merge_notes]
    """Small plain values that the manager's own tools keep for this thread."""


class Assignment(TypedDict):
    """What one worker's task is sent."""

    call: ToolCall
    message: str
    """Id of the manager's message that made the call."""
    history: list[BaseMessage]
    """The thread, where some of it goes along."""


def supervisor(
    *participants: AsParticipant,
    manager: Agent,
    by: Literal["tools", "form"] = "tools",
    carry: Carry | None = None,
    output: OutputMode = "last",
    max_rounds: int = 10,
    name: str | None = None,
    description: str = "",
) -> StateGraph[SupervisorState, RunContext] | StateGraph[FormState, RunContext]:
    """A manager gives workers instructions, in parallel if it likes, sees what came of each, and answers itself.

    A worker that fails is a result that the manager sees. After ``max_rounds`` the manager answers with what it has;
    if it says nothing then, the newest result stands, and ``ended`` says why.

    Args:
        participants: The workers; a worker may be a supervisor.
        manager: Who directs them. It may have tools of its own where it delegates by tools.
        by: How the manager delegates: by calling ``delegate_to_NAME``, or (for models that cannot call tools) by
            filling a form, one worker a turn.
        carry: What of the thread a worker hears before its instruction; None for the instruction alone.
        output: What the manager sees of a worker's work: its ``last`` words, or its ``full`` exchange as text.
        max_rounds: Turns in which the manager may delegate, for one input.
        name: What the graph is called where it takes part in another; None for the manager's name.
        description: What it is good for; empty for the manager's description.

    Returns:
        The graph, uncompiled; it works on ``messages``.

    Raises:
        PatternDeclarationError: listing every problem.
    """
    workers = as_participants(participants)
    called = name or manager.name
    check(
        called,
        participant_problems(workers, reserved=("begin", "model", "tools", manager.name)),
        limit_problems(max_rounds=max_rounds),
        _option_problems(by=by, output=output, carry=carry, manager=manager),
        name_problems(each.name for each in workers),
    )
    tools = {each.name: delegate_tool(each) for each in workers}
    check(called, tool_problems(workers, [*tools.values(), *manager.toolbox]) if by == "tools" else ())
    graph: StateGraph[Any, RunContext]
    if by == "form":
        graph = form_graph(workers, manager, carry=carry, full=output == "full", max_rounds=max_rounds)
    else:
        graph = _tools_graph(workers, tools, manager, carry=carry, full=output == "full", max_rounds=max_rounds)
    return named(graph, name=called, description=description or manager.description)


def _option_problems(*, by: str, output: str, carry: Carry | None, manager: Agent) -> Iterator[PatternProblem]:
    if by not in ("tools", "form"):
        yield PatternProblem(f"by is {by!r}.", "It must be 'tools' or 'form'.")
    if output not in ("last", "full"):
        yield PatternProblem(f"output is {output!r}.", "It must be 'last' or 'full'.")
    if carry is not None and not callable(carry) and carry not in POLICIES:
        yield PatternProblem(f"carry is {carry!r}.", f"It must be one of {', '.join(POLICIES)}, a function, or None.")
    if by == "form" and len(manager.toolbox):
        yield PatternProblem(f"Manager {manager.name!r} has tools, and by='form' offers none.", "Use by='tools'.")


def _tools_graph(
    workers: Sequence[Participant],
    tools: Mapping[str, Tool],
    manager: Agent,
    *,
    carry: Carry | None,
    full: bool,
    max_rounds: int,
) -> StateGraph[SupervisorState, RunContext]:
    own = replace(
        briefed(manager, "patterns/supervisor", workers=listed(workers)),
        tools=(*manager.tools, *tools.values()),
        max_turns=max_rounds + 1,
    )
    loop = Managing(own, {each.name: worker for worker, each in tools.items()}, keeps_history=carry is not None)
    graph = StateGraph(SupervisorState, context_schema=RunContext)
    graph.add_node("model", loop.model, destinations=("model", "tools", *tools, END))
    graph.add_node("tools", loop.tools)
    graph.add_edge(START, "model")
    graph.add_edge("tools", "model")
    for number, worker in enumerate(workers):
        graph.add_node(worker.name, _worker_node(worker, number, carry, full=full))
        graph.add_edge(worker.name, "model")
    return graph


class Managing(Loop):
    """The agent loop of a manager: a call that delegates goes to its worker's node instead of to the tools."""

    def __init__(self, agent: Agent, workers: Mapping[str, str], *, keeps_history: bool) -> None:
        super().__init__(agent)
        self.workers = workers
        self._keeps_history = keeps_history

    async def model(self, state: Any, runtime: Runtime[RunContext]) -> Command[Any]:
        """One turn of the manager."""
        so_far = progress(state.get("messages", []), self.agent.name)
        command = await super().model(state, runtime)
        update: dict[str, Any] = dict(command.update or {})
        if not so_far.turns:
            update = {**fresh(), **update}
        goto: Any = command.goto
        if isinstance(goto, list):
            goto = [self._sent(each, state) for each in goto]
            update["rounds"] = so_far.turns + 1
        elif goto == END and so_far.turns + 1 >= self.agent.max_turns:
            update |= _ended(update["messages"], state, self.agent.max_turns - 1)
        return Command(update=update, goto=goto)

    def _sent(self, send: Send, state: Any) -> Send:
        task = send.arg
        worker = self.workers.get(task["call"]["name"])
        if worker is None:
            return send
        history = list(state.get("messages", [])) if self._keeps_history else []
        return Send(worker, Assignment(call=task["call"], message=task["message"], history=history))

    def _refusal(self, call: ToolCall, answer: AIMessage, state: Any) -> str | None:
        if call["name"] not in self.workers:
            return None
        try:
            self.agent.toolbox.get(call["name"]).validate(call["args"])
        except InvalidArguments as error:
            return str(error)
        return None


def _ended(said: Sequence[BaseMessage], state: Any, max_rounds: int) -> dict[str, Any]:
    """The end by the limit: the manager's own words, or else the newest result."""
    ended = f"The limit of {max_rounds} rounds is reached; this is answered with what there is."
    *others, answer = said
    if answer.text.strip():
        return {"ended": ended}
    done = [each["text"] for each in (state.get("results") or {}).values() if each.get("text")]
    text = done[-1] if done else ended
    return {"ended": ended, "messages": [*others, answer.model_copy(update={"content": text})]}


def _worker_node(worker: Participant, number: int, carry: Carry | None, *, full: bool) -> Node:
    async def prepare(task: Assignment, runtime: Runtime[RunContext]) -> list[BaseMessage]:
        before: list[BaseMessage] = []
        if carry is not None:
            before = await carry_over(task["history"], carry, runtime, listener=worker.name)
        place = f"task:{task['message']}:{task['call']['id']}"
        return [*before, HumanMessage(task["call"]["args"]["instruction"], id=place)]

    def finish(task: Assignment, worked: Worked, runtime: Runtime[RunContext]) -> dict[str, Any]:
        message = tool_message(
            task["message"],
            task["call"]["id"] or "",
            task["call"]["name"],
            reported(worked, full=full),
            status="success" if worked.is_done else "error",
            artifact=worked.result.get("output"),
        )
        return {"messages": [message], "results": {worker.name: worked.result}, "route": [worker.name]}

    return working_node(worker, prepare=prepare, finish=finish, number=number)
