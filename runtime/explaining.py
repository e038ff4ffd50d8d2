"""How an answer came about: who decided what, on which evidence, with which prompts, tools and people.

Everything is read from records; nothing is guessed from the text of the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from .decisions import Edit, decision_to_wire
from .digests import digest

if TYPE_CHECKING:
    from .approvals import Approval
    from .engine import Runtime
    from .journal import Entry
    from .runs import Run

_CHUNK = ("id", "source", "title", "heading", "page", "score")
"""What is told of a retrieved chunk; its text is in the record of the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One answer of a model."""

    agent: str
    model: str
    prompt: str
    prompt_version: str
    when: float
    tokens: Mapping[str, int] = field(default_factory=dict)
    calls: tuple[str, ...] = ()
    """Names of the tools that it called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """One call of a tool, and what came of it."""

    id: str
    agent: str
    tool: str
    arguments: Any
    status: str
    outcome: str
    when: float
    attempts: int
    resolved_by: str = ""
    """Who said what became of it, where its outcome was not known."""
    chunks: tuple[Mapping[str, Any], ...] = ()
    """What it retrieved: ids, sources, scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One question to a person."""

    id: str
    agent: str
    tool: str
    arguments: Mapping[str, Any]
    reason: str
    status: str
    decision: Mapping[str, Any] | None
    by: str
    asked: float
    decided: float | None
    edited: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """One call that policy asked about, denied or, where it only observes, would have."""

    agent: str
    tool: str
    verdict: str
    found: str
    """What the rules said; the verdict is allow all the same under the profile ``observe``."""
    rule: str
    sentence: str
    evidence: tuple[Mapping[str, Any], ...]
    when: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything that a run's answer rests on."""

    run: str
    thread: str
    graph: str
    status: str
    user: str
    model: str
    answer: str
    prompts: Mapping[str, str]
    """Name to version (content hash)."""
    usage: Mapping[str, Any]
    signature: str
    """SHA-256 of the graph's signature: equal for equal graphs."""
    asked: tuple[Asked, ...]
    called: tuple[Called, ...]
    decided: tuple[Decided, ...]
    ruled: tuple[Ruled, ...] = ()
    """What policy had something against; every other call was allowed."""
    unknown: tuple[str, ...] = ()
    """Calls of which nobody knows whether they happened."""

    @property
    def chunks(self) -> list[Mapping[str, Any]]:
        """Every chunk that was retrieved, each once, in the order of retrieval."""
        found: dict[str, Mapping[str, Any]] = {}
        for call in self.called:
            for chunk in call.chunks:
                found.setdefault(str(chunk["id"]), chunk)
        return list(found.values())

    def to_data(self) -> dict[str, Any]:
        """As plain data."""
        return {**asdict(self), "chunks": [dict(each) for each in self.chunks]}


async def explain(runtime: Runtime, run_id: str) -> Explanation:
    """Explain a run from its records.

    Raises:
        NotFound: if there is no such run.
    """
    run = await runtime.runs.get(run_id)
    entries = await runtime.journal.of_run(run_id)
    tools = [each for each in entries if each.kind not in ("model", "policy")]
    approvals = await runtime.approvals.of_run(run_id)
    return Explanation(
        **_about(run),
        asked=tuple(_asked(each) for each in entries if each.kind == "model"),
        called=tuple(_called(each) for each in tools),
        decided=tuple(_decided(each) for each in approvals),
        ruled=tuple(_ruled(each) for each in entries if each.kind == "policy" and each.request["found"] != "allow"),
        unknown=tuple(each.id for each in tools if each.status in ("unknown", "intent")),
    )


def _about(run: Run) -> dict[str, Any]:
    return {
        "run": run.id,
        "thread": run.thread_id,
        "graph": run.graph,
        "status": run.status,
        "user": run.user,
        "model": run.model,
        "answer": run.output or run.error or "",
        "prompts": dict(run.prompts),
        "usage": dict(run.usage),
        "signature": digest(run.signature) if run.signature else "",
    }


def _asked(entry: Entry) -> Asked:
    told = entry.outcome or {}
    usage = told.get("usage_metadata") or {}
    return Asked(
        agent=entry.agent,
        model=str((told.get("response_metadata") or {}).get("model_name") or entry.name),
        prompt=entry.request.get("prompt", ""),
        prompt_version=entry.request.get("prompt_version", ""),
        when=entry.begun,
        tokens={name: int(usage.get(name) or 0) for name in ("input_tokens", "output_tokens") if name in usage},
        calls=tuple(call["name"] for call in told.get("tool_calls") or ()),
    )


def _called(entry: Entry) -> Called:
    told = entry.outcome or {}
    return Called(
        id=entry.id,
        agent=entry.agent,
        tool=entry.name,
        arguments=entry.request,
        status=entry.status,
        outcome=str(told.get("content") or told.get("error") or told.get("note") or ""),
        when=entry.begun,
        attempts=entry.attempt,
        resolved_by=str(told.get("by") or ""),
        chunks=tuple(_chunks(told.get("artifact"))),
    )


def _ruled(entry: Entry) -> Ruled:
    told = entry.request
    return Ruled(
        agent=entry.agent,
        tool=told["tool"],
        verdict=told["verdict"],
        found=told["found"],
        rule=told["rule"],
        sentence=told.get("sentence", ""),
        evidence=tuple(told.get("evidence") or ()),
        when=entry.begun,
    )


def _chunks(artifact: Any) -> Iterator[Mapping[str, Any]]:
    """What a search gave: records with an id and a source, by themselves or as the chunk of a hit."""
    for each in artifact if isinstance(artifact, list) else ():
        if not isinstance(each, Mapping):
            continue
        chunk = {**each, **each["chunk"]} if isinstance(each.get("chunk"), Mapping) else each
        if chunk.get("id") and chunk.get("source"):
            yield {name: chunk[name] for name in _CHUNK if chunk.get(name) not in (None, "")}


def _decided(approval: Approval) -> Decided:
    return Decided(
        id=approval.id,
        agent=approval.agent,
        tool=approval.tool,
        arguments=dict(approval.arguments),
        reason=approval.reason,
        status=approval.status,
        decision=decision_to_wire(approval.decision, approval.tool) if approval.decision else None,
        by=approval.decided_by,
        asked=approval.asked,
        decided=approval.decided,
        edited=isinstance(approval.decision, Edit),
    )
