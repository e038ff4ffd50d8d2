"""What is wrong with a pattern, found when it is built: all of it at once, each with what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from langgraph.graph import END, START, StateGraph

from graphwright.tools import Tool

from ..catalogue import GraphDeclarationError
from .participants import Participant


@dataclass(frozen=True, slots=True)
class PatternProblem:
    """One thing that is wrong with a declaration."""

    what: str
    hint: str
    """What to do about it."""

    def __str__(self) -> str:
        return f"{self.what} {self.hint}"


class PatternDeclarationError(GraphDeclarationError):
    """A pattern was declared wrongly. For the developer: the message lists every problem found."""

    def __init__(self, pattern: str, problems: Sequence[PatternProblem]) -> None:
        self.problems = tuple(problems)
        listed = " ".join(f"({number}) {each}" for number, each in enumerate(problems, 1))
        super().__init__(f"Pattern {pattern!r} cannot be built: {listed}")


def check(pattern: str, *found: Iterable[PatternProblem]) -> None:
    """Refuse a declaration with any problem.

    Raises:
        PatternDeclarationError: listing every problem.
    """
    problems = list(dict.fromkeys(each for some in found for each in some))
    if problems:
        raise PatternDeclarationError(pattern, problems)


def participant_problems(
    participants: Sequence[Participant], *, at_least: int = 1, at_most: int | None = None, reserved: Iterable[str] = ()
) -> Iterator[PatternProblem]:
    """None or too few, too many, a name twice, a name that the pattern needs itself, a missing description.

    Args:
        participants: In declared order.
        at_least: How many the pattern needs.
        at_most: How many it may have.
        reserved: Names of the pattern's own nodes.
    """
    count = len(participants)
    if count < at_least:
        yield PatternProblem(f"It has {count} participants.", f"Give at least {at_least}.")
    if at_most is not None and count > at_most:
        names = ", ".join(each.name for each in participants)
        yield PatternProblem(
            f"It has {count} participants ({names}); more than {at_most} do not keep to the point.",
            "Leave some out, or make a group of some and let it take part as one.",
        )
    for name, times in Counter(each.name for each in participants).items():
        if times > 1:
            yield PatternProblem(f"The participant name {name!r} is there {times} times.", "Names must be different.")
    for each in participants:
        yield from _alone(each, set(reserved))
    yield from tool_problems(participants)


def _alone(participant: Participant, reserved: set[str]) -> Iterator[PatternProblem]:
    if not participant.name:
        yield PatternProblem("A participant has no name.", "Give graphs one: named(graph, name=..., description=...).")
    if participant.name in reserved or participant.name in (START, END) or set(participant.name) & set("|:/"):
        yield PatternProblem(
            f"The participant name {participant.name!r} cannot be used here.",
            "Choose another, without '|', ':' or '/'; these the pattern uses itself: "
            f"{', '.join(sorted(reserved)) or 'none'}.",
        )
    if not participant.description.strip():
        yield PatternProblem(
            f"Participant {participant.name!r} has no description.", "Say in one sentence what it is good for."
        )


def tool_problems(participants: Iterable[Participant], own: Iterable[Tool] = ()) -> Iterator[PatternProblem]:
    """One name for two different tools: approvals and journals name tools, and nobody could tell which was meant.

    Args:
        participants: Whose tools are compared; the same tool may serve several of them.
        own: Tools that the pattern itself adds, such as those that hand over.
    """
    seen: dict[str, tuple[Tool, str]] = {}
    held = [(tool, each.name) for each in participants for tool in each.tools]
    for tool, holder in [*((tool, "the pattern itself") for tool in own), *held]:
        known, first = seen.setdefault(tool.name, (tool, holder))
        if known is not tool and (known.spec != tool.spec or known.labels != tool.labels):
            yield PatternProblem(
                f"The tool name {tool.name!r} stands for two tools: that of {first} ({known.source}) and that of "
                f"{holder} ({tool.source}).",
                "Rename one.",
            )


def writing_problems(participants: Iterable[Participant], why: str) -> Iterator[PatternProblem]:
    """Tools that change the world, in a pattern where nobody may; ``why`` they may not, as a sentence."""
    for each in participants:
        writing = [tool.name for tool in each.tools if tool.labels.effect != "read"]
        if writing:
            yield PatternProblem(
                f"Participant {each.name!r} has tools that change the world: {', '.join(writing)}. {why}",
                "Take them away, or let a participant after this pattern act.",
            )


def unknown_problems(
    names: Iterable[str], known: Iterable[str], *, where: str, what: str = "participant"
) -> Iterator[PatternProblem]:
    """Names that stand for nothing; ``where`` they are used, such as ``handoffs of 'triage'``."""
    there = sorted(known)
    for name in dict.fromkeys(names):
        if name not in there:
            near = get_close_matches(name, there, n=1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            yield PatternProblem(
                f"There is no {what} {name!r}, named in {where}.", f"{hint}There are: {', '.join(there) or 'none'}."
            )


def unreachable_problems(graph: StateGraph[Any, Any, Any, Any]) -> Iterator[PatternProblem]:
    """Nodes that no edge, branch or declared destination leads to."""
    leads: dict[str, set[str]] = {}
    for start, end in [*graph.edges, *((one, end) for many, end in graph.waiting_edges for one in many)]:
        leads.setdefault(start, set()).add(end)
    for start, branches in graph.branches.items():
        for branch in branches.values():
            leads.setdefault(start, set()).update((branch.ends or {}).values() if branch.ends else graph.nodes)
    for name, spec in graph.nodes.items():
        leads.setdefault(name, set()).update(spec.ends or ())
    reached, todo = {START}, [START]
    while todo:
        for name in leads.get(todo.pop(), set()) - reached:
            reached.add(name)
            todo.append(name)
    for name in graph.nodes:
        if name not in reached:
            yield PatternProblem(f"Nothing leads to {name!r}.", "Let somebody hand over to it, or leave it out.")


def limit_problems(**limits: int | None) -> Iterator[PatternProblem]:
    """Limits that are not positive whole numbers; None is no limit."""
    for name, value in limits.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            yield PatternProblem(f"{name} is {value!r}.", "It must be a whole number, 1 or more.")


def min_success_problems(min_success: int | None, count: int) -> Iterator[PatternProblem]:
    """A number of successes that cannot be reached or asks for none."""
    if min_success is not None and not 1 <= min_success <= count:
        yield PatternProblem(
            f"min_success is {min_success}, with {count} participants.", f"It must be from 1 to {count}."
        )
