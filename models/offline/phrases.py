"""Cuts a text into short noun phrases: what stands between function words, verbs and punctuation."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from .lexicon import GENERIC, OPENERS, STOP, bag
from .mentions import Scene

Phrase = tuple[str, int, int]
"""The text of a phrase, where it starts and where it ends."""
_BREAK = STOP | (GENERIC - bag("single simple multiple different new")) | OPENERS | bag(
    """
    related called named based include includes located found happening offering used caused regarding concerning
    according latest current available needs wanted interested upcoming ongoing past last next month months week weeks
    day days year years terms today now right sorted equal greater less than exactly least best top night nights
    starting takes take taking making prepare looking compatible rating above below involving made composed consisting
    """
)  # fmt: skip


def phrases(scene: Scene, own: Collection[str], vocabulary: frozenset[str]) -> Iterator[Phrase]:
    """Phrases of one to six words; a parameter's own words and the tool's are trimmed off their ends."""
    run: list[int] = []
    for index, word in enumerate(scene.words):
        inside = word.text[0].isdigit() or scene.kinds[word.start] in (1, 3)
        gap = run and scene.text[scene.words[run[-1]].end : word.start].strip(" -")
        if word.text in _BREAK or inside or gap:
            yield from _trimmed(scene, run, own, vocabulary)
            run = []
        if word.text not in _BREAK and not inside:
            run.append(index)
    yield from _trimmed(scene, run, own, vocabulary)


def _trimmed(scene: Scene, run: list[int], own: Collection[str], vocabulary: frozenset[str]) -> Iterator[Phrase]:
    stems = [scene.words[i].stem for i in run]
    while len(run) > 1 and (stems[-1] in own or stems[-1] in vocabulary):
        run, stems = run[:-1], stems[:-1]
    while len(run) > 1 and (stems[0] in own or stems[0] in vocabulary):
        run, stems = run[1:], stems[1:]
    if run and len(run) <= 6 and not _inside_name(scene, run):
        start, end = scene.words[run[0]].start, scene.words[run[-1]].end
        yield scene.text[start:end], start, end


def _inside_name(scene: Scene, run: list[int]) -> bool:
    """Whether all words belong to a name, which is a candidate of its own."""
    start, end = scene.words[run[0]].start, scene.words[run[-1]].end
    return any(m.kind == "name" and m.start <= start and end <= m.end for m in scene.mentions)
