"""What is wrong with arguments, in words a model can act on: where, what was given, what is wanted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .words import did_you_mean, listed, quoted

MOST = 50
"""Problems one message lists; a hostile list of a million wrong items must not become a message."""

_LEAD = re.compile(r"^(Input should be|Value error,|Assertion failed,|Decimal input should be) +")
_KINDS = {"model_type": "an object", "dataclass_type": "an object", "dict_type": "an object"}

Step = str | int
Path = tuple[Step, ...]


def in_words(errors: Iterable[Mapping[str, Any]], given: Any, schema: Mapping[str, Any]) -> list[str]:
    """Return one line per problem; errors about the same place (a union's branches) share a line."""
    places: dict[Path, list[Mapping[str, Any]]] = {}
    for error in errors:
        places.setdefault(_place(error, given), []).append(error)
    lines = [_line(path, found, schema) for path, found in places.items()]
    return lines if len(lines) <= MOST else [*lines[:MOST], f"... and {len(lines) - MOST} more problems"]


def path_text(path: Sequence[Step]) -> str:
    """Return ("items", 0, "name") as "items[0].name"."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def wanted(schema: Mapping[str, Any]) -> str:
    """Return what a schema asks for in a few words."""
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches:
        return " or ".join(dict.fromkeys(wanted(branch) for branch in branches))
    if "const" in schema:
        return quoted(schema["const"])
    if "enum" in schema:
        return f"one of {listed(quoted(value) for value in schema['enum'])}"
    kind = schema.get("type", "any value")
    words = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if "format" in schema:
        words += f" ({schema['format']})"
    if schema.get("type") == "object" and schema.get("properties"):
        words += f" with {listed(schema['properties'])}"
    return words


def _place(error: Mapping[str, Any], given: Any) -> Path:
    """Return the steps of an error's location that exist in the arguments: names of union branches do not."""
    path: list[Step] = []
    here = given
    for number, step in enumerate(error["loc"]):
        last = number == len(error["loc"]) - 1
        if _has(here, step):
            here = here[step]
        elif not (last and error["type"] == "missing"):
            continue
        path.append(step)
    return tuple(path)


def _has(here: Any, step: Step) -> bool:
    if isinstance(here, list | tuple):
        return isinstance(step, int) and step < len(here)
    return isinstance(here, Mapping) and step in here


def _line(path: Path, errors: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> str:
    kinds = {error["type"] for error in errors}
    where = path_text(path) or "arguments"
    if kinds == {"missing"}:
        inside = _inside(schema, path)
        return f"{where}: is missing. Wanted: {_described(inside)}."
    if kinds == {"extra_forbidden"}:
        known = list(_inside(schema, path[:-1]).get("properties", {}))
        return f"{where}: there is no such parameter.{did_you_mean(str(path[-1]), known)} There are: {listed(known)}."
    named = " or ".join(dict.fromkeys(_wish(error) for error in errors if error["type"] != "extra_forbidden"))
    return f"{where}: given {quoted(errors[0]['input'])}, wanted {named}."


def _wish(error: Mapping[str, Any]) -> str:
    if error["type"] in _KINDS:
        return _KINDS[error["type"]]
    return _LEAD.sub("", str(error["msg"])).rstrip(".")


def _described(schema: Mapping[str, Any]) -> str:
    about = schema.get("description")
    return f"{wanted(schema)} ({str(about).rstrip('.')})" if about else wanted(schema)


def _inside(
    schema: Mapping[str, Any], path: Sequence[Step], root: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    """Return the schema of a place; an empty one where several or none are possible."""
    root = schema if root is None else root
    if reference := schema.get("$ref"):
        schema = root.get("$defs", {}).get(str(reference).rsplit("/", 1)[-1], {})
    if not path:
        return schema
    if branches := [branch for branch in schema.get("anyOf", ()) if branch.get("type") != "null"]:
        return _inside(branches[0], path, root) if len(branches) == 1 else {}
    step = path[0]
    inner = schema.get("items") if isinstance(step, int) else schema.get("properties", {}).get(step)
    return _inside(inner, path[1:], root) if isinstance(inner, Mapping) else {}
