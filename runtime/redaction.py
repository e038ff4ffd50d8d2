"""Redaction: secrets are replaced by marks like ``[redacted:aws-key]`` before anything is stored, logged or traced.

First the process's own secrets, exactly; then patterns of well-known ones (``redaction_patterns``). Ordinary text
comes back as it was, redacted text stays as it is, and hostile text costs linear time.
"""

from __future__ import annotations

import copy
import logging
import re
import traceback
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .redaction_patterns import SECRET_PATTERNS, Pattern, Span, is_card
from .redaction_secrets import Needles, process_secrets

MAX_DEPTH = 64
"""How deep a value is followed; what lies deeper is replaced whole."""
MAX_NODES = 100_000
"""How many parts of a value are looked at; what comes after is replaced whole."""
_SHORTEST_TEXT = 6
_PASSES = 8
_CLEAN_WORDS = 4096
_OWN_NAMES = ("secret", "unstable", "too-deep", "too-large", "unreadable", "field")
_MARK = re.compile(r"\[redacted:([A-Za-z0-9_.-]{1,64})\]")
_SECRET_FIELD = re.compile(
    r"password|passwd|passphrase|secret|client_?secret|(?:x_)?api_?key|access_?key|secret_?access_?key|private_?key"
    r"|access_?token|refresh_?token|id_?token|(?:x_)?auth_?token|(?:proxy_)?authorization|set_cookie",
    re.IGNORECASE,
)


class Redactor:
    """Finds secrets in text and in plain data. Thread-safe; make one and share it."""

    def __init__(
        self, secrets: Mapping[str, str] | Iterable[str] = (), patterns: Sequence[Pattern] = SECRET_PATTERNS
    ) -> None:
        """
        Args:
            secrets: Values searched for exactly, of 8 characters and more; a mapping names them in the marks.
            patterns: What else is a secret; add ``PII_PATTERNS`` for e-mail addresses and phone numbers.
        """
        named = secrets if isinstance(secrets, Mapping) else {f"secret-{at}": each for at, each in enumerate(secrets)}
        self._needles = Needles(named)
        self._named = isinstance(secrets, Mapping)
        self._know(tuple(named), tuple(patterns))

    def _know(self, secrets: Sequence[str], patterns: tuple[Pattern, ...]) -> None:
        self._patterns = patterns
        self.guesses_fields = bool(patterns)
        """Whether values of fields named like secrets are replaced unread."""
        self.knows_cards = any(each.name == "card" for each in patterns)
        """Whether numbers are looked at too."""
        self._names = {
            "secret",
            "unstable",
            "too-deep",
            "too-large",
            "unreadable",
            "field",
            *(each.name for each in patterns),
        }
        self._labels = {name: self._label(name, self._named) for name in secrets}
        self._names.update(self._labels.values())
        self._clean: set[str] = set()

    @classmethod
    def of_process(
        cls,
        environment: Mapping[str, str] | None = None,
        *,
        given: Mapping[str, str] | None = None,
        patterns: Sequence[Pattern] = SECRET_PATTERNS,
    ) -> Redactor:
        """A redactor of this process's secrets: see :func:`process_secrets`."""
        return cls(process_secrets(environment, given), patterns)

    def with_patterns(self, patterns: Sequence[Pattern]) -> Redactor:
        """A redactor of the same secrets and other patterns; with none, it finds nothing but the secrets."""
        other = copy.copy(self)
        other._know(tuple(self._labels), tuple(patterns))
        return other

    @property
    def secrets(self) -> Needles:
        """What is searched for exactly."""
        return self._needles

    def redact(self, text: str) -> str:
        """The text with every secret replaced by a mark. Redacting it again changes nothing."""
        if len(text) < _SHORTEST_TEXT:
            return text
        for _ in range(_PASSES):
            fresh = self._once(text)
            if fresh == text:
                return text
            text = fresh
        # Only text made for it gets here: each mark bares another secret. It is not worth a further look.
        return text if self._once(text) == text else "[redacted:unstable]"

    def redact_value(self, value: Any) -> Any:
        """A copy of plain data with every text redacted, keys too, and the values of fields named like secrets.

        Never changes ``value``. What is no plain data comes back as it is if its text holds no secret, else as its
        redacted text; models are dumped first.
        """
        return _Walk(self).value(value, 0)

    def redact_word(self, word: str) -> str:
        """:meth:`redact` for words that come again and again, as names of fields do: clean ones are remembered."""
        if word in self._clean:
            return word
        fresh = self.redact(word)
        if fresh == word and len(word) <= 64 and len(self._clean) < _CLEAN_WORDS:
            self._clean.add(word)
        return fresh

    def spans(self, text: str) -> list[tuple[Span, str]]:
        """Where secrets stand in the text and what their marks say: in order, none overlapping another."""
        found = [(span, self._labels[name]) for span, name in self._needles.find(text)]
        lowered = text.lower() if self._patterns else ""
        for each in self._patterns:
            if each.may_be_in(lowered):
                found += [(span, each.name) for span in each.find(text)]
        return list(_merged(_outside(found, self._marks(text)))) if found else []

    def _once(self, text: str) -> str:
        found = self.spans(text)
        if not found:
            return text
        pieces, end = [], 0
        for (start, stop), name in found:
            pieces += [text[end:start], f"[redacted:{name}]"]
            end = stop
        return "".join([*pieces, text[end:]])

    def _marks(self, text: str) -> list[Span]:
        """Marks of this redactor; others are text, or anybody could hide a secret in what looks like a mark."""
        return [match.span() for match in _MARK.finditer(text) if match[1] in self._names]

    def _label(self, name: str, named: bool) -> str:
        """The name in the mark; a name that would itself be redacted is not used."""
        label = re.sub(r"[^A-Za-z0-9_.-]", "-", name)[:64] if named else "secret"
        probe = f"[redacted:{label}]"
        hidden = any(True for each in self._patterns for _ in each.find(probe))
        return "secret" if hidden or not label or any(True for _ in self._needles.find(label)) else label


