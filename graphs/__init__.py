"""LangGraph state machines: the agent loop, the orchestration patterns, and the catalogue that finds graphs by name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .calls import AgentFailed as AgentFailed
from .calls import use_tool as use_tool
from .catalogue import Catalogue as Catalogue
from .catalogue import GraphDeclarationError as GraphDeclarationError
from .catalogue import GraphEntry as GraphEntry
from .catalogue import GraphNotFound as GraphNotFound
from .catalogue import graph as graph
from .history import messages_channel as messages_channel
from .loop import agent_loop as agent_loop
from .naming import named as named
from .speaking import ask_model as ask_model
from .speaking import context_of as context_of
from .speaking import tell as tell
from .state import AgentState as AgentState
from .steps import StepError as StepError
from .steps import StepFailed as StepFailed
from .steps import step as step
from .transcript import transcript_problems as transcript_problems

if TYPE_CHECKING:
    from .patterns import Carry as Carry
    from .patterns import Gate as Gate
    from .patterns import Participant as Participant
    from .patterns import ParticipantFailed as ParticipantFailed
    from .patterns import PatternDeclarationError as PatternDeclarationError
    from .patterns import PatternState as PatternState
    from .patterns import Progress as Progress
    from .patterns import Result as Result
    from .patterns import Termination as Termination
    from .patterns import Verdict as Verdict
    from .patterns import as_participant as as_participant
    from .patterns import chooser as chooser
    from .patterns import concurrent as concurrent
    from .patterns import group_chat as group_chat
    from .patterns import handoff as handoff
    from .patterns import magentic as magentic
    from .patterns import maker_checker as maker_checker
    from .patterns import map_reduce as map_reduce
    from .patterns import plan_execute as plan_execute
    from .patterns import router as router
    from .patterns import sequential as sequential
    from .patterns import supervisor as supervisor

_PATTERNS = frozenset(
    {
        "Carry",
        "Gate",
        "Participant",
        "ParticipantFailed",
        "PatternDeclarationError",
        "PatternState",
        "Progress",
        "Result",
        "Termination",
        "Verdict",
        "as_participant",
        "chooser",
        "concurrent",
        "group_chat",
        "handoff",
        "magentic",
        "plan_execute",
        "supervisor",
        "maker_checker",
        "map_reduce",
        "router",
        "sequential",
    }
)
"""Names of :mod:`.patterns`, imported when they are first asked for."""

__all__ = sorted(  # pyright: ignore[reportUnsupportedDunderAll]
    {
        "AgentFailed",
        "AgentState",
        "Catalogue",
        "GraphDeclarationError",
        "GraphEntry",
        "GraphNotFound",
        "StepError",
        "StepFailed",
        "agent_loop",
        "ask_model",
        "context_of",
        "graph",
        "messages_channel",
        "named",
        "step",
        "tell",
        "transcript_problems",
        "use_tool",
        *_PATTERNS,
    }
)


def __getattr__(name: str) -> Any:
    """The patterns are imported when one is first asked for."""
    if name not in _PATTERNS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(".patterns", __name__), name)
