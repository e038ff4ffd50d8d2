"""What a case exercised of what its graph declares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from langgraph.graph import END, START

from ..observed import Observed
from .declared import Item, Kind, arrow
from .desks import DELEGATE, TRANSFER
from .levels import Level
from .trace import Trace


@dataclass(frozen=True)
class Exercised:
    """Names of things by their kind; among them such as no graph declares, if they happened."""

    found: dict[Kind, set[str]] = field(default_factory=dict)

    def add(self, kind: Kind, name: str) -> None:
        """One more."""
        self.found.setdefault(kind, set()).add(name)

    def has(self, item: Item) -> bool:
        """Whether it was exercised."""
        return item.name in self.found.get(item.kind, ())


def exercised(levels: Sequence[Level], trace: Trace, observed: Observed, retried_tools: set[str]) -> Exercised:
    """What one case exercised.

    Args:
        levels: Of the graph.
        trace: What its tasks did.
        observed: What its records tell.
        retried_tools: Tools of which a call was made again.
    """
    done = Exercised()
    for path in trace.nodes:
        if not path.rpartition("/")[2].startswith("__"):
            done.add("node", path)
    known = {level.place: level for level in levels}
    for path, targets in trace.led:
        above, _, name = path.rpartition("/")
        if above in known:
            _add_ways(done, known[above], name, targets)
    _add_calls(done, observed)
    for path in trace.interrupted:
        done.add("approval", f"{path}: interrupt")
    for path in trace.tried_again:
        done.add("retry", f"node {path}")
    for tool in retried_tools:
        done.add("retry", f"tool {tool}")
    return done


def _add_ways(done: Exercised, level: Level, name: str, targets: frozenset[str]) -> None:
    path = level.path(name)
    always, chosen = level.always(name), targets - level.always(name)
    for target in always if name != START else ():
        if target == END or target in targets:
            done.add("edge", arrow(path, target))
    for target in chosen:
        done.add("branch", arrow(path, target))
    if not chosen and level.ends_after(name):
        done.add("branch", arrow(path, END))
    if name == "model" and level.agent is not None:
        _add_delegations(done, level, chosen)


def _add_delegations(done: Exercised, level: Level, chosen: frozenset[str]) -> None:
    """A manager's delegation is no call: its work is sent to the worker's node."""
    assert level.agent is not None
    for target in chosen:
        if f"{DELEGATE}{target}" in level.agent.toolbox.names:
            done.add("handoff", arrow(level.agent.name, target))


def _add_calls(done: Exercised, observed: Observed) -> None:
    for call in observed.calls:
        if call.status == "refused":
            continue
        done.add("tool", f"{call.agent}: {call.tool}")
        done.add("tool", call.tool)
        if call.tool.startswith(TRANSFER) and call.status == "success":
            done.add("handoff", arrow(call.agent, call.tool.removeprefix(TRANSFER)))
    for asked in observed.approvals:
        if asked.decision:
            done.add("approval", f"{asked.tool}: {'approve' if asked.decision == 'edit' else asked.decision}")