class _Walk:
    """One value being redacted, and how much of it may still be looked at."""

    def __init__(self, redactor: Redactor) -> None:
        self._redact = redactor.redact
        self._guesses = redactor.guesses_fields
        self._cards = redactor.knows_cards
        self._redact_word = redactor.redact_word
        self._left = MAX_NODES

    def value(self, value: Any, depth: int) -> Any:
        self._left -= 1
        if self._left < 0:
            return "[redacted:too-large]"
        if value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, str):
            return self._redact(value)
        if isinstance(value, int):
            is_secret = self._cards and 10**12 <= value < 10**19 and is_card(str(value))
            return "[redacted:card]" if is_secret else value
        if depth >= MAX_DEPTH:
            return "[redacted:too-deep]"
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, list | tuple | set | frozenset):
            return self._sequence(value, depth)
        return self._other(value, depth)

    def _sequence(self, value: Iterable[Any], depth: int) -> list[Any]:
        fresh = []
        for each in value:
            fresh.append(self.value(each, depth + 1))
            if self._left < 0:
                break
        return fresh

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[Any, Any]:
        fresh: dict[Any, Any] = {}
        taken: Counter[Any] = Counter()
        for key, each in value.items():
            name = unique = self._key(key)
            while unique in fresh:
                taken[name] += 1
                unique = f"{name} ({taken[name] + 1})"
            fresh[unique] = self._field(key, each, depth)
            if self._left < 0:
                break
        return fresh

    def _key(self, key: Any) -> Any:
        text = key if isinstance(key, str) else str(key)
        fresh = self._redact_word(text)
        return key if fresh == text else fresh

    def _field(self, key: Any, value: Any, depth: int) -> Any:
        named = self._guesses and isinstance(key, str) and _SECRET_FIELD.fullmatch(key.replace("-", "_"))
        held = isinstance(value, str | bytes | int) and not isinstance(value, bool) and value not in ("", b"")
        if named and held and not (isinstance(value, str) and _MARK.fullmatch(value)):
            return "[redacted:field]"
        return self.value(value, depth + 1)

    def _other(self, value: Any, depth: int) -> Any:
        try:
            if hasattr(value, "model_dump"):
                return self.value(value.model_dump(mode="json"), depth + 1)
            text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
        except Exception:  # whatever somebody's class raises must not stop a log or an audit row
            return "[redacted:unreadable]"
        fresh = self._redact(text)
        return value if fresh == text else fresh


class RedactingFilter(logging.Filter):
    """A logging filter that redacts a record: message, arguments, traceback, stack and extra fields.

    Add it to handlers, not to loggers: a logger's filter does not see the records of its children.
    """

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record in place and let it pass."""
        record.msg, record.args = self._redactor.redact(_message(record)), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        # A handler with a formatter of its own would go back to the exception, which nobody has redacted.
        record.exc_info = None
        if record.exc_text:
            record.exc_text = self._redactor.redact(record.exc_text)
        if record.stack_info:
            record.stack_info = self._redactor.redact(record.stack_info)
        for name in record.__dict__.keys() - _STANDARD_FIELDS:
            record.__dict__[name] = self._redactor.redact_value(record.__dict__[name])
        return True


_STANDARD_FIELDS = {*logging.makeLogRecord({}).__dict__, "message", "asctime"}


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # arguments that do not fit are logging's to report, but not with secrets in them
        return f"{record.msg} {record.args!r}"


def _outside(found: Iterable[tuple[Span, str]], marks: Sequence[Span]) -> Iterable[tuple[Span, str]]:
    """What lies outside of the marks; a span that a mark cuts becomes two."""
    if not marks:
        return found
    parts = []
    at = 0
    for (start, stop), name in sorted(found):
        while at < len(marks) and marks[at][1] <= start:
            at += 1
        here = at
        while here < len(marks) and marks[here][0] < stop:
            if start < marks[here][0]:
                parts.append(((start, marks[here][0]), name))
            start = max(start, marks[here][1])
            here += 1
        if start < stop:
            parts.append(((start, stop), name))
    return parts


def _merged(found: Iterable[tuple[Span, str]]) -> Iterable[tuple[Span, str]]:
    """Spans in order, overlapping ones as one under the name of the first that was found."""
    ranked = sorted((start, order, stop, name) for order, ((start, stop), name) in enumerate(found))
    merged: list[tuple[Span, str]] = []
    for start, _, stop, name in ranked:
        if merged and start < merged[-1][0][1]:
            (first, last), kept = merged[-1]
            merged[-1] = ((first, max(last, stop)), kept)
        else:
            merged.append(((start, stop), name))
    return merged
