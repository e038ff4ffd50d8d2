"""The places in a prompt's text, and how they are filled: the one module that knows jinja2.

A template is a developer's file. A value is data: it is inserted as it is, and `{{ }}` in it means nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import ImmutableSandboxedEnvironment

_PLACE = re.compile(r"\{\{-?\s*([A-Za-z_][A-Za-z0-9_]*)\s*-?\}\}")
_RESERVED = frozenset("self super loop caller varargs kwargs true false none and or not if else in is".split())
_RESERVED |= {"True", "False", "None"}
_MARKS = re.compile(r"\{\{|\{%|\{#")


def places_in(text: str) -> frozenset[str]:
    """Return the names a text needs; raises ValueError if it is no template.

    A text of plain `{{ name }}` is read without jinja2, whose import would be paid by every agent.
    """
    found = frozenset(_PLACE.findall(text))
    if reserved := sorted(found & _RESERVED):
        raise ValueError(f"{', '.join(reserved)} means something else in a template; call the place otherwise")
    if not _MARKS.search(_PLACE.sub("", text)):
        return found
    from jinja2 import TemplateSyntaxError, meta

    try:
        return frozenset(meta.find_undeclared_variables(_environment().parse(text)))
    except TemplateSyntaxError as error:
        raise ValueError(f"line {error.lineno}: {error.message}") from None


def fill(text: str, values: Mapping[str, Any]) -> str:
    """Return a text with its places filled; raises ValueError where an expression in it fails."""
    try:
        return _compiled(text).render(values)
    except Exception as error:  # an expression in a template may fail in any way
        raise ValueError(f"{type(error).__name__}: {error}") from None


@lru_cache(maxsize=256)
def _compiled(text: str) -> Template:
    """The same text is filled at every turn; to compile it costs more than a turn."""
    return _environment().from_string(text)


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,  # the reader is a model, not a browser
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.clear()
    return environment
