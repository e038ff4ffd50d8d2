"""Strings as candidates: quotations, names, dates, codes, formulas and short phrases, by the role they play."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

from .candidates import Candidate, enumerated
from .cues import Slot, mention_nearness, nearness, word_before
from .dates import write_date, write_time
from .handed import handed_text
from .lexicon import ADDRESS, FORMULA, ID, LANGUAGES, OPEN_TEXT, PERSON, PLACE, TIME, WHEN, bag
from .mentions import Mention, Scene
from .phrases import Phrase, phrases
from .places import COUNTRIES, CURRENCIES, DEMONYMS, US_CITIES, US_STATES, is_region
from .schema import Param
from .tokens import stem, stems_of
from .units import UNITS, convertible, measure, units_in

_PLACE, _PERSON, _WHEN, _FORMULA, _TIME, _ID, _ADDRESS = map(
    stems_of, (PLACE, PERSON, WHEN, FORMULA, TIME, ID, ADDRESS)
)
OPEN = stems_of(OPEN_TEXT)
"""Stems of names of parameters that take a whole text."""
_CITY, _STATE, _COUNTRY, _CURRENCY = (stem(w) for w in ("city", "state", "country", "currency"))
_REGION = frozenset((_STATE, _COUNTRY, stem("province")))
_YEARLY = frozenset((stem("year"), stem("season")))
_LEADS = bag("of in for about on with by from to into using called")
_FROM, _TO = bag("from between leaving departing"), bag("to into and until towards")
_NEAR = bag("in at near around inside within")
_BASE = {
    "quoted": 0.6, "name": 0.5, "code": 0.35, "address": 0.2, "formula": 0.1, "date": -0.4, "time": -0.4,
    "number": -0.5, "list": -1.5,
}  # fmt: skip
_SAYING = re.compile(
    r"\b(?:saying|that says|which says|with the (?:text|message|content|body)|the following (?:text|message)"
    r"|remember that)\b"
    r"[:\s]+([^\n]{2,2000})",
    re.I,
)


def texts(slot: Slot, scene: Scene, vocabulary: frozenset[str]) -> Iterator[Candidate]:
    """Every text that the parameter could be; `vocabulary` are the tool's own stems."""
    names = set(slot.param.name_stems)
    if names & OPEN:
        yield from _whole_texts(scene)
        yield from handed_text(slot, scene, vocabulary)
        return
    if stem("language") in names:
        yield from _languages(slot, scene)
        return
    if stem("unit") in names:
        yield from _units(slot, scene)
    if _CURRENCY in names:
        yield from _currencies(slot, scene)
    for mention in scene.mentions:
        yield _of_mention(slot, scene, mention)
    if _STATE in names and _CITY in slot.siblings:
        yield from _states(scene)
    found = list(phrases(scene, slot.param.name_stems, vocabulary))
    for phrase in found:
        yield _of_phrase(slot, scene, phrase, vocabulary)
    for phrase in _joined(scene, found):
        candidate = _of_phrase(slot, scene, phrase, vocabulary)
        yield replace(candidate, score=candidate.score + 0.25)


def _joined(scene: Scene, found: list[Phrase]) -> Iterator[Phrase]:
    """Phrases that 'of' joins: 'theory of evolution'."""
    for left, right in pairwise(found):
        if scene.text[left[2] : right[1]] in (" of ", " of the "):
            yield scene.text[left[1] : right[2]], left[1], right[2]


def _whole_texts(scene: Scene) -> Iterator[Candidate]:
    """Texts to be passed on whole: a quotation, or what follows 'saying' or 'remember that'."""
    for mention in scene.mentions:
        if mention.kind == "quoted":
            score = 0.8 + 0.001 * len(mention.text)
            yield Candidate(str(mention.value), mention.start, mention.end, score, mention)
    if (match := _SAYING.search(scene.text)) is not None:
        yield Candidate(match[1].strip(), match.start(1), match.end(1), 0.7)


def _languages(slot: Slot, scene: Scene) -> Iterator[Candidate]:
    """Languages that the text names; English, which the heuristics read, when it names none."""
    yield Candidate("English", 0, 0, -0.1)
    for word in scene.words:
        if word.text in LANGUAGES:
            suits = role(slot, scene, word.start, word.text)
            yield Candidate(scene.text[word.start : word.end], word.start, word.end, 1.0 + suits)


def _units(slot: Slot, scene: Scene) -> Iterator[Candidate]:
    """A unit that the text asks for ('in miles'), or that its numbers have where the default is another one."""
    for match in re.finditer(r"\bin ((?:square |cubic )?[^\W\d_]{1,14}(?:/[a-z]+)?)", scene.text):
        if measure(match[1].split()[-1]):
            yield Candidate(match[1], match.start(1), match.end(1), 1.4)
    usual = {convertible(unit) for unit in units_in(slot.param.description)}
    for mention in scene.mentions:
        unit = mention.unit
        if usual and measure(unit) in _SIZES and convertible(unit) not in usual:
            yield Candidate(unit, mention.end, mention.end, 0.9)


