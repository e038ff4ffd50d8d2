"""Lists as candidates: written out, enumerated, or a single value on its own."""

from __future__ import annotations

from collections.abc import Iterator

from .candidates import Candidate, literals
from .cues import Slot, nearness
from .handed import handed_list
from .lexicon import SHARES
from .mentions import Mention, Scene
from .numbers import number_for
from .schema import Param, fits
from .texts import phrase_lists
from .tokens import stems_of

_SHARES = stems_of(SHARES)


def arrays(slot: Slot, scene: Scene, item: Param, vocabulary: frozenset[str]) -> Iterator[Candidate]:
    """Every list that the parameter could be."""
    yield from literals(slot, scene, fits)
    wordy = item.kind in ("string", "any")
    kinds = ("number",) if item.kind in ("integer", "number") else ("quoted", "name", "code") if wordy else ()
    if item.enum or not kinds:
        return
    for members in [*scene.groups.values(), *((m,) for m in scene.mentions if m.group < 0)]:
        if members[0].kind in kinds:
            yield from _of_members(slot, scene, item, members)
    if wordy:
        yield from handed_list(slot, scene, vocabulary)
        for parts, start, end in phrase_lists(scene, slot, vocabulary):
            yield Candidate(parts, start, end, 0.2 + 0.8 * nearness(slot, scene, start, end))


def _of_members(slot: Slot, scene: Scene, item: Param, members: tuple[Mention, ...]) -> Iterator[Candidate]:
    if len(members) == 1 and members[0].kind == "number" and members[0].text[0].isalpha():
        return
    values = [number_for(item, m) if m.kind == "number" else m.value for m in members]
    if any(value is None for value in values):
        return
    start, end = members[0].start, members[-1].end
    score = 0.9 if len(members) > 1 else 0.5 if item.kind == "string" else 0.1
    if members[0].unit == "%" and slot.words & _SHARES:
        score += 0.3
    yield Candidate(values, start, end, score + nearness(slot, scene, start, end))
