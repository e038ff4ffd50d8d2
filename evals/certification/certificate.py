"""The certificate: what was tried, with what, and what was found."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Verdict = Literal["passed", "failed", "not deterministic", "interrupted"]


@dataclass(frozen=True, slots=True)
class Failure:
    """A point at which something went wrong."""

    case: str
    point: str
    """As ``--at CASE:POINT`` takes it; 0 is the life that nobody killed."""
    at: str
    """What the moment is."""
    findings: tuple[str, ...]
    command: str
    """Reproduces it."""
    folder: str = ""
    """The state folder of that life, where it was kept."""


@dataclass(slots=True)
class CaseRecord:
    """What was tried on one case."""

    id: str
    points: int = 0
    """Boundaries in its life."""
    lives: int = 0
    """Lives that were to be killed."""
    kills: int = 0
    """That hit. A life may end before its killer comes."""
    kinds: dict[str, int] = field(default_factory=dict)
    """Kills by the kind of the moment."""
    effects: int = 0
    """Distinct effects of its life."""
    approvals: int = 0
    looked_up: int = 0
    """Calls with unknown outcome that somebody looked up and resolved."""
    excused: int = 0
    """Lives whose state was not compared: an answer was lost with its process, and looked up by hand."""
    repeated: int = 0
    """Effects repeated under the same key, by tools that declare that this is safe."""
    ignored: tuple[str, ...] = ()
    """Places of the state at which ids, paths and times may differ."""
    differences: tuple[str, ...] = ()
    """Where two lives that nobody killed differ: it is not deterministic."""
    seconds: float = 0.0
    """Of all its lives, added up."""


@dataclass(slots=True)
class Certificate:
    """What a certification found."""

    graph: str
    signature: str
    """Of nodes, edges, state and tool labels."""
    model: str
    seed: int
    plan: str
    """In words."""
    versions: Mapping[str, str]
    cases: list[CaseRecord] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    seconds: float = 0.0
    was_interrupted: bool = False

    @property
    def verdict(self) -> Verdict:
        """What it comes to."""
        if self.failures:
            return "failed"
        if any(case.differences for case in self.cases):
            return "not deterministic"
        return "interrupted" if self.was_interrupted else "passed"

    @property
    def passed(self) -> bool:
        """Whether everything that was to be tried was tried, and nothing was found."""
        return self.verdict == "passed"

    @property
    def kills(self) -> int:
        """Processes that were killed."""
        return sum(case.kills for case in self.cases)

    @property
    def kinds(self) -> dict[str, int]:
        """Kills by the kind of the moment, over all cases."""
        return dict(sum((Counter(case.kinds) for case in self.cases), Counter[str]()))

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {"verdict": self.verdict, "kills": self.kills, "kinds": self.kinds, **asdict(self)}


def kind_of(moment: str) -> str:
    """The kind of a moment: `effect refund, begun` and `effect pay, done` are both of kind `effect`."""
    kind = re.split(r",| \(", moment, maxsplit=1)[0]
    return kind.split(" ")[0] if kind.startswith(("effect ", "read ")) else kind
