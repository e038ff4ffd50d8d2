"""Router: one of several participants answers; code decides which where it can, a model where it cannot."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langgraph.graph import END, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from graphwright.agents import Agent
from graphwright.models import ModelAnswerMalformed, ModelRequest
from graphwright.prompts import prompt
from graphwright.runtime import RunContext

from ..naming import named
from ..speaking import ask_model, tell
from .building import BEGIN, begun, in_words, stopped
from .carry import as_heard, whole
from .checking import PatternProblem, check, participant_problems, unknown_problems
from .participants import AsParticipant, Participant, as_participant, as_participants
from .state import PatternState
from .working import Node, Worked, working_node

ROUTE = "route"
"""The node that decides."""
TRIES = 2
"""How often a model is asked for a choice in all."""
Matcher: TypeAlias = str | re.Pattern[str] | Callable[[str], bool]
"""A pattern that is found in the newest message, whatever the case, or a question about its text."""


class RouterState(PatternState, total=False):
    """The state of a router; ``active`` is who was chosen."""

    chosen_by: str
    """What decided: ``rule 2``, the name of the agent that chose, or ``default``."""


def router(
    routes: Mapping[str, AsParticipant] | Sequence[AsParticipant],
    *,
    rules: Sequence[tuple[Matcher, str]] = (),
    model: Agent | None = None,
    default: str | None = None,
    name: str = "router",
    description: str = "",
) -> StateGraph[RouterState, RunContext]:
    """The conversation goes to exactly one participant, who answers.

    The rules are asked first, in order, about the newest message of a person. Where none fits, the model chooses by
    the participants' descriptions; a choice that there is not is sent back once. What is left goes to the default.

    Args:
        routes: The participants; a mapping gives them names.
        rules: Matcher and name; the first that fits decides.
        model: Who chooses; its prompt says by what. :func:`chooser` makes one. None: rules and default decide alone.
        default: Who answers when nobody was chosen; None: then the pattern stops and says so.
        name, description: What the pattern is called as a participant of another.

    Raises:
        PatternDeclarationError: listing everything wrong with the declaration.
    """
    there = _participants(routes)
    names = [each.name for each in there]
    check(
        name,
        participant_problems(there, reserved=[BEGIN, ROUTE]),
        unknown_problems([target for _, target in rules], names, where="rules"),
        unknown_problems([default] if default else [], names, where="default"),
        _deciding_problems(rules, model, default),
    )
    graph = begun(RouterState, active=None, chosen_by="")
    rule = _Rules(tuple((_matcher(each), target) for each, target in rules))
    graph.add_node(ROUTE, _Choice(name, there, rule, model, default).node, destinations=(*names, END))
    for number, each in enumerate(there):
        graph.add_node(each.name, _route_node(name, each, number))
        graph.add_edge(each.name, END)
    graph.add_edge(BEGIN, ROUTE)
    return named(graph, name=name, description=description or f"Passes a question to the right one: {in_words(there)}.")


def chooser(name: str = "router") -> Agent:
    """An agent that chooses by the participants' descriptions; it uses the run's model."""
    return Agent(name=name, description="Chooses who answers.", prompt=prompt("patterns/router"))


def _participants(routes: Mapping[str, AsParticipant] | Sequence[AsParticipant]) -> list[Participant]:
    if isinstance(routes, Mapping):
        return [as_participant(given, name=name) for name, given in routes.items()]
    return as_participants(routes)


def _deciding_problems(rules: Sequence[Any], model: Agent | None, default: str | None) -> Iterator[PatternProblem]:
    if not rules and model is None:
        yield PatternProblem("Nothing decides.", f"Give rules, or a model: {chooser.__name__}() makes one.")
    for number, (matcher, _) in enumerate(rules, 1):
        if not callable(matcher) and not isinstance(matcher, str | re.Pattern):
            yield PatternProblem(f"Rule {number} has a {type(matcher).__name__}.", "Give a pattern or a function.")
        if isinstance(matcher, str):
            try:
                re.compile(matcher)
            except re.error as error:
                yield PatternProblem(f"The pattern of rule {number} cannot be read: {error}.", "Correct it.")


def _matcher(matcher: Matcher) -> Callable[[str], bool]:
    if isinstance(matcher, str):
        matcher = re.compile(matcher, re.IGNORECASE)
    if isinstance(matcher, re.Pattern):
        found = matcher.search
        return lambda text: found(text) is not None
    return matcher


@dataclass(frozen=True)
class _Rules:
    rules: tuple[tuple[Callable[[str], bool], str], ...]

    def choice(self, text: str) -> tuple[str, str] | None:
        """The target of the first rule that fits, and which rule it was."""
        for number, (fits, target) in enumerate(self.rules, 1):
            if fits(text):
                return target, f"rule {number}"
        return None


@dataclass(frozen=True)
class _Choice:
    """The deciding node, with what never changes made once."""

    pattern: str
    there: Sequence[Participant]
    rules: _Rules
    agent: Agent | None
    default: str | None

    async def node(self, state: RouterState, runtime: Runtime[RunContext]) -> Command[Any]:
        """Decide who answers."""
        messages = state.get("messages", [])
        found = self.rules.choice(_newest(messages)) or await self._by_model(messages, runtime)
        if found is None and self.default is not None:
            found = self.default, "default"
        if found is None:
            names = ", ".join(each.name for each in self.there)
            reason = f"Nobody was found for this: no rule fits, and there is no default among {names}."
            return Command(update=stopped(reason, runtime, by=self.pattern, state=state), goto=END)
        target, by = found
        tell(runtime, "note", agent=self.agent.name if self.agent else self.pattern, text=f"To {target} ({by}).")
        return Command(update={"active": target, "chosen_by": by}, goto=target)

    async def _by_model(self, messages: Sequence[BaseMessage], runtime: Runtime[RunContext]) -> tuple[str, str] | None:
        if self.agent is None:
            return None
        names = [each.name for each in self.there]
        asked: list[BaseMessage] = [self._instructions(), *as_heard(whole(messages), self.agent.name)]
        for turn in range(TRIES):
            request = ModelRequest(messages=asked, output=_schema(names))
            try:
                answer = await ask_model(self.agent, request, runtime, turn=turn)
            except ModelAnswerMalformed:
                asked = [*asked, _again(turn, "That was not a choice.", names)]
                continue
            chosen = _chosen(answer)
            if chosen in names:
                return chosen, self.agent.name
            asked = [*asked, answer, _again(turn, f"There is no {chosen!r}.", names)]
        return None

    def _instructions(self) -> SystemMessage:
        assert self.agent is not None
        listed = "\n".join(f"- {each.name}: {each.description}" for each in self.there)
        text = f"{self.agent.instructions.render()}\n\n{listed}"
        return SystemMessage(text, id=f"system:{self.agent.name}:{self.agent.instructions.version}")


def _again(turn: int, problem: str, names: Sequence[str]) -> HumanMessage:
    return HumanMessage(f"{problem} Choose one of: {', '.join(names)}.", id=f"again:{turn}")


def _schema(names: Sequence[str]) -> dict[str, Any]:
    return {
        "title": "Choice",
        "type": "object",
        "properties": {"name": {"type": "string", "enum": list(names), "description": "Who answers."}},
        "required": ["name"],
        "additionalProperties": False,
    }


def _chosen(answer: AIMessage) -> str:
    value = answer.additional_kwargs.get("parsed")
    if value is None:
        try:
            value = orjson.loads(str(answer.text))
        except orjson.JSONDecodeError:
            value = answer.text.strip()
    return str(value.get("name", "")) if isinstance(value, Mapping) else str(value)


def _newest(messages: Sequence[BaseMessage]) -> str:
    """The text of the newest message of a person; of any, if no person has spoken."""
    people: list[BaseMessage] = [each for each in messages if isinstance(each, HumanMessage)]
    return (people or list(messages))[-1].text if messages else ""


def _route_node(pattern: str, who: Participant, number: int) -> Node:
    def prepare(state: RouterState, _runtime: Runtime[RunContext]) -> Sequence[BaseMessage]:
        return as_heard(whole(state.get("messages", [])), who.speaks_as)

    def finish(state: RouterState, worked: Worked, runtime: Runtime[RunContext]) -> dict[str, Any]:
        update: dict[str, Any] = {"results": {who.name: worked.result}, "route": [who.name]}
        if not worked.is_done:
            return {
                **update,
                **stopped(f"{who.name!r} stopped: {worked.result.get('error')}", runtime, by=pattern, state=state),
            }
        return {**update, "messages": list(worked.messages), "output": worked.result.get("output")}

    return working_node(who, prepare=prepare, finish=finish, number=number, needed=True)
