"""From a request to its calls: one, several, or none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .arguments import Filled, complete, fill
from .choose import CALL, fit, query_stems, score, weights
from .frames import Frame, frames
from .inherit import inheriting, said_apart
from .mentions import Scene, scene_of
from .schema import ToolSpec, specs_of
from .segments import segments


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One tool call that the heuristics propose."""

    name: str
    arguments: dict[str, Any]
    guessed: frozenset[str] = frozenset()
    """Required parameters for which the request names no value."""

    def lacks(self, name: str) -> bool:
        """Whether the request names no value for a parameter."""
        return name in self.guessed or name not in self.arguments


@dataclass(frozen=True, slots=True)
class Ranked:
    """A tool with its score for a request and the arguments found for it."""

    tool: ToolSpec
    score: float
    filled: Filled


def plan_calls(text: str, tools: Sequence[Mapping[str, Any]], *, force: bool = False) -> list[PlannedCall]:
    """The calls that a request asks for, of OpenAI tool dicts; none when no tool fits, unless forced."""
    scene, specs = scene_of(text), specs_of(tools)
    ranked = rank(scene, specs)
    if not ranked:
        return []
    parts = [scene_of(part) for part in segments(scene.text)]
    several = _by_parts(parts, ranked) if len(parts) > 1 else []
    if several:
        return several
    if force or ranked[0].score >= CALL:
        calls, tool = calls_of(ranked[0].tool, scene), ranked[0].tool
        story = _unique(_call(tool, frame) for frame in inheriting(tool, parts, scene)) if len(parts) > 1 else []
        return story if len(story) > len(calls) else calls
    return _by_sentence(parts, specs) if len(parts) > 1 else []


def _by_sentence(parts: Sequence[Scene], specs: Sequence[ToolSpec]) -> list[PlannedCall]:
    """The call that one part of a request asks for when the request as a whole asks for none."""
    heads = [(rank(part, specs)[0], part) for part in parts]
    best, part = max(heads, key=lambda pair: pair[0].score)
    return calls_of(best.tool, part) if best.score >= PART and not best.filled.missing else []


def _by_parts(parts: Sequence[Scene], whole: Sequence[Ranked]) -> list[PlannedCall]:
    """Calls that single parts of a request ask for in full: of several tools, or of the best one several times."""
    specs = [r.tool for r in whole]
    best = whole[0]
    heads = [rank(part, specs)[0] for part in parts] if len(specs) > 1 else []
    sure = [
        (part, head) for part, head in zip(parts, heads, strict=False) if head.score >= PART and not head.filled.missing
    ]
    if len({head.tool.name for _, head in sure}) > 1:
        return _unique(call for part, head in sure for call in calls_of(head.tool, part))
    if best.score < CALL:
        return []
    whole_parts = [part for part in parts if _stands_alone(best.tool, part)]
    if len(whole_parts) < 2:
        return []
    said = said_apart(best.tool, [part for part in parts if part not in whole_parts])
    rows = (frame for part in whole_parts for frame in frames(best.tool, part))
    calls = _unique(_call(best.tool, {**said, **frame}) for frame in rows)
    return calls if len(calls) > 1 else []


PART = 0.6
"""A part of a request asks for a tool of its own when the tool scores this much."""


def _stands_alone(tool: ToolSpec, part: Scene) -> bool:
    """Whether a part names every required value itself, and surely."""
    filled = fill(tool, part)
    needed = [p for p in tool.params if p.required and p.kind != "boolean"]
    given = [filled.chosen[p.name] for p in needed if p.name in filled.chosen]
    return (
        bool(needed)
        and len(given) == len(needed)
        and all(c.score >= 0.4 for c in given)
        and (len(given) > 1 or given[0].score >= 0.7)
    )


def _unique(calls: Iterable[PlannedCall]) -> list[PlannedCall]:
    return list({repr((c.name, c.arguments)): c for c in calls}.values())


def rank(scene: Scene, specs: Sequence[ToolSpec]) -> list[Ranked]:
    """Tools by how well they fit, best first; ties in the order offered."""
    query, table = query_stems(scene), weights(specs)
    found = []
    for spec in specs:
        filled = fill(spec, scene)
        found.append(Ranked(spec, score(fit(spec, query, table), filled, spec.params), filled))
    return sorted(found, key=lambda r: -r.score)


def calls_of(tool: ToolSpec, scene: Scene) -> list[PlannedCall]:
    """One call of a tool for each set of values that a text gives, each once."""
    return _unique(_call(tool, frame) for frame in frames(tool, scene))


def _call(tool: ToolSpec, frame: Frame) -> PlannedCall:
    filled = complete(tool, frame)
    return PlannedCall(tool.name, filled.values, frozenset((*filled.missing, *filled.guessed)))
