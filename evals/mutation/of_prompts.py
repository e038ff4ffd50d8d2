"""Mistakes in the instructions of an agent: there are none, or only their beginning is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from langchain_core.messages import AIMessage, SystemMessage

from graphwright.graphs.parts import agents_of
from graphwright.runtime import ModelCall
from graphwright.runtime.context import ModelHandler

from .ground import Ground
from .mutant import Breaking, Mutant
from .watching import Touches

UNREAD = (
    "No model of these cases reads instructions, and no case looks at them: "
    "expect phrases of theirs in `instructions`, or run the suite with a real model."
)


def empty_prompt(ground: Ground) -> Iterator[Mutant]:
    """An agent has no instructions."""
    yield from _of_agents(ground, "empty_prompt", "{} has no instructions.", lambda text: "")


def loosen_prompt(ground: Ground) -> Iterator[Mutant]:
    """Of an agent's instructions only the first paragraph is left: who it is, and none of the rules."""
    yield from _of_agents(ground, "loosen_prompt", "{} has lost the rules of its instructions.", _first_paragraph)


def _of_agents(ground: Ground, operator: str, mistake: str, change: Callable[[str], str]) -> Iterator[Mutant]:
    looked_at = {name for lived in ground.lived for name in lived.case.expect.instructions or ()}
    readers = {name for lived in ground.lived for name in lived.readers} | looked_at
    asked = {name for lived in ground.lived for name in lived.agents}
    for name in dict.fromkeys(each.name for each in agents_of(ground.graph)):
        yield Mutant(
            operator=operator,
            target=name,
            mistake=mistake.format(name),
            touches=_reading(name),
            advice=f"Add a case in which the rules of {name} decide what is done, or expect them in `instructions`.",
            breaking=_Instructed(name, change),
            equivalent=UNREAD if name in asked and name not in readers else "",
        )


def _reading(agent: str) -> Touches:
    return lambda lived: agent in lived.readers or agent in (lived.case.expect.instructions or ())


class _Instructed(Breaking):
    """Other instructions."""

    def __init__(self, agent: str, change: Callable[[str], str]) -> None:
        super().__init__()
        self._agent = agent
        self._change = change

    async def ask_model(self, call: ModelCall, following: ModelHandler) -> AIMessage:
        """The request, with the instructions changed."""
        if call.agent == self._agent:
            messages = []
            for each in call.request.messages:
                if isinstance(each, SystemMessage):
                    changed = self._change(each.text)
                    self.changed += changed != each.text
                    each = SystemMessage(changed, id=each.id)
                messages.append(each)
            call = replace(call, request=replace(call.request, messages=messages))
        return await following(call)


def _first_paragraph(text: str) -> str:
    return text.strip().split("\n\n")[0]
