"""The tools of one agent: in order, each name once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .adapt import as_tool
from .contract import Tool
from .errors import ToolDeclarationError, UnknownTool
from .words import did_you_mean, listed


class Toolbox:
    """Tools by name. Raises ToolDeclarationError naming every pair of tools with one name."""

    def __init__(self, tools: Iterable[Any] = ()) -> None:
        found = [as_tool(one) for one in tools]
        if problems := name_clashes(found):
            raise ToolDeclarationError("Toolbox", problems)
        self._tools = {one.name: one for one in found}
        self.specs = tuple(one.spec for one in self._tools.values())

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in order."""
        return tuple(self._tools)

    def get(self, name: str) -> Tool:
        """Return the tool of this name; UnknownTool says which there are."""
        found = self._tools.get(name)
        if found is None:
            near = did_you_mean(name, self._tools)
            raise UnknownTool(f"There is no tool {name[:80]!r}.{near} The tools are: {listed(self._tools)}.")
        return found

    def only(self, names: Iterable[str]) -> Toolbox:
        """Return a toolbox of some of these tools, in the order of this one."""
        wanted = {self.get(name).name for name in names}
        return Toolbox(one for one in self if one.name in wanted)

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def __len__(self) -> int:
        return len(self._tools)

    def __contains__(self, name: object) -> bool:
        return name in self._tools

    def __repr__(self) -> str:
        return f"Toolbox({listed(self._tools)})"


def name_clashes(tools: Iterable[Tool]) -> list[str]:
    """Return a line for every two different tools with one name; the same tool twice is no clash."""
    first: dict[str, Tool] = {}
    return [
        f"Two tools are called {one.name!r}: {first[one.name].source} and {one.source}. Rename one with name=..."
        for one in tools
        if first.setdefault(one.name, one) is not one
    ]
