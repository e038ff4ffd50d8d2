"""The ``[policy]`` part of the settings, and the rules that it puts in force."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from graphwright.tools import Labels
from graphwright.tools.labels import Effect

from ..errors import RuntimeProblem
from .context import Context, Rule
from .decision import Verdict
from .profiles import PROFILES, Profile


class PolicyError(RuntimeProblem):
    """A rule of the settings cannot be found. For the operator; no run goes on without it."""


class ToolPolicy(BaseModel):
    """What the settings say about one tool. Labels given here replace those that its author declared."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    verdict: Verdict | None = Field(default=None, description="allow what rules would ask; or always ask, or deny.")
    effect: Effect | None = None
    critical: tuple[str, ...] | None = None
    destructive: bool | None = None
    reversible: bool | None = None
    private: bool | None = None
    trusted: bool | None = None
    roles: frozenset[str] | None = None

    def labels(self, declared: Labels) -> Labels:
        """The labels in force."""
        changes = {name: value for name, value in self if value is not None and name != "verdict"}
        return replace(declared, **changes) if changes else declared


class PolicySettings(BaseModel):
    """Which rules are in force, and what differs for single tools."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    profile: Profile = Field(default="default", description="observe records only; strict asks more.")
    rules: tuple[str, ...] = Field(default=(), description="Further rules, each as module:function.")
    tools: Mapping[str, ToolPolicy] = Field(default_factory=dict, description="Verdict and labels of single tools.")

    @field_validator("rules")
    @classmethod
    def _are_places(cls, rules: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [rule for rule in rules if not all(part.strip() for part in rule.split(":")) or rule.count(":") != 1]
        if wrong:
            raise ValueError(
                f"{', '.join(map(repr, wrong))}: a rule is named as module:function, like 'policies:no_fax'"
            )
        return rules

    def context(self, project: Path, **known: Any) -> Context:
        """A context with these rules in force.

        Args:
            project: The project's folder, where custom rules are found.
            known: Further fields of the context.

        Raises:
            PolicyError: naming every custom rule that cannot be found.
        """
        verdicts = {name: tool.verdict for name, tool in self.tools.items() if tool.verdict is not None}
        rules = (*PROFILES[self.profile], *_custom(self.rules, project))
        return Context(rules=rules, verdicts=verdicts, observe=self.profile == "observe", **known)


def _custom(places: tuple[str, ...], project: Path) -> list[Rule]:
    found: list[Rule] = []
    problems: list[str] = []
    with importable(project):
        for place in places:
            module, _, name = place.partition(":")
            try:
                rule = getattr(importlib.import_module(module), name)
            except Exception as error:
                problems.append(f"{place!r}: {type(error).__name__}: {error}.")
                continue
            if callable(rule):
                found.append(rule)
            else:
                problems.append(f"{place!r} is no function.")
    if problems:
        raise PolicyError(
            f"Rules of [policy] in graphwright.toml cannot be used: {' '.join(problems)} "
            "No run goes on without them: correct the names, or take them out."
        )
    return found


@contextmanager
def importable(project: Path) -> Iterator[None]:
    """Within this block, modules of the project's folder can be imported."""
    root = str(project.resolve())
    if root in sys.path:
        yield
        return
    sys.path.insert(0, root)
    try:
        yield
    finally:
        sys.path.remove(root)
