"""Policy in the gate: each call is judged before anybody is asked; what it returned is remembered with its labels."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from ..context import Typed
from ..digests import digest
from ..gate import GateCall, Handler, Outcome, Step, is_control_flow
from .call import Call
from .context import Context
from .deciding import decide
from .decision import Decision
from .settings import PolicySettings
from .words import leaves, normal

Decider = Callable[[GateCall, Decision], Awaitable[Decision]]
"""Makes a decision durable, and gives back the one that was made before if there is one."""


EDITOR = "whoever edited the call"
ANSWERER = "whoever answered"
_EDITED = "|edited|"
_EDIT = re.compile(rf"{re.escape(_EDITED)}[0-9a-f]{{16}}$")


async def _as_decided(_call: GateCall, decision: Decision) -> Decision:
    return decision


async def _nowhere(_agent: str, _fields: Mapping[str, Any], _key: str) -> None:
    """Nothing is kept where there is no journal."""


def replaying(find: Callable[[GateCall], Decision | None]) -> Step:
    """The gate's step of a replay: each call is judged as it was; ``find`` gives the recorded decision, if any."""

    def wrap(following: Handler) -> Handler:
        async def step(call: GateCall) -> Outcome:
            decision = find(call)
            if decision is None:
                return await following(call)
            if decision.verdict == "deny":
                return denied(call, decision)
            return await following(replace(call, judged=Recorded(decision, find)))

        return step

    return wrap


class RunPolicy:
    """The policy of one run while it is driven: what it was told so far, and the gate's step."""

    def __init__(
        self, settings: PolicySettings, context: Context, keep: Decider = _as_decided, keep_typed: Typed = _nowhere
    ) -> None:
        """
        Args:
            settings: Profile, custom rules, tools.
            context: What the run knows when it is driven; see :func:`rebuilt`.
            keep: Makes decisions durable.
            keep_typed: Makes what readers typed durable.
        """
        self._settings = settings
        self._keep_typed = keep_typed
        self._keep = keep
        self.context = context

    def step(self, following: Handler) -> Handler:
        """The gate's step: a denied call ends here with a sentence for the model; an asked one carries its reason."""

        async def step(call: GateCall) -> Outcome:
            seen = self.call_of(call)
            decision = await self._keep(call, decide(seen, self.context))
            if decision.verdict == "deny":
                return denied(call, decision)
            before = self.context.before(seen)
            known = replace(call.context, tainted=before.tainted, tainted_by=before.tainted_by)
            judged = Judgement(self, seen, decision, believed=before.believes(seen))
            try:
                outcome = await following(replace(call, judged=judged, context=known))
            except Exception as error:
                if not is_control_flow(error):
                    self.context = self.context.after(seen, str(error), believed=judged.believed)
                raise
            self._learn(judged, outcome)
            return outcome

        return step

    def call_of(self, call: GateCall) -> Call:
        """The call as rules see it, with the labels that the settings leave or give it."""
        tool = call.tool
        own = self._settings.tools.get(tool.name)
        properties = tool.parameters.get("properties", {})
        return Call(
            tool=tool.name,
            arguments=call.arguments,
            declared=own.labels(tool.labels) if own else tool.labels,
            agent=call.context.agent,
            toolbox=call.toolbox,
            defaults={name: schema["default"] for name, schema in properties.items() if "default" in schema},
            batch=call.batch,
            tasks=call.tasks,
            key=call.key,
            is_step=call.kind == "step",
        )

    async def typed(self, agent: str, fields: Mapping[str, Any], key: str) -> None:
        """Take what a reader typed for trusted: values that can carry no sentence, see :func:`typed_fields`."""
        await self._keep_typed(agent, fields, key)
        self.context = self.context.typed(fields, agent)

    async def again(self, call: GateCall, before: Judgement) -> Decision:
        """The decision on an edited call: what the person changed are their words, what they left they have seen."""
        self.context = self.context.told(*changed(before.call.arguments, call.arguments), origin=EDITOR)
        decision, shown = decide(self.call_of(call), self.context), before.decision
        if set(decision.evidence) <= set(shown.evidence) and set(decision.rules) <= set(shown.rules):
            decision = replace(decision, verdict="allow" if decision.verdict == "ask" else decision.verdict)
        return await self._keep(edited(call), decision)

    def _learn(self, judged: Judgement, outcome: Outcome) -> None:
        if outcome.ran:
            value = told_by(outcome.artifact, outcome.content)
            self.context = self.context.after(judged.call, value, believed=judged.believed)
        elif outcome.status == "success":
            self.context = self.context.told(outcome.content, origin=ANSWERER)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What policy decided about a call that may go on; see :class:`~graphwright.runtime.gate.Judged`."""

    policy: RunPolicy
    call: Call
    decision: Decision
    believed: bool
    """Whether the call's result may be trusted; see :meth:`Context.believes`."""

    @property
    def reason(self) -> str:
        """Why a person must be asked; empty if nobody need be."""
        return self.decision.sentence if self.decision.verdict == "ask" else ""

    @property
    def record(self) -> Mapping[str, Any]:
        """What the journal keeps with the call: the decision in short, and the labels its result is read with."""
        labels, decided = self.call.labels, self.decision
        read_with = {"trusted": self.believed, "private": labels.private, "per_record": labels.per_record}
        named = {name: True for name, is_so in read_with.items() if is_so}
        return {"verdict": decided.verdict, "rule": decided.rule, "found": decided.found, **named} | (
            {"tasks": list(self.call.tasks)} if self.call.tasks else {}
        )

    async def again(self, call: GateCall) -> Judgement | Outcome:
        """The judgement on an edited call, without a reason where nothing new is to be asked; or its denial."""
        decision = await self.policy.again(call, self)
        if decision.verdict == "deny":
            return denied(call, decision)
        return replace(self, decision=decision)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A decision of the past, in a replay."""

    decision: Decision
    find: Callable[[GateCall], Decision | None]
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """Why a person was asked."""
        return self.decision.sentence if self.decision.verdict == "ask" else ""

    async def again(self, call: GateCall) -> Recorded | Outcome:
        """The recorded decision on an edited call."""
        decision = self.find(edited(call)) or Decision("allow")
        return denied(call, decision) if decision.verdict == "deny" else replace(self, decision=decision)


def edited(call: GateCall) -> GateCall:
    """The call under the key of the decision on it as it was edited."""
    return replace(call, key=f"{call.key}{_EDITED}{digest(call.arguments)[:16]}")


def unedited(key: str) -> str:
    """The key of a call, given that of a decision on it as it was edited, or on itself."""
    return _EDIT.sub("", key)


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Any]:
    """The values that a person changed or added in an edit."""
    shown = {normal(leaf.value) for leaf in leaves(before)}
    return [leaf.value for leaf in leaves(after) if normal(leaf.value) not in shown]


def denied(call: GateCall, decision: Decision) -> Outcome:
    """What the model reads of a call that policy denies."""
    text = f"Policy denied this call (rule {decision.rule}); {call.tool.name} was not run. {decision.sentence}"
    advice = " Go on without it, or say that it cannot be done." if call.kind == "tool" else ""
    return Outcome(content=text + advice, status="error", ran=False)


def told_by(artifact: Any, content: str) -> Any:
    """What a call returned, as the journal keeps it."""
    return content if artifact is None else orjson.loads(orjson.dumps(artifact, default=str))
