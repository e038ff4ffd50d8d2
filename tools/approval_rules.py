"""Who may approve a call, how many of them it takes, and what happens when nobody answers in time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from .errors import ToolDeclarationError
from .words import listed

OnDeadline = Literal["reject", "escalate", "default"]
DefaultAction = Literal["approve", "reject", "respond"]


@dataclass(frozen=True, slots=True)
class ApprovalRules:
    """The rules of one question to a person. Only stores; the runtime enforces them."""

    reason: str
    """Why a person is asked, in a sentence."""
    roles: tuple[str, ...] = ()
    """Whoever decides holds one of these; empty means anybody."""
    quorum: int = 1
    """How many different people must approve the same arguments. One rejection, or one answer in the result's place,
    is final all the same: nothing is run then."""
    exclude_requester: bool = False
    """Whoever started the run may not decide."""
    exclude: tuple[str, ...] = ()
    """People who may not decide, by name: whoever decided before what is now appealed against."""
    deadline: float | None = None
    """Seconds from the question on; None waits for ever."""
    on_deadline: OnDeadline = "reject"
    """What happens when it passes: the call is rejected, other roles are asked for as long again (and then it is
    rejected), or ``default`` is done."""
    escalate_to: tuple[str, ...] = ()
    """The roles that are asked next; what was approved before still counts."""
    default: DefaultAction | None = None
    default_text: str = ""
    """What the model is told by a default rejection or response."""

    def __post_init__(self) -> None:
        for name in ("roles", "escalate_to", "exclude"):
            value = getattr(self, name)
            if not isinstance(value, str) and hasattr(value, "__iter__"):
                object.__setattr__(self, name, tuple(sorted(set(value))) if _are_names(value) else tuple(value))
        if problems := [problem for rule in _RULES for problem in [rule(self)] if problem]:
            raise ToolDeclarationError("ApprovalRules", problems)

    @property
    def is_plain(self) -> bool:
        """Whether any one person may answer at any time."""
        return self.without_reason() == ApprovalRules("-")

    def without_reason(self) -> ApprovalRules:
        """The same rules, comparable with those of a question that is worded otherwise."""
        return replace(self, reason="-")


ApprovalRule = Callable[[Mapping[str, Any]], str | ApprovalRules | None]
"""A rule on the arguments: why a person must approve, or all the rules for it, or None."""
ApprovalLabel = str | ApprovalRules | ApprovalRule | None
"""What a tool may declare as its ``approval``."""


def rules_for(approval: ApprovalLabel, arguments: Mapping[str, Any]) -> ApprovalRules | None:
    """The rules for a call with these arguments; None where nobody need be asked.

    Raises:
        ToolDeclarationError: if a rule gives something else; a mistake there must not let the call through.
    """
    if approval is None or isinstance(approval, ApprovalRules):
        return approval
    given = approval if isinstance(approval, str) else approval(arguments)
    if given is None or isinstance(given, ApprovalRules):
        return given
    if isinstance(given, str):
        return ApprovalRules(given if given.strip() else "The tool's rule wants a person to look at this call.")
    raise ToolDeclarationError(
        f"The approval rule {getattr(approval, '__qualname__', approval)!r}",
        [f"It gave {given!r}. It must give a reason, ApprovalRules or None."],
    )


def _are_names(value: Any) -> bool:
    return all(isinstance(one, str) and one.strip() for one in value)


def _reason(rules: ApprovalRules) -> str:
    fine = isinstance(rules.reason, str) and rules.reason.strip()
    return "" if fine else f"reason={rules.reason!r} must say why a person is asked."


def _roles(rules: ApprovalRules) -> str:
    wrong = [
        f"{name}={value!r} must be a tuple of names, like {name}=('manager',)."
        for name, value in (("roles", rules.roles), ("escalate_to", rules.escalate_to), ("exclude", rules.exclude))
        if not isinstance(value, tuple) or not _are_names(value)
    ]
    return " ".join(wrong)


def _quorum(rules: ApprovalRules) -> str:
    fine = isinstance(rules.quorum, int) and not isinstance(rules.quorum, bool) and rules.quorum >= 1
    return "" if fine else f"quorum={rules.quorum!r} must be a whole number of 1 or more."


def _requester(rules: ApprovalRules) -> str:
    fine = isinstance(rules.exclude_requester, bool)
    return "" if fine else f"exclude_requester={rules.exclude_requester!r} must be True or False."


def _deadline(rules: ApprovalRules) -> str:
    value = rules.deadline
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fine = value is None or (number and math.isfinite(value) and value > 0)
    return "" if fine else f"deadline={value!r} must be more than 0 seconds, or None."


def _on_deadline(rules: ApprovalRules) -> str:
    if rules.on_deadline not in get_args(OnDeadline):
        return f"on_deadline={rules.on_deadline!r} must be one of: {listed(get_args(OnDeadline))}."
    if rules.on_deadline != "reject" and rules.deadline is None:
        return f"on_deadline={rules.on_deadline!r} needs a deadline in seconds."
    if (rules.on_deadline == "escalate") != bool(rules.escalate_to):
        return "on_deadline='escalate' and escalate_to=('role',) belong together; give both or neither."
    return ""


def _default(rules: ApprovalRules) -> str:
    if rules.default is not None and rules.default not in get_args(DefaultAction):
        return f"default={rules.default!r} must be one of: {listed(get_args(DefaultAction))}."
    if (rules.on_deadline == "default") != (rules.default is not None):
        return "on_deadline='default' and default='approve' (or 'reject', 'respond') belong together."
    if not isinstance(rules.default_text, str):
        return f"default_text={rules.default_text!r} must be a text."
    if rules.default == "respond" and not rules.default_text.strip():
        return "default='respond' needs default_text: what stands as the result."
    return ""


_RULES: tuple[Callable[[ApprovalRules], str], ...] = (
    _reason,
    _roles,
    _quorum,
    _requester,
    _deadline,
    _on_deadline,
    _default,
)
