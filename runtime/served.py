"""A run's records served back: what its models said, what its tools gave, what people decided. Nothing is executed.

A call is found by its key. Inside a graph that a node runs (not the graph itself), LangGraph gives steps new ids each
time; there a call is found by its place, and those of one place in the order in which they were made.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from langgraph.errors import GraphBubbleUp
from langgraph.types import interrupt

from graphwright.tools import Resources

from .context import ModelCall, RunContext
from .decisions import Decision, Respond, decision_to_wire
from .digests import digest
from .gate import GateCall, Handler, Outcome, Step, ask_first, build_gate, stacked
from .journal import SETTLED, Entry
from .journaling import given_back
from .policy.decision import Decision as Decided
from .policy.gating import replaying
from .policy.remembering import key_of
from .questions import Question

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from .approvals import Approval
    from .runs import Run

Heard = Callable[[ModelCall, Entry], Awaitable[None]]
_STEP_ID = re.compile(r":[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
_SERVED = "graphwright_served"


class NotRecorded(GraphBubbleUp):
    """A replayed run asks for something of which there is no record; it is reported, never executed."""


class Served:
    """The records of one run."""

    def __init__(
        self,
        entries: Iterable[Entry],
        approvals: Iterable[Approval],
        shown: Callable[[Any], Any] = lambda value: value,
        before: tuple[Step, ...] = (),
        heard: Heard | None = None,
    ) -> None:
        """
        Args:
            entries: The run's, of the journal.
            approvals: The run's.
            shown: Turns the arguments of a call into those that the journal keeps; see :class:`RedactedJournal`.
            before: Steps of the gate that change arguments, as they did when the run was made.
            heard: Told each request to a model with the record of its answer, before that is given.
        """
        self._shown = shown
        self._before = before
        self._heard = heard
        self.missing: list[str] = []
        """What was asked for and is not recorded, in words."""
        self.notes: list[str] = []
        """What was asked for in other words than recorded, and served all the same."""
        self._calls: dict[tuple[str, str], list[Entry]] = defaultdict(list)
        self._approvals = list(approvals)
        self._taken: set[str] = set()
        self._epoch = 0
        for entry in entries:
            self._calls[entry.kind, entry.key].append(entry)
            self._calls[entry.kind, _place(entry.key)].append(entry)
            self._epoch = _epoch(entry.key)

    def context(self, run: Run, resources: Resources) -> RunContext:
        """What the nodes of a replayed run are given."""
        return RunContext(
            run_id=run.id,
            thread_id=run.thread_id,
            user=run.user,
            tenant=run.tenant,
            model=run.model or None,
            gate=build_gate(self.ask, before=(*self._before, replaying(self.judged)), steps=(self.step,)),
            step=stacked(replaying(self.judged), ask_first(self.ask), self.step),
            ask_model=self.ask_model,
            resources=resources,
            fork=self._epoch,
        )

    def judged(self, call: GateCall) -> Decided | None:
        """What policy decided about a call, where it asked or denied."""
        entry = self._find("policy", key_of(call.key))
        return Decided.from_data(entry.request) if entry else None

    async def ask_model(self, call: ModelCall) -> AIMessage:
        """What the model answered.

        Raises:
            NotRecorded: if it is not recorded.
        """
        from langchain_core.messages import AIMessage

        entry = self._find("model", call.key, last=call.request.messages[-1].id if call.request.messages else None)
        if entry is None:
            raise self._not_recorded(f"what the model answered to {call.agent!r} ({_readable(call.key)})")
        known = entry.request.get("prompt_version", "")
        if known != call.prompt_version:
            self.notes.append(f"Prompt {call.prompt!r} is version {call.prompt_version} now; the run sent {known}.")
        if self._heard is not None:
            await self._heard(call, entry)
        return AIMessage.model_validate(entry.outcome)

    def step(self, following: Handler) -> Handler:
        """The gate's step in place of the call: gives the outcome that is recorded, and calls nothing."""

        async def serve(call: GateCall) -> Outcome:
            entry = self._find(call.kind, call.key, name=call.tool.name)
            if entry is None or entry.status not in SETTLED:
                raise self._not_recorded(f"what came of {call.tool.name} (call {call.context.call_id})")
            if entry.digest != digest([call.kind, call.tool.name, self._shown(dict(call.arguments))]):
                raise self._not_recorded(
                    f"what came of {call.tool.name} with the arguments {dict(call.arguments)!r}; the run called it with"
                    f" {entry.request!r} (call {call.context.call_id})"
                )
            return given_back(entry, call)

        return serve

    async def ask(self, question: Question) -> Decision:
        """The decision that is recorded.

        Raises:
            NotRecorded: if there is none.
        """
        found = self.decision_on(question)
        if found is None:
            raise self._not_recorded(f"a decision on {question.tool} (call {question.call_id})")
        # A question takes its place in the node's row of interrupts, as it did when it was asked.
        interrupt({**question.to_wire(), _SERVED: True})
        return found

    def decision_on(self, question: Question) -> Decision | None:
        """The recorded decision on a question, found by its key, or by its place and what it asks about."""
        exact = [each for each in self._approvals if each.key == question.key]
        alike = [
            each
            for each in self._approvals
            if _place(each.key) == _place(question.key)
            and each.tool == question.tool
            and dict(each.original_arguments) == dict(question.arguments)
        ]
        return next((each.decision for each in (*exact, *alike) if each.decision is not None), None)

    def answers(self, interrupts: Iterable[Any]) -> dict[str, Any]:
        """What wakes a stopped step: the answers to the questions that were decided, by interrupt id.

        Raises:
            NotRecorded: if none of them is.
        """
        found: dict[str, Any] = {}
        interrupts = list(interrupts)
        for each in interrupts:
            if isinstance(each.value, Mapping) and each.value.get(_SERVED):
                found[each.id] = True
                continue
            for approval in self._approvals:
                if approval.call_id == each.id and approval.decision is not None:
                    found[each.id] = (
                        approval.decision.message
                        if isinstance(approval.decision, Respond)
                        else decision_to_wire(approval.decision, approval.tool)
                    )
        if not found:
            raise self._not_recorded(f"an answer to {', '.join(repr(each.value)[:200] for each in interrupts)}")
        return found

    def _find(self, kind: str, key: str, *, name: str = "", last: str | None = None) -> Entry | None:
        """The next record of this key that was not served yet; a step that runs again is served the same.

        Where several tasks of one node have worked side by side, the one that answered the message ``last`` goes first.
        """
        exact = self._calls.get((kind, key), ())
        if exact:
            return exact[0]
        there = self._calls.get((kind, _place(key)), ())
        free = [each for each in there if each.id not in self._taken and (not name or each.name == name)]
        found = next((each for each in free if last and each.request.get("last") == last), free[0] if free else None)
        if found is not None:
            self._taken.add(found.id)
        return found

    def _not_recorded(self, what: str) -> NotRecorded:
        self.missing.append(what)
        return NotRecorded(what)


def _place(key: str) -> str:
    """A key without the ids of steps inside a node's own graph: thread, epoch and the node's step stay."""
    thread, epoch, node, *inner = (*key.split("|"), "", "", "")[: max(3, key.count("|") + 1)]
    return "|".join((thread, epoch, node, *(_STEP_ID.sub("", part) for part in inner)))


def _epoch(key: str) -> int:
    number = key.split("|")[1] if "|" in key else ""
    return int(number) if number.isdigit() else 0


def _readable(key: str) -> str:
    return "/".join(part.partition(":")[0] for part in key.split("|")[2:-1])
