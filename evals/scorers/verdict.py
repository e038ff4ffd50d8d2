"""The default verdict: did the run end as expected, change exactly what it should, and nothing else?

The end state comes first: on mutated gold runs it alone caught wrong work, and passed harmless extra reads. Writes are
exact as well, because a duplicate of the last write leaves the same end state in many worlds. Reads are free.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..case import CallMade, Case, ExpectedAnswer
from ..observed import Asked, Call, Observed
from ..people import contains
from .budget import over_budget
from .matching import maximum_matching
from .retrieval import is_source
from .score import Score, judged, unmeasured
from .text import numbers
from .trajectory import is_place

_NOTHING: Any = object()
REDACTED = "[redacted:"
"""How the mark begins that stands where a secret was."""
MAX_SHOWN = 200
"""Characters of a value that a reason shows."""


def verdict(case: Case, observed: Observed) -> Score:
    """Pass if status, changes of the world and calls with effects are exactly as expected, and all else given holds.

    A run that used more than the case's budget fails, with how much of what.
    """
    if observed.trouble:
        return unmeasured(observed.trouble)
    objections = [*_objections(case, observed), *over_budget(case, observed.spent)]
    if not objections and case.budget is not None and case.budget.money is not None and observed.spent.money is None:
        return unmeasured("A model of the run has no price; nobody can say whether it kept to its budget of money.")
    return judged(objections)


def _objections(case: Case, observed: Observed) -> Iterator[str]:
    expect = case.expect
    if observed.status != expect.status:
        why = f" ({observed.error})" if observed.error else ""
        yield f"It is {observed.status}, not {expect.status}{why}."
    if expect.answer is not None:
        yield from answer_objections(expect.answer, observed.answer)
    if REDACTED in observed.answer and not _expects_redaction(case):
        yield f"The runtime had to take a secret out of the answer {_shown(observed.answer[-MAX_SHOWN:])}."
    for key, value in (expect.state or {}).items():
        if not contains(observed.state.get(key), value):
            yield f"The state's {key!r} is {_shown(observed.state.get(key))}, not {_shown(value)}."
    if expect.changes is not None:
        yield from change_objections(expect.changes, observed.world_before, observed.world_after)
    if expect.calls is not None:
        yield from _exactly("call", expect.calls, [each for each in observed.calls if each.has_effect])
    if expect.reads is not None:
        yield from _missing("call", expect.reads, observed.calls)
    if expect.approvals is not None:
        yield from _exactly("approval", expect.approvals, observed.approvals)
    if expect.route is not None:
        yield from _route(expect.route, observed.route)
    for agent, phrases in (expect.instructions or {}).items():
        yield from _untold(agent, phrases, observed.instructions.get(agent))
    for source in expect.retrieved or ():
        if not any(is_source(source, each) for each in observed.retrieved):
            yield f"Nothing was retrieved from {source!r}."


def answer_objections(expected: ExpectedAnswer, answer: str) -> Iterator[str]:
    """What speaks against the text of an answer."""
    said = f"The answer {_shown(answer)}"
    for part in expected.contains:
        if part not in answer:
            yield f"{said} does not contain {part!r}."
    for part in expected.excludes:
        if part in answer:
            yield f"{said} contains {part!r}."
    if expected.regex is not None and re.search(expected.regex, answer) is None:
        yield f"{said} does not match {expected.regex!r}."
    if expected.equals is not None and answer.strip() != expected.equals.strip():
        yield f"{said} is not {_shown(expected.equals)}."
    number = expected.number
    if number is not None and not any(abs(each - number.value) <= number.within for each in numbers(answer)):
        yield f"{said} has no number {number.value:g} (within {number.within:g})."


def _expects_redaction(case: Case) -> bool:
    """Whether the case is about redaction: the answer that it expects has a mark."""
    expected = case.expect.answer
    told = [*expected.contains, expected.equals or "", expected.regex or ""] if expected is not None else []
    return any("redacted" in each for each in told)


def changes_of(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> dict[str, Any]:
    """Dotted path to new value of each leaf of the world that is not what it was; None where it was removed."""
    old, new = dict(_leaves(before or {})), dict(_leaves(after or {}))
    old, new = _without_filled(old, new), _without_filled(new, old)
    changed = {path: value for path, value in new.items() if not _equal(old.get(path, _NOTHING), value)}
    return {**changed, **dict.fromkeys(path for path in old if path not in new)}


def _without_filled(leaves: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """The leaves, without what is empty here and filled there: what it is filled with is the change."""
    filled = {path[:at] for path in others for at, letter in enumerate(path) if letter == "."}
    return {path: value for path, value in leaves.items() if not (path in filled and value in ({}, [], ()))}


def change_objections(
    expected: Mapping[str, Any], before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> Iterator[str]:
    """Where the world did not change as expected, or changed elsewhere."""
    if after is None:
        yield "The graph declares no world; `changes` cannot be looked at."
        return
    wanted: dict[str, Any] = {}
    for path, value in expected.items():
        wanted.update(_leaves(value, path))
    changed = changes_of(before, after)
    gone = [path for path, value in wanted.items() if value is None]
    for path, value in wanted.items():
        if value is None and any(_is_below(each, path) for each in changed):
            continue
        if path not in changed:
            yield f"{path} did not change; it had to become {_shown(value)}."
        elif not _equal(changed[path], value):
            yield f"{path} became {_shown(changed[path])}, not {_shown(value)}."
    for path, value in changed.items():
        if path not in wanted and not (value is None and any(_is_below(path, each) for each in gone)):
            yield f"{path} {'was removed' if value is None else f'became {_shown(value)}'}, which nobody expected."


def _is_below(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place}.")


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of plain data with its dotted path; empty lists and mappings are leaves."""
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from _leaves(each, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list | tuple) and value:
        for at, each in enumerate(value):
            yield from _leaves(each, f"{place}.{at}" if place else str(at))
    elif place:
        yield place, value


