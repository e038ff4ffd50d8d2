"""How an agent's model is kept from being sent more history than it should."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

CompactionStrategy = Literal["trim", "summarise", "clear_results"]
"""``trim`` leaves the oldest messages out, ``summarise`` puts a summary in their place, ``clear_results`` shortens old
tool results first and leaves messages out only where that is not enough."""
LEAST = 64
"""Tokens below which no conversation fits."""


class CompactionDeclarationError(ValueError):
    """A compaction was declared wrongly. For the developer: the message lists every problem found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compaction:
    """What is sent to a model of a history that has grown too long; the history in the state stays whole.

    What is left out are the oldest exchanges: a message with tool calls and all its results go together. The first
    and the newest message of a person are always sent.

    Raises:
        CompactionDeclarationError: listing every problem of the declaration at once.
    """

    budget: int
    """Tokens of history (estimated from above, without system prompt and tools) that are sent at most, as far as the
    messages which always stay leave room."""
    strategy: CompactionStrategy = "trim"
    keep: float = 0.5
    """Share of the budget that is left when it was exceeded. The lower, the rarer is the start of a prompt a new one,
    which no provider has cached."""
    model: Any = None
    """Who writes summaries: a model's spec or object; None for the agent's."""

    def __post_init__(self) -> None:
        if problems := self._problems():
            raise CompactionDeclarationError(
                "A compaction cannot be declared: " + " ".join(f"({i}) {each}" for i, each in enumerate(problems, 1))
            )

    def _problems(self) -> list[str]:
        problems = []
        if isinstance(self.budget, bool) or not isinstance(self.budget, int) or self.budget < LEAST:
            problems.append(f"budget is {self.budget!r}; it must be a whole number of {LEAST} tokens or more.")
        if self.strategy not in get_args(CompactionStrategy):
            problems.append(f"strategy is {self.strategy!r}; it is {', '.join(get_args(CompactionStrategy))}.")
        if isinstance(self.keep, bool) or not isinstance(self.keep, int | float) or not 0.1 <= self.keep <= 0.9:
            problems.append(f"keep is {self.keep!r}; it is a share between 0.1 and 0.9.")
        if self.model is not None and self.strategy != "summarise":
            problems.append(f"model is given, but strategy is {self.strategy!r}.")
        return problems
