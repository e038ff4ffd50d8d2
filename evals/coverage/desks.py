"""Who can get the thread from whom at one desk: a pattern's nodes are open to all, its matrix of targets is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphwright.agents import Agent
from graphwright.graphs.parts import agents_of

from .levels import Level

TRANSFER, DELEGATE = "transfer_to_", "delegate_to_"
"""How the names of tools begin by which an agent hands over, or gives work to somebody."""
DESK, PERSON = "desk", "person"


def allowed_targets(level: Level) -> Mapping[str, frozenset[str]]:
    """Node to the nodes that it can pass the thread to, where that can be known; nothing where it cannot.

    An agent passes it to its own targets, and gives it back to whoever handed it over; so does a person.
    """
    nodes = level.builder.nodes
    if DESK not in nodes:
        return {}
    matrix = {name: _targets(agent) for name, spec in nodes.items() if (agent := _agent_in(spec, name)) is not None}
    if not any(matrix.values()):
        return {}
    back = {name: {each for each, targets in matrix.items() if name in targets} for name in nodes}
    known = [*matrix, PERSON] if PERSON in nodes else list(matrix)
    return {name: frozenset(matrix.get(name, frozenset()) | back[name]) for name in known}


def _agent_in(spec: Any, name: str) -> Agent | None:
    """The agent whose turn a node of the desk is."""
    holder = type("Holder", (), {"nodes": {name: spec}})
    return next((each for each in agents_of(holder) if each.name == name), None)


def _targets(agent: Agent) -> frozenset[str]:
    return frozenset(each.removeprefix(TRANSFER) for each in agent.toolbox.names if each.startswith(TRANSFER))
