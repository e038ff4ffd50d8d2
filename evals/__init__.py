"""The offline harness: cases and the people in them, suites that run and judge them, reports, certification."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .case import Answer as Answer
    from .case import CallMade as CallMade
    from .case import Case as Case
    from .case import Expectation as Expectation
    from .case import Fault as Fault
    from .case import ScriptedReply as ScriptedReply
    from .case_files import CaseProblem as CaseProblem
    from .case_files import cases_of as cases_of
    from .case_files import load_cases as load_cases
    from .gate import Gate as Gate
    from .inbox import Inbox as Inbox
    from .observed import Observed as Observed
    from .people import Given as Given
    from .people import People as People
    from .project import Project as Project
    from .replies import model_of as model_of
    from .results import Result as Result
    from .results import ResultsProblem as ResultsProblem
    from .results import RunFolder as RunFolder
    from .runner import Choice as Choice
    from .runner import Limits as Limits
    from .runner import LiveModelRefused as LiveModelRefused
    from .runner import Plan as Plan
    from .runner import new_run as new_run
    from .runner import run_suite as run_suite
    from .scorers import Score as Score
    from .suite import Suite as Suite
    from .suite_files import SuiteNotFound as SuiteNotFound
    from .suite_files import find_suite as find_suite
    from .suite_files import load_suite as load_suite

_PLACES = {
    "case": ("Answer", "CallMade", "Case", "Expectation", "Fault", "ScriptedReply"),
    "case_files": ("CaseProblem", "cases_of", "load_cases"),
    "inbox": ("Inbox",),
    "people": ("Given", "People"),
    "replies": ("model_of",),
    "gate": ("Gate",),
    "observed": ("Observed",),
    "project": ("Project",),
    "results": ("Result", "ResultsProblem", "RunFolder"),
    "runner": ("Choice", "Limits", "LiveModelRefused", "Plan", "new_run", "run_suite"),
    "scorers": ("Score",),
    "suite": ("Suite",),
    "suite_files": ("SuiteNotFound", "find_suite", "load_suite"),
}
_MODULE_OF = {name: module for module, names in _PLACES.items() for name in names}

__all__ = sorted(_MODULE_OF)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    """Each name is imported when it is first asked for: pytest loads this package with its plugin."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
