"""What a reader may hand on of untrusted text: values that cannot carry a sentence. The only way out of taint.

A reader is an agent without tools whose answer has a type. Of that answer only enumerations, numbers, truth values,
days, times and texts with a bounded pattern are declassified; free text stays what it was.
"""

from __future__ import annotations

import datetime
import enum
import types
from decimal import Decimal
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

READER = "reader"
MAX_PATTERN = 64
"""A text with a pattern may have so many characters at most."""
_PLAIN = (bool, int, float, Decimal, datetime.date, datetime.datetime, datetime.time)


def typed_fields(output: type[BaseModel], value: dict[str, Any]) -> dict[str, Any]:
    """The fields of an answer that are declassified; the others are left out."""
    return {name: value[name] for name, field in output.model_fields.items() if name in value and is_typed(field)}


def is_typed(field: FieldInfo) -> bool:
    """Whether a field can carry no sentence, by its declared type."""
    return _is_narrow(field.annotation, tuple(field.metadata))


def _is_narrow(kind: Any, bounds: tuple[Any, ...]) -> bool:
    origin = get_origin(kind)
    if origin is Annotated:
        inner, *more = get_args(kind)
        return _is_narrow(inner, (*bounds, *more))
    if origin is Literal or kind is type(None):
        return True
    if origin in (Union, types.UnionType):
        return all(_is_narrow(each, bounds) for each in get_args(kind))
    if not isinstance(kind, type):
        return False
    if issubclass(kind, enum.Enum) or kind in _PLAIN:
        return True
    return kind is str and _is_bounded(bounds)


def _is_bounded(bounds: tuple[Any, ...]) -> bool:
    """A pattern that admits no spaces, and a length."""
    metadata = [each for bound in bounds for each in (bound, *(getattr(bound, "metadata", None) or ()))]
    patterns = [getattr(each, "pattern", None) for each in metadata]
    lengths = [getattr(each, "max_length", None) for each in metadata]
    pattern = next((each for each in patterns if each), None)
    length = next((each for each in lengths if each), None)
    if pattern is None or length is None or length > MAX_PATTERN:
        return False
    text = str(getattr(pattern, "pattern", pattern))
    return (
        text.startswith("^")
        and text.endswith("$")
        and not any(wide in text for wide in (".", " ", r"\s", r"\S", r"\W", r"\D", "[^"))
    )
