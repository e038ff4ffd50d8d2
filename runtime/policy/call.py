"""One call as policy sees it: which tool, with which labels and arguments, on whose behalf."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphwright.tools import Labels

from .words import Leaf, leaves


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A tool call that somebody wants to make."""

    tool: str
    arguments: Mapping[str, Any]
    """Plain values."""
    declared: Labels | None = None
    """The tool's labels; None for a tool that nobody labelled: the worst is assumed of it."""
    agent: str = ""
    toolbox: frozenset[str] | None = None
    """The tools that the node may use, where a model made the call; None where the graph's own code did."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """What the tool's author gave parameters that are left out."""
    batch: str = ""
    """The model's message that made the call; see :class:`Source`."""
    tasks: tuple[str, ...] = ()
    """The tasks inside which it is made; see :func:`~graphwright.runtime.places.tasks_of`."""
    key: str = ""
    is_step: bool = False
    """Whether a node does it by itself, at a place that the graph's author chose; no tool of anybody's."""

    @property
    def labels(self) -> Labels:
        """The labels in force."""
        return self.declared if self.declared is not None else Labels.unknown()

    @property
    def has_effect(self) -> bool:
        """Whether it changes something, or something leaves."""
        return self.labels.effect != "read"

    @property
    def critical(self) -> tuple[str, ...]:
        """The arguments that decide whom the effect hits: as declared; where nothing is declared, every one.

        Only a write that can be undone needs no declaration, nor one of a step: its author wrote where it goes.
        """
        labels = self.labels
        is_contained = labels.effect == "write" and not labels.destructive and (labels.reversible or self.is_step)
        if labels.critical or is_contained:
            return labels.critical
        return tuple(self.arguments)

    def values(self, *names: str) -> list[Leaf]:
        """The plain values inside these arguments, without those that the tool's author chose as default."""
        given = [name for name in names if name in self.arguments and not self._is_default(name)]
        return [leaf for name in given for leaf in leaves(self.arguments[name], name, name)]

    def others(self) -> list[Leaf]:
        """The plain values inside the arguments that are not critical."""
        critical = frozenset(self.labels.critical)
        return self.values(*(name for name in self.arguments if name not in critical))

    def _is_default(self, name: str) -> bool:
        return name in self.defaults and self.defaults[name] == self.arguments[name]
