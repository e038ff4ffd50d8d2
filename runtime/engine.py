"""The runtime of one process: opens the state folder, starts runs, drives them, records decisions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from graphwright.tools import Resources, Tool

from .approvals import Approval, Broker
from .clock import Clock
from .context import RunContext, call_model
from .database import Database
from .decisions import Decision, Edit
from .driver import Driver, Output
from .errors import NotAllowed, RunFinished, StateFolderError
from .events import Event
from .gate import build_gate
from .journal import Journal
from .journaling import journaled, journaled_model
from .leases import Leases
from .owners import this_process
from .runs import FINISHED, Run, RunStore
from .settings import ReportsFolder, Settings
from .signature import refuse_change, signature_of
from .usage import Tally

if TYPE_CHECKING:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
    from langgraph.graph import StateGraph


class Runtime:
    """Threads, runs and approvals of one state folder. Use it as ``async with Runtime(settings) as runtime``."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None, resources: Resources | None = None) -> None:
        import time

        self.settings = settings
        self.resources = resources or Resources()
        self.resources.provide(ReportsFolder, lambda: ReportsFolder(settings.state / "reports"))
        self._clock = clock or time.time
        self._database = Database(settings.database, settings.durability)
        self.runs = RunStore(self._database, self._clock)
        self.approvals = Broker(self._database, self._clock, tenant=settings.tenant)
        self._saver: AsyncSqliteSaver | None = None
        self.journal = Journal(self._database, self._clock)
        self.leases = Leases(self._database, self._clock, this_process())

    async def __aenter__(self) -> Self:
        try:
            await self._database.open()
        except StateFolderError:
            await self._database.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._saver is not None:
            await self._saver.conn.close()
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
    ) -> Run:
        """Commit a queued run; :meth:`drive` moves it.

        Raises:
            NotFound: if ``thread_id`` is unknown.
            ThreadBusy: if the thread has an unfinished run.
        """
        return await self.runs.create(
            graph,
            values,
            thread_id=thread_id,
            user=user or self.settings.user,
            tenant=self.settings.tenant,
            model=model,
            title=title,
            options=options,
        )

    async def drive(
        self,
        run_id: str,
        graph: StateGraph[Any, Any, Any, Any],
        *,
        output: Output,
        model: Any = None,
        accept_changes: bool = False,
    ) -> AsyncIterator[Event]:
        """Drive a run until it ends or waits; yields its events. May be called again to go on.

        Args:
            run_id: Which run.
            graph: Its graph, uncompiled.
            output: Makes the text for a person out of the final state.
            model: The run's model (spec or object); None for the one recorded with the run.
            accept_changes: Go on although the graph is not the one that the run began with.

        Raises:
            NotFound, RunFinished, ThreadBusy: see :class:`RunStore`.
            GraphChanged: if the graph changed since the run began; nothing was applied.
        """
        run = await self.runs.get(run_id)
        if run.status in FINISHED:
            raise RunFinished(f"Run {run_id} is {run.status}; nothing is left to do.")
        compiled = graph.compile(checkpointer=await self._checkpointer())
        now = signature_of(compiled)
        if run.signature and not accept_changes:
            refuse_change(run.id, run.signature, now)

        async def is_cancelled() -> bool:
            return (await self.runs.get(run_id)).status == "cancelled"

        async with self.leases.hold(run.thread_id, is_cancelled) as epoch:
            await self.runs.sign(run.id, now)
            tally = Tally(await self.journal.of_run(run.id))
            context = await self._context(run, model if model is not None else run.model or None, epoch, tally)
            driver = Driver(compiled, run, context, self.runs, self.approvals, self.journal, output, tally)
            events = driver.drive(
                recursion_limit=self.settings.recursion_limit, max_concurrency=self.settings.max_concurrency
            )
            async with aclosing(events):
                async for event in events:
                    yield event

    async def _context(self, run: Run, model: Any, epoch: int, tally: Tally) -> RunContext:
        writer = await self.journal.writer(run.id, run.thread_id, epoch)
        return RunContext(
            run_id=run.id,
            thread_id=run.thread_id,
            user=run.user,
            tenant=run.tenant,
            model=model,
            gate=build_gate(self.approvals.ask, steps=(journaled(self.journal, writer),)),
            ask_model=journaled_model(self.journal, writer, tally.counted(call_model)),
            resources=self.resources,
            fork=(await self.runs.thread(run.thread_id)).fork,
        )

    async def decide(
        self,
        approval_id: str,
        decision: Decision,
        *,
        by: str | None = None,
        digest: str | None = None,
        tool: Tool | None = None,
    ) -> Approval:
        """Record a decision; see :meth:`Broker.decide`. With ``tool``, an edit is validated first.

        Raises:
            NotAllowed: if an edit's arguments do not fit the tool; the question stays open.
        """
        if isinstance(decision, Edit) and tool is not None:
            from graphwright.tools import InvalidArguments

            try:
                tool.validate(decision.arguments)
            except InvalidArguments as error:
                raise NotAllowed(f"The edit was not recorded; the question is still open. {error}") from error
        return await self.approvals.decide(approval_id, decision, by=by or self.settings.user, digest=digest)

    async def cancel(self, run_id: str) -> Run:
        """End a run and withdraw what it asks; a process that drives it stops within a second or two."""
        run = await self.runs.move(run_id, "cancelled")
        await self.approvals.cancel(run_id)
        return run

    async def state_of(self, run: Run) -> Mapping[str, Any]:
        """The values of the newest checkpoint of a run's thread; empty if there is none."""
        found = await (await self._checkpointer()).aget_tuple({"configurable": {"thread_id": run.thread_id}})
        return found.checkpoint["channel_values"] if found else {}

    async def _checkpointer(self) -> AsyncSqliteSaver:
        if self._saver is None:
            # LangGraph's saver is imported late: an inbox or a list of runs does not need it.
            from .checkpoints import open_checkpoints

            self._saver = await open_checkpoints(self.settings.database, self.settings.durability, self.leases.held)
        return self._saver
