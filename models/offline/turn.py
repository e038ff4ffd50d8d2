"""One turn of an agent: call tools (not the same call twice), correct a failed call once, or answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from .answer import answer
from .briefing import briefing, written
from .facts import plainly
from .lexicon import bag
from .mentions import scene_of
from .parallel import PlannedCall, plan_calls, rank
from .questions import sub_questions
from .roles import asks_to_act, handoff_target, handoffs, is_open_search, out_of_place, searches
from .schema import ToolSpec, specs_of
from .tokens import stems_of

ROUNDS = 8
"""Tool calls after which a turn answers with what it has."""
_ERROR = re.compile(
    r"^\W*(?:error|failed|exception|invalid|traceback|there is no|no such|unknown|cannot|could not)\b", re.I
)
_CONTENT = stems_of(bag("content text body report summary markdown message answer note draft document data"))


@dataclass(frozen=True, slots=True)
class Past:
    """A tool call of this turn and what came of it."""

    name: str
    arguments: Mapping[str, Any]
    result: str | None = None
    """None while there is no result."""
    error: bool = False

    @property
    def failed(self) -> bool:
        """Whether the result is an error message."""
        return self.error or (self.result is not None and bool(_ERROR.match(self.result[:200])))


@dataclass(frozen=True, slots=True)
class Turn:
    """The last question of a person and all that happened since."""

    question: str
    past: Sequence[Past] = ()
    earlier: str = ""
    """What the person said in the turn before, for follow-up questions."""
    said: str = ""
    """What an agent last answered in this turn, for a supervisor to pass on."""


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next: calls, or a text."""

    calls: Sequence[PlannedCall] = field(default_factory=tuple)
    text: str = ""


def next_step(turn: Turn, tools: Sequence[Mapping[str, Any]], choice: str | None = None) -> Step:
    """The next calls, or the answer when nothing useful is left to call."""
    if choice == "none" or not tools:
        return Step(text=reply(turn))
    named = choice if choice not in (None, "auto", "required") else None
    offered = [t for t in tools if named is None or _name(t) == named] or list(tools)
    calls = _calls(turn, offered, force=choice == "required" or named is not None)
    return Step(calls=calls) if calls else Step(text=reply(turn))


def reply(turn: Turn) -> str:
    """The answer from this turn's results, failures named."""
    done = [p for p in turn.past if p.result is not None and not p.failed]
    failures = [(p.name, p.result or "") for p in turn.past if p.failed and not _recovered(p, turn.past)]
    if not done and not failures and (brief := briefing(turn.question)):
        return written(brief)
    if not done and turn.said and not failures:
        return turn.said
    return _told(turn.question, done, failures)


def _told(question: str, done: Sequence[Past], failures: Sequence[tuple[str, str]]) -> str:
    """Short results said plainly, then quotations from the others."""
    names = [p.name for p in done]
    said = {id(p): plainly(question, p.name, p.arguments, p.result or "", apart=names.count(p.name) > 1) for p in done}
    plain = [said[id(p)] for p in done if said[id(p)]]
    others = [p for p in done if not said[id(p)]]
    if not plain:
        return answer(question, [(p.name, p.result or "") for p in others], failures)
    searched = "\n".join(str(v) for p in others for v in p.arguments.values() if isinstance(v, str))
    quoted = answer(searched or question, [(p.name, p.result or "") for p in others]) if others else ""
    notes = [f"{name} failed: {' '.join(error.split())[:200]}" for name, error in failures]
    return "\n".join([*plain, *(["", quoted] if quoted else []), *notes])


def _recovered(failure: Past, past: Sequence[Past]) -> bool:
    return any(p.name == failure.name and not p.failed and p.result is not None for p in past)


def _name(tool: Mapping[str, Any]) -> Any:
    body = tool.get("function", tool) if isinstance(tool, Mapping) else {}
    return body.get("name") if isinstance(body, Mapping) else None


