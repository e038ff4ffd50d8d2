"""The rules of approvals, as pure functions: an approval, what somebody does and the time go in; a new one comes out.

Nothing here reads a clock or a database. A refusal is an exception that says who, what and when.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from .approvals import DEADLINE, Approval, ApprovalStep, Person, same_person
from .decisions import Approve, Decision, Edit, Reject, Respond
from .digests import digest as digest_of
from .errors import AlreadyDecided, DigestMismatch, NotAllowed, SamePersonTwice, TooLate
from .questions import request_digest

MAX_NAME = 200
"""Characters of a person's name."""


def answer(approval: Approval, decision: Decision, person: Person, now: float, digest: str | None = None) -> Approval:
    """The approval after a person's answer; decided if that was the last one needed.

    Args:
        approval: As it is; deadlines that have passed are acted on already (:func:`pass_deadline`).
        decision: What the person decided.
        person: Who, with the roles they hold.
        now: Unix seconds.
        digest: That of the arguments the person was shown; None for whoever shows and decides in one breath.

    Raises:
        AlreadyDecided, TooLate: if it has a decision, or its run was cancelled; names who decided and when.
        DigestMismatch: if the person was shown other arguments.
        NotAllowed: if this person, or this kind of decision, is not permitted.
        SamePersonTwice: if this person has approved these arguments already.
    """
    _refuse_closed(approval)
    _refuse_other_request(approval, digest)
    _refuse_person(approval, person)
    if decision.type not in approval.allowed:
        raise NotAllowed(
            f"Approval {approval.id} cannot be answered by {decision.type!r}; open to it: "
            f"{', '.join(approval.allowed)}."
        )
    asks_for = _digest_after(approval, decision)
    if isinstance(decision, Approve | Edit) and asks_for == approval.digest:
        _refuse_twice(approval, person, asks_for)
    now = max(now, approval.last_time)
    step = ApprovalStep(
        kind="answer",
        by=person.name.strip(),
        time=now,
        decision=decision,
        digest=asks_for,
        comment=decision.comment,
    )
    after = replace(approval, steps=(*approval.steps, step))
    if isinstance(decision, Reject | Respond):
        return _decided(after, decision, step.by, now)
    if len(after.approvals) < approval.rules.quorum:
        return after
    by = " and ".join(each.by for each in after.approvals)
    return _decided(after, _what_was_approved(after, decision), by, now)


def delegate(approval: Approval, person: Person, to: str, now: float, comment: str = "") -> Approval:
    """The approval after a person handed their say to somebody else, who needs no role for it.

    Raises:
        AlreadyDecided, TooLate: if it is closed.
        NotAllowed: if ``person`` may not decide it, or ``to`` is no one who may be asked.
        SamePersonTwice: if one of the two has answered already: a say counts once.
    """
    _refuse_closed(approval)
    _refuse_person(approval, person)
    _refuse_name(to)
    if same_person(to) == same_person(person.name):
        raise NotAllowed(f"{person.name.strip()} cannot hand approval {approval.id} to themselves. Name somebody else.")
    _refuse_requester(approval, to)
    for name in (person.name, to):
        for step in approval.steps:
            if step.kind == "answer" and same_person(step.by) == same_person(name):
                raise SamePersonTwice(
                    f"{step.by} has already answered approval {approval.id} at {moment(step.time)}; "
                    "a say counts once and cannot be handed on."
                )
    step = ApprovalStep(
        kind="delegate",
        by=person.name.strip(),
        time=max(now, approval.last_time),
        to=to.strip(),
        comment=comment,
    )
    return replace(approval, steps=(*approval.steps, step))


def pass_deadline(approval: Approval, now: float) -> Approval:
    """The approval after its deadline, if it has one that has passed; else the very same object."""
    if approval.status != "pending" or approval.deadline is None or max(now, approval.last_time) < approval.deadline:
        return approval
    rules, now = approval.rules, max(now, approval.last_time)
    if rules.on_deadline == "escalate" and not approval.is_escalated:
        step = ApprovalStep(kind="escalate", by=DEADLINE, time=now)
        # From now on, not from the deadline on: perhaps nobody looked for days, and the next ones need their time.
        return replace(approval, steps=(*approval.steps, step), deadline=now + (rules.deadline or 0))
    return _decided(approval, _default(approval), DEADLINE, now)


def why_not(approval: Approval, person: Person) -> str | None:
    """Why this person may not decide this question, in a sentence; None if they may."""
    who = person.name.strip()
    if problem := _wrong_name(person.name):
        return problem
    if _is_excluded(approval, person.name):
        return _excluded(approval, who)
    handed = _last_handing(approval, person.name)
    if handed is not None and same_person(handed.by) == same_person(person.name):
        return f"{who} handed approval {approval.id} to {handed.to} at {moment(handed.time)}."
    if handed is not None:
        return None
    for wanted in (approval.roles, approval.run_roles):
        if wanted and not person.roles.intersection(wanted):
            held = ", ".join(sorted(person.roles)) or "none"
            since = " since its deadline passed" if approval.is_escalated and wanted == approval.roles else ""
            return (
                f"{who} may not decide approval {approval.id}: it wants one of the roles "
                f"{', '.join(wanted)}{since}; {who} holds: {held}."
            )
    return None


