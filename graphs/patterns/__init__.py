"""The orchestration patterns: functions that take agents or graphs and return an uncompiled graph.

Each pattern is itself a participant of others, as deep as you like. What they share: participants, the state, what
goes along between them (:mod:`.carry`), when to stop (:mod:`.termination`), and how a participant works inside a node
(:mod:`.working`).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .carry import Carry as Carry
    from .carry import carried as carried
    from .checking import PatternDeclarationError as PatternDeclarationError
    from .checking import PatternProblem as PatternProblem
    from .concurrent_graph import concurrent as concurrent
    from .group_chat_graph import group_chat as group_chat
    from .handoff_graph import handoff as handoff
    from .judging import Verdict as Verdict
    from .magentic_graph import magentic as magentic
    from .maker_checker_graph import maker_checker as maker_checker
    from .map_reduce_graph import map_reduce as map_reduce
    from .participants import Participant as Participant
    from .participants import as_participant as as_participant
    from .plan_execute_graph import plan_execute as plan_execute
    from .router_graph import chooser as chooser
    from .router_graph import router as router
    from .sequential_graph import Gate as Gate
    from .sequential_graph import sequential as sequential
    from .state import PatternState as PatternState
    from .state import Result as Result
    from .supervisor_graph import supervisor as supervisor
    from .termination import Progress as Progress
    from .termination import Termination as Termination
    from .working import ParticipantFailed as ParticipantFailed

_PLACES = {
    "carry": ("Carry", "carried"),
    "checking": ("PatternDeclarationError", "PatternProblem"),
    "concurrent_graph": ("concurrent",),
    "group_chat_graph": ("group_chat",),
    "handoff_graph": ("handoff",),
    "judging": ("Verdict",),
    "maker_checker_graph": ("maker_checker",),
    "map_reduce_graph": ("map_reduce",),
    "magentic_graph": ("magentic",),
    "participants": ("Participant", "as_participant"),
    "router_graph": ("chooser", "router"),
    "sequential_graph": ("Gate", "sequential"),
    "plan_execute_graph": ("plan_execute",),
    "state": ("PatternState", "Result"),
    "supervisor_graph": ("supervisor",),
    "termination": ("Progress", "Termination"),
    "working": ("ParticipantFailed",),
}
_MODULE_OF = {name: module for module, names in _PLACES.items() for name in names}

__all__ = sorted(_MODULE_OF)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    """Each name is imported when it is first asked for, so that one pattern does not pay for all."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
