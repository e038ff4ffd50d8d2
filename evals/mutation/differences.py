"""What became different in a case that still passes: what its expectations do not look at."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher

from ..observed import Asked, Call, Observed
from ..scorers import changes_of

_ID = re.compile(r"\b[a-z]+[_-][0-9a-f]{12,}\b|-[0-9a-f]{8}(?=\.[a-z])")
_BOX = re.compile(r"[^\s'\"]*/box-\d+/\d+")
"""The folder in which a case was run."""
MOST = 120
"""Characters of a value that are shown."""


def differences(before: Observed, after: Observed) -> Iterator[str]:
    """What differs, what matters most first; nothing, if nothing does that is ever looked at."""
    if after.status != before.status:
        yield f"status: {before.status} became {after.status}"
    old, new = (changes_of(each.world_before, each.world_after) for each in (before, after))
    for path in dict.fromkeys([*old, *new]):
        if old.get(path) != new.get(path):
            yield f"changes: {path} became {_shown(new.get(path))} instead of {_shown(old.get(path))}"
    yield from _calls("calls", before.calls, after.calls, has_effect=True)
    yield from _calls("approvals", before.approvals, after.approvals)
    old_answer, new_answer = (_masked(each.answer) for each in (before, after))
    if old_answer != new_answer:
        yield f"answer: {_change(old_answer, new_answer)}"
    yield from _calls("reads", before.calls, after.calls, has_effect=False)
    for key in dict.fromkeys([*before.state, *after.state]):
        if key != "messages" and _plain(before.state.get(key)) != _plain(after.state.get(key)):
            yield f"state: {key} became {_shown(after.state.get(key))} instead of {_shown(before.state.get(key))}"
    # In which order parallel tasks come by is nobody's mistake.
    for place in sorted(set(before.route) ^ set(after.route)):
        yield f"route: {place} {'was not passed' if place in before.route else 'was passed'}"


def _calls(
    kind: str, before: tuple[Call, ...] | tuple[Asked, ...], after: tuple[Call, ...] | tuple[Asked, ...], **kept: bool
) -> Iterator[str]:
    old, new = (Counter(_told(each) for each in calls if _fits(each, kept)) for calls in (before, after))
    for more in (new - old).elements():
        yield f"{kind}: {more} was made"
    for missing in (old - new).elements():
        yield f"{kind}: {missing} was not made"


def _fits(call: Call | Asked, kept: dict[str, bool]) -> bool:
    return not kept or (isinstance(call, Call) and call.has_effect == kept["has_effect"])


def _told(call: Call | Asked) -> str:
    arguments = ", ".join(f"{name}={_shown(value)}" for name, value in call.arguments.items())
    came = call.status if isinstance(call, Call) else call.decision or "waiting"
    return f"{call.tool}({arguments}) {came}"


def _change(before: str, after: str) -> str:
    """The first place in which two texts differ."""
    for what, start, end, now, until in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if what != "equal":
            return f"{_shown(after[now:until])} instead of {_shown(before[start:end])}"
    return "the same"


def _plain(value: object) -> str:
    """What is there, without ids that are new in every run."""
    return _masked(repr(value))


def _masked(text: str) -> str:
    return _BOX.sub("", _ID.sub("", text))


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MOST else f"{text[:MOST]}…"
