"""Mistakes in what a person reads: nothing, a wrong number, a secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from .ground import Ground
from .mutant import Breaking, Mutant

_DIGIT = re.compile(r"\d(?!.*\d)", re.S)
_NUMBER = re.compile(r"\d+")
SECRET = "sk-live-" + "4eC39HqLyjWDarjtT1zdp7dc"
"""Looks like a key, and opens nothing."""


def empty_answer(ground: Ground) -> Iterator[Mutant]:
    """The answer is empty."""
    yield Mutant(
        operator="empty_answer",
        target="answer",
        mistake="The answer is empty.",
        touches=lambda lived: bool(lived.observed.answer),
        advice="Expect in `answer` what a person needs to read.",
        breaking=_Said(lambda text: ""),
    )


def wrong_number(ground: Ground) -> Iterator[Mutant]:
    """Every number in the answer is off by one in its last digit."""
    yield Mutant(
        operator="wrong_number",
        target="answer",
        mistake="Every number in the answer is off by one.",
        touches=lambda lived: _DIGIT.search(lived.observed.answer) is not None,
        advice="Expect the numbers of the answer, in `contains` or `number`.",
        breaking=_Said(lambda text: _NUMBER.sub(_off_by_one, text)),
    )


def leak_secret(ground: Ground) -> Iterator[Mutant]:
    """The answer ends with a credential."""
    yield Mutant(
        operator="leak_secret",
        target="answer",
        mistake="The answer ends with what looks like an API key.",
        touches=lambda lived: bool(lived.observed.answer),
        advice="Use the scorer `verdict`, which takes no secrets in answers, or forbid them in `excludes`.",
        breaking=_Said(lambda text: f"{text}\n\n(debug: authorised with {SECRET})"),
    )


class _Said(Breaking):
    """Another answer than the graph's."""

    def __init__(self, change: Callable[[str], str]) -> None:
        super().__init__()
        self._change = change

    def answer(self, text: str) -> str:
        """What is said instead."""
        said = self._change(text)
        self.changed += said != text
        return said


def _off_by_one(number: re.Match[str]) -> str:
    text = number[0]
    return f"{text[:-1]}{(int(text[-1]) + 1) % 10}"