def moment(seconds: float) -> str:
    """A time in UTC, to the second, as messages tell it; a time no calendar has is told as its number."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, OSError, ValueError):
        return f"{seconds:.0f} s"


def _decided(approval: Approval, decision: Decision, by: str, now: float) -> Approval:
    return replace(approval, status="decided", decision=decision, decided_by=by, decided=now)


def _default(approval: Approval) -> Decision:
    """What the deadline decides. Approving means the call as it was asked, not what somebody was editing it to."""
    rules = approval.rules
    if rules.on_deadline == "default" and rules.default == "approve":
        return Approve()
    if rules.on_deadline == "default" and rules.default == "respond":
        return Respond(rules.default_text)
    return Reject(rules.default_text or "Nobody answered in time.")


def _digest_after(approval: Approval, decision: Decision) -> str:
    """What the question is about once this answer counts: an edit makes it another request."""
    if not isinstance(decision, Edit):
        return approval.digest
    if request_of(approval, approval.original_arguments) == request_of(approval, decision.arguments):
        return approval.original_digest
    return request_of(approval, decision.arguments)


def request_of(approval: Approval, arguments: Mapping[str, Any]) -> str:
    """The digest of this call with these arguments."""
    return request_digest(approval.tenant, approval.thread_id, approval.key, approval.tool, arguments)


def same_request(approval: Approval) -> str:
    """Equal for questions that ask the very same, wherever they are asked: tool, arguments, reason and rules."""
    rules = asdict(approval.rules)
    return digest_of([approval.tenant, approval.tool, approval.agent, dict(approval.arguments), rules])


def _what_was_approved(approval: Approval, last: Decision) -> Decision:
    if isinstance(last, Edit) or approval.digest == approval.original_digest:
        return last
    return Edit(approval.arguments, last.comment)


def _refuse_closed(approval: Approval) -> None:
    if approval.status == "pending":
        return
    if approval.decision is None or approval.decided is None:
        raise AlreadyDecided(f"Approval {approval.id} was withdrawn: its run was cancelled.")
    past = {"approve": "approved", "edit": "edited", "reject": "rejected", "respond": "answered"}
    told = f"already {past[approval.decision.type]} by {approval.decided_by} at {moment(approval.decided)}"
    if approval.decided_by == DEADLINE:
        raise TooLate(
            f"You are too late: approval {approval.id} was {told}; nobody had answered in time. "
            "Your answer was not recorded."
        )
    raise AlreadyDecided(f"Approval {approval.id} was {told}. A decision counts once; yours was not recorded.")


def _refuse_other_request(approval: Approval, digest: str | None) -> None:
    if digest is None and approval.digest != approval.original_digest:
        raise DigestMismatch(
            f"Approval {approval.id} was edited since it was asked. Look at it again and answer with the digest that "
            f"is shown: `graphwright inbox show {approval.id}`."
        )
    if digest is not None and digest != approval.digest:
        raise DigestMismatch(
            f"Approval {approval.id} asks about other arguments than you were shown. Look at it again: "
            f"`graphwright inbox show {approval.id}`."
        )


def _refuse_person(approval: Approval, person: Person) -> None:
    problem = why_not(approval, person)
    if problem is not None:
        raise NotAllowed(f"{problem} Nothing was recorded.")


def _refuse_twice(approval: Approval, person: Person, digest: str) -> None:
    for step in approval.steps:
        approves = step.decision is not None and step.decision.type in ("approve", "edit")
        if approves and step.digest == digest and same_person(step.by) == same_person(person.name):
            raise SamePersonTwice(
                f"{step.by} has already approved {approval.id} at {moment(step.time)}. It wants "
                f"{approval.rules.quorum} different people; this answer was not recorded."
            )


def _refuse_requester(approval: Approval, name: str) -> None:
    if _is_excluded(approval, name):
        raise NotAllowed(f"{_excluded(approval, name.strip())} Nothing was recorded.")


def _excluded(approval: Approval, who: str) -> str:
    """Why somebody whom the rules exclude may not decide."""
    if any(same_person(who) == same_person(each) for each in approval.rules.exclude):
        return f"{who} is excluded by the rules of approval {approval.id} and may not decide it."
    return f"{who} started run {approval.run_id} and may not decide its approval {approval.id}."


def _is_excluded(approval: Approval, name: str) -> bool:
    rules, who = approval.rules, same_person(name)
    is_requester = rules.exclude_requester and who == same_person(approval.requester)
    return is_requester or any(who == same_person(each) for each in rules.exclude)


def _refuse_name(name: str) -> None:
    if problem := _wrong_name(name):
        raise NotAllowed(problem)


def _wrong_name(name: str) -> str | None:
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        return f"{name[:MAX_NAME]!r} is no name of a person. Name who decides, in at most {MAX_NAME} characters."
    if same_person(name) == DEADLINE:
        return f"{name!r} is what stands where nobody answered in time. Name a person."
    return None


def _last_handing(approval: Approval, name: str) -> ApprovalStep | None:
    """The newest delegation from or to this person; those before an escalation no longer count."""
    for step in reversed(approval.steps):
        if step.kind == "escalate":
            return None
        if step.kind == "delegate" and same_person(name) in (same_person(step.by), same_person(step.to)):
            return step
    return None
