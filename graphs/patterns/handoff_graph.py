"""Handoff: one agent has the thread, and passes it on whole by calling a tool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from graphwright.runtime import RunContext, ask_person

from ..calls import use_tool
from ..naming import named
from ..speaking import tell
from .carry import Carry, as_heard, carry_over, whole
from .checking import PatternProblem, check, limit_problems, participant_problems, tool_problems, unknown_problems
from .delegating import name_problems
from .handoff_loop import LONGEST_NAME, handing_loop, transfer_tool
from .handoff_rules import (
    PERSON,
    Desk,
    Handoff,
    HandoffRules,
    answered,
    desk_to_plain,
    handed_over,
    matrix,
    new_input,
    unreached,
)
from .participants import AsParticipant, Participant, as_participants
from .state import PatternState, fresh
from .working import Node, ParticipantFailed, Worked, work

DESK = "desk"


class HandoffState(PatternState, total=False):
    """The state of a handoff; ``active`` has the thread, also at the next input."""

    handoffs: list[dict[str, Any]]
    """How the thread passed on since the newest input: from, to, whether anything was done before, and a note."""
    since: int
    """How many messages the thread had when the active agent got it."""


def handoff(
    *agents: AsParticipant,
    start: str | None = None,
    targets: Mapping[str, Sequence[str]] | None = None,
    max_handoffs: int = 8,
    return_to_previous: bool = False,
    carry: Carry = "full",
    person: str | None = None,
    name: str = "handoff",
    description: str = "",
) -> StateGraph[HandoffState, RunContext]:
    """One agent has the thread; it answers, or hands the thread over to another by calling ``transfer_to_NAME``.

    The next input of a thread goes to whoever had it last. A handoff beside other calls: those run, one handoff wins,
    and every call is answered. One that is not allowed, past the limit, or to and fro without anything done in
    between, is refused with a sentence to the model, which then answers itself. An agent that fails gives the thread
    back to whoever handed it over.

    Args:
        agents: Who takes part; a graph may too: it answers, and cannot hand over.
        start: Who gets the first input; None for the first of ``agents``.
        targets: Agent to those it may hand over to (also ``"person"``); None for everybody to everybody.
        max_handoffs: For one input.
        return_to_previous: After an answer the thread goes back to whoever handed it over.
        carry: What of the history goes along with a handoff. What an agent itself heard and said it always sees.
        person: One sentence about the person to whom agents may escalate by ``transfer_to_person``: the run waits
            for their words, which are the answer. An empty answer or a rejection gives the thread back.
        name: What the graph is called where it takes part in another.
        description: What it is good for; None for the descriptions of its agents.

    Returns:
        The graph, uncompiled; it works on ``messages``.

    Raises:
        PatternDeclarationError: listing every problem.
    """
    given = as_participants(agents)
    names = [each.name for each in given]
    everybody = [*names, PERSON] if person else names
    speaking = [each.name for each in given if each.agent]
    rules = HandoffRules(matrix(everybody, speaking, targets), max_handoffs, return_to_previous)
    first = start or (names[0] if names else "")
    described = {each.name: each.description for each in given} | ({PERSON: person} if person else {})
    check(
        name,
        participant_problems(given, at_least=1 if person else 2, reserved=(DESK, PERSON)),
        limit_problems(max_handoffs=max_handoffs),
        unknown_problems([first] if names else [], names, where="start"),
        _target_problems(everybody, speaking, targets),
        _reach_problems(rules, first, names, explicit=targets is not None),
    )
    tools = {each: transfer_tool(each, about) for each, about in described.items()}
    check(name, tool_problems(given, tools.values()))
    graph = StateGraph(HandoffState, context_schema=RunContext)
    graph.add_node(DESK, _desk_node(names, first), destinations=tuple(names))
    graph.add_edge(START, DESK)
    for number, each in enumerate(given):
        allowed = rules.targets.get(each.name, ())
        one = _speaking(each, [tools[target] for target in allowed], rules) if each.agent else each
        node = _turn(one, rules, carry, number)
        graph.add_node(each.name, node, destinations=tuple(dict.fromkeys([*everybody, END])))
    if person:
        graph.add_node(PERSON, _person_node(), destinations=(*names, END))
    return named(graph, name=name, description=description or " ".join(each.description for each in given))


def _speaking(participant: Participant, tools: Sequence[Any], rules: HandoffRules) -> Participant:
    assert participant.agent is not None
    graph = handing_loop(participant.agent, tools, rules)
    return replace(participant, graph=graph, tools=(*participant.tools, *tools))


def _target_problems(
    names: Sequence[str], speaking: Sequence[str], targets: Mapping[str, Sequence[str]] | None
) -> Iterator[PatternProblem]:
    yield from name_problems(names, longest=LONGEST_NAME)
    given = targets or {}
    yield from unknown_problems(given, names, where="targets")
    for source, allowed in given.items():
        if isinstance(allowed, str):
            yield PatternProblem(f"targets[{source!r}] is the text {allowed!r}.", "Give a list of names.")
            continue
        yield from unknown_problems(allowed, names, where=f"targets of {source!r}")
        if source in allowed:
            yield PatternProblem(f"{source!r} may hand over to itself.", "Leave it out of its own targets.")
        if allowed and source in names and source not in speaking:
            yield PatternProblem(f"{source!r} has targets, but is no agent.", "Only an agent's model can hand over.")


def _reach_problems(
    rules: HandoffRules, start: str, names: Sequence[str], *, explicit: bool
) -> Iterator[PatternProblem]:
    for each in unreached(rules, start, names) if explicit else ():
        yield PatternProblem(f"Nobody can hand over to {each!r}.", "Add it to somebody's targets, or leave it out.")


def _desk_node(names: Sequence[str], start: str) -> Node:
    async def desk(state: HandoffState, runtime: Runtime[RunContext]) -> Command[Any]:
        """At a new input: the thread is with whoever had it last."""
        kept = state.get("active")
        now = new_input(kept, names, start)
        since = state.get("since", 0) if now.active == kept else 0
        return Command(update=fresh(active=now.active, handoffs=[], since=since), goto=now.active)

    return desk


def _turn(participant: Participant, rules: HandoffRules, carry: Carry, number: int) -> Node:
    """One participant's turn at the desk."""
    compiled = participant.compiled
    name = participant.name

    async def node(state: HandoffState, runtime: Runtime[RunContext]) -> Command[Any]:
        desk = desk_of(state)
        told = await _told(state, carry, runtime, name)
        values = {"desk": desk_to_plain(desk), "told": len(told)} if participant.agent else {}

        def into(messages: list[BaseMessage]) -> Mapping[str, Any]:
            return {**(participant.into(messages) if participant.into else {"messages": messages}), **values}

        last = not desk.passed or len(desk.passed) >= rules.max_handoffs or _has_failed(state, desk.passed[-1].source)
        try:
            one = replace(participant, into=into)
            worked = await work(one, told, runtime, number=number, needed=last, compiled=compiled)
        except ParticipantFailed as error:
            return _unanswered(state, name, str(error), rules)
        return _after(state, worked, rules, is_agent=participant.agent is not None)

    return node


