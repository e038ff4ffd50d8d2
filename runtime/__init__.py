"""What makes a run trustworthy: threads and runs, the gate to the tools, approvals, checkpoints, settings."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .approvals import Approval as Approval
    from .approvals import ApprovalStep as ApprovalStep
    from .approvals import Person as Person
    from .approvals import approval_data as approval_data
    from .ask import ask_person as ask_person
    from .broker import Broker as Broker
    from .clock import Clock as Clock
    from .clock import ManualClock as ManualClock
    from .context import ModelCall as ModelCall
    from .context import RunContext as RunContext
    from .context import default_context as default_context
    from .decisions import Approve as Approve
    from .decisions import Decision as Decision
    from .decisions import DecisionError as DecisionError
    from .decisions import Edit as Edit
    from .decisions import Reject as Reject
    from .decisions import Respond as Respond
    from .decisions import decision_from_wire as decision_from_wire
    from .decisions import decision_to_wire as decision_to_wire
    from .driver import unknown_data as unknown_data
    from .engine import Runtime as Runtime
    from .errors import AlreadyDecided as AlreadyDecided
    from .errors import BudgetExceeded as BudgetExceeded
    from .errors import DamagedRow as DamagedRow
    from .errors import DigestMismatch as DigestMismatch
    from .errors import GraphChanged as GraphChanged
    from .errors import JournalDivergence as JournalDivergence
    from .errors import LeaseLost as LeaseLost
    from .errors import NotAllowed as NotAllowed
    from .errors import NotFound as NotFound
    from .errors import RunFinished as RunFinished
    from .errors import RuntimeProblem as RuntimeProblem
    from .errors import SamePersonTwice as SamePersonTwice
    from .errors import StateFolderError as StateFolderError
    from .errors import ThreadBusy as ThreadBusy
    from .errors import TooLate as TooLate
    from .errors import UnknownPrice as UnknownPrice
    from .events import Event as Event
    from .events import EventType as EventType
    from .events import event as event
    from .gate import GateCall as GateCall
    from .gate import Outcome as Outcome
    from .gate import build_gate as build_gate
    from .places import path_of as path_of
    from .redacting import SECRET_ARGUMENT as SECRET_ARGUMENT
    from .redaction import RedactingFilter as RedactingFilter
    from .redaction import Redactor as Redactor
    from .runs import Run as Run
    from .runs import Thread as Thread
    from .serialization import StateTypeRefused as StateTypeRefused
    from .serialization import register_state_type as register_state_type
    from .settings import ReportsFolder as ReportsFolder
    from .settings import Settings as Settings
    from .settings import SettingsError as SettingsError
    from .settings import load_settings as load_settings
    from .sweeping import Swept as Swept

_PLACES = {
    "approvals": ("Approval", "ApprovalStep", "Person", "approval_data"),
    "ask": ("ask_person",),
    "broker": ("Broker",),
    "clock": ("Clock", "ManualClock"),
    "context": ("ModelCall", "RunContext", "default_context"),
    "decisions": (
        "Approve",
        "Decision",
        "DecisionError",
        "Edit",
        "Reject",
        "Respond",
        "decision_from_wire",
        "decision_to_wire",
    ),
    "driver": ("unknown_data",),
    "engine": ("Runtime",),
    "errors": (
        "AlreadyDecided",
        "BudgetExceeded",
        "DamagedRow",
        "DigestMismatch",
        "GraphChanged",
        "JournalDivergence",
        "LeaseLost",
        "NotAllowed",
        "NotFound",
        "RunFinished",
        "RuntimeProblem",
        "SamePersonTwice",
        "StateFolderError",
        "ThreadBusy",
        "TooLate",
        "UnknownPrice",
    ),
    "events": ("Event", "EventType", "event"),
    "gate": ("GateCall", "Outcome", "build_gate"),
    "redacting": ("SECRET_ARGUMENT",),
    "redaction": ("RedactingFilter", "Redactor"),
    "places": ("path_of",),
    "runs": ("Run", "Thread"),
    "serialization": ("StateTypeRefused", "register_state_type"),
    "settings": ("ReportsFolder", "Settings", "SettingsError", "load_settings"),
    "sweeping": ("Swept",),
}
_MODULE_OF = {name: module for module, names in _PLACES.items() for name in names}

__all__ = sorted(_MODULE_OF)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    """Each name is imported when it is first asked for: `--help` must not pay for LangGraph and SQLAlchemy."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