def _equal(one: Any, other: Any) -> bool:
    """Whether two leaves are the same; True is no 1, and 5 is 5.0."""
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    return bool(one == other)


def _untold(agent: str, phrases: Sequence[str], told: str | None) -> Iterator[str]:
    """What is missing in the instructions of an agent, however their lines are broken."""
    if told is None:
        yield f"The model of {agent!r} was not asked; its instructions cannot be looked at."
        return
    text = " ".join(told.split())
    for phrase in phrases:
        if " ".join(phrase.split()) not in text:
            yield f"The instructions of {agent!r} do not say {phrase!r}."


def _fits(wanted: CallMade, made: Call | Asked) -> bool:
    right_agent = wanted.agent in (None, made.agent)
    return wanted.tool == made.tool and right_agent and contains(made.arguments, wanted.arguments)


def _exactly(kind: str, wanted: Sequence[CallMade], made: Sequence[Call | Asked]) -> Iterator[str]:
    pairs = maximum_matching(wanted, made, _fits)
    for at, one in enumerate(wanted):
        if at not in pairs:
            yield f"The {kind} {_told(one)} is missing{_instead(one, made)}."
    used = set(pairs.values())
    for at, each in enumerate(made):
        if at not in used:
            yield f"The {kind} {_told(each)} was not expected."


def _missing(kind: str, wanted: Sequence[CallMade], made: Sequence[Call | Asked]) -> Iterator[str]:
    pairs = maximum_matching(wanted, made, _fits)
    for at, one in enumerate(wanted):
        if at not in pairs:
            yield f"The {kind} {_told(one)} is missing{_instead(one, made)}."


def _instead(wanted: CallMade, made: Sequence[Call | Asked]) -> str:
    same = [each for each in made if each.tool == wanted.tool]
    return f"; there is {_told(same[0])}" if same else ""


def _told(call: CallMade | Call | Asked) -> str:
    arguments = ", ".join(f"{name}={_shown(value)}" for name, value in call.arguments.items())
    return f"{call.tool}({arguments})"


def _route(wanted: Sequence[str], went: Sequence[str]) -> Iterator[str]:
    left = iter(went)
    for name in wanted:
        if not any(is_place(name, path) for path in left):
            yield f"The route {' → '.join(went)} does not pass {' → '.join(wanted)}: {name!r} is missing there."
            return


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