async def _told(state: HandoffState, carry: Carry, runtime: Runtime[RunContext], name: str) -> list[BaseMessage]:
    """What an agent hears: of what was before it got the thread as much as ``carry`` says, and everything since."""
    messages, since = state.get("messages", []), state.get("since", 0)
    before = await carry_over(messages[:since], carry, runtime, listener=name) if since else []
    told = [*before, *as_heard(whole(messages[since:]), name)]
    passed = state.get("handoffs") or []
    if carry != "full" and passed and passed[-1]["to"] == name and passed[-1].get("note"):
        told.append(HumanMessage(passed[-1]["note"], id=f"note:{len(passed)}:{len(messages)}", name=passed[-1]["from"]))
    return told


def _unanswered(state: HandoffState, name: str, error: str, rules: HandoffRules) -> Command[Any]:
    """The last one who could have answered said nothing: it ends there, and says why."""
    limit = f"The limit of {rules.max_handoffs} handoffs is reached. "
    ended = f"{limit if len(desk_of(state).passed) >= rules.max_handoffs else ''}Nobody answered. {error}"
    message = AIMessage(ended, name=name, id=f"ended:{len(state.get('messages', []))}")
    update = {"messages": [message], "route": [name], "ended": ended, "failed": True}
    return Command(update=update, goto=END)


