"""What came of a relation on a case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["held", "broken", "not applicable"]
VERDICTS: tuple[Verdict, ...] = ("held", "broken", "not applicable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One relation, tried on one case."""

    suite: str
    case: str
    relation: str
    verdict: Verdict
    reason: str = ""
    """Why it does not apply."""
    differences: tuple[str, ...] = ()
    """What differs where it is broken, a sentence each."""
    tried: str = ""
    """What was done to the case, in a few words."""

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {name: getattr(self, name) for name in ("suite", "case", "relation", "verdict", "reason", "tried")} | {
            "differences": list(self.differences)
        }


def counted(outcomes: Sequence[Outcome]) -> Mapping[str, Mapping[Verdict, int]]:
    """How often each relation held, was broken and did not apply."""
    found: dict[str, dict[Verdict, int]] = {}
    for each in outcomes:
        row = found.setdefault(each.relation, dict.fromkeys(VERDICTS, 0))
        row[each.verdict] += 1
    return found
