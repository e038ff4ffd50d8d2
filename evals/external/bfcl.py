"""Berkeley's function-calling cases: which calls a request needs, with every accepted value of every argument.

Source: Patil et al., Berkeley Function Calling Leaderboard (ShishirPatil/gorilla), the check on syntax trees: texts
compare without case, spaces and ``,./-_*^``; whole numbers pass as floats; an empty text among the accepted values
makes an argument optional; parallel calls match in any order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..scorers.matching import maximum_matching
from .missing import json_lines, require

PARTS = ("simple_python", "multiple", "parallel", "irrelevance")
Call = tuple[str, Mapping[str, Any]]
Gold = Mapping[str, Mapping[str, Any]]
"""Name of the function to its arguments, each with what is accepted."""
_PUNCTUATION = re.compile(r"[ ,./\-_*^]")
_TYPES: dict[str, type | tuple[type, ...]] = {
    "integer": int, "number": (int, float), "string": str, "boolean": bool, "array": list, "object": dict,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the calls for one case are worth."""

    names: bool
    """The right functions were called, as often as wanted."""
    full: bool
    """And each with accepted arguments. Where no call is right: none was made."""
    is_broken: bool
    """The gold answer breaks its own schema: an error of the data."""


def load_part(folder: Path, part: str) -> list[dict[str, Any]]:
    """The cases of one part, such as ``parallel``: id, messages, tools, ground_truth.

    Raises:
        MissingData: if its file is not there.
    """
    return list(json_lines(require(folder, "BFCL", f"{part}.jsonl") / f"{part}.jsonl"))


def score_calls(case: Mapping[str, Any], given: Sequence[Call]) -> Verdict:
    """Judge the calls made for one case."""
    gold = case["ground_truth"]
    if not gold:
        return Verdict(names=not given, full=not given, is_broken=False)
    right = names_match(given, gold)
    return Verdict(names=right, full=right and calls_match(given, gold), is_broken=broken_gold(case))


def same_text(value: str) -> str:
    """A string as it is compared: case, spaces and the marks `,./-_*^` do not count."""
    return _PUNCTUATION.sub("", value).lower().replace("'", '"')


def same_value(given: Any, accepted: Any) -> bool:
    """Whether one value equals one accepted value: ints pass as floats, lists and objects element by element."""
    if isinstance(given, bool) or isinstance(accepted, bool):
        return given is accepted
    if isinstance(given, str) and isinstance(accepted, str):
        return same_text(given) == same_text(accepted)
    if isinstance(given, int | float) and isinstance(accepted, int | float):
        return float(given) == float(accepted)
    if isinstance(given, list) and isinstance(accepted, list):
        return len(given) == len(accepted) and all(map(same_value, given, accepted))
    if isinstance(given, dict) and isinstance(accepted, dict):
        return arguments_match(given, accepted)
    return given is None and accepted is None


def arguments_match(given: Mapping[str, Any], accepted: Mapping[str, Any]) -> bool:
    """Whether every argument has an accepted value, and none is missing or unexpected."""
    unknown = any(name not in accepted for name in given)
    missing = any("" not in _choices(values) for name, values in accepted.items() if name not in given)
    return not unknown and not missing and all(_among(value, accepted[name]) for name, value in given.items())


def calls_match(given: Sequence[Call], gold: Sequence[Gold]) -> bool:
    """Whether calls and gold pair up one to one, in any order."""
    wanted = [next(iter(each.items())) for each in gold]
    pairs = maximum_matching(wanted, given, lambda one, call: one[0] == call[0] and arguments_match(call[1], one[1]))
    return len(given) == len(gold) == len(pairs)


def names_match(given: Sequence[Call], gold: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the called functions are the wanted ones, repetitions included."""
    return sorted(name for name, _ in given) == sorted(next(iter(each)) for each in gold)


def broken_gold(case: Mapping[str, Any]) -> bool:
    """Whether an accepted call lacks a required parameter or names one that its schema does not have."""
    schemas = {tool["name"]: tool["parameters"] for tool in case["tools"]}
    calls = [call for each in case["ground_truth"] or () for call in each.items()]
    return any(_is_broken(arguments, schemas.get(name)) for name, arguments in calls)


def _is_broken(arguments: Mapping[str, Any], schema: Mapping[str, Any] | None) -> bool:
    if schema is None:
        return True
    properties, required = schema["properties"], set(schema.get("required", ()))
    if set(arguments) - set(properties) or required - set(arguments):
        return True
    return not all(_some_fits(value, properties[key]) for key, value in arguments.items())


def _choices(values: Any) -> Sequence[Any]:
    return values if isinstance(values, list) else [values]


def _among(value: Any, accepted: Any) -> bool:
    return any(same_value(value, choice) for choice in _choices(accepted))


def _some_fits(accepted: Any, schema: Mapping[str, Any]) -> bool:
    """Whether at least one accepted value ("" means left out) has the type and is among the choices of its schema."""
    real = [value for value in _choices(accepted) if value not in ("", None)]
    return not real or any(_fits(value, schema) for value in real)


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    kind, choices = schema.get("type"), schema.get("enum")
    if kind in _TYPES and (not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        return False
    if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        return all(isinstance(entry, Mapping) or _fits(entry, schema["items"]) for entry in value)
    return not choices or not isinstance(value, str) or any(same_text(value) == same_text(str(c)) for c in choices)
