"""What tools keep for a thread: small plain values, changed by parallel calls without losing any change.

The calls of one model message see one live copy, so that the second of two parallel calls builds on the first. What a
call changed goes into the state as old and new value, and is merged by comparing both with what is there by then.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from graphwright.runtime import RunContext

REMEMBERED = 64
"""Model messages of one run whose live copies are kept; calls of older ones have long ended."""
Change = Mapping[str, Mapping[str, Any]]
"""``{"old": {name: value}, "new": {name: value}}`` of the names that a call has set."""

_live: WeakKeyDictionary[Any, OrderedDict[str, dict[str, Any]]] = WeakKeyDictionary()


def live_notes(run: RunContext, message: str, kept: Mapping[str, Any]) -> dict[str, Any]:
    """The copy that all calls of one model message share; ``kept`` is what the state had when they were made."""
    copies = _live.setdefault(run.gate, OrderedDict())
    notes = copies.setdefault(message, dict(kept))
    while len(copies) > REMEMBERED:
        copies.popitem(last=False)
    return notes


def change(before: Mapping[str, Any], after: Mapping[str, Any]) -> Change | None:
    """What one call has set, or None."""
    names = [name for name, value in after.items() if before.get(name) is not value]
    if not names:
        return None
    return {"old": {name: before.get(name) for name in names}, "new": {name: after[name] for name in names}}


def merge_notes(kept: dict[str, Any] | None, changed: Change | None) -> dict[str, Any]:
    """The notes after a change. Two changes of one list are both kept; of anything else the later one counts."""
    merged = dict(kept or {})
    if not changed:
        return merged
    if set(changed) != {"old", "new"}:
        return {**merged, **changed}
    for name, new in changed["new"].items():
        merged[name] = _merged(merged.get(name), changed["old"].get(name), new)
    return merged


def _merged(now: Any, old: Any, new: Any) -> Any:
    if now == old or not (isinstance(now, list) and isinstance(new, list)):
        return new
    before = old if isinstance(old, list) else []
    stays = [item for item in now if item in new or item not in before]
    return stays + [item for item in new if item not in before and item not in stays]
