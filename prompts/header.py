"""The header of a prompt file: who sends it, when, and which places are filled."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

_TEXTS = ("title", "sent_by", "when")
_KEYS = (*_TEXTS, "places")


@dataclass(frozen=True)
class PromptHeader:
    """What a prompt file says about itself."""

    title: str = ""
    sent_by: str = ""
    """Who speaks: the agent, node or judge that sends it."""
    when: str = ""
    places: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Each place in the text, and what fills it."""


def split_header(content: str) -> tuple[str | None, str]:
    """Return the header's YAML (None without one) and the text below it."""
    lines = content.split("\n")
    if lines[0].rstrip() != "---":
        return None, content
    end = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), None)
    if end is None:
        return None, content
    return "\n".join(lines[1:end]), "\n".join(lines[end + 1 :]).strip("\n") + "\n"


def read_header(text: str | None) -> tuple[PromptHeader, list[str]]:
    """Return a header and everything that is wrong with it."""
    if text is None:
        wish = "Start it with a line ---, then title, sent_by, when and places, then a line ---."
        return PromptHeader(), [f"There is no header. {wish}"]
    import yaml  # needed only where a file is read

    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return PromptHeader(), [f"The header is not YAML: {' '.join(str(error).split())}."]
    if not isinstance(found, dict):
        return PromptHeader(), [f"The header must be keys and values ({', '.join(_KEYS)}), not {found!r}."]
    places, problems = _places(found.get("places"))
    texts = {name: str(found.get(name) or "") for name in _TEXTS}
    problems = [*_unknown(found), *_missing(found), *problems]
    return PromptHeader(places=MappingProxyType(places), **texts), problems


def _unknown(found: Mapping[Any, Any]) -> list[str]:
    return [
        f"The header has an unknown key {key!r}.{near(str(key), _KEYS)} It may have: {', '.join(_KEYS)}."
        for key in found
        if key not in _KEYS
    ]


def _missing(found: Mapping[Any, Any]) -> list[str]:
    problems = []
    for key in _TEXTS:
        value = found.get(key)
        if value is None or value == "":
            problems.append(f"The header does not say {key!r}.")
        elif not isinstance(value, str):
            problems.append(f"{key!r} in the header must be text, not {value!r}.")
    return problems


def _places(value: Any) -> tuple[dict[str, str], list[str]]:
    """Accept `name: what fills it` and a plain list of names."""
    if value is None:
        return {}, []
    if isinstance(value, list):
        value = dict.fromkeys(value, "") if all(isinstance(name, str) for name in value) else None
    if not isinstance(value, dict):
        return {}, ["'places' in the header must be lines like `question: what the user asked`."]
    odd = [name for name in value if not (isinstance(name, str) and name.isidentifier())]
    problems = [f"The place {name!r} in the header is not a name of letters, digits and _." for name in odd]
    return {name: str(text or "") for name, text in value.items() if name not in odd}, problems


def near(name: str, known: Any) -> str:
    """Return " Did you mean 'x'?" for a name close to one that is known, else an empty string."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {found[0]!r}?" if found else ""
