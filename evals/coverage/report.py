"""How much of a graph its cases exercise, what they miss, and which case exercises what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .declared import KINDS, Item, Kind


@dataclass(frozen=True, slots=True)
class Missed:
    """What no case exercises."""

    item: Item
    needs: str
    """What a case would have to do."""


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What the cases of one graph exercise."""

    graph: str
    suites: tuple[str, ...]
    cases: int
    items: tuple[Item, ...]
    """Everything that the graph declares."""
    covering: Mapping[tuple[str, str], tuple[str, ...]]
    """Kind and name of what was exercised, to the cases that did it. Also of what the graph does not declare."""
    missed: tuple[Missed, ...]
    trouble: Mapping[str, str]
    """Cases that could not be run, and why; they exercise nothing."""

    @property
    def wanted(self) -> list[Item]:
        """What counts: everything that can be reached."""
        return [each for each in self.items if not each.unreachable or each.key in self.covering]

    @property
    def unreachable(self) -> list[Item]:
        """What no case can exercise as the graph is declared; it is not counted."""
        return [each for each in self.items if each.unreachable and each.key not in self.covering]

    def counts(self, kind: Kind | None = None) -> tuple[int, int]:
        """Exercised, and all; of one kind, or of all kinds together."""
        all_of_it = [each for each in self.wanted if kind in (None, each.kind)]
        return sum(each.key in self.covering for each in all_of_it), len(all_of_it)

    @property
    def kinds(self) -> list[Kind]:
        """The kinds that the graph has something of."""
        there = {each.kind for each in self.wanted}
        return [each for each in KINDS if each in there]

    @property
    def share(self) -> float:
        """The part of everything that is exercised, from 0 to 1."""
        done, all_of_it = self.counts()
        return done / all_of_it if all_of_it else 1.0

    @property
    def undeclared(self) -> list[tuple[str, str]]:
        """Nodes and ways that happened and that the graph does not declare: a node that goes where it never says."""
        known = {each.key for each in self.items}
        return sorted(key for key in self.covering if key[0] in ("node", "edge", "branch") and key not in known)

    def by_case(self, case: str) -> list[Item]:
        """What one case exercises."""
        return [each for each in self.items if case in self.covering.get(each.key, ())]

    def cases_at(self, node: str) -> tuple[str, ...]:
        """The cases that lead to a node; none, if there is no such node."""
        return self.covering.get(("node", node), ())

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        kinds = {kind: dict(zip(("covered", "of"), self.counts(kind), strict=True)) for kind in self.kinds}
        return {
            "graph": self.graph,
            "suites": list(self.suites),
            "cases": self.cases,
            "share": round(self.share, 4),
            "kinds": kinds,
            "missed": [{"kind": e.item.kind, "name": e.item.name, "needs": e.needs} for e in self.missed],
            "unreachable": [{"kind": e.kind, "name": e.name, "why": e.unreachable} for e in self.unreachable],
            "undeclared": [{"kind": kind, "name": name} for kind, name in self.undeclared],
            "covered": [
                {"kind": each.kind, "name": each.name, "cases": list(self.covering[each.key])}
                for each in self.items
                if each.key in self.covering
            ],
            "trouble": dict(self.trouble),
        }
