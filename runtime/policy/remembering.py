"""What a run was told, rebuilt from its thread's records; and decisions made durable. A crash loses no taint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphwright.tools import Labels

from ..context import Typed
from ..decisions import Edit, Respond
from ..digests import digest
from ..gate import GateCall
from ..journal import Intent, Journal, Writer, read_entry
from ..statements import Statement
from .call import Call
from .context import Context
from .decision import Decision
from .foreign import strange_descriptions
from .gating import ANSWERER, EDITOR, Decider, RunPolicy, changed, told_by, unedited
from .plan import compile_plan, declared_plan
from .sources import Source
from .typed import READER

if TYPE_CHECKING:
    from ..approvals import Approval
    from ..broker import Broker
    from ..database import Database
    from ..journal import Entry
    from ..runs import Run, RunStore
    from .settings import PolicySettings

POLICY = "policy"
"""The name of journal entries that hold a decision; those of a reader have :data:`READER`."""
_MOST_RUNS = 100_000
UNTRUSTED = "untrusted"
"""A run's option: the keys of its input that hold words of strangers (a mail that started it, say)."""
_CALLS = Statement(
    "SELECT * FROM journal WHERE kind IN ('tool', 'step', 'policy') AND run_id IN"
    " (SELECT id FROM runs WHERE thread_id = :thread) ORDER BY begun, id"
)
_ASKED = Statement("SELECT DISTINCT run_id FROM approvals WHERE thread_id = :thread ORDER BY run_id")
_MACHINES = frozenset({"ai", "assistant", "tool", "function", "AIMessageChunk"})


def key_of(call_key: str) -> str:
    """The key of the decision on a call."""
    return f"{call_key}|policy"


@dataclass(frozen=True, slots=True)
class Records:
    """Where a thread's past is kept."""

    database: Database
    runs: RunStore
    journal: Journal
    approvals: Broker

    async def calls(self, thread_id: str) -> list[Entry]:
        """The calls of tools, the steps and the decisions of a thread, in order; what models said is not among them."""
        named = {"thread": thread_id}
        rows = await self.database.read(lambda connection: _CALLS.rows(connection, named), brief=True)
        return [read_entry(row) for row in rows]

    async def answers(self, thread_id: str) -> list[Approval]:
        """The approvals of a thread."""
        named = {"thread": thread_id}
        rows = await self.database.read(lambda connection: _ASKED.rows(connection, named), brief=True)
        return [one for row in rows for one in await self.approvals.of_run(row["run_id"])]


async def policy_of(run: Run, writer: Writer, records: Records, settings: PolicySettings, **known: Any) -> RunPolicy:
    """The policy of a run that is about to be driven, with everything that its thread was told before.

    Args:
        run: Which run.
        writer: On whose behalf decisions are recorded.
        records: Of the state folder.
        settings: Which rules are in force.
        known: ``project`` (the folder), ``signature`` (of the graph), ``roles`` (of the run's user).

    Raises:
        PolicyError: if a custom rule of the settings cannot be found.
    """
    tools, beyond = declared_plan(run.options)
    plan = compile_plan(known["signature"], tools, beyond=beyond)
    context = settings.context(known["project"], plan=plan, roles=known["roles"], tenant=run.tenant)
    labelled = [name for name, tool in settings.tools.items() if tool.effect is not None]
    for source in strange_descriptions(known["signature"], labelled):
        context = context.including(source)
    runs = (await records.runs.runs(tenant=run.tenant, thread_id=run.thread_id, limit=_MOST_RUNS))[::-1]
    is_new = len(runs) == 1 and not writer.known
    entries = [] if is_new else await records.calls(run.thread_id)
    approvals = [] if is_new else await records.answers(run.thread_id)
    journal = records.journal
    return RunPolicy(
        settings,
        rebuilt(context, runs, entries, approvals),
        keeping(journal, writer),
        keeping_typed(journal, writer),
    )


