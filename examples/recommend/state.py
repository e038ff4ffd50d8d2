"""The state of the recommendation graph: plain data only, so that every checkpoint can be read."""

from __future__ import annotations

from typing import Annotated, Any

from typing_extensions import TypedDict


class Incoming(TypedDict):
    """Something that a user did just now."""

    user: str
    kind: str
    item: str


class Wish(TypedDict):
    """For whom to recommend, and within which limits."""

    user: str
    count: int
    max_price: float | None
    liking: str
    """Words that a stranger says they like; empty if none."""


class Found(TypedDict):
    """What one source of candidates gave."""

    source: str
    items: dict[str, float]
    error: str


class Shown(TypedDict):
    """One recommended item."""

    item: str
    name: str
    price: float
    score: float
    parts: dict[str, float]
    """What each feature added to the score."""
    reasons: list[str]
    """The facts behind the features that helped most."""
    why: str
    """The reason in a sentence, as it is shown."""


def merge_found(known: list[Found] | None, new: list[Found] | None) -> list[Found]:
    """One entry for each source, in the order of their names; None forgets them all."""
    if new is None:
        return []
    by_source = {each["source"]: each for each in [*(known or []), *new]}
    return [by_source[source] for source in sorted(by_source)]


class RecommendState(TypedDict, total=False):
    """From an event or a request to a list with reasons."""

    request: str
    events: list[Incoming]
    wish: Wish
    problem: str
    """Why nothing can be recommended; empty otherwise."""
    profile: dict[str, Any]
    found: Annotated[list[Found], merge_found]
    shown: list[Shown]
    dropped: dict[str, str]
    """Better ranked items that a rule kept out, with the rule."""
    answer: str
