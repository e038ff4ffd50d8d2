"""Mistakes around a tool: it is missing, called with the wrong arguments, gives what is old, or fails unnoticed."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from langchain_core.messages import AIMessage

from graphwright.runtime import GateCall, ModelCall, Outcome
from graphwright.runtime.context import ModelHandler
from graphwright.runtime.gate import Handler
from graphwright.tools import Tool, ToolContext

from .ground import Ground
from .mutant import Breaking, Mutant
from .watching import Called, calling, choosing, failing, name_of_spec, succeeding

NO_LIST: Mapping[type, Any] = {list: [], tuple: (), dict: {}, str: "", set: set()}


def drop_tool(ground: Ground) -> Iterator[Mutant]:
    """A tool is not there: no model is offered it, and code that calls it gets an error."""
    for tool in ground.tools:
        yield Mutant(
            operator="drop_tool",
            target=tool,
            mistake=f"The tool {tool} is missing.",
            touches=calling(tool),
            advice=f"Add a case whose answer, changes or calls need {tool}.",
            breaking=_Dropped(tool),
        )


def drop_handoff(ground: Ground) -> Iterator[Mutant]:
    """One agent cannot hand over to another any more."""
    for agent, tool in ground.handoffs:
        yield Mutant(
            operator="drop_handoff",
            target=f"{agent}/{tool}",
            mistake=f"{agent} is not offered {tool}.",
            touches=choosing(agent, tool),
            advice=f"Add a case that {agent} must hand over by {tool}, and say so in `route`.",
            breaking=_Dropped(tool, agent),
        )


def wrong_argument(ground: Ground) -> Iterator[Mutant]:
    """An argument of a tool is mapped wrongly: it is given another value of the same kind."""
    for tool in ground.called:
        calls = [each for each in ground.calls if each.tool.name == tool and each.outcome.status == "success"]
        for name in dict.fromkeys(name for each in calls for name in each.arguments):
            values = [each.arguments[name] for each in calls if each.arguments.get(name) is not None]
            if not values:
                continue
            yield Mutant(
                operator="wrong_argument",
                target=f"{tool}.{name}",
                mistake=f"{tool} is called with another {name}.",
                touches=calling(tool, with_argument=name),
                advice=f"Expect {name} of {tool} in `calls` or `reads`, or what comes of it in `changes` or `answer`.",
                breaking=_Mismapped(tool, name, values),
            )


def stale_read(ground: Ground) -> Iterator[Mutant]:
    """A read gives what it gave for another call: a stale cache or index; nothing, where it was only called alike."""
    for tool in ground.called:
        calls = [each for each in ground.calls if each.tool.name == tool and each.outcome.ran]
        reads = [each for each in calls if each.tool.labels.effect == "read" and each.outcome.status == "success"]
        # What always says the same (a handoff is confirmed) cannot be old.
        if len(reads) == 1 or len({each.outcome.content for each in reads}) > 1:
            yield Mutant(
                operator="stale_read",
                target=tool,
                mistake=f"{tool} gives what it gave before, for another call.",
                touches=succeeding(tool),
                advice=f"Expect in `answer`, `changes` or `calls` what {tool} found.",
                breaking=_Stale(tool, reads),
            )


def ignore_error(ground: Ground) -> Iterator[Mutant]:
    """What a tool says about its failure is taken for success."""
    for tool in ground.called:
        if any(each.has_failed for each in ground.calls if each.tool.name == tool):
            yield Mutant(
                operator="ignore_error",
                target=tool,
                mistake=f"A failure of {tool} is taken for success.",
                touches=failing(tool),
                advice=f"Expect in `answer` what is said when {tool} fails.",
                breaking=_Deaf(tool),
            )


class _Dropped(Breaking):
    """A tool that is not there, for everybody or for one agent."""

    def __init__(self, tool: str, agent: str | None = None) -> None:
        super().__init__()
        self._tool = tool
        self._agent = agent

    async def ask_model(self, call: ModelCall, following: ModelHandler) -> AIMessage:
        """It is not offered."""
        request = call.request
        left = tuple(spec for spec in request.tools if name_of_spec(spec) != self._tool)
        if self._agent in (None, call.agent) and len(left) < len(request.tools):
            self.changed += 1
            choice = None if request.tool_choice == self._tool else request.tool_choice
            call = replace(call, request=replace(request, tools=left, tool_choice=choice))
        return await following(call)

    async def call_tool(self, call: GateCall, following: Handler) -> Outcome:
        """Who calls it all the same is told so."""
        if call.tool.name != self._tool or self._agent is not None:
            return await following(call)
        self.changed += 1
        return Outcome(content=f"There is no tool {self._tool!r}.", status="error", ran=False)


class _Mismapped(Breaking):
    """Another value for one argument."""

    def __init__(self, tool: str, name: str, values: Sequence[Any]) -> None:
        super().__init__()
        self._tool = tool
        self._name = name
        self._values = values

    async def call_tool(self, call: GateCall, following: Handler) -> Outcome:
        """The call, with the wrong value."""
        value = call.arguments.get(self._name)
        if call.tool.name == self._tool and value is not None:
            wrong = another(value, self._values)
            self.changed += wrong != value
            call = replace(call, arguments={**call.arguments, self._name: wrong})
        return await following(call)


def another(value: Any, others: Sequence[Any]) -> Any:
    """A value like this one that is not it: one that other calls used, else one made from it."""
    for other in others:
        if type(other) is type(value) and other != value:
            return copy.deepcopy(other)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, list | tuple):
        return value[:-1]
    if isinstance(value, Mapping):
        return dict(list(value.items())[1:])
    return _other_text(value) if isinstance(value, str) else value


def _other_text(text: str) -> str:
    """The day before, another digit at the end, half of the words, or another word."""
    day = re.search(r"\d{4}-\d\d-\d\d", text)
    if day is not None:
        with suppress(ValueError, OverflowError):
            return text.replace(day[0], (date.fromisoformat(day[0]) - timedelta(days=1)).isoformat())
    digits = list(re.finditer(r"\d", text))
    if digits:
        at = digits[-1].start()
        return f"{text[:at]}{(int(text[at]) + 1) % 10}{text[at + 1 :]}"
    words = text.split()
    return " ".join(words[len(words) // 2 :]) if len(words) > 1 else f"{text}x"


class _Stale(Breaking):
    """What a read gave earlier, on the unbroken graph."""

    def __init__(self, tool: str, reads: Sequence[Called]) -> None:
        super().__init__()
        self._tool = tool
        self._reads = reads

    async def call_tool(self, call: GateCall, following: Handler) -> Outcome:
        """The call, with an old result."""
        if call.tool.name != self._tool:
            return await following(call)
        return await following(replace(call, tool=replace(call.tool, call=_Given(self._old(call)))))

    def _old(self, call: GateCall) -> Any:
        arguments = dict(call.arguments)
        same = next((each.outcome.content for each in self._reads if each.arguments == arguments), None)
        self.changed += 1
        for each in self._reads:
            if each.arguments != arguments and each.outcome.content != same:
                return copy.deepcopy(each.outcome.value)
        value = self._reads[0].outcome.value
        return next((copy.copy(empty) for kind, empty in NO_LIST.items() if isinstance(value, kind)), "")


class _Given:
    """A tool's call that gives the same whatever is asked."""

    def __init__(self, value: Any) -> None:
        self._value = value

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        return self._value


def pretending(tool: Tool, value: Any) -> Tool:
    """The tool, which does nothing and says that it did."""
    return replace(tool, call=_Given(copy.deepcopy(value)))


class _Deaf(Breaking):
    """Errors that nobody hears."""

    def __init__(self, tool: str) -> None:
        super().__init__()
        self._tool = tool

    async def call_tool(self, call: GateCall, following: Handler) -> Outcome:
        """The outcome, an error told as a success."""
        outcome = await following(call)
        if call.tool.name == self._tool and outcome.status == "error" and outcome.ran:
            self.changed += 1
            return Outcome(content="Done.", value=None)
        return outcome