def _calls(turn: Turn, tools: Sequence[Mapping[str, Any]], *, force: bool) -> list[PlannedCall]:
    if len(turn.past) >= ROUNDS and not force:
        return []
    corrected = _corrections(turn, tools)
    if corrected:
        return corrected
    fresh = _fresh(turn, _planned(turn, tools, force=force and not turn.past), specs_of(tools))
    return fresh or (_forced(turn, tools) if force else [])


def _planned(turn: Turn, tools: Sequence[Mapping[str, Any]], *, force: bool) -> list[PlannedCall]:
    """What the question asks for: searching first when texts depend on it, then the other tools, else a handoff."""
    specs = specs_of(tools)
    others = [t for t in tools if not _is_special(_name(t), specs, turn.question)]
    found = searches(turn.question, specs)
    if found and all(not asks_to_act(part) for part in sub_questions(turn.question)):
        return found
    planned = plan_calls(turn.question, others, force=force and not found and len(others) == len(tools))
    if not planned and not found and turn.earlier and not turn.past:
        planned = plan_calls(f"{turn.earlier}\n{turn.question}", others)
    writes = [call for call in planned if _wants(call, specs)]
    acts = [call for call in planned if not _wants(call, specs)]
    if found and not acts:
        planned = found
    elif acts:
        planned = [*acts, *_beside(turn, acts, found, others)]
    if writes:
        first = {call.name for call in planned if not _wants(call, specs)}
        return writes if first <= {p.name for p in turn.past} else [c for c in planned if c.name in first]
    return planned or handoffs(turn.question, specs, frozenset(p.name for p in turn.past))


def _beside(
    turn: Turn, planned: Sequence[PlannedCall], found: Sequence[PlannedCall], others: Sequence[Mapping[str, Any]]
) -> list[PlannedCall]:
    """Searches for the questions in a request that no planned call answers, when the others have one each."""
    parts = sub_questions(turn.question) if planned and found else []
    open_parts = [p for p in parts if p.endswith("?") and not (asks_to_act(p) and plan_calls(p, others))]
    if not open_parts or len(open_parts) == len(parts):
        return []
    return [call for call in found if any(part in call.arguments.values() for part in open_parts)]


def _is_special(name: Any, specs: Sequence[ToolSpec], question: str) -> bool:
    return any(
        s.name == name and (is_open_search(s) or bool(handoff_target(s.name)) or out_of_place(s, question))
        for s in specs
    )


def _fresh(turn: Turn, planned: Sequence[PlannedCall], specs: Sequence[ToolSpec]) -> list[PlannedCall]:
    """The planned calls that were not made yet, texts filled in."""
    made = {_key(p.name, p.arguments) for p in turn.past}
    ready = [_with_content(call, specs, turn) for call in planned]
    made |= {_key(p.name, _but_texts(p, planned, specs)) for p in turn.past if not p.failed}
    return [
        call
        for call, plan in zip(ready, planned, strict=True)
        if _key(call.name, call.arguments) not in made
        and _key(plan.name, {k: v for k, v in plan.arguments.items() if k not in _wants(plan, specs)}) not in made
        and not _only_content(call, turn)
    ]


def _but_texts(past: Past, planned: Sequence[PlannedCall], specs: Sequence[ToolSpec]) -> dict[str, Any]:
    """A past call's arguments without the texts that were written for it."""
    written_for = {name for call in planned if call.name == past.name for name in _wants(call, specs)}
    return {key: value for key, value in past.arguments.items() if key not in written_for}


def _forced(turn: Turn, tools: Sequence[Mapping[str, Any]]) -> list[PlannedCall]:
    ranked = rank(scene_of(turn.question), specs_of(tools))
    return [PlannedCall(ranked[0].tool.name, ranked[0].filled.values)] if ranked else []


def _key(name: str, arguments: Mapping[str, Any]) -> bytes:
    return orjson.dumps([name, dict(arguments)], option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS, default=str)


def _wants(call: PlannedCall, specs: Sequence[ToolSpec]) -> list[str]:
    """The text parameters of a call that the question leaves open: a report's content, a mail's body."""
    spec = next((s for s in specs if s.name == call.name), None)
    params = spec.params if spec is not None else ()
    open_text = [p for p in params if p.required and p.kind == "string" and set(p.name_stems) & _CONTENT]
    return [p.name for p in open_text if call.lacks(p.name)]