_SIZES = frozenset(("length", "mass", "temperature"))


def _currencies(slot: Slot, scene: Scene) -> Iterator[Candidate]:
    """Codes of the currencies that the text names."""
    at = 0
    while at < len(scene.words):
        for length in (3, 2, 1):
            run = scene.words[at : at + length]
            code = CURRENCIES.get(" ".join(w.text for w in run))
            if code and len(run) == length:
                start, end = run[0].start, run[-1].end
                counted = scene.text[:start].rstrip()[-1:].isdigit()
                suits = role(slot, scene, start, code) + (0.4 if counted and slot.starts else 0.0)
                yield Candidate(code, start, end, 1.5 + suits)
                break
        at += length if code else 1


def _states(scene: Scene) -> Iterator[Candidate]:
    """The state in which a city of the text lies."""
    names = {abbreviation: state.title() for state, abbreviation in US_STATES.items()}
    for mention in scene.mentions:
        abbreviation = US_CITIES.get(mention.text.lower(), "")
        if mention.kind == "name" and abbreviation in names:
            yield Candidate(names[abbreviation], mention.start, mention.start, 0.7)


def _of_phrase(slot: Slot, scene: Scene, phrase: Phrase, vocabulary: frozenset[str]) -> Candidate:
    text, start, end = phrase
    score = 0.15 + 0.8 * nearness(slot, scene, start, end)
    score += role(slot, scene, start, text) + _example(slot.param, text)
    heads = [stem(w) for w in re.findall(r"[a-z]+", text.lower())]
    known = sum(h in vocabulary for h in heads) / max(len(heads), 1)
    if word_before(scene, start) in _LEADS:
        score += 0.15
    elif text.endswith(("ed", "ing")) and " " not in text:
        score -= 0.15
    names = set(slot.param.name_stems)
    if heads and names.issuperset(heads):
        score -= 0.6
    if names & (_WHEN | _ID | _ADDRESS):
        score -= 0.3
    if names & _PLACE and not _is_place(text):
        score -= 0.3
    if text.lower() in UNITS:
        score -= 0.5
    return Candidate(text, start, end, score - 0.5 * known)


def _of_mention(slot: Slot, scene: Scene, mention: Mention) -> Candidate:
    kind = mention.kind
    score = _BASE[kind] + 0.8 * mention_nearness(slot, scene, mention)
    if kind in ("name", "quoted", "code"):
        return _named(slot, scene, mention, score)
    value, bonus = _typed(slot, mention)
    return Candidate(value, mention.start, mention.end, score + bonus, mention)


def _typed(slot: Slot, mention: Mention) -> tuple[str, float]:
    """A date, time, formula, address or number as text, and how well it suits the parameter."""
    words, names, kind = slot.words, set(slot.param.name_stems), mention.kind
    value = str(mention.value)
    if kind == "date":
        bonus = 1.6 if names & _WHEN else 0.4 if words & (_WHEN | _TIME) else 0.0
        return write_date(value, slot.param.description), bonus
    if kind == "time":
        bonus = 1.4 if names & _TIME else 0.2 if words & _TIME else 0.0
        return write_time(value, slot.param.description), bonus
    if kind == "formula":
        return _formula(value), 1.4 if words & _FORMULA else 0.0
    if kind == "address":
        return value, 1.2 if words & _ADDRESS else 0.0
    if kind == "number":
        bare = value if mention.unit in ("", "th") else mention.text.strip()
        return bare, 0.6 if names & _ID else 0.5 if names & _YEARLY else 0.0
    return value, 0.0


def _formula(value: str) -> str:
    """A formula with Python's power sign and without '= 0'."""
    bare = re.sub(r"\s*=\s*0$", "", value)
    return bare.replace("^", "**").replace("²", "**2").replace("³", "**3")


def _named(slot: Slot, scene: Scene, mention: Mention, score: float) -> Candidate:
    names, kind, value, end = set(slot.param.name_stems), mention.kind, str(mention.value), mention.end
    score += role(slot, scene, mention.start, value) + _example(slot.param, value) + _own_words(slot, value)
    if kind == "code" and names & (_ID | _YEARLY):
        score += 0.5
    if kind == "quoted" and names & _PERSON - {stem("name"), stem("user")}:
        score -= 0.3
    if kind == "quoted" and slot.words & _FORMULA and re.search(r"\d|[xyt]", value):
        score, value = score + 0.5, value.replace("^", "**")
    if names & _WHEN:
        score -= 0.8
    if kind == "name":
        value, end = _numbered(scene, *_place(slot, scene, mention))
    return Candidate(value, mention.start, end, score, mention)


def _own_words(slot: Slot, value: str) -> float:
    """A name that contains the parameter's word is likely meant: 'Premier League' for `league`."""
    own = set(slot.param.name_stems) - {stem("name")}
    return 0.5 if " " in value and any(stem(w) in own for w in re.findall(r"[a-z]+", value.lower())) else 0.0


