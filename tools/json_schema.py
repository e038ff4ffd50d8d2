"""Checks arguments against a JSON schema that came from elsewhere (an MCP server, a LangChain tool).

It knows the words such schemas use for arguments: type, enum, const, properties, required, items, anyOf, oneOf,
allOf, bounds and lengths, local $ref. Other words are left to the tool itself. Undeclared names are refused
unless the schema says `additionalProperties`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .arguments import as_mapping, json_text
from .errors import InvalidArguments
from .problems import Path, path_text, wanted
from .words import did_you_mean, listed, quoted

DEEPEST = 40
"""Levels of nesting that are checked."""

_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, Mapping),
    "array": lambda value: isinstance(value, list | tuple),
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: _number(value) and value == int(value) if _finite(value) else False,
    "number": lambda value: _number(value),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}
_BOUNDS: Mapping[str, tuple[Callable[[Any, Any], bool], str]] = {
    "minimum": (lambda value, bound: value >= bound, "{} or more"),
    "maximum": (lambda value, bound: value <= bound, "{} or less"),
    "exclusiveMinimum": (lambda value, bound: value > bound, "more than {}"),
    "exclusiveMaximum": (lambda value, bound: value < bound, "less than {}"),
}
_LENGTHS: Mapping[str, tuple[Callable[[Any, Any], bool], str]] = {
    "minLength": (lambda value, bound: len(value) >= bound, "{} characters or more"),
    "maxLength": (lambda value, bound: len(value) <= bound, "{} characters or less"),
    "minItems": (lambda value, bound: len(value) >= bound, "{} items or more"),
    "maxItems": (lambda value, bound: len(value) <= bound, "{} items or less"),
}


MOST_STEPS = 100_000
"""Parts of a value and a schema that are compared, where both come from a stranger."""


class _Counted(dict[str, Any]):
    """The schema of a result: it counts how often it is looked into, for branches of branches can take for ever.

    Names that it does not declare are allowed unless it excludes them, as the standard has it.
    """

    steps = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise OverflowError


def misfit(schema: Mapping[str, Any], value: Any) -> str:
    """Say in one line why a stranger's value does not fit a stranger's schema; "" if it does.

    What takes too long to compare does not fit.
    """
    root = _Counted(schema)
    try:
        return next(iter(_check(root, value, root, ())), "")
    except (OverflowError, RecursionError):
        return "it takes too long to compare"


class SchemaArguments:
    """Arguments described by a JSON schema."""

    def __init__(self, json_schema: Mapping[str, Any]) -> None:
        self.json_schema: dict[str, Any] = {"type": "object", "properties": {}, **json_schema}

    def validate(self, tool: str, arguments: Any) -> dict[str, Any]:
        """Return the arguments as they are, except JSON text where only an object or a list fits."""
        given = as_mapping(tool, arguments)
        for name, schema in self.json_schema["properties"].items():
            unpacked = json_text(given.get(name))
            if unpacked is not None and list(_check(schema, given[name], self.json_schema, (name,))):
                given[name] = unpacked
        if problems := list(_check(self.json_schema, given, self.json_schema, ())):
            raise InvalidArguments(tool, problems)
        return given


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _finite(value: Any) -> bool:
    return _number(value) and value == value and abs(value) != float("inf")


def _check(schema: Any, value: Any, root: Mapping[str, Any], path: Path) -> Iterable[str]:
    if isinstance(root, _Counted):
        root.step()
    schema = _resolved(schema, root)
    if not isinstance(schema, Mapping) or len(path) > DEEPEST:
        return
    where = path_text(path) or "arguments"
    if not _fits(schema, value, root, path):
        yield f"{where}: given {quoted(value)}, wanted {wanted(schema)}."
        return
    for part in schema.get("allOf", ()):
        yield from _check(part, value, root, path)
    yield from (f"{where}: given {quoted(value)}, wanted {wish}." for wish in _unmet(schema, value))
    if isinstance(value, Mapping):
        yield from _check_object(schema, value, root, path)
    if isinstance(value, list | tuple) and isinstance(schema.get("items"), Mapping):
        for number, item in enumerate(value):
            yield from _check(schema["items"], item, root, (*path, number))


def _resolved(schema: Any, root: Mapping[str, Any]) -> Any:
    for _ in range(DEEPEST):
        reference = schema.get("$ref") if isinstance(schema, Mapping) else None
        if not isinstance(reference, str) or not (reference + "/").startswith("#/"):
            return schema
        schema = root
        for step in filter(None, reference[1:].split("/")):
            schema = schema.get(step, {}) if isinstance(schema, Mapping) else {}
    return {}


def _fits(schema: Mapping[str, Any], value: Any, root: Mapping[str, Any], path: Path) -> bool:
    kinds = schema.get("type", ())
    known = [_TYPES[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind in _TYPES]
    if known and not any(fits(value) for fits in known):
        return False
    if "const" in schema and not _same(schema["const"], value):
        return False
    if "enum" in schema and not any(_same(one, value) for one in schema["enum"]):
        return False
    branches = schema.get("anyOf") or schema.get("oneOf")
    return not branches or any(not list(_check(branch, value, root, path)) for branch in branches)


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _unmet(schema: Mapping[str, Any], value: Any) -> Iterable[str]:
    rules = _BOUNDS if _number(value) else _LENGTHS if isinstance(value, str | list | tuple) else {}
    for word, (holds, wish) in rules.items():
        if word in schema and _number(schema[word]) and not holds(value, schema[word]):
            yield wish.format(schema[word])


def _check_object(
    schema: Mapping[str, Any], value: Mapping[str, Any], root: Mapping[str, Any], path: Path
) -> Iterable[str]:
    properties: Mapping[str, Any] = schema.get("properties", {})
    further = schema.get("additionalProperties", isinstance(root, _Counted))
    for name in schema.get("required", ()):
        if name not in value:
            inner = _resolved(properties.get(name, {}), root)
            yield f"{path_text((*path, name))}: is missing. Wanted: {wanted(inner)}."
    for name, inner in value.items():
        if name in properties:
            yield from _check(properties[name], inner, root, (*path, name))
        elif not further and (properties or not path):
            near = did_you_mean(name, properties)
            known = listed(properties)
            yield f"{path_text((*path, name))}: there is no such parameter.{near} There are: {known}."
        elif isinstance(further, Mapping):
            yield from _check(further, inner, root, (*path, name))
