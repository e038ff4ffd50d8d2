"""Plan and execute: a planner makes steps, executors do them one by one, a failure makes a new plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from langchain_core.messages import BaseMessage, HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command
from pydantic import BaseModel, Field, WithJsonSchema, create_model

from graphwright.agents import Agent
from graphwright.runtime import RunContext

from ..calls import AgentFailed, RunEnded
from ..naming import named
from ..speaking import tell
from .asking import closing
from .briefing import briefed, listed, request_of, said
from .carry import as_heard, whole
from .checking import PatternProblem, check, limit_problems, participant_problems, writing_problems
from .participants import AsParticipant, Participant, as_participant, as_participants
from .plan_execute_rules import Done, Move, Work, executed, planned, work_from_plain, work_to_plain
from .state import PatternState, fresh
from .without_forms import is_offline
from .working import Node, Worked, work, working_node

PLANNING_READS = "A planner only looks; what changes the world is a step of the plan."


class PlanState(PatternState, total=False):
    """The state of plan and execute."""

    work: dict[str, Any]
    """The steps ahead (who, what), the steps done with their results, and how many plans there were."""
    remark: str
    """Why the plan is made anew, or why the work ends early."""


def plan_execute(
    planner: Agent,
    *executors: AsParticipant,
    replan: int = 1,
    max_steps: int = 8,
    name: str = "plan_execute",
    description: str = "",
) -> StateGraph[PlanState, RunContext]:
    """A planner makes a plan of steps, executors carry them out one after the other, the planner writes the answer.

    A step that fails goes back to the planner with what was done so far, ``replan`` times; after that, and after
    ``max_steps`` steps, the answer is made of what there is, and ``ended`` says why. A step for somebody who is not
    there goes to the next executor in turn.

    Args:
        planner: Who plans and answers. It may have tools that read.
        executors: Who carries out steps; each hears the request, the results so far, and its step.
        replan: How often a failure makes a new plan, for one input; 0 for never.
        max_steps: Steps carried out, over all plans, for one input.
        name: What the graph is called where it takes part in another.
        description: What it is good for; empty for the planner's description.

    Returns:
        The graph, uncompiled; it works on ``messages``.

    Raises:
        PatternDeclarationError: listing every problem.
    """
    given = as_participants(executors)
    check(
        name,
        participant_problems(given, reserved=("begin", "plan", "answer")),
        writing_problems([as_participant(planner)], PLANNING_READS),
        limit_problems(max_steps=max_steps),
        _replan_problems(replan),
    )
    names = tuple(each.name for each in given)
    own = briefed(planner, "patterns/plan", executors=listed(given), max_steps=max_steps)
    by_steps = as_participant(replace(own, output=plan_model(names)))
    graph = StateGraph(PlanState, context_schema=RunContext)
    graph.add_node("begin", _begin)
    graph.add_edge(START, "begin")
    graph.add_edge("begin", "plan")
    graph.add_node("plan", _plan_node(by_steps, names, max_steps), destinations=(*names, "answer"))
    for number, each in enumerate(given):
        node = _step_node(each, number, replan=replan, max_steps=max_steps)
        graph.add_node(each.name, node, destinations=(*names, "plan", "answer"))
    graph.add_node("answer", _answer_node(planner))
    graph.add_edge("answer", END)
    return named(graph, name=name, description=description or planner.description)


def plan_model(names: Sequence[str]) -> type[BaseModel]:
    """What a plan looks like to the planner: each step is for one of ``names``; any other name is still read."""
    who = Annotated[str, WithJsonSchema({"type": "string", "enum": list(names)}), Field(description="Who does it.")]
    what = Annotated[str, Field(description="What is to be done, complete in itself.")]
    step = create_model("PlanStep", who=(who, ...), what=(what, ...))
    steps = Annotated[list[step], Field(description="The steps that are still to be done, in order.")]  # type: ignore[valid-type]  # made here
    return create_model("Plan", steps=(steps, ...))


def _replan_problems(replan: Any) -> Iterator[PatternProblem]:
    if isinstance(replan, bool) or not isinstance(replan, int) or replan < 0:
        yield PatternProblem(f"replan is {replan!r}.", "It must be a whole number, 0 or more.")


async def _begin(state: PlanState) -> dict[str, Any]:
    return fresh(work=work_to_plain(Work()), remark="")


def _plan_node(planner: Participant, names: Sequence[str], max_steps: int) -> Node:
    compiled = planner.compiled
    agent = planner.agent
    assert agent is not None

    async def node(state: PlanState, runtime: Runtime[RunContext]) -> Command[Any]:
        """Make the plan, or what is still to be done of it."""
        told = _told_planner(state, offline=is_offline(agent, runtime), name=planner.name)
        steps: list[tuple[str, str]] | None = None
        try:
            worked = await work(planner, told, runtime, needed=True, compiled=compiled)
            steps = [(each["who"], each["what"]) for each in (worked.result.get("output") or {}).get("steps", ())]
        except RunEnded:
            raise
        except AgentFailed as error:
            tell(runtime, "note", agent=planner.name, text=f"No plan: {error}")
        after, move = planned(work_from_plain(state.get("work")), steps, names, max_steps)
        if move.to == "execute":
            lines = [f"{n}. {who}: {what}" for n, (who, what) in enumerate(after.ahead, 1)]
            tell(runtime, "note", agent=planner.name, text="\n".join(["Plan:", *lines]))
        return _go(after, move)

    return node


def _told_planner(state: PlanState, *, offline: bool, name: str) -> list[BaseMessage]:
    """The thread; for a new plan also what was done and why. The offline model plans by the request alone."""
    told = as_heard(whole(state["messages"]), name)
    now = work_from_plain(state.get("work"))
    if now.done and not offline:
        parts = [
            results_as_text(done_as_plain(now)),
            f"The last step failed. {state.get('remark', '')}",
            "Plan the rest.",
        ]
        told.append(HumanMessage("\n\n".join(parts)))
    return told


def _step_node(executor: Participant, number: int, *, replan: int, max_steps: int) -> Node:
    def prepare(state: PlanState, runtime: Runtime[RunContext]) -> list[BaseMessage]:
        now = work_from_plain(state.get("work"))
        return step_messages(request_of(state["messages"]), done_as_plain(now), now.ahead[0][1])

    def finish(state: PlanState, worked: Worked, runtime: Runtime[RunContext]) -> Command[Any]:
        text = worked.result.get("text") if worked.is_done else worked.result.get("error", "")
        now = work_from_plain(state.get("work"))
        after, move = executed(now, text or "", failed=not worked.is_done, replan=replan, max_steps=max_steps)
        return _go(after, move, results={executor.name: worked.result}, route=[executor.name])

    return working_node(executor, prepare=prepare, finish=finish, number=number)


def _go(after: Work, move: Move, **more: Any) -> Command[Any]:
    goto = after.ahead[0][0] if move.to == "execute" else move.to
    update = {"work": work_to_plain(after), "remark": move.reason, "rounds": len(after.done), **more}
    return Command(update=update, goto=goto)


def _answer_node(planner: Agent) -> Node:
    async def node(state: PlanState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        """The answer, from the results of the steps that succeeded."""
        found = [each for each in done_as_plain(work_from_plain(state.get("work"))) if not each["failed"]]
        reason = state.get("remark", "")
        text = await closing(planner, request_of(state["messages"]), found, runtime, reason=reason)
        ended = reason or None
        message = said(text, planner.name, state["messages"])
        return {"messages": [message], "ended": ended, "failed": bool(reason and not found)}

    return node


def done_as_plain(now: Work) -> list[dict[str, str]]:
    """The steps done, as results."""
    return [_result(each) for each in now.done]


def _result(step: Done) -> dict[str, str]:
    return {"who": step.who, "what": step.what, "text": step.result, "failed": "yes" if step.failed else ""}


def results_as_text(results: Sequence[Mapping[str, str]]) -> str:
    """Work with its results, for a manager or for whoever works next."""
    return "\n\n".join(
        f"{each['who']} was to do: {each['what']}\n{'It failed' if each.get('failed') else 'Result'}: {each['text']}"
        for each in results
    )


def step_messages(request: str, results: Sequence[Mapping[str, str]], what: str) -> list[BaseMessage]:
    """What somebody who does one step hears: the request, what the others found, and the step."""
    before = f"The request of which you do one part: {request}"
    if results:
        before += f"\n\nWhat was done so far:\n\n{results_as_text(results)}"
    return [HumanMessage(before), HumanMessage(what)]
