"""Splits a question into the questions it is made of, each complete in itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LEAD = re.compile(
    r"^(?:please|and|also|then|can you|could you|would you|i (?:would like|want|need) (?:you )?to|tell me|explain|"
    r"write (?:a|an) [\w ]{0,40}?(?:on|about)|research|report on)(?:[\s:,]+|$)", re.I)  # fmt: skip
_ASKING = r"(?:how|what|why|when|where|which|who|whose|whom|does|do|did|is|are|was|were|can|could|should|will|must)"
_CUT = re.compile(rf"(?<=[.?!;])\s+|\n+|,?\s+(?:and|then|also)\s+(?={_ASKING}\b)", re.I)
_COMPARED = re.compile(
    r"\b(?:compare|differences? between)\s+(?P<one>.{2,80}?)\s+(?:and|with|to|vs\.?)\s+(?P<other>[^,.?!;]{2,80})", re.I
)
_VERSUS = re.compile(r"^(?P<one>[^\s,.?!;]{2,60})\s+(?:vs\.?|versus)\s+(?P<other>[^,.?!;]{2,80})", re.I)
_WITHIN = re.compile(r"\s+(?:in|of|for|from|within)\s+(?P<name>[^\s?.!]{2,60})\W*$")
_INDIRECT = re.compile(
    r"^(?P<asks>what|who|where|how|why|when)\s+(?P<who>(?:(?:a|an|the|it|they|this)\b|(?-i:[A-Z])|\w+_)[^,.?!]{0,60}?)\s+"
    r"(?P<verb>is|are)\b(?P<rest>[^?]*)\??$",
    re.I,
)
_QUESTION = re.compile(rf"^{_ASKING}\b", re.I)
_NAMED = re.compile(r"^(?:[A-Z][a-z0-9]*[A-Z]\w*|[A-Z]\w+|\w+_\w+|\w+\.\w+)(?:['’]s)?$")
_VERB = r"(?:does|do|did|is|are|was|were|can|could|should|will|must)"
_AUXILIARY = re.compile(rf"\b(?P<verb>{_VERB})\s+(?P<rest>\S.{{0,200}})", re.I)
_PRONOUN = re.compile(rf"(?P<before>\b{_VERB}\s+)(?:it|they|this|that)\b(?!\s+\w+s\b)", re.I)
_CLOCK = re.compile(r"\b(?:time|date|day|week|month|year|weather|far|late|cold|hot|warm)\b", re.I)
_OBJECT = re.compile(r"^(?P<before>\w+(?:\s+\w+)?\s+)(?:it|them|that)(?=\W*$)", re.I)
_PARTICIPLE = re.compile(
    r"(?:ed|en|ing)$|^(?:built|made|sent|kept|held|found|run|set|put|done|shown|known|read)$", re.I
)
_STOPS = re.compile(r"^(?:of|in|on|at|by|for|from|to|with|and|or|a|an|the|used|use|not|be|been|have|has)$", re.I)


def sub_questions(text: str, limit: int = 6) -> list[str]:
    """Between one and `limit` questions, in order: sentences, clauses with their own question word, compared things.

    Each is made complete: it begins with a capital, ends with a question mark if it is a question, and names the
    subject of the first where it only said "it" or named nothing.
    """
    whole = " ".join(text[:4_000].split())
    compared = _compared(whole)
    if compared:
        return compared[:limit]
    pieces = [_tidy(part) for part in _CUT.split(re.sub(r"[^\S\n]+", " ", text[:4_000]))]
    parts = [part for part in dict.fromkeys(pieces) if len(part.split()) > 1]
    if not parts:
        return [_one(whole)]
    subject, scope = _subject(parts[0]), _scope(parts[0])
    carried = [parts[0], *(_carried(part, subject, scope) for part in parts[1:])]
    return list(dict.fromkeys(map(_complete, carried)))[:limit]


def _one(whole: str) -> str:
    """A single word that reads like a name is a question after it."""
    term = _tidy(whole).strip(" ?.!,;\"'`")
    return f"What is {term}?" if re.fullmatch(r"[\w.\-]{2,80}", term) and _is_term(term) else whole[:500] or "?"


def _is_term(word: str) -> bool:
    return bool(re.search(r"[_.]|[a-z][A-Z]", word)) or bool(re.fullmatch(r"[A-Za-z][\w\-]{3,}", word))


def _compared(whole: str) -> list[str]:
    """ "the difference between A and B in C" -> "What is A in C?", "What is B in C?"; nothing for other questions."""
    if len(_CUT.split(whole)) > 1:
        return []
    found = _COMPARED.search(whole) or _VERSUS.search(whole)
    if not found:
        return []
    one, other = found["one"].strip(), found["other"].strip()
    within = _WITHIN.search(other)
    scope = f" in {within['name']}" if within and not _WITHIN.search(one) else ""
    return [f"What is {one}{scope}?", f"What is {other}?"]


def _tidy(part: str) -> str:
    part = part.strip(" \t,;\"'")
    for _ in range(3):
        part = _LEAD.sub("", part) or part
    found = _INDIRECT.match(part)
    return f"{found['asks']} {found['verb']} {found['who']}{found['rest']}" if found else part


def _complete(part: str) -> str:
    part = part[:1].upper() + part[1:] if part[:1].islower() and not _NAMED.match(part.split()[0]) else part
    return part + "?" if _QUESTION.match(part) and part[-1:] not in "?!." else part


def _carried(part: str, subject: str, scope: str) -> str:
    """The part with the subject of the first one in place of a pronoun, or its scope in front if it names none."""
    if not _QUESTION.match(part):
        return part
    said = part
    for pattern in (_PRONOUN, _OBJECT) if subject and not _CLOCK.search(part) else ():
        said = pattern.sub(lambda found: found["before"] + subject, said, count=1) if said == part else said
    words = [word.strip("?.,;:!()`\"'") for word in said.split()]
    if said != part or not scope or any(_NAMED.match(word) for word in words[1:]):
        return said
    return f"In {scope}, {part[:1].lower()}{part[1:]}"


def _scope(part: str) -> str:
    """The name that a question is asked within: "... in LangGraph?", or that of its subject."""
    within = _WITHIN.search(part)
    if within and _NAMED.match(within["name"]):
        return within["name"]
    last = _subject(part).split()[-1:]
    return _subject(part) if last and _NAMED.match(last[0].strip("`")) else ""


def _subject(part: str) -> str:
    """What a question is about: the words after its auxiliary, as far as they can be told from the verb."""
    found = _AUXILIARY.search(part)
    if not found:
        return ""
    words = [word.strip("?.,;:!()\"'") for word in found["rest"].split()[:6]]
    article = words[0].lower() if words[0].lower() in ("a", "an", "the") else ""
    words = words[1:] if article else words
    if (
        not words
        or not words[0][:1].isalpha()
        or _STOPS.match(words[0])
        or words[0].lower() in ("it", "they", "i", "we", "you", "there")
    ):
        return ""
    named = _leading_names(words)
    rest = words[len(named) :]
    to_be = found["verb"].lower() in ("is", "are", "was", "were")
    plain = _until_verb(rest) if to_be else rest[:1] if article or not named else []
    plain = [] if plain and _STOPS.match(plain[0]) else plain
    return " ".join([*([article] if article and plain else []), *named, *plain])


def _until_verb(words: Sequence[str]) -> list[str]:
    """The words before a participle or a preposition."""
    at = next((i for i, w in enumerate(words) if _STOPS.match(w) or _PARTICIPLE.search(w)), len(words))
    return list(words[:at][:3])


def _leading_names(words: Sequence[str]) -> list[str]:
    names: list[str] = []
    for word in words:
        if not _NAMED.match(word.strip("`")):
            break
        names.append(word)
    return names
