"""Canonical JSON and digests: two equal values have one text, and a changed one never the same digest."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


def canonical_json(value: Any) -> bytes:
    """The one JSON text of a value: keys sorted, no spaces, UTF-8; what JSON lacks is written as its string."""
    try:
        return orjson.dumps(value, default=_as_json, option=_OPTIONS)
    except (TypeError, orjson.JSONEncodeError):
        return orjson.dumps(_plain(value), default=str, option=_OPTIONS)


def plain_json(value: Any) -> str:
    """A value as JSON text with its keys in their own order: for what people read, and for what is read back."""
    try:
        return orjson.dumps(value, default=_as_json, option=orjson.OPT_NON_STR_KEYS).decode()
    except (TypeError, orjson.JSONEncodeError):
        return orjson.dumps(_plain(value), default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON, in hexadecimal (64 characters)."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def _as_json(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json")
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    return str(value)


def _plain(value: Any) -> Any:
    """What orjson refuses (integers past 64 bits, lone surrogates) as strings, the rest as it is."""
    if isinstance(value, dict):
        return {_plain(str(key)): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**64:
        return str(value)
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return value
