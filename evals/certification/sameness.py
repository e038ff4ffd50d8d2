"""Whether two lives came to the same: values as they are, but for what may differ from life to life.

What may differ is learnt from two lives that nobody killed: ids, paths of the state folder and moments of time, and
only at the places where these two differ. Everything else must be equal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_HEX = re.compile(
    r"(?<![0-9a-zA-Z])(?=[0-9a-f]*[a-f])(?=[0-9a-f]*[0-9])[0-9a-f]{8,}(?![0-9a-zA-Z])"
    # One id of eight in forty has digits only, one in two thousand letters only. Such a one is told from a number and a
    # word by what stands before it, and by its length.
    r"|(?<=[-_/])(?:[0-9]{8}|[0-9]{12}|[0-9]{16}|[0-9]{32}|[a-f]{8}|[a-f]{12}|[a-f]{16}|[a-f]{32})(?![0-9a-zA-Z])"
)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?")
_IDS = {"id", "tool_call_id"}
"""Keys of messages under which ids of any form stand."""
MAX_SHOWN = 120
"""Characters of a value that a difference shows."""


def tidy(text: str, folder: str = "") -> str:
    """A text without what is new in each life: the state folder, ids of eight or more hex digits, moments of time."""
    if folder:
        text = text.replace(folder, "<state>")
    return _TIME.sub("<time>", _HEX.sub("<id>", _UUID.sub("<id>", text)))


def tidied(value: Any, folder: str) -> Any:
    """Plain data with all its texts tidied."""
    if isinstance(value, str):
        return tidy(value, folder)
    if isinstance(value, dict):
        return {tidy(key, folder): tidied(each, folder) for key, each in value.items()}
    return [tidied(each, folder) for each in value] if isinstance(value, list) else value


def flat(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every leaf of plain data with its place; empty lists and mappings are leaves."""
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from flat(each, (*place, str(key)))
    elif isinstance(value, list) and value:
        for at, each in enumerate(value):
            yield from flat(each, (*place, str(at)))
    else:
        yield place, value


@dataclass(frozen=True)
class Reference:
    """What a life must come to."""

    leaves: Mapping[tuple[str, ...], Any]
    folder: str
    loose: frozenset[tuple[str, ...]]
    """Places that were tidied before they were equal in two lives that nobody killed."""

    @property
    def ignored(self) -> list[str]:
        """The places that may differ, numbers of list items left out."""
        return sorted({".".join("*" if part.isdigit() else part for part in place) for place in self.loose})

    def differences(self, value: Any, folder: str) -> list[str]:
        """Where a life came to something else."""
        other = dict(flat(value))
        return [
            f"{'.'.join(place)}: {_shown(self.leaves, place)}, now {_shown(other, place)}"
            for place in [*self.leaves, *(each for each in other if each not in self.leaves)]
            if not self._same(place, other, folder)
        ]

    def _same(self, place: tuple[str, ...], other: Mapping[tuple[str, ...], Any], folder: str) -> bool:
        if place not in other or place not in self.leaves:
            return False
        mine, theirs = self.leaves[place], other[place]
        if type(mine) is type(theirs) and mine == theirs:
            return True
        return place in self.loose and may_differ(place, mine, theirs, (self.folder, folder))


def may_differ(place: tuple[str, ...], mine: Any, theirs: Any, folders: tuple[str, str]) -> bool:
    """Whether two values differ by nothing but ids, the state folder and times."""
    if not isinstance(mine, str) or not isinstance(theirs, str):
        return False
    return bool(place and place[-1] in _IDS) or tidy(mine, folders[0]) == tidy(theirs, folders[1])


def learn(first: Any, second: Any, folders: tuple[str, str]) -> tuple[Reference, list[str]]:
    """What two lives have in common, and where they differ by more than may be."""
    mine, theirs = dict(flat(first)), dict(flat(second))
    loose = {
        place
        for place in mine.keys() & theirs.keys()
        if mine[place] != theirs[place] and may_differ(place, mine[place], theirs[place], folders)
    }
    reference = Reference(mine, folders[0], frozenset(loose))
    return reference, reference.differences(second, folders[1])


def _shown(leaves: Mapping[tuple[str, ...], Any], place: tuple[str, ...]) -> str:
    if place not in leaves:
        return "nothing"
    text = repr(leaves[place])
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
