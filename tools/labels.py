"""What a tool does to the world, declared: labels are what policy, journal and approvals read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self, TypedDict, get_args

from .approval_rules import ApprovalLabel, ApprovalRules, rules_for
from .errors import ToolDeclarationError
from .words import did_you_mean, listed

Effect = Literal["read", "write", "egress"]
"""read: changes nothing · write: changes something of ours · egress: something leaves (message, request)."""

DecisionType = Literal["approve", "edit", "reject", "respond"]
DECISION_TYPES: tuple[DecisionType, ...] = get_args(DecisionType)


class IdempotencyKey(str):
    """The key of one call, the same on every attempt; a parameter of this type is injected."""

    __slots__ = ()


class LabelOptions(TypedDict, total=False):
    """The labels a declaration may give besides `effect`; see Labels for what they mean."""

    once: bool | None
    approval: ApprovalLabel
    decisions: tuple[DecisionType, ...]
    critical: tuple[str, ...]
    destructive: bool
    reversible: bool
    private: bool
    trusted: bool
    per_record: bool
    timeout: float | None
    retry: int
    rate: float | None
    roles: frozenset[str]
    probe: Callable[..., Any] | None
    result_cap: int
    ends_run: bool
    breaker: int | None


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What a tool does to the world and how it may be called."""

    effect: Effect = "egress"
    once: bool | None = None
    """At most once: a call with an unknown outcome is never simply repeated. None becomes True for write and
    egress, False for read. False on an effect promises that a call repeated with its key counts once."""
    approval: ApprovalLabel = None
    """Why a person must approve every call (or the rules: who, how many, until when), or a rule that gives either."""
    decisions: tuple[DecisionType, ...] = DECISION_TYPES
    """How a person may answer such an approval."""
    critical: tuple[str, ...] = ()
    """Parameters that decide whom or what the effect hits (destination, amount, id)."""
    destructive: bool = False
    reversible: bool = False
    private: bool = False
    """The result holds private values."""
    trusted: bool = False
    """The result cannot carry words of a stranger."""
    per_record: bool = False
    """Each record of the result says itself whether it is ``trusted`` and who its ``owner`` is; our own stores do."""
    timeout: float | None = 60.0
    """Seconds; None waits for ever."""
    retry: int = 0
    """Further attempts, only after ToolUnavailable, only where repeating is safe."""
    rate: float | None = None
    """Calls per second, at most."""
    roles: frozenset[str] = frozenset()
    """Roles of the user of whom one is needed; empty means anybody."""
    probe: Callable[..., Any] | None = None
    """Answers "did it happen?" for an idempotency key (and the ToolContext, if it takes two): True, False, or None when
    it cannot say."""
    result_cap: int = 20_000
    """Characters of the result the model reads."""
    ends_run: bool = False
    """An error of this tool ends the run."""
    breaker: int | None = 5
    """Calls in a row that find it unavailable or too slow, after which it is left alone for a while; None: never."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "critical", _names(self.critical, tuple))
        object.__setattr__(self, "decisions", _names(self.decisions, tuple))
        object.__setattr__(self, "roles", _names(self.roles, frozenset))
        if problems := label_problems({field.name: getattr(self, field.name) for field in fields(self)}):
            raise ToolDeclarationError("Labels", problems)
        if self.once is None:
            object.__setattr__(self, "once", self.effect != "read")

    @classmethod
    def unknown(cls) -> Self:
        """Return the labels of a tool nobody labelled: it fails closed."""
        return cls(effect="egress", destructive=True, once=True)

    def approval_for(self, arguments: Mapping[str, Any]) -> ApprovalRules | None:
        """The rules by which a person is asked about a call with these arguments; None where nobody is."""
        return rules_for(self.approval, arguments)

    @property
    def repeatable(self) -> bool:
        """Whether a call that may have happened can be made again with the same key."""
        return self.effect == "read" or not self.once


def label_problems(values: Mapping[str, Any]) -> list[str]:
    """Return everything wrong with labels given by name, in words for the developer."""
    known = [field.name for field in fields(Labels)]
    problems = [
        f"There is no label {name!r}.{did_you_mean(name, known)} There are: {listed(known)}."
        for name in values
        if name not in known
    ]
    wrong = (rule(values[name]) for name, rule in _RULES.items() if name in values)
    return problems + [problem for problem in wrong if problem]


def _names(value: Any, kind: Callable[[Any], Any]) -> Any:
    return value if isinstance(value, str) or not hasattr(value, "__iter__") else kind(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _flag(name: str) -> Callable[[Any], str]:
    return lambda value: "" if isinstance(value, bool) else f"{name}={value!r} must be True or False."


def _positive(name: str, unit: str) -> Callable[[Any], str]:
    def rule(value: Any) -> str:
        fine = value is None or (_is_number(value) and value > 0)
        return "" if fine else f"{name}={value!r} must be more than 0 {unit}, or None."

    return rule


def _group(name: str) -> Callable[[Any], str]:
    def rule(value: Any) -> str:
        some = not isinstance(value, str) and hasattr(value, "__iter__")
        fine = some and all(isinstance(one, str) for one in value)
        return "" if fine else f"{name}={value!r} must be a tuple of names, like {name}=('one',)."

    return rule


def _whole(name: str, least: int) -> Callable[[Any], str]:
    def rule(value: Any) -> str:
        fine = isinstance(value, int) and not isinstance(value, bool) and value >= least
        return "" if fine else f"{name}={value!r} must be a whole number of {least} or more."

    return rule


def _effect(value: Any) -> str:
    known = get_args(Effect)
    return "" if value in known else f"effect={value!r} must be one of: {listed(known)}."


def _approval(value: Any) -> str:
    fine = value is None or callable(value) or (isinstance(value, str) and value.strip())
    if fine or isinstance(value, ApprovalRules):
        return ""
    return f"approval={value!r} must be a reason, ApprovalRules, a rule on the arguments, or None."


def _decisions(value: Any) -> str:
    fine = not isinstance(value, str) and hasattr(value, "__iter__") and value and set(value) <= set(DECISION_TYPES)
    return "" if fine else f"decisions={value!r} must be some of: {listed(DECISION_TYPES)}."


_RULES: Mapping[str, Callable[[Any], str]] = {
    "effect": _effect,
    "once": lambda value: "" if value is None else _flag("once")(value),
    "approval": _approval,
    "decisions": _decisions,
    "critical": _group("critical"),
    **{name: _flag(name) for name in ("destructive", "reversible", "private", "trusted", "per_record", "ends_run")},
    "timeout": _positive("timeout", "seconds"),
    "retry": _whole("retry", 0),
    "rate": _positive("rate", "calls per second"),
    "roles": _group("roles"),
    "probe": lambda value: "" if value is None or callable(value) else f"probe={value!r} must be a function.",
    "result_cap": _whole("result_cap", 100),
    "breaker": lambda value: "" if value is None else _whole("breaker", 1)(value),
}
