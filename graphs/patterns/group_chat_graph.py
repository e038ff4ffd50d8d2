"""Group chat: a few participants and perhaps a person in one thread, one speaking at a time."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, TypeAlias

from langchain_core.messages import BaseMessage, HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from graphwright.agents import Agent
from graphwright.runtime import RunContext, ask_person

from ..calls import AgentFailed, use_tool
from ..naming import named
from .asking import ask, filled, form_of
from .briefing import briefed, listed, request_of, said
from .carry import as_heard, last_said, whole
from .checking import PatternProblem, check, participant_problems, writing_problems
from .delegating import delegate_tool, name_problems
from .group_chat_turns import NOBODY, called, chat_from_plain, chat_to_plain, is_silent, spoke
from .participants import AsParticipant, Participant, as_participants
from .speakers import in_turn, told_names
from .state import PatternState, Result, fresh
from .termination import Progress, Termination
from .without_forms import is_offline, next_by_tools
from .working import Node, work

MANAGER = "manager"
PERSON = "person"
MOST = 3
DEFAULT_ROUNDS = 9
"""Turns after which a chat ends where nothing else was declared."""
Manager: TypeAlias = Literal["round_robin"] | Callable[[Progress], str | None] | Agent
"""Who names the next speaker: the turn goes round, a pure function (None ends the chat), or a model."""
READ_ONLY = "In a group chat nobody acts, or several might act on the same words."


class ChatState(PatternState, total=False):
    """The state of a group chat."""

    chat: dict[str, Any]
    """Whose turns there were since the newest input, how many in a row were silent, how often nobody was named."""
    began: int
    """How many messages the thread had when the newest input began."""


def group_chat(
    *participants: AsParticipant,
    manager: Manager = "round_robin",
    person: str | None = None,
    termination: Termination | None = None,
    name: str = "group_chat",
    description: str = "",
) -> StateGraph[ChatState, RunContext]:
    """Participants talk in one thread that all of them see; a manager says who is next, and when it is over.

    It ends when the manager ends it, when everybody in a row had nothing to say, or by ``termination``; the newest
    words are the answer. A participant that fails is silent for that turn. A manager that names nobody who is there
    is asked once more; then the turn goes round.

    Args:
        participants: Three or fewer; they may read, and have no tool that changes the world.
        manager: Who names the next speaker.
        person: One sentence about a person who takes part, last in the round: the run waits for their words; an empty
            answer or a rejection passes.
        termination: When it ends; a round is one turn. None: after nine turns.
        name: What the graph is called where it takes part in another.
        description: What it is good for; empty for the descriptions of its participants.

    Returns:
        The graph, uncompiled; it works on ``messages``.

    Raises:
        PatternDeclarationError: listing every problem.
    """
    given = as_participants(participants)
    check(
        name,
        participant_problems(given, at_most=MOST, reserved=("begin", MANAGER, PERSON)),
        name_problems(each.name for each in given),
        writing_problems(given, READ_ONLY),
        _manager_problems(manager),
    )
    names = tuple(each.name for each in given) + ((PERSON,) if person else ())
    leader = _Leader(manager, given, person, termination or Termination(max_rounds=DEFAULT_ROUNDS))
    graph = StateGraph(ChatState, context_schema=RunContext)
    graph.add_node("begin", _begin)
    graph.add_edge(START, "begin")
    graph.add_edge("begin", MANAGER)
    graph.add_node(MANAGER, leader.node, destinations=(MANAGER, *names, END))
    for number, each in enumerate(given):
        graph.add_node(each.name, _turn(each, number))
        graph.add_edge(each.name, MANAGER)
    if person:
        graph.add_node(PERSON, _person_turn)
        graph.add_edge(PERSON, MANAGER)
    return named(graph, name=name, description=description or " ".join(each.description for each in given))


def _manager_problems(manager: Any) -> Iterator[PatternProblem]:
    hint = "It must be 'round_robin', a function that names the next speaker, or an agent."
    if isinstance(manager, Agent):
        if len(manager.toolbox):
            yield PatternProblem(f"Manager {manager.name!r} has tools; it only names who speaks.", "Take them away.")
    elif inspect.iscoroutinefunction(manager) or (manager != "round_robin" and not callable(manager)):
        yield PatternProblem(f"manager is {manager!r}.", hint)


async def _begin(state: ChatState) -> dict[str, Any]:
    return fresh(chat=None, began=len(state.get("messages", [])), active=None)


class _Leader:
    """The node that names the next speaker."""

    def __init__(
        self, manager: Manager, participants: Sequence[Participant], person: str | None, termination: Termination
    ) -> None:
        self.agent: Agent | None = None
        self._names = tuple(each.name for each in participants) + ((PERSON,) if person else ())
        self._termination = termination
        self._choose = None if isinstance(manager, Agent) or manager == "round_robin" else manager
        if isinstance(manager, Agent):
            about = listed(participants) + (f"\n- {PERSON}: {person}" if person else "")
            self.agent = briefed(manager, "patterns/group_chat", participants=about)
        self._tools = {each.name: delegate_tool(each) for each in participants}
        self._form = form_of(
            "NextSpeaker",
            reason={"type": "string", "description": "Why, in one sentence."},
            next_speaker={"type": "string", "enum": [*self._names, NOBODY], "description": "Who speaks next."},
        )

    async def node(self, state: ChatState, runtime: Runtime[RunContext]) -> Command[Any]:
        """Name the next speaker, or end the chat."""
        chat = chat_from_plain(state.get("chat"))
        progress = Progress(
            rounds=len(chat.turns), stalls=chat.silent, route=chat.turns, messages=state.get("messages", [])
        )
        if chat.turns and (reason := self._termination.reason_to_stop(progress)):
            return self._end(state, reason)
        if is_silent(chat, self._names):
            return self._end(state, None)
        named_one = await self._named(state, progress, runtime)
        if named_one is None or named_one.strip().casefold() == NOBODY:
            return self._end(state, None)
        chat, choice = called(chat, named_one, self._names)
        goto = choice.speaker or MANAGER
        return Command(update={"chat": chat_to_plain(chat), "active": choice.speaker or None}, goto=goto)

    async def _named(self, state: ChatState, progress: Progress, runtime: Runtime[RunContext]) -> str | None:
        last = progress.route[-1] if progress.route else ""
        if self.agent is not None:
            return await self._asked(state, self.agent, runtime)
        if self._choose is None:
            return in_turn(self._names, last)
        name = self._choose(progress)
        if name is not None and name not in (*self._names, NOBODY):
            raise AgentFailed(
                f"The manager function of the group chat named {name!r}. There are: {told_names(self._names)}. "
                "Correct the function; None ends the chat."
            )
        return name

    async def _asked(self, state: ChatState, agent: Agent, runtime: Runtime[RunContext]) -> str | None:
        messages = state.get("messages", [])
        if is_offline(agent, runtime):
            given = [
                {"who": each.name or "", "what": "", "text": each.text}
                for each in messages[state.get("began", 0) :]
                if each.name in self._tools
            ]
            return await next_by_tools(agent, request_of(messages), given, self._tools, runtime) or None
        tries = chat_from_plain(state.get("chat")).tries
        shown = as_heard(whole(messages), agent.name)
        if tries:
            shown.append(HumanMessage(f"Nobody is called that. Name one of: {told_names([*self._names, NOBODY])}."))
        else:
            shown.append(HumanMessage("Who speaks next?"))
        answer = await ask(agent, shown, runtime, form=self._form)
        return str(filled(answer).get("next_speaker") or "")

    def _end(self, state: ChatState, reason: str | None) -> Command[Any]:
        update: dict[str, Any] = {"ended": reason, "active": None}
        if not last_said([each for each in state.get("messages", [])[state.get("began", 0) :] if each.type == "ai"]):
            update |= {"ended": reason or "Nobody said anything.", "failed": True}
            update["messages"] = [said(update["ended"], MANAGER, state.get("messages", []))]
        return Command(update=update, goto=END)


def _turn(participant: Participant, number: int) -> Node:
    compiled = participant.compiled

    async def node(state: ChatState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        worked = await work(participant, _heard(state, participant.name), runtime, number=number, compiled=compiled)
        return _said(state, participant.name, worked.answer if worked.is_done else None, worked.result)

    return node


def _heard(state: ChatState, listener: str) -> list[BaseMessage]:
    """The thread as a participant hears it, and what it is about at the end: others have spoken since it was asked."""
    messages = state.get("messages", [])
    heard = as_heard(whole(messages), listener)
    if chat_from_plain(state.get("chat")).turns:
        heard.append(HumanMessage(f"It is your turn. This is about: {request_of(messages)}"))
    return heard


def _said(state: ChatState, name: str, message: BaseMessage | None, result: Result | None = None) -> dict[str, Any]:
    chat = spoke(chat_from_plain(state.get("chat")), name, message.text if message else "")
    update: dict[str, Any] = {"chat": chat_to_plain(chat), "rounds": len(chat.turns), "route": [name]}
    if message is not None:
        update["messages"] = [message]
    if result is not None:
        update["results"] = {name: result}
    return update


async def _person_turn(state: ChatState, runtime: Runtime[RunContext]) -> dict[str, Any]:
    """Wait for the person's words; an empty answer or a rejection passes."""
    turn = len(chat_from_plain(state.get("chat")).turns)
    newest = last_said(state.get("messages", []))
    who = (newest[0].name or "user") if newest else ""
    question = f"{who}: {newest[0].text}" if newest else "It is your turn."
    outcome = await use_tool(ask_person, {"question": question[-2000:]}, runtime, agent=MANAGER, key=f"turn:{turn}")
    words = outcome.content.strip() if outcome.status == "success" else ""
    return _said(state, PERSON, said(words, PERSON, state.get("messages", [])) if words else None)
