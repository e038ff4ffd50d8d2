"""When to stop: one policy for every pattern, pure, and combined with ``|``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.messages import BaseMessage

from ..catalogue import GraphDeclarationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a pattern has come on the newest input."""

    rounds: int = 0
    """Rounds that have ended: turns of a chat, handoffs, drafts, steps; whatever the pattern counts."""
    stalls: int = 0
    """How often in a row, or on balance, nothing was gained."""
    resets: int = 0
    """How often it has begun anew with another plan."""
    route: Sequence[str] = ()
    """Who has worked, oldest first."""
    messages: Sequence[BaseMessage] = ()


Predicate = Callable[[Progress], str | bool | None]
"""A question about the progress: a sentence or True to stop, anything empty to go on. It must be pure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Termination:
    """Limits after which a pattern stops; whichever is reached first counts. None is no limit.

    What a run may spend is not among them: budgets hold in every graph, and end the run themselves.

    Raises:
        GraphDeclarationError: listing every limit that is not a positive whole number.
    """

    max_rounds: int | None = None
    """It stops when this many rounds have ended."""
    max_stall: int | None = None
    """It stops when more than this many stalls are counted."""
    max_resets: int | None = None
    """It stops when it would have begun anew more than this many times."""
    max_ping_pong: int | None = None
    """It stops when the work has gone to and fro between the same two more than this many times in a row."""
    max_messages: int | None = None
    """It stops when the history holds this many messages."""
    predicate: Predicate | None = None
    also: tuple[Termination, ...] = field(default=(), repr=False)
    """Further policies, each of which may stop it; made by ``|``."""

    def __post_init__(self) -> None:
        wrong = [
            f"{name} is {value!r}"
            for name in ("max_rounds", "max_stall", "max_resets", "max_ping_pong", "max_messages")
            if (value := getattr(self, name)) is not None
            and (isinstance(value, bool) or not isinstance(value, int) or value < 1)
        ]
        if wrong:
            raise GraphDeclarationError(
                f"A Termination cannot be declared: {'; '.join(wrong)}. Limits are whole numbers, 1 or more."
            )

    def __or__(self, other: Termination) -> Termination:
        """A policy that stops as soon as either does."""
        return replace(self, also=(*self.also, other))

    def reason_to_stop(self, progress: Progress) -> str | None:
        """Why it must stop now, as a sentence; None if it may go on."""
        own = (self._by_limits(progress), self._by_predicate(progress))
        return next((each for each in (*own, *(policy.reason_to_stop(progress) for policy in self.also)) if each), None)

    def _by_limits(self, progress: Progress) -> str | None:
        if self.max_rounds is not None and progress.rounds >= self.max_rounds:
            return f"The limit of {self.max_rounds} rounds is reached."
        if self.max_stall is not None and progress.stalls > self.max_stall:
            return f"Nothing was gained {progress.stalls} times; {self.max_stall} are allowed."
        if self.max_resets is not None and progress.resets > self.max_resets:
            return f"It began anew {progress.resets} times; {self.max_resets} are allowed."
        if self.max_ping_pong is not None and (times := ping_pongs(progress.route)) > self.max_ping_pong:
            one, other = progress.route[-2:]
            return f"The work went to and fro between {one!r} and {other!r} {times} times."
        if self.max_messages is not None and len(progress.messages) >= self.max_messages:
            return f"The limit of {self.max_messages} messages is reached."
        return None

    def _by_predicate(self, progress: Progress) -> str | None:
        answer: Any = self.predicate(progress) if self.predicate else None
        return answer if isinstance(answer, str) and answer else "Its condition is fulfilled." if answer else None


def ping_pongs(route: Sequence[str]) -> int:
    """How often the work came straight back at the end of a route: a, b, a is once, a, b, a, b twice."""
    if len(route) < 3 or route[-1] == route[-2]:
        return 0
    times = 0
    while len(route) >= times + 3 and route[-1 - times] == route[-3 - times]:
        times += 1
    return times
