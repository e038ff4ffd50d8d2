"""What many sources say, gathered once: most of what leaves repeats none of it, and one look tells so."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable
from typing import Generic, TypeVar

from .sources import Source

T = TypeVar("T", bound=Hashable)


class Gathered(Generic[T]):
    """Everything of one kind that any source says of those that were ever asked about.

    One is shared by all contexts of a run, also by those that know less than others. So what is not in it, none of the
    sources says; what is in it, one of them may say, and whoever needs to know which asks them.
    """

    def __init__(self, kind: Callable[[Source], Collection[T]]) -> None:
        self._kind = kind
        self._all: set[T] = set()
        # By identity, and kept, so that no other object gets the same: two equal sources are the same words.
        self._known: dict[int, Source] = {}

    def among(self, sources: Iterable[Source], said: Iterable[T]) -> set[T]:
        """Those of what is said that one of the sources may say; none, if it is certain that none does."""
        for source in sources:
            if id(source) not in self._known:
                self._all.update(self._kind(source))
                self._known[id(source)] = source
        return self._all.intersection(said)


class PrivateWords:
    """What private sources say that must not be repeated."""

    def __init__(self) -> None:
        self.telling = Gathered[str](lambda source: source.telling)
        self.grams = Gathered[int](lambda source: source.grams)
