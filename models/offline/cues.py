"""How near a parameter's own words stand to a value in the text."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .lexicon import ENDS, STARTS, STOP
from .mentions import Mention, Scene
from .schema import Param
from .tokens import concept, generic_stems, stem, stems_of

_BACK, _AHEAD = 9, 5


@dataclass(frozen=True, slots=True)
class Slot:
    """A parameter with the words that announce its value, weighted against its neighbours'."""

    param: Param
    index: int
    cues: Mapping[str, float]
    """Stem -> weight; a parameter's own name counts most."""
    words: frozenset[str]
    """Lower-case stems of the name and description."""
    starts: bool = False
    ends: bool = False
    siblings: frozenset[str] = frozenset()
    """Stems of all parameters' names."""


def slots_of(params: Sequence[Param]) -> list[Slot]:
    """Each parameter with its cue words; a word that several parameters share counts less."""
    spread: dict[str, int] = {}
    for param in params:
        for s in set(param.name_stems) | set(param.text_stems):
            spread[s] = spread.get(s, 0) + 1
    names = frozenset(s for param in params for s in param.name_stems)
    return [_slot(param, index, spread, names) for index, param in enumerate(params)]


def _slot(param: Param, index: int, spread: Mapping[str, int], siblings: frozenset[str]) -> Slot:
    cues: dict[str, float] = {}
    for s in param.text_stems:
        cues[s] = (0.1 if s in generic_stems() else 0.4) / spread[s] ** 0.7
    for s in param.name_stems:
        low = 0.5 if s in generic_stems() else 1.0
        cues[s] = max(low / spread[s] ** 0.7, cues.get(s, 0.0))
    for s in list(cues):
        if cues[s] >= 0.3:
            cues.setdefault("~" + concept(s), cues[s] * 0.6)
    names = set(param.name_stems)
    starts, ends = bool(names & _START_STEMS), bool(names & _END_STEMS)
    return Slot(
        param, index, cues, frozenset(names | set(param.text_stems)), starts and not ends, ends and not starts, siblings
    )


_JOINS = frozenset(("and", "or", "but", "while"))
_START_STEMS, _END_STEMS = stems_of(STARTS), stems_of(ENDS)


def nearness(slot: Slot, scene: Scene, start: int, end: int) -> float:
    """Sum over the cue words around text[start:end], each weighed by how far it stands."""
    found: dict[str, float] = {}
    _walk_back(slot, scene, start, found)
    _walk_ahead(slot, scene, end, found)
    return sum(found.values())


def _note(slot: Slot, stemmed: str, strength: float, found: dict[str, float]) -> None:
    weight = slot.cues.get(stemmed)
    key = stemmed
    if weight is None:
        key = "~" + concept(stemmed)
        weight = slot.cues.get(key)
    if weight is not None:
        found[key] = max(found.get(key, 0.0), weight * strength)


def _walk_back(slot: Slot, scene: Scene, start: int, found: dict[str, float]) -> None:
    factor, previous, distance = 1.0, start, 0.0
    at = bisect_right(scene.ends, start) - 1
    for word in reversed(scene.words[max(0, at - _BACK) : at + 1]):
        factor *= _gap(scene.text[word.end : previous])
        if factor < 0.05:
            return
        if scene.kinds[word.start] == 1:
            factor, previous = factor * 0.35 if word.text[0].isdigit() else factor, word.start
            continue
        _note(slot, word.stem, factor / (1 + 0.2 * distance), found)
        distance += 0.4 if word.text in STOP else 1.0
        factor *= 0.6 if word.text in _JOINS else 1.0
        previous = word.start


def _walk_ahead(slot: Slot, scene: Scene, end: int, found: dict[str, float]) -> None:
    factor, previous, distance = 0.9, end, 0.0
    at = bisect_left(scene.starts, end)
    for word in scene.words[at : at + _AHEAD]:
        factor *= _gap(scene.text[previous : word.start]) ** 2
        if factor < 0.05 or scene.kinds[word.start] == 1:
            return
        factor *= 0.5 if word.text in ("and", "with", "or", "at", "in", "to", "from", "for", "on", "by") else 1.0
        _note(slot, word.stem, factor / (1 + 0.6 * distance), found)
        distance += 0.5 if word.text in STOP else 1.0
        previous = word.end


def _gap(between: str) -> float:
    if between == " " or not between:
        return 1.0
    if ". " in between or "? " in between or "! " in between or "\n" in between:
        return 0.15
    if ";" in between:
        return 0.4
    return 0.6 if "," in between else 1.0


def mention_nearness(slot: Slot, scene: Scene, mention: Mention) -> float:
    """As `nearness`; a member of an enumeration also counts what stands around the whole of it."""
    members = scene.groups.get(mention.group)
    found: dict[str, float] = {}
    if mention.kind == "number" and mention.unit.isalpha():
        _note(slot, stem(mention.unit), 0.9, found)
    _walk_back(slot, scene, members[0].start if members else mention.start, found)
    _walk_ahead(slot, scene, mention.end, found)
    own = sum(found.values())
    if not members:
        return own
    return max(own, 0.95 * nearness(slot, scene, members[0].start, members[-1].end))


def word_before(
    scene: Scene, start: int, skip: frozenset[str] = frozenset({"the", "a", "an", "my", "our", "your"})
) -> str:
    """The lower-case word before a position, articles passed over."""
    at = bisect_right(scene.ends, start) - 1
    while at >= 0 and scene.words[at].text in skip:
        at -= 1
    return scene.words[at].text if at >= 0 else ""
