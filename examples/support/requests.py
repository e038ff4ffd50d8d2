"""What code can decide about a message before any agent reads it: pure courtesy, and several requests in one."""

from __future__ import annotations

import re
from collections.abc import Iterator

_COURTESY = re.compile(
    r"(?:\W*\b(?:hi|hello|hey|good (?:morning|afternoon|evening|day)|how are you(?: today| doing)?|thanks?(?: you)?"
    r"(?: so much| very much| a lot)?|many thanks|bye|goodbye|see you|have a (?:nice|good|great) day|there|all|team"
    r"|that(?: i|')s all|for (?:your|the) help|great|perfect|cheers)\b)+\W*",
    re.I,
)
_PARTS = re.compile(r"(?<=[.?!;])\s+|\n+|,?\s+(?:and|then)\s+(?:also\s+)?(?=(?:please\s+)?[a-z]+)", re.I)
_TOPICS = {
    "money": r"refund|money back|pay back|charged?|payments?|invoice|twice",
    "address": r"address|moved|new home",
    "cancel": r"cancel",
    "order": r"where is|track|arrive|delivered|delivery status|status of|my orders",
    "fault": r"broken|error|fault|does not|doesn't|won't|swelling|ticket|diagnose|stopped working|wrong with",
}
_ASKS = re.compile(
    r"^\W*(?:please|can|could|would|will|i (?:want|need|would like)|where|when|what|how|why|which|who|is|are|do|does"
    r"|refund|change|update|cancel|track|open|read|show|list|tell|diagnose|set|pay|also)\b",
    re.I,
)


def is_courtesy(message: str) -> bool:
    """Whether a message asks for nothing: a greeting, thanks, a goodbye."""
    return _COURTESY.fullmatch(message.strip()) is not None


def split_requests(message: str) -> list[str]:
    """The requests of a message, in order: one, unless parts of it ask for things of different kinds.

    What only tells something stays with the request after it, and at the end with the one before.
    """
    found: list[tuple[int, int]] = []
    told: int | None = None
    for start, end in _spans(message):
        about = _topics(message[start:end])
        before = _topics(message[slice(*found[-1])]) if found else set()
        if not (_ASKS.match(message[start:end]) and about) or about & before:
            if found and told is None and (not about or about & before):
                found[-1] = (found[-1][0], end)
            elif told is None:
                told = start
            continue
        found.append((start if told is None else told, end))
        told = None
    if told is not None and found:
        found[-1] = (found[-1][0], len(message))
    parts = [message[start:end].strip() for start, end in found]
    return parts if len(parts) > 1 else [message.strip()]


def _spans(message: str) -> Iterator[tuple[int, int]]:
    """Where the sentences and clauses of a message stand."""
    start = 0
    for cut in [*_PARTS.finditer(message), None]:
        end = cut.start() if cut else len(message)
        if message[start:end].strip():
            yield start, end
        start = cut.end() if cut else end


def _topics(text: str) -> set[str]:
    return {topic for topic, words in _TOPICS.items() if re.search(rf"\b(?:{words})\b", text, re.I)}
