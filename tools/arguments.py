"""Turns the JSON a model wrote into the Python values a function takes, or says all that is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pydantic import ValidationError

from .errors import InvalidArguments
from .problems import in_words
from .schema import Signature
from .words import quoted


class Arguments(Protocol):
    """What a tool takes: shown to the model as a JSON schema, checked before a call."""

    @property
    def json_schema(self) -> dict[str, Any]:
        """The schema of all arguments."""

    def validate(self, tool: str, arguments: Any) -> dict[str, Any]:
        """Return the values to call with; raises InvalidArguments listing all problems."""


class SignatureArguments:
    """Arguments described by a function's signature."""

    def __init__(self, signature: Signature) -> None:
        self.json_schema = signature.json_schema
        self._names = tuple(signature.names.items())
        self._validator = signature.model.__pydantic_validator__
        self._extra: Any = None if _has_open_model(self.json_schema) else "forbid"

    def validate(self, tool: str, arguments: Any) -> dict[str, Any]:
        """Return Python values by parameter, defaults filled in."""
        given = as_mapping(tool, arguments)
        try:
            return self._read(given)
        except ValidationError as error:
            return self._read_leniently(tool, given, error)

    def _read(self, given: dict[str, Any]) -> dict[str, Any]:
        found = self._validator.validate_python(given, extra=self._extra).__dict__
        return {name: found[field] for field, name in self._names}

    def _read_leniently(self, tool: str, given: dict[str, Any], error: ValidationError) -> dict[str, Any]:
        errors: Sequence[Any] = error.errors(include_url=False)
        unpacked = {name: json_text(given[name]) for name in _failed_texts(errors, given)}
        unpacked = {name: value for name, value in unpacked.items() if value is not None}
        if unpacked:
            given = {**given, **unpacked}
            try:
                return self._read(given)
            except ValidationError as again:
                errors = again.errors(include_url=False)
        raise InvalidArguments(tool, in_words(errors, given, self.json_schema)) from None


def as_mapping(tool: str, arguments: Any) -> dict[str, Any]:
    """Return arguments as a dict; raises InvalidArguments for anything but an object with text keys."""
    if not isinstance(arguments, Mapping):
        raise InvalidArguments(tool, [f"arguments: given {quoted(arguments)}, wanted one JSON object."])
    if strange := [name for name in arguments if not isinstance(name, str)]:
        raise InvalidArguments(tool, [f"arguments: the name {name!r} is not text." for name in strange])
    return dict(arguments)


def json_text(value: Any) -> Any:
    """Return the object or list that a text holds as JSON, or None unless it can only mean that."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(value, object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("A name occurs twice.")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON.")


def _failed_texts(errors: Sequence[Mapping[str, Any]], given: Mapping[str, Any]) -> set[str]:
    """Return the parameters whose whole value is a text that their type refuses."""
    names = {error["loc"][0] for error in errors if error["loc"] and error["type"] != "extra_forbidden"}
    return {name for name in names if isinstance(given.get(name), str)}


def _has_open_model(node: Any) -> bool:
    """Whether a nested model says itself that it takes undeclared fields."""
    if isinstance(node, list):
        return any(_has_open_model(item) for item in node)
    if not isinstance(node, dict):
        return False
    if node.get("properties") and node.get("additionalProperties") is True:
        return True
    return any(_has_open_model(value) for value in node.values())
