"""A run of production becomes a case: its input, what models and people said, and what it came to. Secrets stay out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from graphwright.graphs import GraphEntry
from graphwright.graphs.parts import graph_tools
from graphwright.runtime import Approval, Edit, Redactor, Reject, Respond, Run, Runtime
from graphwright.runtime.approvals import DEADLINE
from graphwright.runtime.driver import PLAIN_INTERRUPT
from graphwright.runtime.journal import Entry
from graphwright.runtime.policy.plan import PLAN

from .case import Case
from .case_files import CaseProblem, load_cases
from .requests import Requests, requests_of
from .scorers import verdict
from .scorers.floors import null_passes

LONGEST_ANSWER = 2_000
"""Characters up to which a whole answer is expected again; of a longer one, only how it begins."""
MARK = re.compile(r"\[redacted:[^\]]*\]")


class PromotionProblem(Exception):
    """A run cannot become a case. The message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Promoted:
    """A case made from a run."""

    written: Mapping[str, Any]
    """As it stands in a file."""
    case: Case
    redactions: int
    """Secrets that were replaced by marks."""
    remarks: tuple[str, ...] = ()


async def promote(runtime: Runtime, run_id: str, entry: GraphEntry, graph: Any, *, case_id: str = "") -> Promoted:
    """Make a case of a run, from its records.

    The models' answers are replayed, each at the place that asked for it, whoever is first this time; unless the run
    was offline: the offline model answers the same again. What is expected is what the run came to; look at it before
    you rely on it.

    Raises:
        NotFound: if there is no such run.
        PromotionProblem: if it has not ended or waits for nobody, or what it began with was not kept.
    """
    run = await runtime.runs.get(run_id)
    if run.status not in ("done", "failed", "cancelled", "waiting", "blocked"):
        raise PromotionProblem(f"Run {run_id} is {run.status}. Let it end first: graphwright resume {run_id}")
    if not run.input:
        raise PromotionProblem(f"Run {run_id} has no input of its own (it is a branch). Promote the run it began with.")
    entries = await runtime.journal.of_run(run.id)
    approvals = sorted(await runtime.approvals.of_run(run.id), key=lambda each: (each.asked, each.id))
    remarks: list[str] = []
    told: dict[str, Any] = {"id": case_id or _slug(run), "input": _input(run, entry)}
    told |= await _models(runtime, run, entries, graph, remarks)
    declared = run.options.get(PLAN) or {}
    if declared.get("tools") is not None:
        told["plan"] = list(declared["tools"])
        if declared.get("beyond") == "ask":
            remarks.append("The run had people asked about tools beyond its plan; a case's plan denies them.")
    people = [answer for each in approvals for answer in _answers(each, approvals, remarks)]
    if people:
        told["people"] = people
    told["expect"] = _expected(run, entries, approvals, graph)
    told["tags"] = ["promoted"]
    clean = Redactor.of_process().redact_value(told)
    redactions = len(MARK.findall(str(clean))) - len(MARK.findall(str(told)))
    if redactions:
        remarks.append(f"{redactions} secrets were replaced by marks.")
    return Promoted(clean, Case.model_validate(clean), redactions, tuple(remarks))


def is_worthless(case: Case) -> bool:
    """Whether an agent that does and says nothing passes the case as well: it would test nothing."""
    return bool(null_passes(verdict, [case]))


def add_to_file(promoted: Promoted, path: Path) -> None:
    """Write the case behind those of a YAML file, which need not exist yet.

    Raises:
        CaseProblem: if the file cannot be read, or has a case of this id; it is as it was then.
    """
    text = yaml.safe_dump([dict(promoted.written)], sort_keys=False, allow_unicode=True, width=110)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if before and any(each.id == promoted.case.id for each in load_cases(path)):
        raise CaseProblem([f"{path}: it has a case {promoted.case.id!r} already. Give the new one another --id."])
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.stem}.part{path.suffix}")
    beside.write_text(f"{before.rstrip()}\n\n{text}" if before.strip() else text, encoding="utf-8")
    try:
        load_cases(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _slug(run: Run) -> str:
    return f"{run.graph}-{run.id.removeprefix('run_')[-8:]}"


def _input(run: Run, entry: GraphEntry) -> str | dict[str, Any]:
    """The text that the graph was given, where that is all it was given."""
    value = run.input.get(entry.input)
    text = value if isinstance(value, str) else None
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Mapping):
        text = value[0].get("content") if isinstance(value[0].get("content"), str) else None
    return text if text is not None and entry.values(text) == dict(run.input) else dict(run.input)


