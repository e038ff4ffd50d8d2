"""A mutant: the graph, broken in one place on purpose."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from ..altering import Alteration
from .watching import Touches


class Breaking(Alteration):
    """An alteration that counts how often it really changed something."""

    def __init__(self, *, counts: bool = True) -> None:
        self.counts = counts
        """False where nobody can see whether it mattered: of what the whole process shares."""
        self.changed = 0
        self.refused = 0
        """How often policy refused what it tried."""


def unbroken(graph: Any) -> Any:
    """The graph as it is."""
    return graph


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One way to break a graph, and who would notice.

    The terms are those of mutation testing: a suite *kills* a mutant if a case that passes on the graph fails on it;
    one that nobody could tell from the graph is *equivalent* (DeMillo, Lipton and Sayward 1978).
    """

    operator: str
    """The kind of mistake, such as ``drop_tool``."""
    target: str
    """What was broken: a tool, an argument, an edge."""
    mistake: str
    """In a sentence."""
    touches: Touches
    """Whether a case came by there when nothing was broken."""
    advice: str
    """What a case would have to do to notice."""
    breaking: Breaking
    build: Callable[[Any], Any] = unbroken
    """Breaks the uncompiled graph, in place or as a new one."""
    installed: Callable[[], AbstractContextManager[Any]] = nullcontext
    """Breaks what the whole process shares, while the mutant is run."""
    equivalent: str = ""
    """Why no case can notice it; empty where one can."""

    @property
    def id(self) -> str:
        """Names it among the mutants of a graph."""
        return f"{self.operator}:{self.target}"
