"""Tools with a part to play in any conversation: handing over, and searching for whatever is asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .lexicon import STOP, bag
from .parallel import PlannedCall
from .patterns import FILE
from .questions import sub_questions
from .schema import Param, ToolSpec, filler
from .tokens import concept, content_stems, name_words, stem, stems_of, stop_stems

_HANDOFF = re.compile(r"^(?:transfer|hand_?off|hand_?over|delegate|route|escalate)_?(?:back_?)?to_?(?P<who>.+)$", re.I)
_ANYTHING = stems_of(
    bag(
        """
        search find look lookup query retrieve get ask knowledge base kb document documents docs
        documentation corpus index web internet online wiki wikipedia library chunk chunks passage passages
        source sources text semantic vector retrieval information the in for
        """
    )
)
_NARROW = stems_of(bag("file folder directory note memory"))
"""What is searched only when a request speaks of it."""
_KNOWLEDGE = stems_of(
    bag("knowledge base kb document doc documentation corpus index library chunk passage source semantic")
)
_PATH = re.compile(rf"(?<!\w)[\w./-]{{0,80}}\w\.(?:{FILE})\b|\*\.\w")
_QUERY = stems_of(bag("query question search q text topic input keywords"))
_VERBS = stems_of(bag("search find look lookup query retrieve ask retrieval"))


def handoff_target(name: str) -> str | None:
    """Who a handoff tool hands over to, or None when the name is not a handoff's."""
    match = _HANDOFF.match(name)
    return match["who"] if match else None


def handoffs(question: str, specs: Sequence[ToolSpec], made: frozenset[str]) -> list[PlannedCall]:
    """The next handoff that some part of the question asks for and that was not made yet; none when no part does."""
    targets = [s for s in specs if handoff_target(s.name)]
    for part in [question, *sub_questions(question)] if targets else ():
        best = max(targets, key=lambda s: (_likeness(part, s, targets), -targets.index(s)))
        if _likeness(part, best, targets) > 0 and best.name not in made:
            return [PlannedCall(best.name, _handed(best, question))]
    return []


def _likeness(text: str, spec: ToolSpec, targets: Sequence[ToolSpec]) -> float:
    asked = {concept(s) for s in content_stems(text)}
    own = _known(spec)
    return sum(1 / sum(s in _known(t) for t in targets) for s in sorted(own & asked))


def _known(spec: ToolSpec) -> set[str]:
    who = (stem(w) for w in name_words(handoff_target(spec.name) or ""))
    return {concept(s) for s in (*who, *spec.text_stems)} - {
        "agent",
        "transfer",
        "handoff",
        "user",
        "custom",
        "question",
    }


def _handed(spec: ToolSpec, question: str) -> dict[str, Any]:
    return {p.name: question if p.kind == "string" and not p.enum else filler(p) for p in spec.params if p.required}


def is_open_search(spec: ToolSpec) -> bool:
    """Whether a tool searches for any text: its name says no more than that, and it needs only a query."""
    needed = [p for p in spec.params if p.required]
    names = [s for s in spec.name_stems if s not in stop_stems()]
    return (
        len(needed) == 1
        and query_param(spec) is not None
        and bool(set(spec.name_stems) & _VERBS)
        and all(s in _ANYTHING for s in names)
    )


def query_param(spec: ToolSpec) -> Param | None:
    """The text parameter of a search tool."""
    return next((p for p in spec.params if p.required and p.kind == "string" and set(p.name_stems) & _QUERY), None)


def out_of_place(spec: ToolSpec, question: str) -> bool:
    """Whether a tool searches files, notes or the like although the request speaks of none."""
    sorts = set(spec.name_stems) & _NARROW
    if not sorts or not set(spec.name_stems) & _VERBS or _PATH.search(question[:4_000]):
        return False
    return not sorts & set(content_stems(question))


def best_search(question: str, specs: Sequence[ToolSpec]) -> ToolSpec | None:
    """The open search that a request names ('search the web'), else that of knowledge or documents, else the first."""
    asked = {concept(s) for s in content_stems(question)}

    def suits(spec: ToolSpec) -> tuple[int, bool, int]:
        sorts = {concept(s) for s in spec.name_stems} - _VERBS
        return len(sorts & asked), bool(set(spec.name_stems) & _KNOWLEDGE), -specs.index(spec)

    return max((s for s in specs if is_open_search(s)), key=suits, default=None)


def searches(question: str, specs: Sequence[ToolSpec], limit: int = 4) -> list[PlannedCall]:
    """One search per sub-question with the best open search tool; none when nothing is asked."""
    tool = best_search(question, specs)
    param = query_param(tool) if tool is not None else None
    if tool is None or param is None or not asks(question):
        return []
    rest = {p.name: filler(p) for p in tool.params if p.required and p is not param}
    parts = [
        p
        for p in sub_questions(question, limit)
        if len(content_stems(p)) > 0 and not re.match(r"(?:write|save|store|send|put)\b", p, re.I)
    ]
    return [PlannedCall(tool.name, {param.name: part, **rest}) for part in parts or [question[:500]]]


def asks(text: str) -> bool:
    """Whether a text asks something that a search could answer (a greeting or thanks does not)."""
    told = [w for w in re.findall(r"[a-z']+", text.lower()) if w not in STOP]
    return "?" in text or len(told) >= 2


def asks_to_act(question: str) -> bool:
    """Whether a request wants something done rather than explained: 'how do I ...?' and 'what is a ...?' do not."""
    return not _EXPLAIN.match(question.strip()) or re.search(r"\d|[\"“`]", question) is not None


_EXPLAIN = re.compile(
    r"(?:and\s+|please\s+|can you\s+|could you\s+)?(?:how\s+(?:do|can|could|should|would|does)\s+\w+\s|how\s+to\s|why\s"
    r"|(?:what|who)\s+(?:is|are)\s+(?:a|an)\s|what\s+(?:does|do)\s+\S+\s+(?:do|mean)\b|explain\s|describe\s)",
    re.I,
)
