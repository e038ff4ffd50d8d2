"""Fills a tool's arguments from a text: the best candidate for each parameter, each span used once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .arrays import arrays
from .candidates import Candidate, literals
from .choices import flag, matches, options_of
from .cues import Slot, slots_of
from .mentions import Scene, flattened
from .numbers import numbers
from .schema import MISSING, Param, ToolSpec, filler, fits
from .special import special
from .texts import OPEN, texts

OPTIONAL, REQUIRED = 0.85, -0.3
"""How sure a value must be before it is given to an optional, and to a required, parameter."""


@dataclass(slots=True)
class Filled:
    """Arguments for one call and how they were found."""

    values: dict[str, Any] = field(default_factory=dict)
    chosen: dict[str, Candidate] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    """Required parameters for which the text offers nothing."""
    guessed: list[str] = field(default_factory=list)
    """Required parameters that got a default, or whose text (a report's content) is to be written later."""


def vocabulary_of(tool: ToolSpec) -> frozenset[str]:
    """Stems of a tool's name and description."""
    return frozenset(tool.name_stems) | frozenset(tool.text_stems)


def suited(tool: ToolSpec, scene: Scene) -> Scene:
    """The scene as a tool can use it: '(45, 60)' is two numbers for a tool that takes no lists."""
    return scene if any(p.kind in ("array", "object", "any") for p in tool.params) else flattened(scene)


def offers(tool: ToolSpec, scene: Scene) -> list[tuple[Slot, list[Candidate]]]:
    """Every parameter with its candidates from the text, options first."""
    vocabulary = vocabulary_of(tool)
    scene = suited(tool, scene)
    return [(slot, _offers(slot, scene, vocabulary)) for slot in slots_of(tool.params)]


def _offers(slot: Slot, scene: Scene, vocabulary: frozenset[str]) -> list[Candidate]:
    param = slot.param
    particular = special(slot, scene, vocabulary)
    if particular is not None:
        return particular
    named = list(matches(slot, scene)) if options_of(param) else []
    if param.kind == "array" and options_of(param):
        if named:
            named.sort(key=lambda c: c.start)
            return [
                Candidate([c.value for c in named], named[0].start, named[0].start, max(c.score for c in named) + 0.5)
            ]
        return [] if param.item is not None and param.item.enum else list(_candidates(slot, scene, vocabulary))
    if param.enum or (named and param.kind == "string" and max(c.score for c in named) >= 1.0):
        return named
    if param.kind == "boolean":
        said = flag(slot, scene)
        return [] if said is None else [Candidate(said, 0, 0, 1.2)]
    if param.kind == "object" and param.fields:
        inner = fill(ToolSpec(param.name, param.description, param.fields, (), ()), scene)
        enough = inner.chosen and not inner.missing
        return [Candidate(inner.values, 0, 0, 0.9)] if enough else list(_candidates(slot, scene, vocabulary))
    return list(_candidates(slot, scene, vocabulary))


def _candidates(slot: Slot, scene: Scene, vocabulary: frozenset[str]) -> Iterator[Candidate]:
    """All values in the text that fit the parameter's type."""
    param = slot.param
    if param.kind in ("integer", "number"):
        return numbers(slot, scene)
    if param.kind in ("string", "any"):
        return texts(slot, scene, vocabulary)
    if param.kind == "array" and param.item is not None:
        return arrays(slot, scene, param.item, vocabulary)
    return literals(slot, scene, fits)


def assign(
    offered: Sequence[tuple[Slot, list[Candidate]]], used: Sequence[tuple[int, int]] = ()
) -> dict[str, Candidate]:
    """Greedy best-first: the surest pair of parameter and value first, ties in the order of the schema and the text."""
    pairs = [
        (-round(c.score + (0.3 if slot.param.required else 0.0), 2), slot.index, c.start, c.end, number, c, slot.param)
        for slot, found in offered
        for number, c in enumerate(found)
        if c.score >= (REQUIRED if slot.param.required else OPTIONAL)
    ]
    pairs.sort(key=lambda pair: pair[:5])
    spans = list(used)
    chosen: dict[str, Candidate] = {}
    owners: dict[int, Param] = {}
    for shared in (False, True):
        for *_, candidate, param in pairs:
            if param.name in chosen or any(candidate.start < b and a < candidate.end for a, b in spans):
                continue
            group = candidate.mention.group if candidate.mention is not None else -1
            if not shared and group in owners and not _alike(owners[group], param):
                continue
            if shared and not param.required:
                continue
            owners.setdefault(group, param) if group >= 0 else None
            chosen[param.name] = candidate
            spans.append((candidate.start, candidate.end))
    return _swapped(offered, chosen)


def _alike(one: Param, two: Param) -> bool:
    """Whether two parameters may share an enumeration: `city1` and `city2`, `x` and `y`, `from` and `to`, numbers."""
    if one.kind != "string" or two.kind != "string":
        return True
    if len(one.name) < 3 or len(two.name) < 3 or set(one.name_stems) & set(two.name_stems):
        return True
    a, b = set(one.text_stems), set(two.text_stems)
    return len(a & b) >= 0.5 * max(min(len(a), len(b)), 1)


def _swapped(offered: Sequence[tuple[Slot, list[Candidate]]], chosen: dict[str, Candidate]) -> dict[str, Candidate]:
    """Exchange the values of two numbers where that fits better, or as well and in the order of the schema."""
    numeric = [
        (slot, {(c.start, c.end): c for c in found})
        for slot, found in offered
        if slot.param.kind in ("integer", "number", "string") and slot.param.name in chosen
    ]
    for _ in range(2):
        for i, (a, from_a) in enumerate(numeric[:12]):
            for b, from_b in numeric[i + 1 : 12]:
                one, two = chosen[a.param.name], chosen[b.param.name]
                x, y = from_a.get((two.start, two.end)), from_b.get((one.start, one.end))
                if x is None or y is None:
                    continue
                gain = x.score + y.score - one.score - two.score
                if gain > 0.01 or (one.start > two.start and gain > -_slack(a.param, b.param, one, two)):
                    chosen[a.param.name], chosen[b.param.name] = x, y
    return chosen


def _slack(a: Param, b: Param, one: Candidate, two: Candidate) -> float:
    """How much fit the order of the schema is worth: much between `mass1` and `mass2`, little between strangers."""
    family = {s for s in a.name_stems if not s.isdigit()} == {s for s in b.name_stems if not s.isdigit()}
    return 0.6 if family else 0.3 if _same_list(one, two) else 0.12


def _same_list(one: Candidate, two: Candidate) -> bool:
    """Whether two numbers stand in one enumeration."""
    return one.mention is not None and two.mention is not None and one.mention.group == two.mention.group >= 0


def fill(tool: ToolSpec, scene: Scene) -> Filled:
    """One call's arguments from the whole text."""
    return complete(tool, assign(offers(tool, scene)))


def complete(tool: ToolSpec, chosen: Mapping[str, Candidate]) -> Filled:
    """Arguments in schema order; a required one that is missing gets its default or is reported."""
    result = Filled(chosen=dict(chosen))
    for param in tool.params:
        if param.name in chosen and fits(chosen[param.name].value, param):
            result.values[param.name] = chosen[param.name].value
        elif param.required:
            _default(param, result)
    return result


def _default(param: Param, result: Filled) -> None:
    if param.kind == "boolean":
        result.values[param.name] = True
        result.guessed.append(param.name)
        return
    result.values[param.name] = filler(param)
    open_text = param.kind == "string" and bool(set(param.name_stems) & OPEN)
    known = param.default is not MISSING or bool(param.enum) or open_text
    (result.guessed if known else result.missing).append(param.name)
