"""Reads JSON schemas of any quality into one plain shape, and bends values until they fit."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from .tokens import content_stems, name_words, stem
from .units import units_in

MISSING: Any = object()
_KINDS = ("string", "integer", "number", "boolean", "array", "object")
_DEPTH = 6


@dataclass(frozen=True, slots=True)
class Param:
    """One value that a schema asks for."""

    name: str
    kind: str
    """string, integer, number, boolean, array, object or any."""
    description: str = ""
    required: bool = False
    enum: tuple[Any, ...] = ()
    default: Any = MISSING
    item: Param | None = None
    fields: tuple[Param, ...] = ()
    schema: Mapping[str, Any] = field(default_factory=dict, compare=False)
    name_stems: tuple[str, ...] = ()
    text_stems: tuple[str, ...] = ()
    units: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the heuristics see it."""

    name: str
    description: str
    params: tuple[Param, ...]
    name_stems: tuple[str, ...]
    text_stems: tuple[str, ...]


def specs_of(tools: Any) -> list[ToolSpec]:
    """The usable tools among OpenAI tool dicts; what has no name is left out."""
    found = []
    for tool in tools or ():
        try:
            spec = _spec(orjson.dumps(tool, default=str, option=orjson.OPT_NON_STR_KEYS))
        except (TypeError, ValueError, RecursionError):
            continue
        if spec is not None:
            found.append(spec)
    return found


@lru_cache(maxsize=512)
def _spec(raw: bytes) -> ToolSpec | None:
    wire = orjson.loads(raw)
    body = wire.get("function", wire) if isinstance(wire, dict) else None
    if not isinstance(body, dict) or not isinstance(body.get("name"), str) or not body["name"]:
        return None
    description = body["description"] if isinstance(body.get("description"), str) else ""
    root = read("", body.get("parameters"))
    names = tuple(dict.fromkeys(stem(word) for word in name_words(body["name"])))
    return ToolSpec(body["name"], description, root.fields, names, content_stems(description))


def read(name: str, schema: Any, *, required: bool = False, root: Any = None, depth: int = 0) -> Param:
    """A schema as a `Param`; anything malformed becomes a value of any type."""
    root = schema if root is None else root
    schema = _resolved(schema, root)
    kind = _kind(schema)
    description = schema["description"] if isinstance(schema.get("description"), str) else ""
    enum = tuple(schema["enum"]) if isinstance(schema.get("enum"), list) else ()
    if "const" in schema:
        enum = (schema["const"],)
    deeper = depth < _DEPTH
    item = (
        read(name, schema["items"], root=root, depth=depth + 1)
        if deeper and isinstance(schema.get("items"), dict)
        else None
    )
    fields = _fields(schema, root, depth) if deeper and kind == "object" else ()
    default = schema["default"] if "default" in schema else _told_default(description, kind)
    stems = tuple(dict.fromkeys(stem(word) for word in name_words(name)))
    return Param(
        name,
        kind,
        description,
        required,
        enum,
        default,
        item,
        fields,
        schema,
        stems,
        content_stems(description),
        units_in(f"{description} ({' '.join(name_words(name)[1:])})"),
    )


def _fields(schema: Mapping[str, Any], root: Any, depth: int) -> tuple[Param, ...]:
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return ()
    listed = schema.get("required")
    required = {key for key in listed if isinstance(key, str)} if isinstance(listed, list) else set()
    return tuple(
        read(key, value, required=key in required, root=root, depth=depth + 1)
        for key, value in list(properties.items())[:100]
    )


def _resolved(schema: Any, root: Any, hops: int = 8) -> dict[str, Any]:
    if not isinstance(schema, dict):
        return {}
    reference = schema.get("$ref")
    if isinstance(reference, str) and hops:
        target = root
        for part in reference.removeprefix("#").strip("/").split("/"):
            target = target.get(part) if isinstance(target, dict) else None
        return {**_resolved(target, root, hops - 1), **{k: v for k, v in schema.items() if k != "$ref"}}
    for key in ("anyOf", "oneOf", "allOf"):
        options = schema.get(key)
        if isinstance(options, list) and hops:
            real = [o for o in options if isinstance(o, dict) and o.get("type") != "null"]
            rest = {k: v for k, v in schema.items() if k != key}
            return {**(_resolved(real[0], root, hops - 1) if real else {}), **rest}
    return schema


