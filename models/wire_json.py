"""JSON as it goes over the wire: fast when it can be, correct when it must be."""

from __future__ import annotations

import json
from typing import Any

import orjson


def to_json(value: Any) -> bytes:
    """JSON bytes of `value`; integers of any size survive, and what JSON has no word for becomes a string."""
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # integers over 64 bits, lone surrogates
        return json.dumps(value, default=str).encode()


def _reject_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_LENIENT = json.JSONDecoder(strict=False, parse_constant=_reject_constant)
"""Unlike orjson it keeps integers over 64 bits exact and accepts raw line breaks inside strings."""


def from_json(text: str) -> Any:
    """The value of JSON `text`; raises ValueError."""
    return _LENIENT.decode(text)
