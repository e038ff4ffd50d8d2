"""What policy says about a call: allow, ask or deny, by which rule, on which evidence, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["allow", "ask", "deny"]
RANK: Mapping[str, int] = {"allow": 0, "ask": 1, "deny": 2}
MAX_SHOWN = 120
"""Characters of a value that evidence shows."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One argument, and where its value comes from."""

    argument: str
    """Which value, as ``recipients[0]``."""
    value: str
    """How it begins."""
    source: str
    """Where it was found: ``the user``, the name of a tool, or nothing if nowhere."""

    @classmethod
    def of(cls, argument: str, value: Any, source: str = "") -> Evidence:
        """Evidence about one value, shortened."""
        text = str(value)
        return cls(argument, text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…", source)

    def __str__(self) -> str:
        found = f"found in what {self.source} returned" if self.source else "found nowhere that can be trusted"
        return f"{self.argument}={self.value!r} ({found})"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule has against a call."""

    verdict: Literal["ask", "deny"]
    rule: str
    sentence: str
    """Why, for whoever decides and for the model."""
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict on one call."""

    verdict: Verdict
    """What is done."""
    rule: str = ""
    """The rule that decided; empty if none had anything against the call."""
    evidence: tuple[Evidence, ...] = ()
    sentence: str = "No rule has anything against it."
    rules: tuple[str, ...] = ()
    """Every rule that had something against it."""
    found: Verdict = "allow"
    """What the rules say; under the profile ``observe`` the verdict is allow all the same."""
    tainted: bool = False
    """Whether the run had read untrusted text before."""

    def to_data(self) -> dict[str, Any]:
        """As plain data."""
        return {**asdict(self), "evidence": [asdict(each) for each in self.evidence], "rules": list(self.rules)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Decision:
        """What :meth:`to_data` gave."""
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        evidence = tuple(Evidence(**each) for each in known.pop("evidence", ()))
        return cls(**{**known, "evidence": evidence, "rules": tuple(known.get("rules", ()))})


def listed(evidence: tuple[Evidence, ...], most: int = 3) -> str:
    """Evidence in words; what is left out is counted."""
    shown = "; ".join(str(each) for each in evidence[:most])
    left = len(evidence) - most
    return f"{shown}; and {left} more" if left > 0 else shown