def _kind(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((k for k in kind if k in _KINDS), "any")
    if kind in _KINDS:
        return str(kind)
    if isinstance(schema.get("properties"), dict):
        return "object"
    enum = schema.get("enum")
    return "string" if isinstance(enum, list) and enum and all(isinstance(e, str) for e in enum) else "any"


def _told_default(description: str, kind: str) -> Any:
    """The default that a description tells: 'Default is 5', 'defaults to "metric"'."""
    match = re.search(
        r"\bdefaults?(?: value)?(?: is| to| as|:|=)?\s*(?:set to |to be |to )?['\"]?([\w./%+-]+)",
        description[:1_000],
        re.I,
    )
    if not match:
        return MISSING
    raw = match.group(1).rstrip(".")
    if kind in ("integer", "number"):
        try:
            return int(raw) if kind == "integer" else float(raw)
        except ValueError:
            return MISSING
    if kind == "boolean":
        return {"true": True, "false": False}.get(raw.lower(), MISSING)
    return raw if kind == "string" else MISSING


def fits(value: Any, param: Param) -> bool:
    """Whether a value has the type, choices and bounds that its schema asks for (pattern and format excepted)."""
    if param.enum:
        return any(value == choice and type(value) is type(choice) for choice in param.enum)
    check = _CHECKS.get(param.kind)
    return check is None or check(value, param)


def _is_number(value: Any, param: Param) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    return _bounded(value, param.schema) == value


def _is_array(value: Any, param: Param) -> bool:
    if not isinstance(value, list) or not _count_ok(len(value), param.schema, "Items"):
        return False
    item = param.item
    return item is None or all(fits(entry, item) for entry in value)


def _is_object(value: Any, param: Param) -> bool:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        return False
    known = {entry.name: entry for entry in param.fields}
    if any(entry.required and entry.name not in value for entry in param.fields):
        return False
    if param.schema.get("additionalProperties") is False and set(value) - set(known):
        return False
    return all(fits(entry, known[key]) for key, entry in value.items() if key in known)


def _count_ok(length: int, schema: Mapping[str, Any], what: str) -> bool:
    low, high = schema.get(f"min{what}"), schema.get(f"max{what}")
    return not (isinstance(low, int) and length < low) and not (isinstance(high, int) and length > high)


_CHECKS: dict[str, Any] = {
    "string": lambda v, p: isinstance(v, str) and _count_ok(len(v), p.schema, "Length"),
    "integer": lambda v, p: isinstance(v, int) and _is_number(v, p),
    "number": _is_number,
    "boolean": lambda v, p: isinstance(v, bool),
    "array": _is_array,
    "object": _is_object,
}


def _bounded(value: float, schema: Mapping[str, Any]) -> float:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    numbers = [b if isinstance(b, int | float) and not isinstance(b, bool) else None for b in (low, high, above, below)]
    low, high, above, below = numbers
    if above is not None and value <= above:
        value = above + 1
    if below is not None and value >= below:
        value = below - 1
    if low is not None and value < low:
        value = math.ceil(low) if isinstance(value, int) else low
    if high is not None and value > high:
        value = math.floor(high) if isinstance(value, int) else high
    return value


def filler(param: Param, depth: int = 0) -> Any:
    """A harmless value that fits: the default, the first choice, zero, an empty text."""
    if param.default is not MISSING and fits(param.default, param):
        return param.default
    if param.enum:
        return param.enum[0]
    if param.kind in ("integer", "number"):
        return _bounded(0, param.schema)
    if param.kind == "object":
        return {f.name: filler(f, depth + 1) for f in param.fields if f.required} if depth < _DEPTH else {}
    if param.kind == "array":
        need = param.schema.get("minItems")
        count = min(need, 20) if isinstance(need, int) and not isinstance(need, bool) else 0
        entry = filler(param.item, depth + 1) if param.item is not None else ""
        return [entry for _ in range(count)]
    if param.kind == "string":
        need = param.schema.get("minLength")
        return "-" * min(need, 1_000) if isinstance(need, int) and not isinstance(need, bool) else ""
    return {"boolean": False}.get(param.kind, "")
