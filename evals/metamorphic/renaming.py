"""Another name: what is free text in a case may be called otherwise, and the verdict is the same.

Which names are free text only whoever wrote the case knows: it is declared (`rename: {Ann: Zoë}`). What can be checked
is checked: a name that the graph's data, or what it retrieved, knows is a key, and a rename of it would say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..case import Case
from ..observed import Observed
from ..plainly import plain
from ..sandbox_run import Sandboxes
from ..suite import Suite
from .relation import Relation, Tried
from .sameness import Reference, facts_of

PARTS = ("input", "replies", "people", "expect")
"""What of a case has names in it."""
KEPT = ("decide", "tool", "agent", "status", "route", "retrieved", "instructions")
"""Keys in them whose values name parts of the graph, or its sources."""


class Renamed(Relation):
    """Nothing hangs on a name that is only text."""

    name = "rename"
    about = "names that are free text are other ones"

    async def try_on(self, case: Case, suite: Suite, boxes: Sandboxes, reference: Reference, *, seed: int) -> Tried:
        """Run it under other names."""
        names = {old: new for old, new in {**suite.rename, **case.rename}.items() if _says(case, old)}
        unfit = next(_objections(case, names, reference.observed), "")
        if unfit:
            return Tried(unfit=unfit)
        renamed = renamed_case(case, names)
        observed = await boxes.observe(renamed)
        if observed.trouble:
            return Tried(differences=[observed.trouble])
        back = _renamer({new: old for old, new in names.items()})
        facts = facts_of(renamed, observed, back)
        what = ", ".join(f"{old} as {new}" for old, new in names.items())
        return Tried(what=what, differences=reference.differences(facts, words=False))


def _objections(case: Case, names: Mapping[str, str], observed: Observed) -> Iterator[str]:
    if case.cassette is not None:
        yield "Its model is a recording, which knows requests by their words."
    if not names:
        yield "No name in it is declared to be free text; `rename: {Ann: Zoë}` in the case or its suite does."
    if len({*names.values()}) < len(names):
        yield f"Two names would become the same: {', '.join(names.values())}."
    for old, new in names.items():
        if _says(case, new):
            yield f"It speaks of {new!r} already; rename {old!r} to a name that is not in it."
        if _has(_words(plain(observed.world_before or {})), old):
            yield f"{old!r} is in the graph's data, and so no free text."
        if _has(_words(plain(list(observed.retrieved))), old):
            yield f"{old!r} is in what was retrieved, and so no free text."


def renamed_case(case: Case, names: Mapping[str, str]) -> Case:
    """The same case under other names; words that name parts of the graph stay."""
    rename, told = _renamer(names), case.model_dump()
    for part in PARTS:
        told[part] = _walked(told[part], rename)
    if case.expect.answer is not None and case.expect.answer.regex is not None:
        told["expect"]["answer"]["regex"] = _in_regex(case.expect.answer.regex, names)
    return Case.model_validate(told)


def _walked(value: Any, rename: Any, key: str = "") -> Any:
    if key in KEPT:
        return value
    if isinstance(value, Mapping):
        return {rename(name): _walked(each, rename, name) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_walked(each, rename, key) for each in value]
    return rename(value)


def _in_regex(pattern: str, names: Mapping[str, str]) -> str:
    """A pattern with other names in it; the letter of an escape such as ``\\b`` is no part of a word."""
    escaped = {re.escape(old): re.escape(new) for old, new in names.items()}
    either = "|".join(map(re.escape, sorted(escaped, key=len, reverse=True)))
    return re.sub(rf"(?:(?<!\w)|(?<=\\[a-zA-Z]))(?:{either})(?!\w)", lambda found: escaped[found.group()], pattern)


def _renamer(names: Mapping[str, str]) -> Any:
    """Replaces whole words in texts, all at once; other values, and containers' members, as they are."""
    if not names:
        return lambda value: value
    longest = sorted(names, key=len, reverse=True)
    pattern = re.compile("|".join(rf"(?<!\w){re.escape(each)}(?!\w)" for each in longest))

    def renamed(value: Any) -> Any:
        if isinstance(value, str):
            return pattern.sub(lambda found: names[found.group()], value)
        if isinstance(value, Mapping):
            return {renamed(key): renamed(each) for key, each in value.items()}
        return [renamed(each) for each in value] if isinstance(value, list) else value

    return renamed


def _says(case: Case, name: str) -> bool:
    told = case.model_dump()
    return _has((word for part in PARTS for word in _words(told[part])), name)


def _has(texts: Iterator[str], name: str) -> bool:
    pattern = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    return any(pattern.search(each) for each in texts)


def _words(value: Any) -> Iterator[str]:
    """Every text of plain data, keys among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield str(key)
            yield from _words(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _words(each)
