"""What a life came to, once it has ended: read in a process of its own, by nobody who took part in it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage

from graphwright.runtime import Edit, Reject, Respond, Runtime
from graphwright.runtime.digests import plain_json
from graphwright.runtime.driver import PLAIN_INTERRUPT

from ..people import decision_of
from ..plainly import plain
from ..project import FILES
from .ledger import LedgerCall
from .living import ENDED, Life
from .sameness import tidied, tidy

if TYPE_CHECKING:
    from graphwright.runtime import Approval
    from graphwright.runtime.journal import Entry

DANGLING = ("intent", "unknown", "retry")
"""What no call of the journal may be left as once its run has ended."""


def observe(life: Life) -> dict[str, Any]:
    """In a child: everything that is compared with the reference, and what is wrong by itself."""
    return asyncio.run(_observe(life))


async def _observe(life: Life) -> dict[str, Any]:
    async with life.opened() as runtime:
        runs = await runtime.runs.runs(tenant=runtime.settings.tenant)
        if len(runs) != 1:
            return {"problems": [f"There are {len(runs)} runs instead of one."]}
        run = runs[0]
        journal = await runtime.journal.of_run(run.id)
        approvals = await runtime.approvals.of_run(run.id)
        state = await runtime.state_of(run, life.stage.graph)
        effects = [each for each in life.ledger.calls() if each.semantics != "pure"]
        has_ended = run.status in ENDED
        problems = [
            *(broken_calls(state) if run.status == "done" else ()),
            *(_dangling(journal) if has_ended else ()),
            *_effects_done_twice(effects),
            *_past_the_gate(effects, journal),
            *_answers_astray(life, approvals, effects, journal),
            *await _audit(runtime),
        ]
        folder = str(life.folder)
        return {
            "problems": problems,
            "folder": folder,
            "status": run.status,
            "error": run.error or "",
            "output": run.output or "",
            "state": plain(state),
            "world": _world(life),
            "effects": [_told(*each, folder) for each in _outcomes(effects)],
            "approvals": [_told(each.tool, dict(each.original_arguments), each.status, folder) for each in approvals],
            "resolved": sum((each.outcome or {}).get("resolved") == "happened" for each in journal),
            "repeated": sum(len(group) - 1 for group in _by_key(effects).values()),
        }


def broken_calls(state: Mapping[str, Any]) -> Iterator[str]:
    """Tool calls of a transcript without exactly one result, and results without a call."""
    for key, value in state.items():
        messages = [each for each in value if isinstance(each, BaseMessage)] if isinstance(value, list) else []
        asked = Counter(call["id"] for each in messages for call in getattr(each, "tool_calls", ()))
        answered = Counter(each.tool_call_id for each in messages if each.type == "tool")  # type: ignore[attr-defined]
        for call in asked | answered:
            if not asked[call] == answered[call] == 1:
                yield f"Transcript {key!r}: call {call} was made {asked[call]} times and has {answered[call]} results."


def _dangling(journal: Sequence[Entry]) -> list[str]:
    return [
        f"The run has ended, and the journal says that {each.name} is {each.status!r}."
        for each in journal
        if each.status in DANGLING
    ]


def _by_key(effects: Sequence[LedgerCall]) -> dict[tuple[str, str], list[LedgerCall]]:
    groups: defaultdict[tuple[str, str], list[LedgerCall]] = defaultdict(list)
    for each in effects:
        groups[each.name, each.key or each.id].append(each)
    return groups


def _outcomes(effects: Sequence[LedgerCall]) -> Iterator[tuple[str, Any, str]]:
    """Each distinct effect once: what happened, else how its last attempt ended."""
    for (name, _), group in _by_key(effects).items():
        last = next((each for each in group if each.happened), group[-1])
        yield name, last.arguments, last.status or "cut off"


def _effects_done_twice(effects: Sequence[LedgerCall]) -> Iterator[str]:
    for (name, _), group in _by_key(effects).items():
        times = sum(each.happened for each in group)
        if times > 1 and group[0].semantics == "at_most_once":
            yield f"{name}({_arguments(group[0])}) happened {times} times; it may happen once."


def _past_the_gate(effects: Sequence[LedgerCall], journal: Sequence[Entry]) -> Iterator[str]:
    known = {each.key: each for each in journal}
    for (name, key), group in _by_key(effects).items():
        if key not in known:
            yield (
                f"{name}({_arguments(group[0])}) ran without a row in the journal: past the gate, or an error of the "
                "journal was swallowed."
            )
    seen = {each.key for each in effects}
    for entry in journal:
        if entry.kind == "tool" and entry.semantics != "pure" and entry.status == "done" and entry.key not in seen:
            yield f"The journal says that {entry.name} was done; nothing happened."


def _answers_astray(
    life: Life, approvals: Sequence[Approval], effects: Sequence[LedgerCall], journal: Sequence[Entry]
) -> Iterator[str]:
    """Decisions that are not what people said, were not delivered, or did not decide what happened."""
    given, answers = life.answers, life.case.people
    ran = {each.key for each in effects}
    requests = {each.key: each.request for each in journal}
    for approval in approvals:
        name = f"The approval of {approval.tool}"
        places = given.get(approval.id, [])
        said = [answers[place] for place in places if not answers[place].late]
        if approval.status == "decided" and approval.delivered is None and approval.tool != PLAIN_INTERRUPT:
            yield f"{name} was decided and its decision was never applied."
        if approval.status == "decided" and said:
            expected = decision_of(said[-1], approval.original_arguments)
            if approval.rules.quorum == 1 and approval.decision != expected:
                yield f"{name} was answered {expected!r}; what counted is {approval.decision!r}."
        if isinstance(approval.decision, Reject | Respond) and approval.key in ran:
            yield f"{approval.tool} ran although it was answered by {approval.decision.type!r}."
        if approval.status != "decided" and approval.key in ran:
            yield f"{approval.tool} ran although nobody had approved it."
        if isinstance(approval.decision, Edit) and requests.get(approval.key) not in (
            None, dict(approval.decision.arguments)
        ):  # fmt: skip
            yield f"{approval.tool} did not run with the arguments that a person gave it."


async def _audit(runtime: Runtime) -> list[str]:
    verdict = await runtime.audit.check(runtime.database)
    return [] if verdict.defect is None else [f"The audit log does not verify: {verdict.defect.message}"]


def _world(life: Life) -> Any:
    """What the graph says its world is; else the files that it left."""
    if life.stage.entry.world is not None:
        return plain(life.stage.entry.world(life.folder))
    folder = str(life.folder)
    return {
        tidy(path.relative_to(life.folder).as_posix()): _fingerprint(path, folder)
        for name in ("reports", FILES)
        for path in sorted((life.folder / name).rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def _fingerprint(path: Path, folder: str) -> str:
    data = path.read_bytes()
    with contextlib.suppress(UnicodeDecodeError):
        data = tidy(data.decode(), folder).encode()
    return f"{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}"


def _told(name: str, arguments: Any, status: str, folder: str) -> str:
    """A call as one text that is the same in every life."""
    return f"{name} {plain_json(tidied(plain(arguments), folder))} {status}"


def _arguments(call: LedgerCall) -> str:
    text = plain_json(call.arguments)
    return text if len(text) <= 80 else f"{text[:80]}…"
