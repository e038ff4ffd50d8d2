"""Templates into HTML: the one module of this floor that knows jinja2.

Everything that a template is given is escaped, and what a browser would obey or hide (control characters, characters
that turn the direction of text around) is made visible. The page's own style is allowed by its hash and nothing else
is allowed at all, so that even markup that slipped through could neither run nor load anything.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).parent / "templates"
MAX_TEXT = 8_000
"""Characters of one text that are shown."""
MAX_WORDS = 240
"""Characters of a reason in a line of the list."""
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and line feed
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff"  # direction, invisible marks
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"  # annotations, half surrogates, tags
)


class Html(str):
    """A part of a page, escaped already."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


def stream(template: str, **values: Any) -> Iterator[str]:
    """A page, piece by piece; what it goes through (cases, for example) may be an iterator."""
    return _environment().get_template(template).generate(policy=policy(), style=_style(), **values)


def draw(template: str, **values: Any) -> Html:
    """A part of a page."""
    return Html(_environment().get_template(template).render(**values))


def policy() -> str:
    """The content security policy: the page's own style, and nothing else from anywhere."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def visible(text: str) -> str:
    """The text with everything that a browser would hide or obey shown as its code."""
    return _UNSEEN.sub(lambda found: f"‹U+{ord(found.group()):04X}›", text.replace("\r\n", "\n"))


def cut(value: Any, most: int = MAX_TEXT) -> str:
    """A value as text, data as JSON; of a long one its beginning, and how long it is."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= most else f"{text[:most]} … ({len(text):,} characters; all are in results.jsonl)"


def line(value: Any, most: int = MAX_WORDS) -> str:
    """A value on one short line."""
    flat = " ".join(str(value)[: 4 * most].split())
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"


def number(value: float | None, form: str = ".3f") -> str:
    """A score; nothing where there is none."""
    return "" if value is None or value != value else format(value, form)


def chance(p: float | None) -> str:
    """A probability."""
    return "< 0.001" if p is not None and p < 0.001 else number(p)


def moment(seconds: float) -> str:
    """Unix seconds as a date."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def lasted(seconds: float) -> str:
    """A duration for people."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 600 else f"{seconds / 60:,.0f} min"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finished,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"cut": cut, "line": line, "number": number, "chance": chance, "moment": moment, "lasted": lasted}
    return made


def _finished(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


@cache
def _style() -> Html:
    return Html((HERE / "report.css").read_text(encoding="utf-8"))
