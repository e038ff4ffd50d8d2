"""Maker and checker: a draft is made, checked, and sent back with specific objections, a few times at most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.graph import END, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command
from pydantic import Field

from graphwright.runtime import RunContext
from graphwright.tools import tool

from ..calls import use_tool
from ..naming import named
from ..speaking import tell
from .building import BEGIN, begun, said, stopped
from .carry import as_heard, whole
from .checking import PatternProblem, check, limit_problems, participant_problems
from .judging import NOT_JUDGED, Judging, Verdict, as_judge, checked, judging_node
from .participants import AsParticipant, Participant, as_participant
from .state import PatternState, Result
from .termination import Progress, Termination
from .working import Node, Worked, working_node

CHECK, CODE, DECIDE = "check", "checker", "decide"
"""Nodes: what code can decide first, a checker that is code, and the fallback."""
Fallback = Literal["best", "escalate"]


class Draft(Result, total=False):
    """A result with what was found wrong with it."""

    objections: list[str]
    score: float | None


class MakerState(PatternState, total=False):
    """The state of maker and checker; ``rounds`` counts drafts."""

    draft: Draft | None
    """The newest one."""
    best: Draft | None
    """The one with the best verdict so far."""


@tool(
    effect="read",
    approval=lambda arguments: f"The checker still objects: {' '.join(arguments.get('objections', []))}",
    decisions=("approve", "edit", "respond", "reject"),
    critical=("draft",),
    trusted=True,
    timeout=None,
    result_cap=1_000_000,
)
def accept_draft(
    draft: Annotated[str, Field(description="The best draft.")],
    objections: Annotated[Sequence[str], Field(description="What the checker still objects to.")] = (),
) -> str:
    """Accept a draft that the checker did not approve."""
    return draft


def maker_checker(
    maker: AsParticipant,
    checker: Judging,
    *,
    accept: str = "",
    max_rounds: int = 3,
    fallback: Fallback = "best",
    checks: Sequence[Any] = (),
    name: str = "maker_checker",
    description: str = "",
) -> StateGraph[MakerState, RunContext]:
    """Draft an answer, have it checked, and mend it until it is approved or the rounds are used up.

    The maker hears the conversation, then its own draft with every objection. ``checks`` in code come before the
    checker in each round, so that nobody is asked about what code can decide. After the last round, the best draft is
    given with a quality warning, or a person decides about it.

    Args:
        maker: Who drafts.
        checker: A function of the draft's text, a schema, an agent, or a graph whose answer is a verdict. The offline
            model is no judge: an agent that would use it lets the draft pass, with a warning.
        accept: When to accept, in words; told to a checker that reads.
        max_rounds: Drafts at most.
        fallback: ``best``: the draft with the fewest objections (the best score, where the checker gives scores) and a
            warning. ``escalate``: a person approves it, edits it, answers in its place, or rejects it.
        checks: Functions of the text or schemas, all asked in each round, before the checker.
        name, description: What the pattern is called as a participant of another.

    Raises:
        PatternDeclarationError: listing everything wrong with the declaration.
    """
    author = as_participant(maker)
    judge = as_judge(checker)
    there = [author, *([judge.participant] if judge.participant else [])]
    check(
        name,
        participant_problems(there, reserved=[BEGIN, CHECK, DECIDE, *([] if judge.participant else [CODE])]),
        limit_problems(max_rounds=max_rounds),
        _option_problems(fallback, checks),
    )
    node_of_judge = judge.participant.name if judge.participant else CODE
    desk = _Desk(name, author, node_of_judge, Termination(max_rounds=max_rounds), fallback, judge.name)
    graph = begun(MakerState, draft=None, best=None)
    graph.add_node(author.name, desk.maker_node(), destinations=(CHECK, END))
    graph.add_node(CHECK, desk.check_node(tuple(checks)), destinations=(node_of_judge, author.name, DECIDE))
    verdict = judging_node(judge, subject=desk.subject, ruled=desk.ruled, criteria=accept)
    graph.add_node(node_of_judge, verdict, destinations=(author.name, DECIDE, END))
    graph.add_node(DECIDE, _decide_node(desk))
    graph.add_edge(BEGIN, author.name)
    graph.add_edge(DECIDE, END)
    text = description or f"{author.description} Its work is checked before it is given."
    return named(graph, name=name, description=text)


def _option_problems(fallback: Any, checks: Sequence[Any]) -> Iterator[PatternProblem]:
    if fallback not in ("best", "escalate"):
        yield PatternProblem(f"fallback is {fallback!r}.", "It is 'best' or 'escalate'.")
    for each in checks:
        if as_judge(each).participant is not None:
            yield PatternProblem("checks hold an agent or a graph.", "Only code may be there; one participant checks.")


@dataclass(frozen=True)
class _Desk:
    """Who works on a draft, and until when."""

    pattern: str
    author: Participant
    judge_node: str
    termination: Termination
    fallback: Fallback
    judge: str

    def subject(self, state: MakerState) -> tuple[Sequence[BaseMessage], Result]:
        """What the checker judges."""
        draft = state.get("draft")
        assert draft is not None
        return state.get("messages", []), draft

    def maker_node(self) -> Node:
        """Draft, or mend the last draft."""
        name = self.author.name

        def prepare(state: MakerState, _runtime: Runtime[RunContext]) -> Sequence[BaseMessage]:
            told = as_heard(whole(state.get("messages", [])), self.author.speaks_as)
            draft = state.get("draft")
            return [*told, *feedback(draft, name, state.get("rounds", 0))] if draft else told

        def finish(state: MakerState, worked: Worked, runtime: Runtime[RunContext]) -> Command[Any]:
            update = {"results": {name: worked.result}, "route": [name], "rounds": state.get("rounds", 0) + 1}
            if worked.is_done:
                return Command(update={**update, "draft": as_draft(worked.result)}, goto=CHECK)
            reason = f"{name!r} stopped: {worked.result.get('error', '')}"
            return Command(update={**update, **stopped(reason, runtime, by=self.pattern, state=state)}, goto=END)

        return working_node(self.author, prepare=prepare, finish=finish, needed=True)

    def check_node(self, checks: tuple[Any, ...]) -> Node:
        """First what code can decide."""

        async def node(state: MakerState, runtime: Runtime[RunContext]) -> Command[Any]:
            _, draft = self.subject(state)
            verdicts = [await checked(each, draft) for each in checks]
            objections = [each for verdict in verdicts if not verdict.approved for each in verdict.objections]
            if objections:
                return self.ruled(state, Verdict(approved=False, objections=objections), runtime)
            return Command(goto=self.judge_node)

        return node

    def ruled(self, state: MakerState, verdict: Verdict, runtime: Runtime[RunContext]) -> Command[Any]:
        """What follows from a verdict: the end, another round, or the fallback."""
        _, judged = self.subject(state)
        draft = as_draft(judged)
        rounds = state.get("rounds", 0)
        if verdict.approved:
            tell(runtime, "note", agent=self.judge, text=f"Draft {rounds} is approved.")
            warning = NOT_JUDGED if NOT_JUDGED in verdict.objections else ""
            return Command(update={**given(draft, state, runtime, self.author.name), "warning": warning}, goto=END)
        objected = as_draft(judged, verdict)
        best = better(state.get("best"), objected)
        listed = "\n".join(f"- {each}" for each in verdict.objections)
        tell(runtime, "note", agent=self.judge, text=f"Draft {rounds} has to be changed:\n{listed}")
        reason = self.termination.reason_to_stop(Progress(rounds=rounds, route=state.get("route", ())))
        update = {"draft": objected, "best": best}
        return (
            Command(update={**update, "ended": reason}, goto=DECIDE)
            if reason
            else Command(update=update, goto=self.author.name)
        )


def as_draft(result: Result, verdict: Verdict | None = None) -> Draft:
    """A result as a draft, with what was found wrong with it."""
    objections, score = (verdict.objections, verdict.score) if verdict else ([], None)
    return cast(Draft, {**result, "objections": objections, "score": score})


def feedback(draft: Draft, maker: str, number: int) -> list[BaseMessage]:
    """What the maker is told about its draft: the draft as its own words, then every objection."""
    mend = "\n".join(f"- {each}" for each in draft.get("objections", []))
    words = f"This draft is not accepted yet. Change what is objected to, and give the whole answer again:\n{mend}"
    return [
        AIMessage(draft.get("text", ""), name=maker, id=f"draft:{number}"),
        HumanMessage(words, id=f"feedback:{number}"),
    ]


def better(best: Draft | None, draft: Draft) -> Draft:
    """The better of two: by score where both have one, else by the number of objections; the newer one of equals."""
    if best is None:
        return draft
    one, other = best.get("score"), draft.get("score")
    if one is not None and other is not None:
        return draft if other >= one else best
    return draft if len(draft.get("objections", [])) <= len(best.get("objections", [])) else best


def given(
    draft: Draft, state: MakerState, runtime: Runtime[RunContext], by: str, text: str | None = None
) -> dict[str, Any]:
    """The update with which a draft becomes the answer."""
    answer = said(draft.get("text", "") if text is None else text, runtime, by=by, state=state)
    return {"messages": [answer], "output": draft.get("output")}


def _decide_node(desk: _Desk) -> Node:
    held = accept_draft

    async def node(state: MakerState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        best = state.get("best")
        assert best is not None
        objections = best.get("objections", [])
        if desk.fallback == "best":
            warning = f"Quality warning: after {state.get('rounds', 0)} drafts the check still objects: "
            warning += " ".join(objections)
            text = f"{best.get('text', '').rstrip()}\n\n{warning}"
            return {**given(best, state, runtime, desk.author.name, text), "warning": warning}
        arguments = {"draft": best.get("text", ""), "objections": objections}
        outcome = await use_tool(held, arguments, runtime, agent=desk.author.name, key="accept")
        if outcome.status == "error":
            return stopped(f"The draft was not accepted. {outcome.content}", runtime, by=desk.pattern, state=state)
        kept: Draft = best if outcome.content == best.get("text", "") else {**best, "output": None}
        return {**given(kept, state, runtime, desk.author.name, outcome.content), "warning": "", "ended": None}

    return node
