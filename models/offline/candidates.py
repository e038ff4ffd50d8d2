"""What a text offers for a parameter: typed candidates with a score each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .cues import Slot, mention_nearness
from .mentions import Mention, Scene
from .schema import Param


@dataclass(frozen=True, slots=True)
class Candidate:
    """One value that a parameter could take from the text."""

    value: Any
    start: int
    end: int
    score: float
    mention: Mention | None = None
    evidence: float = 0.0
    """How much the value speaks for a tool that takes it, in log-odds: arithmetic for a calculator."""


def literals(slot: Slot, scene: Scene, fits: Any) -> Iterator[Candidate]:
    """Lists and objects that the text writes out, `[1, 2]`, when they have the parameter's type."""
    for mention in scene.mentions:
        if mention.kind == "list":
            value = cast(mention.value, slot.param)
            if fits(value, slot.param):
                score = 1.0 + mention_nearness(slot, scene, mention)
                yield Candidate(value, mention.start, mention.end, score, mention)


def cast(value: Any, param: Param) -> Any:
    """A written-out value in the parameter's types where that loses nothing."""
    if param.kind == "array" and isinstance(value, list) and param.item is not None:
        return [cast(entry, param.item) for entry in value]
    if param.kind == "string" and isinstance(value, int | float):
        return str(value)
    if param.kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def enumerated(text: str) -> bool:
    """Whether a piece of text only joins the members of an enumeration."""
    return re.fullmatch(r"\s*(?:,\s*(?:and|or)?|and|or|&)\s*(?:the |an? )?", text) is not None
