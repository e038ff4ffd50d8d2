"""Who is next where somebody names a speaker: by name, asked once more if nobody is called that, then in turn.

Pure functions. A manager that is wrong for ever costs one more question each time and never a loop.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

RETRIES = 1
"""How often a manager that named nobody known is asked again before the turn goes round."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Who is next, and how that came about."""

    speaker: str
    """Empty where the manager is to be asked again."""
    how: Literal["named", "again", "in_turn"]


def choose(named: str | None, names: Sequence[str], *, tries: int, last: str) -> Choice:
    """Who is next.

    Args:
        named: What the manager said; None where it said nothing that can be read.
        names: Who takes part, in order; at least one.
        tries: How often the manager was wrong about this turn already.
        last: Who spoke last; empty if nobody has.
    """
    speaker = known(named or "", names)
    if speaker:
        return Choice(speaker, "named")
    if tries < RETRIES:
        return Choice("", "again")
    return Choice(in_turn(names, last), "in_turn")


def in_turn(names: Sequence[str], last: str) -> str:
    """Who comes after ``last`` when the turn goes round; the first where nobody has spoken."""
    return names[(names.index(last) + 1) % len(names)] if last in names else names[0]


def known(said: str, names: Sequence[str]) -> str:
    """The one name that ``said`` means: exactly, but for case and quotes, or as its only known word. Else empty."""
    wanted = said.strip().strip("'\"`*.").casefold()
    exact = [name for name in names if name.casefold() == wanted]
    if exact:
        return exact[0]
    words = set(re.findall(r"[\w-]+", said.casefold()))
    found = [name for name in names if name.casefold() in words]
    return found[0] if len(found) == 1 else ""


def told_names(names: Sequence[str]) -> str:
    """Names as a sentence lists them."""
    return ", ".join(repr(name) for name in names)