def rebuilt(context: Context, runs: Iterable[Run], entries: Iterable[Entry], approvals: Iterable[Approval]) -> Context:
    """The context of a run after everything that its thread records.

    Args:
        context: Rules, plan and roles.
        runs: Of the thread, oldest first: their inputs are the user's words.
        entries: The journal of those runs, in order.
        approvals: Of those runs: what people typed into them are their words.
    """
    for run in runs:
        context = _with_input(context, run)
    for approval in approvals:
        decision = approval.decision
        if isinstance(decision, Respond):
            context = context.told(decision.message, origin=ANSWERER)
        if isinstance(decision, Edit):
            context = context.told(*changed(approval.original_arguments, decision.arguments), origin=EDITOR)
    for entry in entries:
        context = _with_entry(context, entry)
    return context


def keeping(journal: Journal, writer: Writer) -> Decider:
    """Make decisions durable: what is asked or denied gets a row of its own, what is allowed stands with the call.

    A call that comes by again is not judged anew: what was let through or asked before stays so.
    """

    made: dict[str, tuple[str, Decision]] = {}

    async def keep(call: GateCall, decision: Decision) -> Decision:
        key, arguments = key_of(call.key), digest(call.arguments)
        if key in made and made[key][0] == arguments:
            return made[key][1]
        # What was asked is asked again, though it was answered and the call made since: its question keeps its place
        # among those of its node, which are answered by their order.
        known = await journal.find(key) if key in writer.known else None
        if known is not None and known.request.get("arguments") == arguments:
            return Decision.from_data(known.request)
        if unedited(call.key) in writer.known:
            return Decision("allow", sentence="It was let through before.", tainted=decision.tainted)
        made[key] = arguments, decision
        if decision.found != "allow":
            request = {"tool": call.tool.name, "arguments": arguments, **decision.to_data()}
            agent = call.context.agent
            intent = Intent(key=key, kind="policy", name=POLICY, semantics="pure", request=request, agent=agent)
            await journal.record(writer, intent, None)
        return decision

    return keep


def keeping_typed(journal: Journal, writer: Writer) -> Typed:
    """Make what readers typed durable."""

    async def keep(agent: str, fields: Mapping[str, Any], key: str) -> None:
        request = {"fields": dict(fields), "verdict": "allow", "rule": READER, "found": "allow"}
        intent = Intent(key=key_of(key), kind="policy", name=READER, semantics="pure", request=request, agent=agent)
        await journal.record(writer, intent, None)

    return keep


def _with_input(context: Context, run: Run) -> Context:
    strange = frozenset(run.options.get(UNTRUSTED) or ())
    for name, value in run.input.items():
        if name in strange:
            context = _read(context, f"the input {name!r}", value)
            continue
        for said, is_ours in _said(value):
            context = context.told(said) if is_ours else _read(context, f"the input {name!r}", said)
    return context


def _said(value: Any) -> Iterator[tuple[Any, bool]]:
    """An input in parts, and whether a person said each: messages of models and tools are not the user's words."""
    for each in value if isinstance(value, list) else [value]:
        kind = (each.get("role") or each.get("type")) if isinstance(each, Mapping) else None
        yield each, kind not in _MACHINES


def _read(context: Context, origin: str, value: Any) -> Context:
    return context.including(Source(origin, value))


def _with_entry(context: Context, entry: Entry) -> Context:
    outcome = entry.outcome or {}
    if entry.kind == "policy" and entry.name == READER:
        return context.typed(entry.request.get("fields"), entry.agent)
    if entry.kind not in ("tool", "step") or entry.status not in ("done", "failed", "happened"):
        return context
    if entry.kind == "step" and "policy" not in outcome:
        return context  # of a release that judged no steps
    value = told_by(
        outcome.get("artifact"), str(outcome.get("content") or outcome.get("error") or outcome.get("note") or "")
    )
    kept = outcome.get("policy")
    return context.after(_call_of(entry, kept), value, believed=bool(kept and kept.get("trusted")))


def _call_of(entry: Entry, kept: Mapping[str, Any] | None) -> Call:
    """The call with the labels that its result was read with; without a record of them, the worst is assumed."""
    read_with: Mapping[str, Any] = {"private": True} if kept is None else kept
    private, per_record = bool(read_with.get("private")), bool(read_with.get("per_record"))
    labels = Labels(private=private, per_record=per_record)
    arguments = entry.request if isinstance(entry.request, dict) else {}
    return Call(
        tool=entry.name,
        arguments=arguments,
        declared=labels,
        key=entry.key,
        batch=entry.key.rpartition("|")[0],
        tasks=tuple(read_with.get("tasks") or ()),
    )
