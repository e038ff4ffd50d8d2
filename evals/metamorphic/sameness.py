"""Whether two runs of a case came to the same: verdict, status, world, effects, approvals, answer and state.

Effects and approvals are compared as multisets: in which order parallel branches act is theirs. Ids, moments of time
and whatever of the state differs between two plain runs are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphwright.runtime.digests import plain_json

from ..case import Case
from ..certification.sameness import flat, tidied, tidy
from ..observed import Observed
from ..plainly import plain
from ..scorers import changes_of, verdict

Rename = Callable[[Any], Any]
"""Gives plain data with its names as they were before."""
MAX_SHOWN = 160
"""Characters of a value that a difference shows."""
MAX_DIFFERENCES = 8
"""Places of the state that are told; a list that is longer by one differs in many."""


@dataclass(frozen=True)
class Facts:
    """What a run came to, as plain data without what is new in each run."""

    verdict: str
    reason: str
    status: str
    answer: str
    changes: Mapping[str, Any]
    effects: Counter[str]
    approvals: Counter[str]
    state: Mapping[tuple[str, ...], Any]


@dataclass(frozen=True)
class Reference:
    """What a case comes to when nothing is done to it, from two runs."""

    observed: Observed
    facts: Facts
    unsteady: tuple[str, ...]
    """How the two runs differ in what must not differ; nothing can be said about such a case."""
    loose: frozenset[str]
    """Of answer and state: what was not the same in both."""

    def differences(self, other: Facts, *, words: bool = True) -> list[str]:
        """Where another run came to something else; ``words``: in its answer and state as well."""
        found = list(_hard(self.facts, other))
        if not words:
            return found
        if "answer" not in self.loose and self.facts.answer != other.answer:
            found.append(f"The answer was {_shown(self.facts.answer)}, and is {_shown(other.answer)}.")
        places = [
            place
            for place in dict.fromkeys([*self.facts.state, *other.state])
            if ".".join(place) not in self.loose
            and self.facts.state.get(place, _NOTHING) != other.state.get(place, _NOTHING)
        ]
        found += [self._told(place, other) for place in places[:MAX_DIFFERENCES]]
        if len(places) > MAX_DIFFERENCES:
            found.append(f"{len(places) - MAX_DIFFERENCES} places of the state more are different.")
        return found

    def _told(self, place: tuple[str, ...], other: Facts) -> str:
        before, now = self.facts.state.get(place, _NOTHING), other.state.get(place, _NOTHING)
        return f"The state's {'.'.join(place)} was {_shown(before)}, and is {_shown(now)}."


class _Nothing:
    def __repr__(self) -> str:
        return "nothing"


_NOTHING = _Nothing()


def facts_of(case: Case, observed: Observed, back: Rename = lambda value: value) -> Facts:
    """What a run came to.

    Args:
        case: What is expected of it.
        observed: The run.
        back: Gives names as they were, where the case was renamed.
    """
    score = verdict(case, observed)
    state = {key: value for key, value in observed.state.items() if key != "messages"}
    return Facts(
        verdict=score.outcome,
        reason=score.reason,
        status=observed.status,
        answer=tidy(back(observed.answer)),
        changes=back(tidied(plain(changes_of(observed.world_before, observed.world_after)), "")),
        effects=Counter(
            _call(back, each.tool, each.arguments, each.status) for each in observed.calls if each.has_effect
        ),
        approvals=Counter(_call(back, each.tool, each.arguments, each.decision) for each in observed.approvals),
        state=dict(flat(tidied(plain(state), ""))),
    )


def reference_of(case: Case, first: Observed, second: Observed) -> Reference:
    """What two plain runs of a case have in common."""
    one, two = facts_of(case, first), facts_of(case, second)
    loose = {
        ".".join(place)
        for place in {*one.state, *two.state}
        if one.state.get(place, _NOTHING) != two.state.get(place, _NOTHING)
    }
    if one.answer != two.answer:
        loose.add("answer")
    return Reference(first, one, tuple(_hard(one, two)), frozenset(loose))


def _hard(one: Facts, two: Facts) -> Iterator[str]:
    if one.verdict != two.verdict:
        why = f" ({two.reason or one.reason})"
        yield f"The verdict was {one.verdict}, and is {two.verdict}{why}."
    if one.status != two.status:
        yield f"It was {one.status}, and is {two.status}."
    for path in dict.fromkeys([*one.changes, *two.changes]):
        before, now = one.changes.get(path, _NOTHING), two.changes.get(path, _NOTHING)
        if before != now:
            yield f"{path} of the world became {_shown(before)}, and becomes {_shown(now)}."
    yield from _counts("The effect", one.effects, two.effects)
    yield from _counts("The approval", one.approvals, two.approvals)


def _counts(what: str, one: Counter[str], two: Counter[str]) -> Iterator[str]:
    for each in dict.fromkeys([*one, *two]):
        if one[each] != two[each]:
            yield f"{what} {_cut(each)} came {one[each]} times, and comes {two[each]} times."


def _call(back: Rename, tool: str, arguments: Mapping[str, Any], came: str) -> str:
    told = plain_json(back(tidied(plain(dict(arguments)), "")))
    return f"{tool}{told} ({came or 'open'})"


def _shown(value: Any) -> str:
    return _cut(repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
