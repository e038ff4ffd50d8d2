"""The state of the council: a design, what was said about it, and what became of it."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class CouncilState(TypedDict, total=False):
    """From a design to its revision; plain data only."""

    design: str
    """What was asked for: a name, a path, or the text itself."""
    number: str
    """Under which number reviewers read it; empty if it could not be opened."""
    text: str
    said: list[dict[str, str]]
    """What was said about it: who and what, in order."""
    findings: list[dict[str, Any]]
    """What was found, and at last what became of it (``status``)."""
    revised: str
    warning: str
    """What is doubtful about the revision; empty if nothing is."""
    published: str
    """Where it was written; empty if a person did not approve it."""
    report: str
    """What a person reads at the end."""
