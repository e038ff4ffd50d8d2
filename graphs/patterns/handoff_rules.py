"""Who has the thread, and who may get it: the rules of a handoff as pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

PERSON = "person"
"""The name of a person among the targets of a handoff."""


@dataclass(frozen=True, slots=True)
class Handoff:
    """One time that the thread passed from one agent to another."""

    source: str
    target: str
    progress: bool = False
    """Whether the one who handed over had done something since it got the thread: a tool of its own had answered."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Who has the thread, and how it got there since the newest input."""

    active: str
    passed: tuple[Handoff, ...] = ()


@dataclass(frozen=True, slots=True)
class HandoffRules:
    """Who may hand over to whom, and how often."""

    targets: Mapping[str, tuple[str, ...]]
    """Agent to the agents that it may hand over to."""
    max_handoffs: int = 8
    """Handoffs for one input; one past it is refused and the active agent answers."""
    return_to_previous: bool = False
    """After an answer the thread goes back to whoever handed it over."""


def refusal(desk: Desk, target: str, rules: HandoffRules, *, progress: bool) -> str | None:
    """Why the active agent may not hand over to ``target`` now, as a sentence for its model; None if it may."""
    if target not in rules.targets.get(desk.active, ()):
        allowed = ", ".join(rules.targets.get(desk.active, ())) or "nobody"
        return f"You cannot hand over to {target}. You can hand over to: {allowed}."
    if len(desk.passed) >= rules.max_handoffs:
        return f"Not handed over: the limit of {rules.max_handoffs} handoffs is reached. Answer with what you have."
    if is_ping_pong(desk.passed, Handoff(desk.active, target, progress)):
        return (
            f"Not handed over: you and {target} have passed this thread back and forth, and neither did anything in "
            "between. Answer the user yourself, or say what is missing."
        )
    return None


def is_ping_pong(passed: Sequence[Handoff], proposed: Handoff) -> bool:
    """Whether A gave it to B, B to A, and A now gives it to B again, and nobody did anything in between."""
    if len(passed) < 2 or proposed.progress:
        return False
    first, second = passed[-2:]
    there = (first.source, first.target) == (proposed.source, proposed.target)
    back = (second.source, second.target) == (proposed.target, proposed.source)
    return there and back and not second.progress


def handed_over(desk: Desk, target: str, *, progress: bool) -> Desk:
    """The thread is with ``target`` now."""
    return Desk(target, (*desk.passed, Handoff(desk.active, target, progress)))


def answered(desk: Desk, rules: HandoffRules) -> Desk:
    """The active agent has answered: it stays active for the next input, or the thread goes back by one."""
    if rules.return_to_previous and desk.passed:
        return replace(desk, active=desk.passed[-1].source)
    return desk


def new_input(active: str | None, names: Sequence[str], start: str) -> Desk:
    """At a new input the thread is with whoever had it last; with ``start`` on a new thread, or if that one is gone."""
    return Desk(active if active and active in names else start)


def desk_to_plain(desk: Desk) -> dict[str, Any]:
    """The desk as plain data, as a checkpoint stores it."""
    passed = [{"from": each.source, "to": each.target, "progress": each.progress} for each in desk.passed]
    return {"active": desk.active, "passed": passed}


def desk_from_plain(data: Mapping[str, Any]) -> Desk:
    """The desk from a checkpoint."""
    passed = tuple(Handoff(each["from"], each["to"], each["progress"]) for each in data.get("passed", ()))
    return Desk(data["active"], passed)


def matrix(
    names: Sequence[str], speaking: Sequence[str], given: Mapping[str, Sequence[str]] | None
) -> dict[str, tuple[str, ...]]:
    """Agent to its allowed targets: those given, else everybody else. Only ``speaking`` ones can hand over."""
    default = {name: tuple(each for each in names if each != name) for name in speaking}
    if given is None:
        return default
    return {name: tuple(dict.fromkeys(given.get(name, ()))) for name in speaking}


def unreached(rules: HandoffRules, start: str, names: Sequence[str]) -> list[str]:
    """Who can never get the thread, in order."""
    reached, todo = {start}, [start]
    while todo:
        for each in rules.targets.get(todo.pop(), ()):
            if each not in reached:
                reached.add(each)
                todo.append(each)
    return [name for name in names if name not in reached]
