"""A guardrail, declared: what it looks for, where, and what becomes of what it finds. Checking is a pure function."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast

from ..errors import RuntimeProblem

Place = Literal["input", "call", "result", "output"]
"""What the user sends, the arguments of a tool call, what the tool returned, what the run answers."""
Action = Literal["block", "redact", "flag"]
PLACES: tuple[Place, ...] = ("input", "call", "result", "output")
UNKNOWN: Any = object()
"""In place of a clean value where whoever looked has none."""


class GuardrailError(RuntimeProblem):
    """A guardrail is declared wrongly, or cannot be found. For the operator; no run goes on without it."""


class GuardrailBlocked(RuntimeProblem):
    """The input was not taken; nothing was stored. For whoever sent it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What somebody who looked at a value has against it."""

    sentence: str
    """What was found, without repeating it."""
    clean: Any = UNKNOWN
    """The value without it, for ``redact``."""


Look = Callable[[Any], "Found | None"] | Callable[[Any], "Awaitable[Found | None]"]
"""Looks at one value (plain data: texts, numbers, lists, mappings) and says what it has against it.

One that is a coroutine function asks somebody else, a model say: it may only flag.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """One thing that may not pass."""

    name: str
    look: Look
    at: frozenset[Place]
    do: Action
    tools: frozenset[str] = frozenset()
    """Calls and results of these tools only; empty: of all."""
    answers: bool = True
    """At the input: whether it looks at what people answer as well: texts, lists of values, parts of a state."""

    def __post_init__(self) -> None:
        if self.is_telemetry and self.do != "flag":
            raise GuardrailError(
                f"Guardrail {self.name!r} asks somebody else (it is a coroutine function) and wants to {self.do}. "
                "What a model says of a text is not certain enough to stop a run; say do='flag'."
            )
        if not self.at:
            raise GuardrailError(f"Guardrail {self.name!r} stands nowhere. Name some of: {', '.join(PLACES)}.")

    @property
    def is_telemetry(self) -> bool:
        """Whether it is only recorded what it says, whenever it says it."""
        return inspect.iscoroutinefunction(self.look) or inspect.iscoroutinefunction(type(self.look).__call__)

    def stands_at(self, place: Place, tool: str = "") -> bool:
        """Whether it looks at what passes here."""
        return place in self.at and (not self.tools or not tool or tool in self.tools)


@dataclass(frozen=True, slots=True)
class Noticed:
    """One guardrail's finding, and what was done about it."""

    guardrail: str
    place: Place
    did: Action
    sentence: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A value that passed guardrails, or did not."""

    value: Any
    """As it may go on; the given one itself where nothing was redacted."""
    noticed: tuple[Noticed, ...] = ()

    @property
    def blocked(self) -> Noticed | None:
        """What stopped it; None if it may go on."""
        return next((each for each in self.noticed if each.did == "block"), None)


def check(guardrails: Iterable[Guardrail], place: Place, value: Any, tool: str = "") -> Checked:
    """Let every guardrail that stands here look at a value, one after the other; telemetry is left out.

    One that fails blocks, unless it only flags. So does a redaction that leaves something behind.

    Args:
        guardrails: In the order in which they look.
        place: Where.
        value: Plain data.
        tool: Whose arguments or result it is.
    """
    noticed: list[Noticed] = []
    for each in guardrails:
        if each.is_telemetry or not each.stands_at(place, tool):
            continue
        found = _seen(each, value)
        if found is None:
            continue
        did = each.do
        if did == "redact":
            left = _seen(each, found.clean) if found.clean is not UNKNOWN else found
            did = "redact" if left is None else "block"
        noticed.append(Noticed(each.name, place, did, found.sentence))
        if did == "block":
            break
        value = found.clean if did == "redact" else value
    return Checked(value, tuple(noticed))


def _seen(guardrail: Guardrail, value: Any) -> Found | None:
    try:
        found = cast(Callable[[Any], Any], guardrail.look)(value)
    except Exception as error:
        return Found(f"It failed ({type(error).__name__}: {error}).")
    if found is None or isinstance(found, Found):
        return found
    return Found(f"It gave {type(found).__name__}, which is neither Found nor None.")
