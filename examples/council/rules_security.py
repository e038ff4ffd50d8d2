"""What code can see of security: transport, access, encryption, what is logged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from .document import section, sections, table

_URL = re.compile(r"\bhttp://(?!localhost\b|127\.0\.0\.1\b|\[::1\])[^\s)`|>]+")
_WILDCARD = re.compile(r"`?\*:\*`?|\b(?:full|unrestricted) access to (?:all|every)\b[^.\n]*", re.I)
_LOGGED = re.compile(r"\b(?:logs?|logged|logging)\b", re.I)
_PERSONAL = re.compile(
    r"\b(?:e-?mail address(?:es)?|phone numbers?|card numbers?|home address(?:es)?|full names?)\b", re.I
)
_NEGATED = re.compile(r"\b(?:no|not|never|without|masked|redacted|hashed|removed|stripped)\b", re.I)


def _plain_http(text: str) -> Iterator[tuple[str, str]]:
    for each in sections(text):
        yield from ((each.name, found[0]) for found in _URL.finditer(each.prose))


def _no_authentication(text: str) -> Iterator[tuple[str, str]]:
    found = section(text, "Interfaces")
    for row in table(found.body) if found else ():
        if len(row) >= 4 and row[3].casefold() in ("none", "-", "anonymous", "") and "/health" not in row[1]:
            yield "Interfaces", f"{row[0]} | {row[1]} | {row[2]} | {row[3]}"


def _wildcard_access(text: str) -> Iterator[tuple[str, str]]:
    for each in sections(text):
        yield from ((each.name, found[0]) for found in _WILDCARD.finditer(each.prose))


def _personal_data_in_logs(text: str) -> Iterator[tuple[str, str]]:
    for each in sections(text):
        for sentence in each.sentences():
            if _LOGGED.search(sentence) and _PERSONAL.search(sentence) and not _NEGATED.search(sentence):
                yield each.name, sentence


def _not_encrypted(text: str) -> Iterator[tuple[str, str]]:
    found = section(text, "Data")
    if found and not re.search(r"\bencrypted at rest\b", found.prose, re.I):
        yield "Data", "## Data"


SECURITY: tuple[tuple[str, str, Callable[[str], Iterator[tuple[str, str]]], bool], ...] = (
    ("plain-http", "Use https, so that nobody can read or change what is sent.", _plain_http, False),
    ("no-authentication", "Say who may call it and how the caller proves it.", _no_authentication, True),
    ("wildcard-access", "Name the actions and resources that are needed, and no others.", _wildcard_access, True),
    ("personal-data-in-logs", "Leave it out of the logs, or mask it.", _personal_data_in_logs, False),
    ("not-encrypted", "Say that the data is encrypted at rest, and who holds the keys.", _not_encrypted, False),
)
