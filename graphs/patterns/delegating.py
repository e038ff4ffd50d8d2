"""The tool by which a manager gives work to a participant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import Field

from graphwright.tools import Tool, ToolFailed, tool

from .checking import PatternProblem
from .participants import Participant

PREFIX = "delegate_to_"
LONGEST_NAME = 64 - len(PREFIX)
"""Characters of a participant's name: what a tool's name leaves."""
_NAME = re.compile(r"[A-Za-z0-9_-]+")


def name_problems(names: Iterable[str], *, longest: int = LONGEST_NAME) -> Iterator[PatternProblem]:
    """Names that cannot be part of a tool's name: models call participants by tools."""
    for name in names:
        if name and (len(name) > longest or not _NAME.fullmatch(name)):
            yield PatternProblem(
                f"The name {name!r} cannot be part of a tool's name, by which a model calls it.",
                f"Use letters, digits, '_' and '-', {longest} at most.",
            )


def delegate_tool(worker: Participant) -> Tool:
    """The tool that gives work to ``worker``; what the model is told is the worker's description.

    Its call never reaches the tool: the graph sends the work to the worker's node.
    """

    async def delegate(
        instruction: Annotated[str, Field(min_length=1, description="What to do, complete in itself.")],
    ) -> str:
        raise ToolFailed(f"Work for {worker.name} is given out by the supervisor's graph: {instruction!r} was not.")

    delegate.__doc__ = " ".join(worker.description.split()) or "Do work."
    return tool(delegate, effect="read", name=f"{PREFIX}{worker.name}")