@lru_cache(maxsize=2_048)
def _examples(description: str) -> frozenset[str]:
    quoted = re.findall(r"(?<!\w)['\"]([^'\"]{2,60})['\"](?!\w)", description[:1_500])
    told = re.findall(r"(?:e\.g\.?|such as|like|for example)[\s,:]*([^().;]{2,120})", description[:1_500], re.I)
    parts = [part for listed in told for part in re.split(r",|\bor\b|\band\b|\betc\b", listed)]
    return frozenset(part.strip(" '\"").lower() for part in [*quoted, *parts]) - {""}


def _example(param: Param, value: str) -> float:
    """A value that the description gives as an example is surely of the right sort."""
    return 0.7 if value.lower() in _examples(param.description) else 0.0


def _numbered(scene: Scene, value: str, end: int) -> tuple[str, int]:
    """A name with the number that belongs to it: 'Windows 10', 'Maroon 5'."""
    match = re.match(r" (\d{1,3})(?=[.,;?!)]|$| and\b| or\b)(?!\.\d)", scene.text[end : end + 12])
    return (f"{value} {match[1]}", end + match.end()) if match else (value, end)


def role(slot: Slot, scene: Scene, start: int, text: str) -> float:
    """How well a value suits a parameter by the word before it: 'from', 'to', 'in', 'by', 'named'."""
    before, names = word_before(scene, start), set(slot.param.name_stems)
    score = 0.0
    if slot.starts:
        score += 0.6 if before in _FROM else -0.2 if before in ("to", "and") else 0.0
    if slot.ends:
        score += 0.6 if before in _TO else -0.2 if before == "from" else 0.0
    if names & _PLACE:
        score += _place_role(slot, scene, start, text, before)
    elif before in _NEAR and (_is_place(text) or (text[:1].isupper() and slot.siblings & _PLACE)):
        score -= 0.4
    if names & _PERSON and re.fullmatch(r"[A-Z][\w.'’-]+(?: [A-Z][\w.'’-]*){1,3}", text):
        score += 0.25
    if names & _PERSON and before in ("by", "starring", "actor", "artist", "named", "mr", "dr", "president"):
        score += 0.3
    if before in ("named", "called", "titled") and names & {stem("name"), stem("title")}:
        score += 0.4
    if stem("language") in names and before in ("in", "to", "into"):
        score += 0.3
    return score


def _is_place(text: str) -> bool:
    return text.lower() in US_CITIES or is_region(text)


def _place_role(slot: Slot, scene: Scene, start: int, text: str, before: str) -> float:
    names, low = set(slot.param.name_stems), text.lower()
    score = 0.5 if _is_place(text) else 0.0
    score += 0.4 if before in _NEAR else 0.2 if before in ("for", "of", "from", "to", "visit") else 0.0
    if not slot.siblings & _REGION and re.search(r"[A-Z]\w+, $", scene.text[max(0, start - 30) : start]):
        score -= 0.9
    if low in US_CITIES and _STATE in names and _CITY not in names:
        score -= 0.6
    if low in COUNTRIES and _COUNTRY in names:
        score += 0.4
    if low in US_STATES and _CITY in names and low not in US_CITIES:
        score -= 0.5
    return score


def _place(slot: Slot, scene: Scene, mention: Mention) -> tuple[str, int]:
    """A place as the description wants it, and where it ends: 'City, ST' when the text or the example has that form."""
    value, param = str(mention.value), slot.param
    apart = bool(slot.siblings & _REGION) and not set(param.name_stems) & _REGION
    if not set(param.name_stems) & _PLACE or apart:
        return value, mention.end
    tail = re.match(r",\s*([A-Z][\w.]*(?: [A-Z]\w+)*)", scene.text[mention.end : mention.end + 60])
    if tail and is_region(tail[1].rstrip(".")):
        return f"{value}, {tail[1].rstrip('.')}", mention.end + tail.end()
    if _COUNTRY in param.name_stems and value.split()[0].lower() in DEMONYMS:
        return DEMONYMS[value.split()[0].lower()], mention.end
    state = US_CITIES.get(value.lower())
    wants_state = re.search(r"[A-Z][\w .]+,\s?[A-Z]{2}\b|city and state|city, state|state", param.description)
    return (f"{value}, {state}" if wants_state and state else value), mention.end


def phrase_lists(scene: Scene, slot: Slot, vocabulary: frozenset[str]) -> Iterator[tuple[list[str], int, int]]:
    """Enumerations of phrases and names: 'behaviour and group dynamics'."""
    run: list[Phrase] = []
    for piece in phrases(scene, slot.param.name_stems, vocabulary):
        if run and not enumerated(scene.text[run[-1][2] : piece[1]]):
            yield [p[0] for p in run], run[0][1], run[-1][2]
            run = []
        run.append(piece)
    if run:
        yield [p[0] for p in run], run[0][1], run[-1][2]
