"""What is known of a user, computed from events alone: the same events always give the same profile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from typing_extensions import TypedDict

WEIGHTS = {"viewed": 1.0, "added": 2.0, "bought": 3.0}
HALF_LIFE = 20.0
"""Days after which an event counts half."""
RECENT = 8


class Deed(Protocol):
    """An event of one user, wherever it is kept."""

    @property
    def item(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def session(self) -> int: ...
    @property
    def at(self) -> float: ...


class Profile(TypedDict):
    """One user's features."""

    user: str
    recent: list[str]
    """Items of the newest session, newest first."""
    history: dict[str, float]
    """Items of all sessions with how much they count."""
    bought: list[str]
    events: int


def profile_of(user: str, events: Sequence[Deed]) -> Profile:
    """The features of a user with these events, oldest first."""
    history: dict[str, float] = {}
    now = events[-1].at if events else 0.0
    for each in events:
        counts = WEIGHTS[each.kind] * 0.5 ** ((now - each.at) / HALF_LIFE)
        history[each.item] = round(history.get(each.item, 0.0) + counts, 4)
    newest = [each.item for each in events if each.session == events[-1].session]
    bought = [each.item for each in events if each.kind == "bought"]
    return Profile(
        user=user,
        recent=_distinct(reversed(newest))[:RECENT],
        history=history,
        bought=sorted(set(bought)),
        events=len(events),
    )


def _distinct(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))
