"""The runtime of one process: opens the state folder, starts runs, drives them, records decisions."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from contextlib import aclosing
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from graphwright.tools import InvalidArguments, Resources, Tool

from .approvals import Approval, Person, same_person
from .audit import AuditLog, audit_keys
from .auditing import approval_witness
from .broker import Broker
from .budgeting import RunSpending
from .clock import Clock
from .context import RunContext, call_model
from .database import Database
from .decisions import Decision, Edit
from .driver import Driver, Output
from .errors import NotAllowed, RunFinished, RuntimeProblem
from .events import Event
from .gate import ask_first, build_gate, stacked
from .guardrails.answering import Answers
from .guardrails.declaring import Guardrail
from .guardrails.guarding import Guarded, admitted
from .guardrails.settings import guardrails_of
from .journal import Journal, Writer
from .journaling import fenced, journaled, journaled_model
from .leases import Leases
from .owners import new_owner
from .policy.plan import declared_plan
from .policy.remembering import Records, policy_of
from .prices import load_prices
from .questions import Ask
from .redacting import Redactions, redacted_model, redacted_result, refuse_secrets
from .redacting_stores import RedactedBroker, RedactedJournal, RedactedRuns
from .reservations import Ledger
from .runs import FINISHED, Run, RunStore
from .sealed_rows import seal_keys, seal_rows
from .settings import ReportsFolder, Settings
from .signature import Signature, refuse_change, signature_of
from .spending import Spending
from .stopping import Stop
from .sweeping import Swept, sweep, sweep_deadlines
from .turns import PAUSE, ROLLBACK, SUPERSEDES, IfBusy, roll_back, until_free
from .usage import Tally

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph import StateGraph
    from langgraph.graph.state import CompiledStateGraph

    from .keys import KeyRing

MAX_GRAPHS = 32
"""Compiled graphs that a runtime keeps; whoever builds a graph for each run does not fill the memory."""


class Runtime:
    """Threads, runs and approvals of one state folder. Use it as ``async with Runtime(settings) as runtime``."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None, resources: Resources | None = None) -> None:
        self.settings = settings
        self.resources = resources or Resources()
        self.resources.provide(ReportsFolder, lambda: ReportsFolder(settings.state / "reports"))
        self.clock = self._clock = clock or time.time
        self.database = self._database = Database(settings.database, settings.durability)
        self.redactions = redactions = Redactions.of_process(settings.redact)
        self.runs: RunStore = RedactedRuns(self._database, self._clock, redactions)
        self.audit = AuditLog(audit_keys(), redact=redactions.shown.redact_value, clock=self._clock)
        witness, answers = approval_witness(self.audit), Answers(lambda: self.guardrails, self.runs)
        self.approvals: Broker = RedactedBroker(
            self._database, self._clock, redactions, tenant=settings.tenant, witness=witness, answers=answers
        )
        self._saver: BaseCheckpointSaver[str] | None = None
        self._keys: KeyRing | None = None
        self.journal: Journal = RedactedJournal(
            self._database, self._clock, self.audit, tenant=settings.tenant, redactions=redactions, answers=answers
        )
        self.leases = Leases(self._database, self._clock, new_owner())
        self._graphs: dict[Any, tuple[CompiledStateGraph[Any, Any, Any, Any], Signature]] = {}
        self._stops: set[Stop] = set()
        self._draining = False
        self.swept = Swept()
        """What was due when the state folder was opened."""

    async def __aenter__(self) -> Self:
        try:
            self._keys = seal_keys() if self.settings.seal else None
            await self._database.open()
            await seal_rows(self._database, self._keys, self.settings.tenant)
        except RuntimeProblem:
            await self._database.close()
            raise
        self.swept = await sweep_deadlines(self.approvals)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.resources.aclose()
        await self._database.close()

    async def start(
        self,
        graph: str,
        values: Mapping[str, Any],
        *,
        thread_id: str | None = None,
        user: str | None = None,
        model: str = "",
        title: str = "",
        options: Mapping[str, Any] | None = None,
        if_busy: IfBusy = "reject",
    ) -> Run:
        """Commit a queued run; :meth:`drive` moves it.

        Raises:
            NotFound, ThreadBusy: see :class:`RunStore`.
            GuardrailBlocked, PlanError: if a guardrail stops the input, or the option ``plan`` is no plan.
        """
        declared_plan(options or {})
        values, noticed = admitted(self.guardrails, values)
        run = await self.runs.create(
            graph,
            values,
            thread_id=thread_id,
            user=user or self.settings.user,
            tenant=self.settings.tenant,
            model=model,
            title=title,
            options={**(options or {}), **noticed},
            if_busy=if_busy,
        )
        for superseded in run.options.get(SUPERSEDES, ()):
            await self.approvals.cancel(superseded)
            await self.spending.close(superseded, is_over=True)
        return run

    async def drive(
        self,
        run_id: str,
        graph: StateGraph[Any, Any, Any, Any],
        *,
        output: Output,
        model: Any = None,
        accept_changes: bool = False,
        live: bool = True,
    ) -> AsyncIterator[Event]:
        """Drive a run until it ends or waits; yields its events. May be called again to go on.

        Args:
            run_id: Which run.
            graph: Its graph, uncompiled.
            output: Makes the text for a person out of the final state.
            model: The run's model (spec or object); None for the one recorded with the run, else that of the settings.
            accept_changes: Go on although the graph is not the one that the run began with.
            live: Whether anybody watches. If not, answers are not streamed and only the run's own events are yielded:
                its start, its steps, what it asks, its end.

        Raises:
            NotFound, RunFinished, ThreadBusy: see :class:`RunStore`.
            GraphChanged: if the graph changed since the run began; nothing was applied.
        """
        run = await self.runs.get(run_id)
        if run.status in FINISHED:
            raise RunFinished(f"Run {run_id} is {run.status}; nothing is left to do.")
        compiled, now = await self._compiled(graph)
        if run.signature and not accept_changes:
            refuse_change(run.id, run.signature, now)
        await self.runs.check_turn(run)
        if SUPERSEDES in run.options:
            await until_free(self.database, run.thread_id, self.clock)
        stop = Stop(self.runs, run.id, is_draining=self._draining)
        self._stops.add(stop)
        try:
            async with aclosing(self._held(run, compiled, now, stop, output, model, live)) as events:
                async for event in events:
                    # The most frequent one tells nothing but names of nodes.
                    yield event if event["type"] == "step" else self.redactions.event(event)
        finally:
            self._stops.discard(stop)

    async def _held(
        self,
        run: Run,
        compiled: CompiledStateGraph[Any, Any, Any, Any],
        now: Signature,
        stop: Stop,
        output: Output,
        model: Any,
        live: bool,
    ) -> AsyncGenerator[Event]:
        async with self.leases.hold(run.thread_id, stop.is_due) as epoch:
            if ROLLBACK in run.options:
                await roll_back(self.database, run.thread_id, run.options[SUPERSEDES])
            await self.runs.move(run.id, "running", epoch=epoch, error=None, signature=now)
            tally = Tally(await self.journal.of_run(run.id), self.spending.prices)
            budgets = RunSpending(self.spending, run)
            writer = await self.journal.writer(run.id, run.thread_id, epoch)
            guarded = Guarded(self.guardrails, run.id, self.journal, writer)
            await guarded.begin(run.input, run.options)
            context = await self._context(run, model, writer, tally, budgets, now, guarded)
            told = guarded.output(output)
            driver = Driver(compiled, run, context, self.runs, self.approvals, self.journal, told, tally, epoch)
            events = driver.drive(
                recursion_limit=self.settings.recursion_limit,
                max_concurrency=self.settings.max_concurrency,
                control=stop.control,
                live=live,
            )
            try:
                async with aclosing(events):
                    async for event in events:
                        if not guarded.hides(event):
                            yield event
            finally:
                await guarded.finish(self.runs)
                await budgets.finish(self.runs)

    async def _context(
        self,
        run: Run,
        model: Any,
        writer: Writer,
        tally: Tally,
        budgets: RunSpending,
        signature: Signature,
        guarded: Guarded,
    ) -> RunContext:
        policy = await policy_of(
            run,
            writer,
            Records(self.database, self.runs, self.journal, self.approvals),
            self.settings.policy,
            project=self.settings.project_dir,
            signature=signature,
            roles=self.person(run.user).roles,
        )
        ask = self._asking(writer)
        clean, asked = redacted_result(self.redactions), budgets.model(tally.counted(call_model), ask)
        return RunContext(
            run_id=run.id,
            thread_id=run.thread_id,
            user=run.user,
            tenant=run.tenant,
            model=model if model is not None else run.model or self.settings.model,
            gate=build_gate(
                ask,
                before=(refuse_secrets(self.redactions), *guarded.before, policy.step, budgets.tool(ask)),
                steps=(*guarded.after, journaled(self.journal, writer), tally.counted_tool, *guarded.around, clean),
            ),
            step=stacked(policy.step, budgets.tool(ask), ask_first(ask), journaled(self.journal, writer), clean),
            ask_model=journaled_model(self.journal, writer, redacted_model(self.redactions, asked)),
            typed=policy.typed,
            resources=self.resources,
            fork=(await self.runs.thread(run.thread_id)).fork,
        )

    def _asking(self, writer: Writer) -> Ask:
        """How the calls of a run reach a person."""
        return fenced(self.approvals, writer)

    async def decide(
        self,
        approval_id: str,
        decision: Decision,
        *,
        by: str | None = None,
        roles: Collection[str] | None = None,
        digest: str | None = None,
        tool: Tool | None = None,
    ) -> Approval:
        """Record a decision; see :meth:`Broker.decide`. With ``tool``, an edit is validated first.

        Args:
            approval_id, decision, digest: See :meth:`Broker.decide`.
            by: Who decides; None for the user of the settings.
            roles: What they are; None for the roles in the settings if it is that user, else none.
            tool: The tool whose call it is.

        Raises:
            NotAllowed: if an edit's arguments do not fit the tool; the question stays open.
        """
        if isinstance(decision, Edit) and tool is not None:
            try:
                tool.validate(decision.arguments)
            except InvalidArguments as error:
                raise NotAllowed(f"The edit was not recorded; the question is still open. {error}") from error
        who = self.person(by, roles)
        return await self.approvals.decide(approval_id, decision, by=who.name, roles=who.roles, digest=digest)

    def person(self, name: str | None = None, roles: Collection[str] | None = None) -> Person:
        """Who decides; nobody named is the user of the settings, who has the roles of the settings."""
        who = self.settings.user if name is None else name
        is_local = same_person(who) == same_person(self.settings.user)
        return Person(who, frozenset(self.settings.roles if roles is None and is_local else roles or ()))

    async def sweep(self) -> Swept:
        """Act on what is due though nobody looked: deadlines that passed, budgets that ended runs still hold.

        A service calls it now and then; opening a state folder acts on the deadlines (:attr:`swept`).

        Returns:
            What it did. A run whose question was decided waits no longer: :meth:`drive` goes on with it.
        """
        return await sweep(self.approvals, self._database, self.spending)

    def drain(self) -> None:
        """Let every run that this process drives stop at the end of its step; it is queued then, and its lease free."""
        self._draining = True
        for stop in self._stops:
            stop.request()

    async def pause(self, run_id: str) -> Run:
        """Let a run stop at the end of its step, whichever process drives it; it is queued then, and goes on later.

        Raises:
            NotFound: if there is no such run.
            NotAllowed: if no process drives it: there is nothing to stop.
        """
        run = await self.runs.get(run_id)
        if run.status != "running":
            raise NotAllowed(f"Run {run_id} is {run.status}, not running; there is nothing to pause.")
        return await self.runs.remember(run_id, **{PAUSE: True})

    async def cancel(self, run_id: str) -> Run:
        """End a run and withdraw what it asks; a process that drives it stops within a second or two."""
        run = await self.runs.move(run_id, "cancelled")
        await self.approvals.cancel(run_id)
        await self.spending.close(run_id, is_over=True)
        return run

    @cached_property
    def guardrails(self) -> tuple[Guardrail, ...]:
        """The guardrails of the settings; made when the first run begins.

        Raises:
            GuardrailError: naming every one that cannot be used.
        """
        return guardrails_of(self.settings.guardrails, self.settings.project_dir)

    @cached_property
    def spending(self) -> Spending:
        """The budgets and the prices; made when they are first asked for.

        Raises:
            PriceError: if the project's ``prices.toml`` cannot be read.
        """
        settings = self.settings
        return Spending(
            settings.budgets,
            load_prices(settings.project_dir, settings.prices),
            Ledger(self._database, self._clock),
            self.journal,
            refuse_unknown=settings.unknown_price == "refuse",
            clock=self._clock,
        )

    async def _compiled(
        self, graph: StateGraph[Any, Any, Any, Any]
    ) -> tuple[CompiledStateGraph[Any, Any, Any, Any], Signature]:
        """A graph ready to be driven, and its signature: made once, for compiling costs as much as a model's turn."""
        if graph not in self._graphs:
            compiled = graph.compile(checkpointer=await self._checkpointer())
            self._graphs[graph] = compiled, signature_of(compiled)
            if len(self._graphs) > MAX_GRAPHS:
                del self._graphs[next(iter(self._graphs))]
        return self._graphs[graph]

    async def state_of(self, run: Run, graph: StateGraph[Any, Any, Any, Any]) -> Mapping[str, Any]:
        """The values of the newest checkpoint of a run's thread, as its graph sees them; empty if there is none."""
        compiled = graph.compile(checkpointer=await self._checkpointer())
        values: Mapping[str, Any] = (await compiled.aget_state({"configurable": {"thread_id": run.thread_id}})).values
        return values

    async def checkpointer(self) -> BaseCheckpointSaver[str]:
        """LangGraph's saver on the state database, fenced by this process's leases; opened when first asked for."""
        return await self._checkpointer()

    async def _checkpointer(self) -> BaseCheckpointSaver[str]:
        if self._saver is None:
            # LangGraph's saver is imported late: an inbox or a list of runs does not need it.
            from .checkpoints import open_checkpoints
            from .serialization import strict_serializer

            saver = await open_checkpoints(self._database, self.leases.held)
            saver.serde = strict_serializer(own=self.redactions.own)
            self._saver = saver
            if self._keys is not None:
                from .sealed_checkpoints import sealed_checkpoints

                self._saver = sealed_checkpoints(
                    saver, self._database, self.leases.held, self._keys, self.settings.tenant
                )
        return self._saver