async def _models(
    runtime: Runtime, run: Run, entries: Sequence[Entry], graph: Any, remarks: list[str]
) -> dict[str, Any]:
    """What models said: in order where one place asked, else each with the place that it was said to."""
    asked = [each for each in entries if each.kind == "model"]
    if run.model == "offline" or not asked or all(each.name == "offline" for each in asked):
        return {"model": "offline"}
    requests = await requests_of(runtime, graph, run.id)
    if not requests.is_whole and len(asked) > 1:
        remarks.append(
            "The run cannot be replayed by this graph, so nobody can say whether models were asked side by side in one "
            "place; if the case mixes their answers, use `eval run --record`."
        )
    if len({each.path for each in asked}) == 1 and not requests.side_by_side:
        return {"replies": [_reply(each.outcome or {}) for each in asked]}
    return {"replies": [_addressed(each, requests) for each in asked]}


def _addressed(entry: Entry, requests: Requests) -> dict[str, Any]:
    reply = _reply(entry.outcome or {})
    told: dict[str, Any] = {"at": entry.path} if entry.path else {}
    text = requests.last.get(entry.id, "")
    if entry.path in requests.side_by_side and text:
        told["when"] = text
    return told | ({"text": reply} if isinstance(reply, str) else reply)


def _reply(outcome: Mapping[str, Any]) -> str | dict[str, Any]:
    parsed = (outcome.get("additional_kwargs") or {}).get("parsed")
    content = outcome.get("content")
    text = (
        content
        if isinstance(content, str)
        else "".join(str(e.get("text", "")) for e in content or () if isinstance(e, Mapping))
    )
    calls = [{"tool": each["name"], "arguments": each["args"]} for each in outcome.get("tool_calls") or ()]
    if parsed is not None:
        return {"output": parsed}
    if not calls:
        return text
    return {"text": text, "calls": calls} if text else {"calls": calls}


def _answers(approval: Approval, others: Sequence[Approval], remarks: list[str]) -> Iterator[dict[str, Any]]:
    """What people said to one question, in the form of a case."""
    same_tool = [each for each in others if each.tool == approval.tool]
    for step in approval.steps:
        if step.kind != "answer" or step.decision is None:
            remarks.append(f"A {step.kind} of {approval.tool} is no part of the case.")
            continue
        if step.by == DEADLINE:
            remarks.append(f"Nobody answered {approval.tool} in time; in the case it stays open.")
            continue
        decision = step.decision
        told: dict[str, Any] = {"tool": approval.tool, "decide": decision.type, "by": step.by}
        roles = sorted({*approval.roles, *approval.run_roles})
        if roles:
            told["roles"] = roles
        if len(same_tool) > 1:
            told["when"] = dict(approval.original_arguments)
        if isinstance(decision, Edit):
            old = approval.original_arguments
            told["arguments"] = {k: v for k, v in decision.arguments.items() if k not in old or old[k] != v}
        if isinstance(decision, Reject | Respond) and decision.message:
            told["message"] = decision.message
        yield told


def _expected(run: Run, entries: Sequence[Entry], approvals: Sequence[Approval], graph: Any) -> dict[str, Any]:
    effects = {each.name: each.labels.effect for each in graph_tools(graph)}
    calls = [
        {"tool": each.name, "arguments": each.request}
        for each in entries
        if each.kind == "tool"
        and each.status in ("done", "happened")
        and (each.outcome or {}).get("status", "success") == "success"
        and effects.get(each.name, "read" if each.semantics == "pure" else "egress") != "read"
    ]
    expect: dict[str, Any] = {"status": run.status}
    answer = (run.output or "").strip()
    if answer and len(answer) <= LONGEST_ANSWER:
        expect["answer"] = {"equals": answer}
    elif answer:
        expect["answer"] = {"contains": [answer[:200].rstrip()]}
    expect["calls"] = calls
    expect["approvals"] = [
        {"tool": each.tool, **({"agent": each.agent} if each.agent else {})}
        for each in approvals
        if each.tool != PLAIN_INTERRUPT
    ] or [{"tool": PLAIN_INTERRUPT} for _ in approvals]
    return expect
