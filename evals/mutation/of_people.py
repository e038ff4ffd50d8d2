"""Mistakes around approvals: nobody is asked, or the answer no is not heard."""

from __future__ import annotations

from collections.abc import Iterator

from graphwright.runtime import Approve, Decision, Reject, Respond
from graphwright.runtime.questions import Ask, Question

from .ground import Ground
from .mutant import Breaking, Mutant
from .watching import Touches

NOBODY = "nobody"


def skip_approval(ground: Ground) -> Iterator[Mutant]:
    """A call that waited for a person goes ahead by itself."""
    for tool in _asked_about(ground):
        yield Mutant(
            operator="skip_approval",
            target=tool,
            mistake=f"{tool} goes ahead without the person who must be asked.",
            touches=_asking(tool),
            advice=f"Expect the approval of {tool} in `approvals`, in a case in which it is asked.",
            breaking=_Unasked(tool),
        )


def ignore_rejection(ground: Ground) -> Iterator[Mutant]:
    """A person says no, and the call is made."""
    for tool in _asked_about(ground):
        yield Mutant(
            operator="ignore_rejection",
            target=tool,
            mistake=f"{tool} is called although a person rejected it.",
            touches=_rejecting(tool),
            advice=f"Add a case in which somebody rejects {tool}, with `calls: []` or `changes: {{}}`.",
            breaking=_Overruled(tool),
        )


def _asked_about(ground: Ground) -> list[str]:
    asked = {each.tool for lived in ground.lived for each in lived.observed.approvals}
    return [tool for tool in ground.tools if tool in asked]


def _asking(tool: str) -> Touches:
    return lambda lived: any(each.tool == tool for each in lived.observed.approvals)


def _rejecting(tool: str) -> Touches:
    return lambda lived: (tool, "reject") in lived.asked


def _yes(question: Question) -> Decision:
    """The most agreeable answer that the question allows."""
    return Approve(by=NOBODY) if "approve" in question.allowed else Respond("Yes.")


class _Unasked(Breaking):
    """Approvals that nobody gave."""

    def __init__(self, tool: str) -> None:
        super().__init__()
        self._tool = tool

    async def ask_person(self, question: Question, following: Ask) -> Decision:
        """The question, or yes at once."""
        if question.tool != self._tool:
            return await following(question)
        self.changed += 1
        return _yes(question)


class _Overruled(Breaking):
    """No means yes."""

    def __init__(self, tool: str) -> None:
        super().__init__()
        self._tool = tool

    async def ask_person(self, question: Question, following: Ask) -> Decision:
        """The decision, a no as a yes."""
        decision = await following(question)
        if question.tool == self._tool and isinstance(decision, Reject):
            self.changed += 1
            return _yes(question)
        return decision
