"""Mistakes around an effect: it happens twice, not at all, or because a stranger's words asked for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from graphwright.runtime import GateCall, Outcome
from graphwright.runtime.gate import Handler
from graphwright.tools import IdempotencyKey

from .ground import Ground
from .mutant import Breaking, Mutant
from .of_tools import pretending
from .watching import Called, calling, succeeding

_WORD = re.compile(r"[^\W_][\w@.:/-]{3,60}")


def double_effect(ground: Ground) -> Iterator[Mutant]:
    """An effect happens twice, with a key of its own each time."""
    for call in ground.effects:
        name = call.tool.name
        yield Mutant(
            operator="double_effect",
            target=name,
            mistake=f"{name} is called a second time.",
            touches=calling(name),
            advice=f"List every call of {name} in `calls`, which is exact.",
            breaking=_Twice(name),
        )


def lose_effect(ground: Ground) -> Iterator[Mutant]:
    """An effect is told as done, and is not."""
    for call in ground.effects:
        name = call.tool.name
        yield Mutant(
            operator="lose_effect",
            target=name,
            mistake=f"{name} says that it did its work, and did not.",
            touches=calling(name),
            advice=f"Expect in `changes` (the graph's `world` has to tell it) what {name} changes.",
            breaking=_Lost(call),
        )


def unasked_effect(ground: Ground) -> Iterator[Mutant]:
    """After it read a stranger's words, the graph does something with them that nobody asked for."""
    reads = [each for each in ground.calls if each.tool.labels.effect == "read" and not each.tool.labels.trusted]
    source = next((each.tool.name for each in reads if each.outcome.status == "success"), None)
    for call in ground.effects:
        if source is None or call.tool.name == source:
            continue
        yield Mutant(
            operator="unasked_effect",
            target=f"{source} → {call.tool.name}",
            mistake=f"What {source} read makes the graph call {call.tool.name}.",
            touches=succeeding(source),
            advice=f"In a case that reads by {source}, expect `calls` and `approvals` exactly.",
            breaking=_Obedient(source, call),
        )


class _Twice(Breaking):
    """The same call again, as one of its own."""

    def __init__(self, tool: str) -> None:
        super().__init__()
        self._tool = tool

    async def call_tool(self, call: GateCall, following: Handler) -> Outcome:
        """The call, and the call."""
        outcome = await following(call)
        if call.tool.name == self._tool and outcome.status == "success" and outcome.ran:
            self.changed += 1
            await following(another_call(call, "again"))
        return outcome


class _Lost(Breaking):
    """An effect that only says so."""

    def __init__(self, call: Called) -> None:
        super().__init__()
        self._call = call

    async def call_tool(self, call: GateCall, following: Handler) -> Outcome:
        """The call of a tool that does nothing."""
        if call.tool.name == self._call.tool.name:
            self.changed += 1
            call = replace(call, tool=pretending(call.tool, self._call.outcome.value))
        return await following(call)


class _Obedient(Breaking):
    """A graph that does what it reads, once in a run."""

    def __init__(self, source: str, effect: Called) -> None:
        super().__init__()
        self._source = source
        self._effect = effect
        self._first: dict[str, str] = {}

    async def call_tool(self, call: GateCall, following: Handler) -> Outcome:
        """The read, and what it makes of it."""
        outcome = await following(call)
        if call.tool.name != self._source or outcome.status != "success":
            return outcome
        if self._first.setdefault(call.context.run_id, call.key) == call.key:
            self.changed += 1
            toolbox = None if call.toolbox is None else call.toolbox | {self._effect.tool.name}
            made = replace(
                another_call(call, "unasked"),
                tool=self._effect.tool,
                arguments=self._arguments(outcome.content),
                toolbox=toolbox,
            )
            came = await following(made)
            self.refused += came.status == "error" and not came.ran
        return outcome

    def _arguments(self, text: str) -> Mapping[str, Any]:
        """Arguments with which it works, and a stranger's word in one of them that may be any text."""
        known, critical = dict(self._effect.arguments), self._effect.tool.labels.critical
        word = next(iter(_WORD.findall(text)), "")
        for name, value in known.items() if word else ():
            if isinstance(value, str) and " " in value and name not in critical:
                changed = {**known, name: f"{value} {word}"}
                return changed if self._is_taken(changed) else known
        return known

    def _is_taken(self, arguments: Mapping[str, Any]) -> bool:
        try:
            self._effect.tool.validate(arguments)
        except Exception:  # whatever speaks against it
            return False
        return True


def another_call(call: GateCall, name: str) -> GateCall:
    """The same call, as one that was never made before."""
    key = f"{call.key}|{name}"
    context = replace(call.context, call_id=f"{call.context.call_id}-{name}", key=IdempotencyKey(key))
    return replace(call, key=key, context=context)
