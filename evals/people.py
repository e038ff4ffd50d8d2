"""People: they answer the approvals of a run as a case says, now or after a crash, in this process or another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphwright.runtime import Approve, Edit, Reject, Respond, RuntimeProblem
from graphwright.runtime.digests import digest

from .case import Answer

if TYPE_CHECKING:
    from graphwright.runtime import Approval, Decision, Runtime

Assigned = MutableMapping[str, list[int]]
"""Approval id to the places of the answers that were given to it."""


@dataclass(frozen=True, slots=True)
class Given:
    """An answer that was given, and what came of it."""

    approval: str
    tool: str
    decision: Decision
    answer: Answer
    refused: str = ""
    """Why it was not recorded; empty if it was."""


@dataclass
class People:
    """Plays a case's answers over the approvals that wait; each answers as many as it says, in their order.

    Questions that wait at the same time are answered in the order of their tools and arguments, not of their arrival,
    so that parallel calls get the same answers every time.
    """

    answers: Sequence[Answer]
    assigned: Assigned = field(default_factory=dict)
    """Which answers were given so far. Whoever plays over several processes keeps it in a file."""
    wait: Callable[[float], None] | None = None
    """Lets so many seconds pass, for answers that come late."""
    problems: list[str] = field(default_factory=list)
    """What should not have happened: an answer refused that should count, or one that counted and should not."""

    async def play(self, runtime: Runtime, run_id: str) -> list[Given]:
        """Answer what waits now. Gives what was answered; nothing, if nobody has anything to say."""
        given: list[Given] = []
        waiting = await runtime.approvals.pending(run_id=run_id)
        for approval in sorted(waiting, key=lambda each: (each.tool, digest(each.original_arguments), each.asked)):
            place = self._place(approval)
            if place is None or self.answers[place].decide == "never":
                continue
            given.append(await self._answer(runtime, approval, self.answers[place]))
        return given

    def _place(self, approval: Approval) -> int | None:
        """Which answer this approval gets next; one that was begun before a crash is given again."""
        so_far = self.assigned.get(approval.id, [])
        answered = sum(step.kind == "answer" for step in approval.steps)
        if answered < len(so_far):
            return so_far[answered]
        used = Counter(place for places in self.assigned.values() for place in places)
        for place, answer in enumerate(self.answers):
            if used[place] < answer.times and place not in so_far and fits(answer, approval):
                self.assigned[approval.id] = [*so_far, place]
                return place
        return None

    async def _answer(self, runtime: Runtime, approval: Approval, answer: Answer) -> Given:
        decision = decision_of(answer, approval.arguments)
        if answer.late:
            self._let_the_deadline_pass(approval, runtime.clock())
        given = await self._give(runtime, approval, answer, decision)
        if answer.late and not given.refused:
            self.problems.append(f"A late answer to {approval.tool} was recorded; it had to be refused.")
        elif given.refused and not answer.late:
            self.problems.append(f"{answer.decide} of {approval.tool} was refused: {given.refused}")
        elif answer.contradicts:
            other: Decision = Reject("On second thoughts.") if not isinstance(decision, Reject) else Approve()
            second = await self._give(runtime, approval, answer, other)
            if not second.refused:
                self.problems.append(f"A second, contradictory answer to {approval.tool} was recorded.")
        return given

    async def _give(self, runtime: Runtime, approval: Approval, answer: Answer, decision: Decision) -> Given:
        try:
            await runtime.decide(
                approval.id, decision, by=answer.by, roles=answer.roles, digest=approval.digest if answer.late else None
            )
        except RuntimeProblem as refusal:
            return Given(approval.id, approval.tool, decision, answer, str(refusal))
        return Given(approval.id, approval.tool, decision, answer)

    def _let_the_deadline_pass(self, approval: Approval, now: float) -> None:
        if approval.deadline is None:
            self.problems.append(f"An answer to {approval.tool} is to be late, but the approval has no deadline.")
        elif self.wait is None:
            self.problems.append(f"An answer to {approval.tool} is to be late, but time cannot be moved here.")
        else:
            self.wait(max(0.0, approval.deadline - now) + 1.0)


def fits(answer: Answer, approval: Approval) -> bool:
    """Whether an answer is about this approval."""
    return (
        answer.tool in (None, approval.tool)
        and answer.agent in (None, approval.agent)
        and contains(approval.original_arguments, answer.matched)
    )


def contains(value: Any, part: Any) -> bool:
    """Whether a value has at least what ``part`` has: mappings by key, everything else equal."""
    if isinstance(part, Mapping):
        return isinstance(value, Mapping) and all(key in value and contains(value[key], part[key]) for key in part)
    return bool(value == part)


def decision_of(answer: Answer, arguments: Mapping[str, Any]) -> Decision:
    """The decision as the runtime takes it; an edit changes the call's arguments where it says so."""
    if answer.decide == "approve":
        return Approve(answer.message)
    if answer.decide == "edit":
        return Edit({**arguments, **answer.arguments}, answer.message)
    return Respond(answer.message) if answer.decide == "respond" else Reject(answer.message)
