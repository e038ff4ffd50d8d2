"""Make text of models, tools and documents safe to print: nothing in it may command the terminal.

Control characters (with them every ANSI sequence), characters that turn the direction of text around, invisible tags
and half surrogates are shown as escapes; line breaks and tabs stay.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and line feed
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction of text
    "\u2028\u2029\ufeff\u00ad\u2060-\u2064\u180e\u200b"  # breaks that lines do not show, invisible marks
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"  # annotations, half surrogates, tags
)
_SPACE = re.compile(r"\s+")


def shown(text: str) -> str:
    """The text with everything that a terminal might obey made visible."""
    return _UNSAFE.sub(lambda found: _escaped(found.group()), text.replace("\r\n", "\n"))


def one_line(text: str, width: int = 200) -> str:
    """The text on one line of at most ``width`` characters, safe to print."""
    flat = _SPACE.sub(" ", shown(text[: 4 * width])).strip()
    return flat if len(flat) <= width and len(text) <= 4 * width else flat[: width - 1] + "…"


def json_line(value: Any) -> str:
    """The value as JSON on one line, in ASCII: nothing in it can reach the terminal as a command."""
    try:
        text = json.dumps(value, default=str, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(value), default=str, allow_nan=False)
    return text.replace("\x7f", "\\u007f")


def call_text(tool: str, arguments: Any, width: int = 160) -> str:
    """A call as one short line: ``name(key=value, ...)``; a long value is cut so that the others are seen."""
    pairs = arguments.items() if isinstance(arguments, dict) else ()
    room = width if len(pairs) < 2 else max(20, width // 2)
    inside = ", ".join(f"{key}={_value_text(value, room)}" for key, value in pairs)
    return one_line(f"{tool}({inside})", width)


def _value_text(value: Any, width: int) -> str:
    if isinstance(value, str) and len(value) > width:
        value = value[:width]  # a report of a megabyte is not encoded for the sake of its first words
        return one_line(json.dumps(value, ensure_ascii=False), width - 1).rstrip('"…') + '…"'
    return one_line(json.dumps(value, default=str, ensure_ascii=False), width)


def _escaped(character: str) -> str:
    code = ord(character)
    if character == "\r":
        return "\\r"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity; they become null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list | tuple) else value
