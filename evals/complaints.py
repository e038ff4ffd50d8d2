"""What is wrong with a value in a file, in the words of whoever wrote the file instead of those of a type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphwright.tools.words import quoted

WANTED = {
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
}
"""The types of pydantic's errors that name a type of Python's, and what a file has instead."""


def complaint(error: Mapping[str, Any]) -> str:
    """What one of pydantic's errors says, beginning with a small letter and without a full stop."""
    if error["type"] in WANTED:
        # A text that looks like a number or a truth value is read as one unless it is quoted.
        hint = ", in quotation marks" if error["type"] == "string_type" and _is_plain(error["input"]) else ""
        return f"wanted {WANTED[error['type']]}{hint}, not {quoted(error['input'])}"
    said = str(error["msg"]).removeprefix("Value error, ")
    return f"{said[0].lower()}{said[1:]}"


def _is_plain(value: Any) -> bool:
    return isinstance(value, bool | int | float)
