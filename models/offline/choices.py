"""Options and flags: which of a parameter's allowed values the text names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from .candidates import Candidate
from .cues import Slot
from .lexicon import bag
from .mentions import Scene
from .schema import Param
from .tokens import concept, name_words, stem, stems_of, stop_stems


@lru_cache(maxsize=2_048)
def told_options(description: str) -> tuple[str, ...]:
    """Options that a description quotes: "'a', 'b' or 'c'"; none when it quotes fewer than two."""
    quoted = re.findall(r"(?<!\w)['\"]([^'\"]{1,40})['\"](?!\w)", description[:1_500])
    unique = tuple(dict.fromkeys(quoted))
    return unique if len(unique) >= 2 else _listed(description)


_EXAMPLES = re.compile(
    r"(?:e\.g\.?|i\.e\.?|such as|like|for example|examples?:?|options are|options:)[\s,:]*(?P<list>[^().;:]{3,120})"
    r"|\((?P<paren>[^()]{5,120})\)",
    re.I,
)


def _listed(description: str) -> tuple[str, ...]:
    """Options listed without quotation marks: 'e.g. oil, acrylic or watercolor'; places and dates are no such list."""
    match = _EXAMPLES.search(description[:1_000])
    if match is None or re.search(r"\b[A-Z]{2}\b|\d", match[0]):
        return ()
    parts = re.split(
        r",|\bor\b|\band\b|/|\betc\b",
        re.sub(r"^(?:e\.g\.?|i\.e\.?|such as|like)[\s,]*", "", match["list"] or match["paren"]),
    )
    words = tuple(dict.fromkeys(p.strip(" '\"") for p in parts if 0 < len(p.split()) <= 3))
    return words if len(words) >= 3 else ()


def options_of(param: Param) -> tuple[Any, ...]:
    """Allowed values from the schema, else the ones that the description quotes."""
    if param.enum:
        return param.enum
    if param.kind == "array" and param.item is not None:
        return options_of(param.item)
    return told_options(param.description) if param.kind == "string" else ()


def matches(slot: Slot, scene: Scene) -> Iterator[Candidate]:
    """Each option that the text names, with where and how surely."""
    stems = [w.stem for w in scene.words]
    for option in options_of(slot.param):
        wanted = [stem(w) for w in name_words(str(option)) if stem(w) not in stop_stems()] or [
            stem(w) for w in name_words(str(option))
        ]
        hit = _find(wanted, stems, scene, str(option)) if wanted else None
        if hit is not None:
            start, end, score = hit
            yield Candidate(option, start, end, score)


def _find(wanted: list[str], stems: list[str], scene: Scene, option: str) -> tuple[int, int, float] | None:
    if len(option) == 1 and not re.search(rf"(?<!\w){re.escape(option)}(?!\w)", scene.text):
        return None
    for i, s in enumerate(stems):
        if s == wanted[0] and stems[i : i + len(wanted)] == wanted:
            start, end = scene.words[i].start, scene.words[i + len(wanted) - 1].end
            exact = scene.text[start:end].lower() == option.lower()
            return start, end, 1.6 + 0.1 * len(wanted) + 0.2 * exact
    present = [i for i, s in enumerate(stems) if s in wanted]
    if len(wanted) > 1 and {stems[i] for i in present} >= set(wanted) and present[-1] - present[0] < 8:
        return scene.words[present[0]].start, scene.words[present[-1]].end, 1.3
    if len(wanted) == 1:
        for i, s in enumerate(stems):
            if (
                len(s) >= 4
                and (s.startswith(wanted[0]) or wanted[0].startswith(s))
                and min(len(s), len(wanted[0])) >= 4
            ):
                return scene.words[i].start, scene.words[i].end, 1.0
            if concept(s) == concept(wanted[0]) and len(s) > 2:
                return scene.words[i].start, scene.words[i].end, 0.7
    return None


_FLAG_NOISE = stems_of(
    bag(
        """
        include included including get is has with want return show enable enabled allow flag only use
        option whether if set true false be specify require required information detail details
        """
    )
)


def flag(slot: Slot, scene: Scene) -> bool | None:
    """True or False when the text names what the flag is about, None when it does not."""
    wanted = [s for s in slot.param.name_stems if s not in _FLAG_NOISE and s not in stop_stems()] or list(
        slot.param.name_stems
    )
    if not wanted:
        return None
    present = [w for w in scene.words if w.stem in wanted or any(len(s) > 4 and w.stem[:5] == s[:5] for s in wanted)]
    need = len(set(wanted)) if len(wanted) < 3 else len(set(wanted)) - 1
    if len({w.stem for w in present}) < need:
        return None
    before = scene.text[max(0, present[0].start - 30) : present[0].start].lower()
    return not re.search(
        r"\b(?:no|not|without|n't|exclude|excluding|except|don't|doesn't|disable|disabled|non|avoid|ignoring|ignore)\b[^.]*$",
        before,
    )