def _after(state: HandoffState, worked: Worked, rules: HandoffRules, *, is_agent: bool) -> Command[Any]:
    """Where the thread goes after a turn."""
    desk, name = desk_of(state), worked.result["participant"]
    if not worked.is_done:
        back = desk.passed[-1].source
        text = f"{name} could not go on: {worked.result.get('error', '')}"
        said: list[BaseMessage] = [AIMessage(text, name=name, id=f"failed:{name}:{len(state.get('messages', []))}")]
        return _passed(state, worked, handed_over(desk, back, progress=False), said)
    own = list(worked.messages) if is_agent else [each for each in [worked.answer] if each is not None]
    handed = (worked.state or {}).get("handed") if is_agent else None
    if handed:
        after = handed_over(desk, handed["to"], progress=handed["progress"])
        return _passed(state, worked, after, own, note=handed["note"])
    after = answered(desk, rules)
    update = _update(state, worked, after, own)
    if after.active != name:
        update["since"] = len(state.get("messages", [])) + len(own)
    return Command(update={**update, "output": worked.result.get("output")}, goto=END)


def _passed(
    state: HandoffState, worked: Worked, after: Desk, said: Sequence[BaseMessage], *, note: str = ""
) -> Command[Any]:
    update = _update(state, worked, after, said, note=note)
    update["since"] = len(state.get("messages", [])) + len(said)
    return Command(update=update, goto=after.active)


def _update(
    state: HandoffState, worked: Worked, after: Desk, said: Sequence[BaseMessage], *, note: str = ""
) -> dict[str, Any]:
    name = worked.result["participant"]
    return {
        "messages": list(said),
        "active": after.active,
        "handoffs": _noted(state, after, note),
        "rounds": len(after.passed),
        "route": [name],
        "results": {name: worked.result},
    }


def _noted(state: HandoffState, after: Desk, note: str) -> list[dict[str, Any]]:
    kept = list(state.get("handoffs") or [])
    new = [
        {"from": each.source, "to": each.target, "progress": each.progress, "note": note}
        for each in after.passed[len(kept) :]
    ]
    return [*kept, *new]


def _person_node() -> Node:
    async def node(state: HandoffState, runtime: Runtime[RunContext]) -> Command[Any]:
        """Ask the person; their words are the answer, silence or a rejection gives the thread back."""
        desk = desk_of(state)
        by, question = desk.passed[-1].source, (state.get("handoffs") or [{}])[-1].get("note", "")
        tell(runtime, "note", agent=PERSON, text=f"{by} asks a person: {question}")
        outcome = await use_tool(
            ask_person,
            {"question": question or "Please take over."},
            runtime,
            agent=by,
            key=f"person:{len(desk.passed)}",
        )
        said = outcome.content.strip() if outcome.status == "success" else ""
        place = f"person:{len(state.get('messages', []))}"
        if said:
            update = {"messages": [AIMessage(said, name=PERSON, id=place)], "active": by, "route": [PERSON]}
            return Command(update=update, goto=END)
        why = outcome.content if outcome.status == "error" else "They had nothing to say."
        after = handed_over(desk, by, progress=False)
        message = AIMessage(f"The person did not take over. {why}", name=PERSON, id=place)
        return Command(
            update={
                "messages": [message],
                "active": after.active,
                "handoffs": _noted(state, after, ""),
                "rounds": len(after.passed),
                "route": [PERSON],
                "since": len(state.get("messages", [])) + 1,
            },
            goto=after.active,
        )

    return node


def desk_of(state: HandoffState) -> Desk:
    """Who has the thread, from the state."""
    passed = tuple(Handoff(each["from"], each["to"], each["progress"]) for each in state.get("handoffs") or ())
    return Desk(state.get("active") or "", passed)


def _has_failed(state: HandoffState, name: str) -> bool:
    result = (state.get("results") or {}).get(name)
    return result is not None and result["status"] == "error"
