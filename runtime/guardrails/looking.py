"""What guardrails look for: secrets, personal data, texts that are too long, values of another shape."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from ..redaction import Redactor
from .declaring import Found, GuardrailError
from .identities import KINDS, PERSONAL

_MARK = re.compile(r"\[redacted:([A-Za-z0-9_.-]{1,64})\]")
CUT = " …"
"""What stands at the end of a text that was cut."""


def secrets(redactor: Redactor | None = None) -> Callable[[Any], Found | None]:
    """Look for secrets: this process's own, exactly, and keys, tokens, card and account numbers by pattern.

    Args:
        redactor: What knows them; None for :meth:`Redactor.of_process`.
    """
    return _marked(redactor or Redactor.of_process())


def pii(kinds: Iterable[str] = ()) -> Callable[[Any], Found | None]:
    """Look for personal data, by bounded patterns and check digits.

    Args:
        kinds: Some of :data:`KINDS`; none for all.

    Raises:
        GuardrailError: naming every kind that there is not.
    """
    wanted = frozenset(kinds) or frozenset(KINDS)
    if unknown := sorted(wanted.difference(KINDS)):
        raise GuardrailError(f"There is no kind {', '.join(map(repr, unknown))}. There are: {', '.join(KINDS)}.")
    return _marked(Redactor(patterns=tuple(each for each in PERSONAL if each.name in wanted)))


def length(most: int) -> Callable[[Any], Found | None]:
    """Look for texts of more than ``most`` characters; a redaction cuts them."""

    def look(value: Any) -> Found | None:
        longest = max((len(text) for text in _texts(value)), default=0)
        if longest <= most:
            return None
        keep = max(0, most - len(CUT))
        return Found(
            f"A text has {longest} characters; {most} may pass.",
            _each_text(value, lambda text: text if len(text) <= most else (text[:keep] + CUT)[:most]),
        )

    return look


def shape(wanted: Any) -> Callable[[Any], Found | None]:
    """Look whether a value is of a type; a text is read as JSON if it is to be anything but a text.

    Args:
        wanted: A pydantic model, or any type that pydantic can check.
    """
    adapter: TypeAdapter[Any] = TypeAdapter(wanted)
    name = getattr(wanted, "__name__", str(wanted))

    def look(value: Any) -> Found | None:
        try:
            if isinstance(value, str) and wanted is not str:
                adapter.validate_json(value)
            else:
                adapter.validate_python(value)
        except ValidationError as error:
            # Without the values: whoever reads the sentence may not be meant to read them.
            problems = [f"{'.'.join(map(str, each['loc'])) or 'it'}: {each['msg']}" for each in error.errors()[:5]]
            return Found(f"It is no {name}: {'; '.join(problems)}.")
        return None

    return look


def _marked(redactor: Redactor) -> Callable[[Any], Found | None]:
    def look(value: Any) -> Found | None:
        clean = redactor.redact_value(value)
        if clean == value:
            return None
        fresh = Counter(_marks(clean)) - Counter(_marks(value))
        return Found(f"It holds {', '.join(sorted(fresh)) or 'something'}.", clean)

    return look


def _marks(value: Any) -> list[str]:
    text = (
        value if isinstance(value, str) else orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    )
    return _MARK.findall(text)


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {name: _each_text(each, change) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_each_text(each, change) for each in value]
    return value
