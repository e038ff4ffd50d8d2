"""How good the classifier is on posts that it never saw, beside the rules alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .classifier import trained
from .data import LABELS, SEED, Kind, held_out_posts
from .rules import by_rules


@dataclass(frozen=True, slots=True)
class Measured:
    """One way to label the held-out posts."""

    name: str
    f1: dict[str, float]
    """By label."""
    accuracy: dict[str, float]
    """By kind of post."""

    @property
    def macro(self) -> float:
        """The mean of F1 over the labels."""
        return sum(self.f1.values()) / len(self.f1)


def measure(seed: int = SEED) -> list[Measured]:
    """The classifier, and the rules as baseline, on the held-out posts of a seed."""
    posts = held_out_posts(seed)
    texts, truth, kinds = [each.text for each in posts], [each.label for each in posts], [each.kind for each in posts]
    guesses = {
        "rules": [by_rules(text).label for text in texts],
        "classifier": [each.label for each in trained(seed).classify_all(texts)],
    }
    return [_measured(name, guessed, truth, kinds) for name, guessed in guesses.items()]


def _measured(name: str, guessed: Sequence[str], truth: Sequence[str], kinds: Sequence[Kind]) -> Measured:
    f1: dict[str, float] = {}
    for label in LABELS:
        hits = sum(a == b == label for a, b in zip(guessed, truth, strict=True))
        f1[label] = 2 * hits / max(1, list(guessed).count(label) + list(truth).count(label))
    accuracy: dict[str, float] = {}
    for kind in ("plain", "hard", "hidden"):
        right = [a == b for a, b, each in zip(guessed, truth, kinds, strict=True) if each == kind]
        accuracy[kind] = sum(right) / len(right)
    return Measured(name, f1, accuracy)
