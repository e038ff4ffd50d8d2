"""One answer out of several: merged, voted, by quorum, by a judge, or by a function of yours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from graphwright.prompts import prompt
from graphwright.runtime.digests import canonical_json

from .carry import speaker, whole
from .state import Result

Aggregate: TypeAlias = Literal["merge", "vote", "quorum"]
WAYS = ("merge", "vote", "quorum")
Aggregator: TypeAlias = Callable[[list[Result]], Any]
"""Makes the answer (a text, a message or a plain mapping as structured answer) out of the successes; may be async."""


class NoAgreement(Exception):
    """Not enough participants say the same. Says who said what."""


def merged(results: Sequence[Result]) -> str:
    """Every answer under its participant's name, in declared order."""
    return "\n\n".join(f"## {each['participant']}\n\n{each.get('text', '').strip()}" for each in results)


def voted(results: Sequence[Result]) -> Result:
    """The answer that most gave; of equally frequent ones that of the participant declared first.

    Structured answers are the same if they are equal as JSON, texts if they are but for case and white space.
    """
    counts = Counter(ballot(each) for each in results)
    most = max(counts.values())
    return next(each for each in results if counts[ballot(each)] == most)


def agreed(results: Sequence[Result], needed: int) -> Result:
    """The answer that at least ``needed`` participants gave.

    Raises:
        NoAgreement: if there is none.
    """
    counts = Counter(ballot(each) for each in results)
    for each in results:
        if counts[ballot(each)] >= needed:
            return each
    told = "; ".join(f"{each['participant']}: {_brief(each)}" for each in results)
    raise NoAgreement(f"No answer was given by {needed} participants. {told}.")


def ballot(result: Result) -> str:
    """What a vote counts as the same."""
    if result.get("output") is not None:
        return canonical_json(result["output"]).decode()
    return " ".join(result.get("text", "").casefold().split()).rstrip(".!")


def to_judge(task: Sequence[BaseMessage], results: Sequence[Result]) -> HumanMessage:
    """What a judge of several answers is told."""
    said = [f"{speaker(each)}: {each.text.strip()}" for each in whole(task) if each.text.strip()]
    rendered = prompt("patterns/several_answers", task="\n\n".join(said), answers=merged(results)).render()
    return HumanMessage(rendered)


def as_answer(value: Any, name: str) -> tuple[AIMessage, dict[str, Any] | None]:
    """What a function of the user's returned, as a message and, for a mapping, a structured answer."""
    if isinstance(value, BaseMessage):
        return AIMessage(str(value.text), name=value.name or name, id=value.id), None
    dump = getattr(value, "model_dump", None)
    value = dump(mode="json") if dump else value
    if isinstance(value, dict):
        return AIMessage(canonical_json(value).decode(), name=name), value
    return AIMessage(str(value), name=name), None


def _brief(result: Result) -> str:
    text = " ".join(result.get("text", "").split())
    return text if len(text) <= 80 else f"{text[:79]}…"
