"""What a server says about one tool, and the hash a person accepts it under."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

MOST_CHARACTERS = 60_000
"""Of a declaration as JSON."""
DEEPEST = 30
MOST_PARTS = 5_000
"""Of a schema with its references written out: what checking one call may cost."""


@dataclass(frozen=True)
class Declaration:
    """One tool in the words of its server: a stranger's words."""

    name: str
    description: str
    input: dict[str, Any]
    """JSON schema of the arguments."""
    output: dict[str, Any] | None = None
    """JSON schema of the structured result, where it promises one."""

    @cached_property
    def sha256(self) -> str:
        """Of name, description and schemas as canonical JSON."""
        return hashlib.sha256(_json(self.plain()).encode()).hexdigest()

    def plain(self) -> dict[str, Any]:
        """As JSON data."""
        return {"name": self.name, "description": self.description, "input": self.input, "output": self.output}

    def problems(self) -> list[str]:
        """Why nobody should accept it: too large, not a schema, a schema that costs too much to check."""
        found = []
        if not self.name or len(self.name) > 200:
            found.append("Its name is empty or longer than 200 characters.")
        try:
            size = len(_json(self.plain()))
            depth = max(_depth(self.input), _depth(self.output))
        except RecursionError:
            size, depth = 0, DEEPEST + 1
        if size > MOST_CHARACTERS:
            found.append(f"It is {size:,} characters long; at most {MOST_CHARACTERS:,} are taken.")
        if depth > DEEPEST:
            return [*found, f"Its schema is nested deeper than {DEEPEST} levels."]
        for what, schema in (("input", self.input), ("output", self.output)):
            if schema is not None:
                found += [f"Its {what} schema {problem}" for problem in _schema_problems(schema)]
        if self.input.get("type") != "object":
            found.append("Its input schema is not that of an object.")
        return found


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max((_depth(each) for each in inner), default=0)


def _schema_problems(schema: dict[str, Any]) -> Iterator[str]:
    if strange := next(_strange(schema), ""):
        yield f"is no JSON schema: {strange}."
        return
    foreign = sorted({reference for reference in _references(schema) if not reference.startswith("#")})
    if foreign:
        yield f"refers to other documents: {', '.join(each[:80] for each in foreign[:5])}."
        return
    if _parts(schema, schema, {}) > MOST_PARTS:
        yield f"has more than {MOST_PARTS:,} parts when its references are written out."


_SCHEMAS = frozenset({"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"})
_LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_BOUNDS = frozenset(
    "minimum maximum exclusiveMinimum exclusiveMaximum minLength maxLength minItems maxItems multipleOf".split()
)


def _strange(schema: Any, where: str = "") -> Iterator[str]:
    """Name the words of a schema that have a value of a kind which they cannot have."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        yield f"{where or 'it'} is neither an object nor true or false"
        return
    for word, value in schema.items():
        here = f"{where}/{word[:60]}"
        if not _fits(word, value):
            yield f"{here} is of the wrong kind"
        elif word in _SCHEMAS:
            yield from _strange(value, here)
        elif word in _LISTS or word in _NAMED:
            named = value.items() if isinstance(value, dict) else enumerate(value)
            for name, inner in named:
                yield from _strange(inner, f"{here}/{str(name)[:60]}")


def _fits(word: str, value: Any) -> bool:
    if word == "type":
        kinds = value if isinstance(value, list) else [value]
        return bool(kinds) and all(isinstance(kind, str) and kind in _KINDS for kind in kinds)
    if word == "required":
        return isinstance(value, list) and all(isinstance(name, str) for name in value)
    if word in _LISTS:
        return isinstance(value, list) and bool(value)
    if word in _NAMED:
        return isinstance(value, dict)
    if word in _BOUNDS:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if word == "enum":
        return isinstance(value, list)
    return isinstance(value, str) if word in ("$ref", "$dynamicRef", "description", "format", "pattern") else True


_KINDS = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        if isinstance(node.get("$dynamicRef"), str):
            yield f"dynamic {node['$dynamicRef']}"
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _references(inner)


def _parts(node: Any, root: Mapping[str, Any], known: dict[str, int]) -> int:
    """Count the parts of a schema; one that refers to itself counts once."""
    total = 1
    if isinstance(node, dict) and isinstance(reference := node.get("$ref"), str):
        if reference not in known:
            known[reference] = 0
            known[reference] = _parts(_target(reference, root), root, known)
        total += known[reference]
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        total += _parts(inner, root, known)
    return total


def _target(reference: str, root: Mapping[str, Any]) -> Any:
    here: Any = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        here = here.get(step, {}) if step and isinstance(here, Mapping) else here
    return {} if here is root and reference != "#" else here
