"""Numbers that name a person, told from other numbers by their check digits. Every quantifier is bounded."""

from __future__ import annotations

import re

from ..redaction_patterns import PII_PATTERNS, SECRET_PATTERNS, Pattern, Span

_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"
_NIE = str.maketrans("XYZ", "012")


def _digits(match: re.Match[str]) -> str:
    return "".join(each for each in match[0] if each.isdigit())


def _belgian(match: re.Match[str]) -> Span | None:
    """Nine digits and their remainder by 97; those born since 2000 are counted with a 2 in front."""
    digits = _digits(match)
    body, rest = int(digits[:9]), int(digits[9:])
    born = 97 - body % 97 == rest or 97 - (2_000_000_000 + body) % 97 == rest
    is_date = int(digits[2:4]) <= 12 and int(digits[4:6]) <= 31
    return match.span() if born and is_date else None


def _spanish(match: re.Match[str]) -> Span | None:
    text = match[0].upper()
    return match.span() if _DNI[int(text[:-1].translate(_NIE)) % 23] == text[-1] else None


def _french(match: re.Match[str]) -> Span | None:
    digits = _digits(match)
    return match.span() if 97 - int(digits[:13]) % 97 == int(digits[13:]) else None


def _american(match: re.Match[str]) -> Span | None:
    """There is no check digit; area, group and serial are never all zeros, and areas from 900 are no numbers."""
    area, group, serial = match[0].split("-")
    return match.span() if area not in ("000", "666") and area < "900" and group != "00" and serial != "0000" else None


def _british(match: re.Match[str]) -> Span | None:
    """The health service's number: weights 10 to 2, modulo 11."""
    digits = _digits(match)
    rest = 11 - sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=False)) % 11
    return match.span() if rest != 10 and rest % 11 == int(digits[9]) and len(set(digits)) > 1 else None


IDENTITIES: tuple[Pattern, ...] = (
    Pattern("us-ssn", re.compile(r"(?<![0-9A-Za-z-])[0-9]{3}-[0-9]{2}-[0-9]{4}(?![0-9A-Za-z-])"), ("-",), _american),
    Pattern(
        "be-national-number",
        re.compile(r"(?<![0-9A-Za-z])[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}(?![0-9A-Za-z])"),
        (".",),
        _belgian,
    ),
    Pattern("es-dni", re.compile(r"(?<![0-9A-Za-z])(?:[0-9]{8}|[XYZ][0-9]{7})[A-Z](?![0-9A-Za-z])"), span=_spanish),
    Pattern(
        "fr-nir",
        re.compile(r"(?<![0-9A-Za-z])[12] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}(?![0-9A-Za-z])"),
        span=_french,
    ),
    Pattern("uk-nhs", re.compile(r"(?<![0-9A-Za-z])[0-9]{3} [0-9]{3} [0-9]{4}(?![0-9A-Za-z])"), (" ",), _british),
)
"""National numbers of persons."""

PERSONAL: tuple[Pattern, ...] = (
    *PII_PATTERNS,
    *(each for each in SECRET_PATTERNS if each.name in ("card", "iban")),
    *IDENTITIES,
)
"""What names or reaches a person: e-mail addresses, phone, card, account and national numbers."""
KINDS: tuple[str, ...] = tuple(dict.fromkeys(each.name for each in PERSONAL))
