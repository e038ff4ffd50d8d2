"""Makes a JSON schema short and strict: no titles, nested models in place, nothing undeclared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_Inlining = tuple[Mapping[str, Any], dict[str, Any], tuple[str, ...]]
"""Definitions to write in place, definitions kept, definitions being written."""

_VALUES = frozenset({"default", "enum", "const", "examples", "required"})


def tidy(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with nested models written where they are used; a recursive model stays a $ref."""
    definitions: dict[str, Any] = schema.pop("$defs", {})
    kept: dict[str, Any] = {}
    tidied = _inline(schema, definitions, kept, ())
    assert isinstance(tidied, dict)
    tidied.setdefault("properties", {})
    if kept:
        tidied["$defs"] = kept
    return tidied


def _inline(node: Any, definitions: Mapping[str, Any], kept: dict[str, Any], inside: tuple[str, ...]) -> Any:
    way = (definitions, kept, inside)
    if isinstance(node, list):
        return [_inline(item, *way) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(reference := node.get("$ref"), str):
        return _resolve(reference, node, way)
    plain = {key: _keyword(key, value, way) for key, value in node.items() if key != "title"}
    if plain.get("type") == "object" and "properties" in plain:
        plain.setdefault("additionalProperties", False)
    return plain


def _keyword(key: str, value: Any, way: _Inlining) -> Any:
    """Names of properties and plain values are not keywords: a parameter may be called `title`."""
    if key == "properties":
        return {name: _inline(schema, *way) for name, schema in value.items()}
    return value if key in _VALUES else _inline(value, *way)


def _resolve(reference: str, node: Mapping[str, Any], way: _Inlining) -> Any:
    definitions, kept, inside = way
    name = reference.rsplit("/", 1)[-1]
    if name not in inside and not _recursive(name, definitions):
        beside = {key: value for key, value in node.items() if key != "$ref"}
        return {**_inline(definitions[name], definitions, kept, (*inside, name)), **beside}
    if name not in kept:
        kept[name] = {}
        kept[name].update(_inline(definitions[name], definitions, kept, (*inside, name)))
    return dict(node)


def _recursive(name: str, definitions: Mapping[str, Any]) -> bool:
    """Whether a definition can reach itself."""
    seen: set[str] = set()
    open_ends = [definitions[name]]
    while open_ends:
        for reference in _references(open_ends.pop()):
            if reference == name:
                return True
            if reference not in seen:
                seen.add(reference)
                open_ends.append(definitions[reference])
    return False


def _references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [name for item in node for name in _references(item)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"].rsplit("/", 1)[-1]] if isinstance(node.get("$ref"), str) else []
    return own + [name for value in node.values() for name in _references(value)]
