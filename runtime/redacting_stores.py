"""Runs, journal and approvals that keep no secret of this process: what people type in, and what is only shown.

What tools and models say is redacted before it gets here (``redacting.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .approvals import Approval
from .broker import Broker, Witness
from .clock import Clock
from .database import Database
from .decisions import Approve, Decision, Edit, Reject, Respond
from .errors import NotAllowed, RuntimeProblem
from .guardrails.answering import Answers, Notes
from .journal import Entry, EntryStatus, Intent, Journal, Resolution, Writer
from .redacting import Redactions
from .runs import Run, RunStore, Status


class RedactedRuns(RunStore):
    """Runs whose input is the user's but for secrets of this process, and whose errors show none of any kind."""

    def __init__(self, database: Database, clock: Clock, redactions: Redactions) -> None:
        super().__init__(database, clock)
        self._redactions = redactions

    async def create(self, graph: str, values: Mapping[str, Any], *, title: str = "", **more: Any) -> Run:
        """See :meth:`RunStore.create`."""
        own = self._redactions.own
        more["options"] = own.redact_value(dict(more.get("options") or {}))
        return await super().create(
            graph, own.redact_value(dict(values)), title=self._redactions.shown.redact(title), **more
        )

    async def remember(self, run_id: str, **options: Any) -> Run:
        """See :meth:`RunStore.remember`."""
        return await super().remember(run_id, **self._redactions.own.redact_value(options))

    async def move(self, run_id: str, status: Status, *, epoch: int | None = None, **changes: Any) -> Run:
        """See :meth:`RunStore.move`."""
        if isinstance(changes.get("error"), str):
            changes["error"] = self._redactions.shown.redact(changes["error"])
        if isinstance(changes.get("output"), str):
            changes["output"] = self._redactions.stored.redact(changes["output"])
        return await super().move(run_id, status, epoch=epoch, **changes)


class RedactedJournal(Journal):
    """A journal that keeps the arguments of calls redacted; the digest is that of what it keeps."""

    def __init__(self, *args: Any, redactions: Redactions, answers: Answers | None = None, **named: Any) -> None:
        super().__init__(*args, **named)
        self._redactions = redactions
        self._answers = answers

    async def resolve(self, entry_id: str, resolution: Resolution, *, by: str, note: str = "") -> Entry:
        """See :meth:`Journal.resolve`.

        Raises:
            GuardrailBlocked: if a guardrail does not let the note pass.
        """
        note, noticed = self._redactions.own.redact(note), Notes()
        if self._answers is not None:
            note, noticed = self._answers.note(note)
        entry = await super().resolve(entry_id, resolution, by=by, note=note)
        if self._answers is not None:
            await self._answers.keep(entry.run_id, entry_id, noticed)
        return entry

    async def begin(self, writer: Writer, intent: Intent) -> tuple[Entry, bool]:
        """See :meth:`Journal.begin`."""
        return await super().begin(writer, self._shown(intent))

    async def record(self, writer: Writer, intent: Intent, outcome: Any, status: EntryStatus = "done") -> None:
        """See :meth:`Journal.record`."""
        await super().record(writer, self._shown(intent), outcome, status)

    def _shown(self, intent: Intent) -> Intent:
        return replace(intent, request=self._redactions.shown.redact_value(intent.request))


class RedactedBroker(Broker):
    """Approvals whose answers and comments hold no secret of this process."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        redactions: Redactions,
        *,
        tenant: str,
        witness: Witness | None = None,
        answers: Answers | None = None,
    ) -> None:
        super().__init__(database, clock, tenant=tenant, witness=witness)
        self._own = redactions.own
        self._answers = answers

    async def decide(self, approval_id: str, decision: Decision, **named: Any) -> Approval:
        """See :meth:`Broker.decide`.

        Raises:
            NotAllowed: also if an edit's arguments hold a secret of this process.
            GuardrailBlocked: if a guardrail does not let the answer pass; the question is still open.
        """
        clean = self._clean(decision)
        if self._answers is None or isinstance(clean, Approve):
            return await super().decide(approval_id, clean, **named)
        approval = await self.get(approval_id)
        clean, noticed = self._answers.decision(clean, approval.original_arguments)
        kept = await self._answers.keep(approval.run_id, approval_id, noticed)
        try:
            return await super().decide(approval_id, clean, **named)
        except RuntimeProblem:
            await self._answers.forget(approval.run_id, kept)
            raise

    async def approve_alike(self, shown: Mapping[str, str], *, comment: str = "", **named: Any) -> list[Approval]:
        """See :meth:`Broker.approve_alike`."""
        return await super().approve_alike(shown, comment=self._own.redact(comment), **named)

    async def delegate(self, approval_id: str, *, comment: str = "", **named: Any) -> Approval:
        """See :meth:`Broker.delegate`."""
        return await super().delegate(approval_id, comment=self._own.redact(comment), **named)

    def _clean(self, decision: Decision) -> Decision:
        redact = self._own.redact
        comment = redact(decision.comment)
        if isinstance(decision, Edit):
            arguments = dict(decision.arguments)
            if self._own.redact_value(arguments) != arguments:
                raise NotAllowed(
                    "The edit was not recorded; the question is still open. An argument holds a secret of this "
                    "process. Leave it out: tools know the secrets that they need."
                )
            return Edit(arguments, comment)
        if isinstance(decision, Reject):
            return Reject(redact(decision.message), comment)
        if isinstance(decision, Respond):
            return Respond(redact(decision.message), comment)
        return Approve(comment)
