"""Which tool a request asks for, if any: the request's words against names, descriptions and parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .arguments import Filled
from .choices import options_of
from .mentions import Scene
from .schema import Param, ToolSpec
from .tokens import concept, content_stems, generic_stems, stem, stop_stems


@dataclass(frozen=True, slots=True)
class Fit:
    """How well one tool fits a request, each between 0 and 1."""

    name: float
    """Share of the tool's name that the request has."""
    text: float
    """Share of the tool's description that the request has."""
    asked: float
    """Share of what the request asks for first that the tool knows."""
    first: float
    """Whether the tool knows the very first thing asked for."""
    does: float
    """Share of what the tool does first that the request has."""
    object: float
    """Whether the request has the last word of the tool's name."""
    verb: float
    """Whether the first thing asked for is the first word of the tool's name: "Refund 10" and `refund`."""
    extent: float
    """How much the request says, 1 from eight words on."""


def weights(tools: Sequence[ToolSpec]) -> dict[str, float]:
    """Stem -> weight: common tool words weigh little, and so do words that every offered tool has."""
    spread: dict[str, int] = {}
    for tool in tools:
        for s in set(tool.name_stems) | set(tool.text_stems):
            spread[s] = spread.get(s, 0) + 1
    count = len(tools)
    return {
        s: (0.2 if s in generic_stems() else 1.0) * (math.log(1 + count / n) / math.log(1 + count))
        for s, n in spread.items()
    }


def query_stems(scene: Scene) -> dict[str, float]:
    """The request's stems and how much each matters; words inside quotations and numbers count little."""
    values = [(m.start, m.end, m.kind) for m in scene.mentions]
    # A capital at the start of a sentence makes no name: "Refund 10" asks for a refund.
    first = (scene.words[0].start, scene.words[0].end) if scene.words else None
    found: dict[str, float] = {}
    for word in scene.words:
        if word.stem in stop_stems() or word.text[0].isdigit():
            continue
        kind = next((k for a, b, k in values if a <= word.start < b and (a, b) != first), "")
        weight = 0.2 if word.stem in generic_stems() else {"": 1.0, "name": 0.4}.get(kind, 0.1)
        found[word.stem] = max(found.get(word.stem, 0.0), weight)
    for left, right in pairwise(scene.words):
        # "to-do" is also the word that names write as one: add_todos.
        if scene.text[left.end : right.start] == "-" and not left.text[0].isdigit():
            found.setdefault(stem(left.text + right.text), 1.0)
    return found


def likeness(stemmed: str, query: Mapping[str, float], concepts: Mapping[str, float]) -> float:
    """1 when the request has the word ("day of the week": a weekday), .7 a synonym, .6 the same long beginning."""
    if stemmed in query:
        return 1.0
    if concept(stemmed) in concepts:
        return 0.7
    if len(stemmed) >= 6 and any(stemmed.startswith(q) and stemmed[len(q) :] in query for q in query):
        return 1.0
    if len(stemmed) >= 5 and any(q[:5] == stemmed[:5] for q in query):
        return 0.6
    return 0.0


def fit(tool: ToolSpec, query: Mapping[str, float], table: Mapping[str, float]) -> Fit:
    """How well the tool's words cover the request's and the other way round."""
    concepts = {concept(s): w for s, w in query.items()}
    known = dict.fromkeys(set(tool.name_stems) | set(tool.text_stems) | _param_stems(tool), 1.0)
    known_concepts = {concept(s): 1.0 for s in known}
    focus = [s for s, w in query.items() if w > 0.5][:3]
    asked = [likeness(s, known, known_concepts) for s in focus] or [0.5]
    does = [likeness(s, query, concepts) for s in [s for s in tool.text_stems if s not in generic_stems()][:3]] or [0.5]
    names = [s for s in tool.name_stems if s not in generic_stems()]
    return Fit(
        name=_cover(tool.name_stems, query, concepts, table),
        text=_cover(tool.text_stems, query, concepts, table),
        asked=sum(asked) / len(asked),
        first=asked[0],
        does=0.5 * does[0] + 0.5 * sum(does) / len(does),
        object=likeness(names[-1], query, concepts) if names else 0.5,
        verb=float(bool(focus) and bool(tool.name_stems) and focus[0] == tool.name_stems[0]),
        extent=min(len(query), 8) / 8,
    )


def _cover(
    stems: Sequence[str], query: Mapping[str, float], concepts: Mapping[str, float], table: Mapping[str, float]
) -> float:
    total = sum(table.get(s, 1.0) for s in stems if s not in stop_stems())
    hit = sum(table.get(s, 1.0) * likeness(s, query, concepts) for s in stems if s not in stop_stems())
    return hit / total if total else 0.0


def _param_stems(tool: ToolSpec) -> set[str]:
    found: set[str] = set()
    for param in tool.params[:40]:
        found.update(param.name_stems, param.text_stems)
        for option in options_of(param)[:40]:
            found.update(content_stems(str(option)))
    return found - {stem("name")}


def score(fitted: Fit, filled: Filled, params: Sequence[Param]) -> float:
    """Log-odds that the tool is meant; the weights were fitted on one half of a public set of cases and rounded."""
    required = [p for p in params if p.required]
    sure = [
        min(filled.chosen[p.name].score, 1.5) if p.name in filled.chosen else 0.0
        for p in required
        if p.kind != "boolean" and p.name not in filled.guessed
    ]
    mean = sum(sure) / len(sure) if sure else 0.75
    more = len(filled.chosen) > len(sure)
    unknown = any(p.name in filled.missing and p.kind in ("integer", "number") for p in required)
    evidence = sum(c.evidence for c in filled.chosen.values())
    return (
        evidence + 0.95 * fitted.name + 0.4 * fitted.text + 1.05 * fitted.asked + 0.9 * fitted.first
        + 1.3 * fitted.does + 1.15 * fitted.object + 1.6 * fitted.extent
        + 1.0 * fitted.verb + 0.85 * min(sure, default=0.75) + 0.3 * mean + 1.4 * more
        - 0.85 * len(filled.missing) / max(len(required), 1) - 1.3 * bool(filled.missing) - 1.0 * unknown - 4.2
    )  # fmt: skip


CALL = -0.35
"""A tool that scores less is not called."""