def _with_content(call: PlannedCall, specs: Sequence[ToolSpec], turn: Turn) -> PlannedCall:
    """Give a tool that wants a text the answer so far, when there is one."""
    wants = _wants(call, specs)
    if not wants or not any(p.result is not None and not p.failed for p in turn.past):
        return call
    return PlannedCall(call.name, {**call.arguments, **dict.fromkeys(wants, reply(turn))})


def _only_content(call: PlannedCall, turn: Turn) -> bool:
    """Whether a call of this turn was the proposed one but for long texts, or was that very one and failed."""
    if sum(p.name == call.name and p.failed for p in turn.past) and _corrected_before(call, turn):
        return True
    small = {k: v for k, v in call.arguments.items() if not (isinstance(v, str) and len(v) > 80)}
    return any(p.name == call.name and all(p.arguments.get(k) == v for k, v in small.items()) for p in turn.past)


def _corrected_before(call: PlannedCall, turn: Turn) -> bool:
    """Whether this very call failed before."""
    return any(p.failed and _key(p.name, p.arguments) == _key(call.name, call.arguments) for p in turn.past)


def _corrections(turn: Turn, tools: Sequence[Mapping[str, Any]]) -> list[PlannedCall]:
    if not turn.past or not turn.past[-1].failed:
        return []
    last = turn.past[-1]
    if sum(p.name == last.name and p.failed for p in turn.past) > 1:
        return []
    fixed = corrected_arguments(last.arguments, last.result or "")
    known = {s.name for s in specs_of(tools)}
    changed = fixed is not None and _key(last.name, fixed) not in {_key(p.name, p.arguments) for p in turn.past}
    return [PlannedCall(last.name, fixed)] if fixed is not None and changed and last.name in known else []


_NAMED = re.compile(
    r"\b(?:did you mean|one of|it has|available|allowed|valid|possible|options?|choose|use|try|closest|nearest)\b"
    r"[^:'\"\[\n]{0,40}[:\s]\s*(?P<list>[^\n]{1,400})",
    re.I,
)


def corrected_arguments(arguments: Mapping[str, Any], error: str) -> dict[str, Any] | None:
    """The arguments with the wrong one replaced by what the error names as possible; None when it names nothing."""
    match = _NAMED.search(error)
    if not match:
        return None
    quoted = re.findall(r"['\"`]([^'\"`]{1,80})['\"`]", match["list"])
    listed = quoted or [
        part.strip() for part in re.split(r",|\bor\b|\band\b|\|", match["list"].split(". ")[0]) if part.strip()
    ]
    options = [o.strip(" .?[]()") for o in listed if o.strip(" .?[]()")]
    wrong = _blamed(arguments, error)
    if wrong is None or not options:
        return None
    best = max(options, key=lambda o: (_alike(str(arguments[wrong]), o), -options.index(o)))
    old = arguments[wrong]
    value: Any = (
        [best]
        if isinstance(old, list)
        else type(old)(best)
        if isinstance(old, int | float) and not isinstance(old, bool) and re.fullmatch(r"-?\d+", best)
        else best
    )
    return {**arguments, wrong: value}


def _blamed(arguments: Mapping[str, Any], error: str) -> str | None:
    """The argument whose value, or else whose name, the error mentions first."""
    by_value = [
        (error.find(str(v)), k)
        for k, v in arguments.items()
        if isinstance(v, str | int | float) and str(v) and str(v) in error
    ]
    by_name = [(error.find(k), k) for k in arguments if re.search(rf"\b{re.escape(k)}\b", error)]
    found = sorted(by_value) or sorted(by_name)
    strings = [k for k, v in arguments.items() if isinstance(v, str)]
    return found[0][1] if found else strings[0] if len(strings) == 1 else None


def _alike(a: str, b: str) -> float:
    pairs_a, pairs_b = ({s[i : i + 2] for i in range(len(s) - 1)} for s in (a.lower(), b.lower()))
    return 2 * len(pairs_a & pairs_b) / max(len(pairs_a) + len(pairs_b), 1)
