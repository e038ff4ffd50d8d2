"""Numbers as candidates: which number in the text a parameter means, in the parameter's own terms."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .candidates import Candidate
from .cues import Slot, mention_nearness, word_before
from .lexicon import COUNT, MONEY, SHARES, TIME, bag
from .mentions import Mention, Scene
from .schema import Param, fits
from .tokens import stem, stems_of
from .units import convert, measure

_MONEY, _SHARES, _TIME, _COUNT = map(stems_of, (MONEY, SHARES, TIME, COUNT))
_YEAR, _HOUR, _MINUTE = stem("year"), stem("hour"), stem("minute")
_SPANS = _TIME | stems_of(bag("year duration period day term month week minute second night age"))
_ORDINAL = stems_of(bag("century number nth term position rank day floor"))
_DIMENSION = {
    kind: stems_of(bag(names))
    for kind, names in (
        ("time", "duration time period term timeframe"),
        ("length", "distance height length width depth radius altitude diameter thickness"),
        ("mass", "weight mass quantity"),
        ("temperature", "temperature temp"),
        ("speed", "speed velocity"),
        ("acceleration", "acceleration gravity"),
        ("volume", "volume quantity amount"),
        ("area", "area"),
        ("frequency", "frequency tempo bpm"),
        ("pressure", "pressure"),
        ("angle", "angle"),
        ("voltage", "voltage"),
        ("current", "current"),
        ("power", "power"),
        ("energy", "energy"),
        ("force", "force"),
    )
}
_ASKING = bag("top first find give list show get need order book want me best latest next recommend suggest last")


def numbers(slot: Slot, scene: Scene) -> Iterator[Candidate]:
    """Every number that the parameter could be."""
    for mention in scene.mentions:
        if mention.kind == "number":
            value = number_for(slot.param, mention)
            if value is not None:
                yield Candidate(value, mention.start, mention.end, _score(slot, scene, mention), mention)
        elif mention.kind == "time":
            yield from _clock(slot, mention)


def _clock(slot: Slot, mention: Mention) -> Iterator[Candidate]:
    """The hour or the minutes of '6:30'."""
    match = re.match(r"(\d{1,2}):(\d{2})", mention.text)
    names = slot.param.name_stems
    at = 1 if _HOUR in names else 2 if _MINUTE in names else 0
    if match and at:
        start, end = mention.start + match.start(at), mention.start + match.end(at)
        yield Candidate(int(match[at]), start, end, 1.0, mention)


def number_for(param: Param, mention: Mention) -> int | float | None:
    """The number in the parameter's own terms (percent, unit, integer), or None when it cannot be that."""
    value: float = mention.value
    if mention.unit == "%":
        if param.kind == "number" and not _wants_percent(f"{param.name} {param.description}".lower()):
            value = float(f"{value / 100:.12g}")
    elif mention.unit and mention.unit not in ("$", "th"):
        converted = convert(value, mention.unit, param.units)
        value = value if converted is None else converted
    if param.kind == "integer":
        if value != int(value):
            return None
        value = int(value)
    return value if fits(value, param) else None


def _wants_percent(text: str) -> bool:
    if re.search(r"decimal|fraction|0\.\d|between 0 and 1|0 to 1", text):
        return False
    return bool(re.search(r"percent|%|in pct", text))


def _score(slot: Slot, scene: Scene, mention: Mention) -> float:
    score = 0.2 + mention_nearness(slot, scene, mention) + _unit_score(slot, mention)
    before = word_before(scene, mention.start)
    score += 0.5 * (slot.starts and before in ("from", "between", "start"))
    score += 0.5 * (slot.ends and before in ("to", "until", "and", "till"))
    score += _bounds(slot, scene, mention)
    spelled = mention.text[0].isalpha()
    names = set(slot.param.name_stems)
    if names & _COUNT and not mention.unit and before in _ASKING:
        score += 0.8
    elif spelled and mention.value < 5 and any(m.kind == "number" and m.text[0].isdigit() for m in scene.mentions):
        score -= 0.35
    return score + _year_score(mention, before, names)


def _bounds(slot: Slot, scene: Scene, mention: Mention) -> float:
    """'lines 10 to 20': the first for a parameter that begins a range of lines, the second for one that ends it."""
    if not (slot.starts or slot.ends):
        return 0.0
    if slot.starts and (match := re.search(r"(\w+) $", scene.text[max(0, mention.start - 30) : mention.start])):
        ranged = re.match(r"\s?(?:to|-|–|until)\s?\d", scene.text[mention.end : mention.end + 12])
        return 0.5 if ranged and stem(match[1].lower()) in slot.words else 0.0
    return 0.0


def _unit_score(slot: Slot, mention: Mention) -> float:
    words, unit, kind = slot.words, mention.unit, measure(mention.unit)
    if unit == "%":
        return 0.6 if words & _SHARES else -0.4
    if unit == "$":
        return 0.6 if words & _MONEY else -0.4
    if unit == "th":
        return 0.0 if words & _ORDINAL else -0.4
    if not kind:
        return 0.0
    score = -0.5 if kind == "time" and not words & _SPANS else 0.0
    wanted = {measure(u) for u in slot.param.units}
    if kind in wanted:
        score += 0.7
    elif wanted and kind != "time":
        score -= 0.8
    if words & _DIMENSION.get(kind, frozenset()):
        return score + 0.5
    other = any(set(slot.param.name_stems) & stems for name, stems in _DIMENSION.items() if name != kind)
    return score - 0.6 if kind != "time" and not wanted and other else score


_YEARS = frozenset((_YEAR, stem("date"), stem("season")))


def _year_score(mention: Mention, before: str, names: set[str]) -> float:
    value = mention.value
    if mention.unit or not isinstance(value, int) or not 1000 <= value <= 2100 or "," in mention.text:
        return 0.0
    if names & _YEARS:
        return 0.7
    return -0.5 if value >= 1500 and before in ("in", "year", "since", "during", "of") else 0.0
