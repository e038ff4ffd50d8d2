"""A suite reads like its sentence: these cases, run this way, judged by these, good enough if that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .dataset import Dataset
from .gate import Gate
from .scorers import Scorer, verdict
from .scorers.heuristic import Heuristic, best_sentence

Runtime = Literal["full", "bare"]


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Cases for one target, and what judges it."""

    name: str
    cases: Dataset
    graph: str = ""
    """Name of the graph in the catalogue; or:"""
    function: Callable[[Any], Any] | None = None
    """A plain function, sync or async: it takes a case's input and gives the answer. It has no tools and no people."""
    scorers: tuple[Scorer, ...] = (verdict,)
    gates: tuple[Gate, ...] = ()
    epochs: int = 1
    """How often each case is run."""
    model: str = "offline"
    """For cases that name none."""
    runtime: Runtime = "full"
    """``bare`` runs a graph on LangGraph alone, in memory: no journal, no approvals, no resuming, and much quicker."""
    cluster: str = ""
    """The slice by which cases belong together (one template, one document); empty where each stands alone."""
    heuristic: Heuristic = best_sentence
    """A rule of thumb from a case to an answer, whose score is told beside every other."""
    rename: Mapping[str, str] = field(default_factory=dict)
    """Names in its cases that are free text, and others they could have; see :attr:`Case.rename`."""
    source: str = ""
    """Where it is written."""

    def __post_init__(self) -> None:
        if bool(self.graph) == (self.function is not None):
            raise ValueError(f"Suite {self.name!r} needs either a graph or a function.")
        unfit = [objection for gate in self.gates for objection in unfit_for(gate, self.scorers)]
        if unfit:
            raise ValueError(f"Suite {self.name!r} has gates that cannot be: {' '.join(unfit)}")

    @property
    def target(self) -> str:
        """What is run, in words."""
        if self.function is None:
            return self.graph
        return getattr(self.function, "__qualname__", type(self.function).__name__)


def unfit_for(gate: Gate, scorers: Iterable[Scorer]) -> list[str]:
    """Why the gate's scorer may not gate: a model judge that is not calibrated may not (``Judge.gate_objections``)."""
    asked = [getattr(each, "gate_objections", None) for each in scorers if name_of(each) == gate.scorer]
    return [objection for each in asked if each is not None for objection in each()]


def name_of(scorer: Scorer) -> str:
    """What a scorer is called in suites and reports."""
    named = getattr(scorer, "name", None) or getattr(scorer, "__name__", None)
    return str(named or type(scorer).__name__)
