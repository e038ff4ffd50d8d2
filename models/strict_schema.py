"""JSON schemas as OpenAI's strict mode wants them, when they can be had that way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_UNSUPPORTED = frozenset(
    {
        "allOf", "oneOf", "not", "if", "then", "else", "contains", "uniqueItems", "prefixItems",
        "patternProperties", "propertyNames", "dependentRequired", "dependentSchemas",
        "unevaluatedProperties", "unevaluatedItems", "minProperties", "maxProperties", "$dynamicRef",
    }
)  # fmt: skip
_FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")
_HOLDS_SCHEMAS_BY_NAME = frozenset({"properties", "$defs", "definitions"})


def strict_schema(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """`schema` with every property required and no others allowed; None if strict mode cannot express it.

    Whatever satisfies the result satisfies `schema` too, but for limits on the length of texts and formats
    that strict mode has no words for: those stay with whoever validates the answer.
    """
    if schema.get("type") != "object" or "anyOf" in schema:
        return None
    try:
        return _strict(schema)
    except _NotStrict:
        return None


class _NotStrict(Exception):
    """This part of a schema has no strict form."""


def _strict(schema: Any) -> dict[str, Any]:
    if not isinstance(schema, Mapping) or _UNSUPPORTED & schema.keys():
        raise _NotStrict
    if "$ref" in schema:  # nothing may stand beside a reference
        return {"$ref": schema["$ref"]}
    found = {key: _part(key, value) for key, value in schema.items() if not _left_out(key, value)}
    if schema.get("type") == "object" or (isinstance(schema.get("type"), list) and "object" in schema["type"]):
        if schema.get("additionalProperties") not in (None, False) or "properties" not in schema:
            raise _NotStrict  # a map with free keys
        found["additionalProperties"] = False
        found["required"] = list(schema["properties"])
    elif not {"type", "anyOf", "enum", "const"} & schema.keys():
        raise _NotStrict  # "anything" is not allowed
    return found


def _left_out(key: str, value: Any) -> bool:
    return key in ("default", "minLength", "maxLength") or (key == "format" and value not in _FORMATS)


def _part(key: str, value: Any) -> Any:
    if key in _HOLDS_SCHEMAS_BY_NAME:
        return {name: _strict(inner) for name, inner in value.items()}
    if key == "items":
        return _strict(value)
    if key == "anyOf":
        return [_strict(inner) for inner in value]
    return value
