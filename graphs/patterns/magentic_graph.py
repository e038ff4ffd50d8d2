"""Magentic: a manager that plans, keeps a ledger of progress, directs a team, and plans anew when it is stuck."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from langchain_core.messages import BaseMessage, HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command
from pydantic import Field

from graphwright.agents import Agent
from graphwright.runtime import RunContext
from graphwright.tools import tool

from ..calls import use_tool
from ..naming import named
from ..speaking import tell
from .asking import ask, closing
from .briefing import briefing, listed, request_of, said
from .carry import as_heard, whole
from .checking import PatternProblem, check, limit_problems, participant_problems
from .delegating import delegate_tool, name_problems
from .magentic_ledger import Judgement, Ledger, Words, ledger_schema, read_ledger
from .magentic_rules import (
    MAX_REVISIONS,
    Event,
    Judged,
    Limits,
    Move,
    Planned,
    Reviewed,
    Worked,
    advance,
    team_from_plain,
    team_to_plain,
)
from .participants import AsParticipant, Participant, as_participants
from .plan_execute_graph import results_as_text, step_messages
from .state import PatternState, fresh
from .without_forms import is_offline, next_by_tools
from .working import Node, working_node
from .working import Worked as WorkDone


class MagenticState(PatternState, total=False):
    """The state of a magentic team."""

    team: dict[str, Any]
    """Rounds, stalls, resets and so on; see :class:`~.magentic_rules.Team`."""
    facts: str
    plan: str
    given: list[dict[str, str]]
    """The work given out since the newest input: who, what, text, whether it failed, and under which plan."""
    instruction: str
    remark: str
    """What the next node is told: why the plan is made anew, what a person wants changed, why it ends."""


def _why_review(arguments: Any) -> str:
    why = "A team is about to work by this plan. Approve or edit it, respond with what to change, or reject it."
    problem = arguments.get("problem") if isinstance(arguments, Mapping) else None
    return f"{why} The edit was not taken: {problem}" if problem else why


@tool(effect="read", approval=_why_review, trusted=True, timeout=None)
def review_plan(
    plan: Annotated[str, Field(description="The plan.")],
    request: Annotated[str, Field(description="What was asked.")] = "",
    problem: Annotated[str, Field(description="Why an edit of the plan was not taken.")] = "",
) -> str:
    """Have a person look at the plan of a team before it works."""
    return plan


def magentic(
    *participants: AsParticipant,
    manager: Agent,
    review: Literal["plan"] | None = None,
    max_rounds: int = 20,
    max_stall_count: int = 3,
    max_reset_count: int = 2,
    name: str = "magentic",
    description: str = "",
) -> StateGraph[MagenticState, RunContext]:
    """A manager lists facts, makes a plan, then says turn by turn who does what, until the request is satisfied.

    Before each turn it fills a ledger: whether the request is satisfied, whether the work goes in a circle, whether
    there is progress, who is next and what that one does. No progress or a circle is a stall, progress takes one
    back; more than ``max_stall_count`` of them, or a ledger that cannot be read, begin anew with facts and another
    plan, and the participants see nothing of the old one. At a limit the manager answers from what was found, and
    ``ended`` says why.

    Args:
        participants: The team. One that fails is a result that the manager sees.
        manager: Who plans and directs; it has no tools.
        review: ``"plan"`` has a person approve each plan first: approve or edit it, respond with what to change, or
            reject it, which ends the run.
        max_rounds: Turns of participants, over all plans, for one input.
        max_stall_count: Stalls that are borne.
        max_reset_count: New plans after the first, for one input.
        name: What the graph is called where it takes part in another.
        description: What it is good for; empty for the manager's description.

    Returns:
        The graph, uncompiled; it works on ``messages``.

    Raises:
        PatternDeclarationError: listing every problem.
    """
    team = as_participants(participants)
    check(
        name,
        participant_problems(team, reserved=("begin", "facts", "plan", "review", "ledger", "final")),
        name_problems(each.name for each in team),
        limit_problems(max_rounds=max_rounds, max_stall_count=max_stall_count),
        _option_problems(manager, review, max_reset_count),
    )
    lead = _Lead(manager, team, Limits(max_rounds, max_stall_count, max_reset_count), review=review == "plan")
    graph = StateGraph(MagenticState, context_schema=RunContext)
    graph.add_node("begin", _begin)
    graph.add_edge(START, "begin")
    graph.add_edge("begin", "facts")
    graph.add_node("facts", lead.facts)
    graph.add_edge("facts", "plan")
    graph.add_node("plan", lead.plan, destinations=("review" if review else "ledger",))
    if review:
        graph.add_node("review", lead.review, destinations=("plan", "ledger", "final"))
    graph.add_node("ledger", lead.ledger, destinations=(*lead.names, "ledger", "facts", "final"))
    for number, each in enumerate(team):
        graph.add_node(each.name, lead.turn_of(each, number))
        graph.add_edge(each.name, "ledger")
    graph.add_node("final", lead.final)
    graph.add_edge("final", END)
    return named(graph, name=name, description=description or manager.description)


def _option_problems(manager: Agent, review: Any, max_reset_count: Any) -> Iterator[PatternProblem]:
    if len(manager.toolbox):
        yield PatternProblem(f"Manager {manager.name!r} has tools.", "Give them to a participant; it only directs.")
    if review not in (None, "plan"):
        yield PatternProblem(f"review is {review!r}.", "It must be 'plan' or None.")
    if isinstance(max_reset_count, bool) or not isinstance(max_reset_count, int) or max_reset_count < 0:
        yield PatternProblem(f"max_reset_count is {max_reset_count!r}.", "It must be a whole number, 0 or more.")


async def _begin(state: MagenticState) -> dict[str, Any]:
    return fresh(team={}, facts="", plan="", given=[], remark="", active=None)


class _Lead:
    """The nodes of the manager."""

    def __init__(self, manager: Agent, team: Sequence[Participant], limits: Limits, *, review: bool) -> None:
        self.agent = manager
        self.names = tuple(each.name for each in team)
        self._limits = limits
        self._review = review
        self._about = listed(team)
        self._facts = briefing(manager, "patterns/magentic_facts")
        self._plan = briefing(manager, "patterns/magentic_plan", team=self._about)
        self._ledger = briefing(manager, "patterns/magentic_ledger", team=self._about)
        self._form = ledger_schema(self.names)
        self._tools = {each.name: delegate_tool(each) for each in team}

    async def facts(self, state: MagenticState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        """What is known, to be looked up, to be worked out, and guessed."""
        if is_offline(self.agent, runtime):
            found = results_as_text(state.get("given") or [])
            return {"facts": found or f"Asked: {request_of(state['messages'])}"}
        told = self._thread(state)
        if state.get("given"):
            found = results_as_text(state["given"])
            text = f"What was found so far:\n\n{found}\n\nWhy it begins anew: {state.get('remark', '')}"
            told.append(HumanMessage(text))
        answer = await ask(self.agent, told, runtime, prompt=self._facts)
        return {"facts": answer.text}

    async def plan(self, state: MagenticState, runtime: Runtime[RunContext]) -> Command[Any]:
        """Who does what, in order."""
        if is_offline(self.agent, runtime):
            text = f"Ask of these whoever fits the request, each once:\n{self._about}"
        else:
            told = [*self._thread(state), HumanMessage(self._planning(state))]
            text = (await ask(self.agent, told, runtime, prompt=self._plan)).text
        tell(runtime, "note", agent=self.agent.name, text=f"Plan:\n{text}")
        return self._go(state, Planned(self._review), plan=text)

    def _planning(self, state: MagenticState) -> str:
        parts = [f"The facts:\n\n{state.get('facts', '')}"]
        if state.get("plan"):
            why = "A person wants it changed" if team_from_plain(state.get("team")).revisions else "It came to nothing"
            parts.append(f"The last plan:\n\n{state['plan']}\n\n{why}: {state.get('remark', '')}")
        return "\n\n".join([*parts, "Make the plan."])

    async def review(self, state: MagenticState, runtime: Runtime[RunContext]) -> Command[Any]:
        """Wait for a person to look at the plan."""
        team = team_from_plain(state.get("team"))
        arguments = {"request": request_of(state["messages"]), "plan": state["plan"]}
        key = f"review:{team.resets}:{team.revisions}"
        outcome = await use_tool(review_plan, arguments, runtime, agent=self.agent.name, key=key)
        for number in range(MAX_REVISIONS):
            if outcome.status == "success" or not outcome.ran:
                break
            # Nobody rejected it: the arguments of an edit do not fit. Who made it is told, and asked again.
            asked = {**arguments, "problem": outcome.content}
            outcome = await use_tool(review_plan, asked, runtime, agent=self.agent.name, key=f"{key}:again{number}")
        if outcome.status == "error":
            return self._go(state, Reviewed("reject", outcome.content))
        if not outcome.ran:
            return self._go(state, Reviewed("revise", outcome.content))
        return self._go(state, Reviewed("approve"), plan=outcome.content)

    async def ledger(self, state: MagenticState, runtime: Runtime[RunContext]) -> Command[Any]:
        """Judge where the team stands, and say who works next."""
        if is_offline(self.agent, runtime):
            return self._go(state, Judged(await self._by_tools(state, runtime)))
        told = [*self._thread(state), HumanMessage(self._standing(state))]
        read, problem = read_ledger(await ask(self.agent, told, runtime, prompt=self._ledger, form=self._form))
        return self._go(state, Judged(read, problem))

    def _standing(self, state: MagenticState) -> str:
        done = results_as_text(self._current(state)) or "Nothing was done yet."
        parts = [
            f"The facts:\n\n{state.get('facts', '')}",
            f"The plan:\n\n{state['plan']}",
            f"What was done:\n\n{done}",
        ]
        if team_from_plain(state.get("team")).tries:
            parts.append(state.get("remark", ""))
        return "\n\n".join([*parts, "Where do we stand?"])

    async def _by_tools(self, state: MagenticState, runtime: Runtime[RunContext]) -> Ledger:
        """The ledger of a model that cannot judge: whoever fits is asked once, then the request counts as satisfied."""
        request, given = request_of(state["messages"]), state.get("given") or []
        who = await next_by_tools(self.agent, request, given, self._tools, runtime)
        reason = "The offline model chooses by names and descriptions; it does not judge."
        return Ledger(
            is_request_satisfied=Judgement(reason=reason, answer=not who),
            is_in_loop=Judgement(reason=reason, answer=False),
            is_progress_being_made=Judgement(reason=reason, answer=True),
            next_speaker=Words(reason=reason, answer=who or self.names[0]),
            instruction_or_question=Words(reason=reason, answer=request),
        )

    def turn_of(self, participant: Participant, number: int) -> Node:
        """The node of one participant."""

        def prepare(state: MagenticState, runtime: Runtime[RunContext]) -> list[BaseMessage]:
            return step_messages(request_of(state["messages"]), self._current(state), state["instruction"])

        def finish(state: MagenticState, worked: WorkDone, runtime: Runtime[RunContext]) -> dict[str, Any]:
            team = team_from_plain(state.get("team"))
            text = worked.result.get("text", "") if worked.is_done else worked.result.get("error", "")
            entry = {
                "who": participant.name,
                "what": state["instruction"],
                "text": text,
                "failed": "" if worked.is_done else "yes",
                "plan": str(team.resets),
            }
            after, _ = advance(team, Worked(participant.name), self.names, self._limits)
            return {
                "team": team_to_plain(after),
                "given": [*(state.get("given") or []), entry],
                "results": {participant.name: worked.result},
                "route": [participant.name],
            }

        return working_node(participant, prepare=prepare, finish=finish, number=number)

    async def final(self, state: MagenticState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        """The answer, from all that was found."""
        found = [each for each in state.get("given") or [] if not each["failed"]]
        reason = state.get("remark", "")
        if found or not reason:
            text = await closing(self.agent, request_of(state["messages"]), found, runtime, reason=reason)
        else:
            text = f"There is no answer. {reason}"
        message = said(text, self.agent.name, state["messages"])
        return {"messages": [message], "ended": reason or None, "failed": bool(reason and not found), "active": None}

    def _go(self, state: MagenticState, event: Event, **more: Any) -> Command[Any]:
        """Where to go after an event, by the rules."""
        team, move = advance(team_from_plain(state.get("team")), event, self.names, self._limits)
        update = {"team": team_to_plain(team), "rounds": team.rounds, "stalls": team.stalls, **more}
        update |= _move(move, request_of(state["messages"]))
        return Command(update=update, goto=move.speaker or move.to)

    def _thread(self, state: MagenticState) -> list[BaseMessage]:
        return as_heard(whole(state["messages"]), self.agent.name)

    def _current(self, state: MagenticState) -> list[Mapping[str, str]]:
        """The work done under the plan of now; a new plan begins with clean hands."""
        plan = str(team_from_plain(state.get("team")).resets)
        return [each for each in state.get("given") or [] if each["plan"] == plan]


def _move(move: Move, request: str) -> dict[str, Any]:
    if move.to == "work":
        return {"active": move.speaker, "instruction": move.instruction.strip() or request, "remark": ""}
    return {"active": None, "remark": move.reason}
