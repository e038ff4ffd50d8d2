"""What a person may answer to an approval, and how it looks on the wire.

The wire format is LangChain's human-in-the-loop decision (``{"type": "approve"}``, ``{"type": "edit",
"edited_action": {"name", "args"}}``, ``{"type": "reject", "message"}``, ``{"type": "respond", "message"}``), so that
existing inbox clients can answer; unknown extra keys are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphwright.tools import DECISION_TYPES, DecisionType


class DecisionError(ValueError):
    """A decision cannot be read or is not allowed here. For the person who decided; says what would be."""


@dataclass(frozen=True, slots=True)
class Approve:
    """Run the call exactly as it was shown."""

    comment: str = ""
    type: DecisionType = "approve"
    by: str = field(default="", compare=False)
    """Who decided; filled in when it is delivered."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Run the call with these arguments instead; they are validated like the model's."""

    arguments: Mapping[str, Any]
    comment: str = ""
    type: DecisionType = "edit"
    by: str = field(default="", compare=False)
    """Who decided; filled in when it is delivered."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Do not run the call; the message is told to the model."""

    message: str = ""
    comment: str = ""
    type: DecisionType = "reject"


@dataclass(frozen=True, slots=True)
class Respond:
    """Do not run the call; the message stands as its result."""

    message: str
    comment: str = ""
    type: DecisionType = "respond"


Decision = Approve | Edit | Reject | Respond


def decision_to_wire(decision: Decision, tool: str = "") -> dict[str, Any]:
    """The decision as LangChain's clients write it; ``tool`` fills the name of an edited action."""
    wire: dict[str, Any] = {"type": decision.type}
    if isinstance(decision, Edit):
        wire["edited_action"] = {"name": tool, "args": dict(decision.arguments)}
    elif isinstance(decision, Respond) or (isinstance(decision, Reject) and decision.message):
        wire["message"] = decision.message
    if decision.comment:
        wire["comment"] = decision.comment
    return wire


def decision_from_wire(wire: Any, tool: str = "") -> Decision:
    """Read a decision from the wire.

    Raises:
        DecisionError: if it is not one, or its edit names another tool than ``tool``.
    """
    if not isinstance(wire, Mapping):
        raise DecisionError(f"A decision is an object with a 'type', not {type(wire).__name__}.")
    kind, comment = wire.get("type"), str(wire.get("comment", ""))
    if kind == "approve":
        return Approve(comment)
    if kind == "reject":
        return Reject(str(wire.get("message", "")), comment)
    if kind == "respond":
        if not isinstance(wire.get("message"), str):
            raise DecisionError("A 'respond' decision needs a 'message': the text that stands as the tool's result.")
        return Respond(wire["message"], comment)
    if kind == "edit":
        return Edit(_edited_arguments(wire, tool), comment)
    raise DecisionError(f"Unknown decision type {kind!r}. It is one of: {', '.join(DECISION_TYPES)}.")


def _edited_arguments(wire: Mapping[str, Any], tool: str) -> Mapping[str, Any]:
    action = wire.get("edited_action")
    if not isinstance(action, Mapping) or not isinstance(action.get("args"), Mapping):
        raise DecisionError("An 'edit' decision needs 'edited_action': {'name': ..., 'args': {...}}.")
    name = action.get("name", tool)
    if tool and name != tool:
        raise DecisionError(f"An edit may change the arguments of {tool!r}, not turn it into {name!r}.")
    arguments: Mapping[str, Any] = action["args"]
    return arguments
