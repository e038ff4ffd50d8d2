"""Calls that a story spreads over sentences: what one sentence leaves open, another has said."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from .arguments import OPTIONAL, assign, offers
from .frames import Frame, frames
from .mentions import Scene
from .schema import ToolSpec

SURE, ALONE = 0.55, 0.8
"""How sure a value must be to make a sentence ask for a call of its own: beside others, and as the only one."""


def said_apart(tool: ToolSpec, parts: Sequence[Scene]) -> Frame:
    """Optional values that a sentence gives for all calls: 'Use a level of 0.05 for both.'"""
    optional = {p.name for p in tool.params if not p.required}
    return {
        name: c
        for part in reversed(parts)
        for name, c in assign(offers(tool, part)).items()
        if name in optional and c.score >= OPTIONAL
    }


def inheriting(tool: ToolSpec, parts: Sequence[Scene], whole: Scene) -> list[Frame]:
    """The values of each call; fewer than two when no two sentences name enough values of their own."""
    required = [p.name for p in tool.params if p.required and p.kind != "boolean"]
    rows: list[Frame] = []
    said: Frame = {}
    for part in parts:
        for frame in frames(tool, part):
            sure = {name: c for name, c in frame.items() if c.score >= SURE}
            if _asks(sure, required):
                rows.append(sure)
            else:
                said = {**sure, **said}
    return _completed(rows, said, assign(offers(tool, whole)), required) if len(rows) > 1 else []


def _asks(sure: Frame, required: Sequence[str]) -> bool:
    """Whether the values found make at least half of a call."""
    named = [name for name in required if name in sure]
    if len(required) == 1 or len(named) == 1:
        return bool(named) and len(required) <= 2 and sure[named[0]].score >= ALONE
    return len(named) >= max(1, ceil(len(required) / 2))


def _completed(rows: Sequence[Frame], said: Frame, base: Frame, required: Sequence[str]) -> list[Frame]:
    done: list[Frame] = []
    before: Frame = {}
    for row in rows:
        inherited = {name: c for name, c in {**base, **before, **said}.items() if name in required or name in said}
        before = {**inherited, **row}
        done.append(before)
    if not all(name in frame for frame in done for name in required):
        return []
    return list({repr(_scalars(frame, required)): frame for frame in reversed(done)}.values())[::-1]


def _scalars(frame: Frame, required: Sequence[str]) -> list[object]:
    """The required values that tell one call from another; lists are too vague for that."""
    return [frame[name].value for name in required if not isinstance(frame[name].value, list)]
