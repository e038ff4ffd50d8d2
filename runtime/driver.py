"""Drive a run: from its row or its last checkpoint to its end or to the next question to a person."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from langgraph.errors import GraphDrained, GraphRecursionError
from langgraph.types import Command, Interrupt

from graphwright.tools import ApprovalRules

from .approvals import approval_data
from .branching import branch_off, is_to_fork
from .broker import Broker
from .context import RunContext
from .decisions import Respond, decision_to_wire
from .errors import LeaseLost, RunFinished
from .events import Event, event
from .journal import Entry, Journal
from .journaling import is_unknown_outcome
from .leases import fence, taken_over
from .places import path_of
from .questions import Question, request_of_interrupt
from .runs import Run, RunStore, Status
from .turns import PAUSE
from .usage import Tally

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.runtime import RunControl
    from langgraph.types import StreamMode
    from sqlalchemy import Connection

Output = Callable[[Mapping[str, Any]], str]
"""Makes the text that a person reads out of a graph's final state."""


class Driver:
    """Moves one run along its graph, in this process, under the thread's lease."""

    def __init__(
        self,
        graph: CompiledStateGraph[Any, Any, Any, Any],
        run: Run,
        context: RunContext,
        runs: RunStore,
        broker: Broker,
        journal: Journal,
        output: Output,
        tally: Tally,
        epoch: int,
    ) -> None:
        self._graph = graph
        self._run = run
        self._context = context
        self._runs = runs
        self._broker = broker
        self._journal = journal
        self._output = output
        self._tally = tally
        self._epoch = epoch

    async def drive(
        self, *, recursion_limit: int, max_concurrency: int, control: RunControl | None = None, live: bool = True
    ) -> AsyncGenerator[Event]:
        """Yield what happens until the run ends, waits for a person, or is cancelled elsewhere.

        The caller holds the thread's lease, and may ask ``control`` to stop at the end of a step: the run is queued
        then. Without ``live`` nothing is streamed out of the steps: only that they were done.

        Raises:
            RunFinished: if the run has ended already.
        """
        config: RunnableConfig = {
            "configurable": {"thread_id": self._run.thread_id},
            "recursion_limit": recursion_limit,
            "max_concurrency": max_concurrency,
            "metadata": {"graphwright_run": self._run.id},
        }
        self._control = control
        self._modes: list[StreamMode] = ["custom", "updates"] if live else ["updates"]
        if PAUSE in self._run.options:
            await self._runs.remember(self._run.id, **{PAUSE: None})
        yield self._event("run_started", data={"graph": self._run.graph, "thread": self._run.thread_id})
        async for each in self._drive(config):
            yield each

    async def _drive(self, config: RunnableConfig) -> AsyncIterator[Event]:
        try:
            state, payload = await self._begun(config)
            before = None
            while payload is not _WAIT and payload is not _END:
                async for each in self._stream(payload, config):
                    yield each
                state = await self._graph.aget_state(config)
                payload = await self._payload(state)
                here = state.config["configurable"].get("checkpoint_id")
                if payload is None and here == before:
                    raise RuntimeError("The graph stands still: a step ended without a checkpoint.")
                before = here
        except (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit):
            await self._let_go("queued")
            raise
        except GraphDrained:
            yield await self._drained()
            return
        except (LeaseLost, sqlite3.IntegrityError) as error:
            raise taken_over(self._run.thread_id) from error
        except RunFinished:  # it was cancelled elsewhere, and noticed before a decision was applied
            raise
        except Exception as error:
            yield await self._failed(error)
            return
        if payload is _WAIT:
            for approval in await self._broker.pending(run_id=self._run.id):
                yield self._event("approval_asked", agent=approval.agent, data=approval_data(approval))
            unknown = await self._journal.unknown(run_id=self._run.id)
            for entry in unknown:
                yield self._event("outcome_unknown", agent=entry.agent, tool=entry.name, data=unknown_data(entry))
            yield await self._moved("blocked" if unknown else "waiting")
        else:
            yield await self._moved("done", output=self._output(state.values))

    async def _begun(self, config: RunnableConfig) -> tuple[Any, Any]:
        """How the thread stands, and what to give the graph first."""
        saver: Any = self._graph.checkpointer
        if await saver.aget_tuple(config) is None:
            # A new thread has no state to look at: to see that is much cheaper than to look.
            return None, dict(self._run.input)
        state = await self._graph.aget_state(config)
        if is_to_fork(self._run, state.metadata):
            await branch_off(self._graph, self._run)
            state = await self._graph.aget_state(config)
        payload = await self._payload(state)
        return state, None if payload is _WAIT and _has_undone(state) else payload

    async def _stream(self, payload: Any, config: RunnableConfig) -> AsyncIterator[Event]:
        stream = self._graph.astream(
            payload,
            config,
            context=self._context,
            stream_mode=self._modes,
            subgraphs=True,
            durability="sync",
            control=self._control,
        )
        async for place, mode, chunk in cast(AsyncIterator[tuple[tuple[str, ...], str, Any]], stream):
            if mode == "custom":
                yield cast(Event, {**chunk, "run_id": self._run.id})
            else:
                path = path_of("|".join(place))
                for node in chunk:
                    if node != "__interrupt__":
                        yield self._event("step", path=f"{path}/{node}".lstrip("/"))

    async def _payload(self, state: Any) -> Any:
        """What to give the graph next: the input, answers, None (go on), or that it waits or has ended."""
        ours = (state.metadata or {}).get("graphwright_run") == self._run.id
        if not ours or (state.metadata.get("source") == "fork" and self._run.input):
            return dict(self._run.input)
        if state.interrupts:
            return await self._answered(state.interrupts)
        return None if state.tasks else _END

    async def _answered(self, interrupts: Sequence[Interrupt]) -> Any:
        """How to go on from interrupts: with answers, by running again what was resolved, or not yet."""
        open_calls = {entry.id for entry in await self._journal.unknown(run_id=self._run.id)}
        stopped = [each for each in interrupts if is_unknown_outcome(each)]
        answers = await self._answers([each for each in interrupts if not is_unknown_outcome(each)])
        if answers:
            return Command(resume=answers)
        return None if any(each.value["entry"] not in open_calls for each in stopped) else _WAIT

    async def _answers(self, interrupts: Sequence[Interrupt]) -> dict[str, Any]:
        """The decisions on disk that answer these interrupts, by interrupt id."""
        known = {each.id: each for each in await self._broker.of_run(self._run.id)}
        answers = {}
        for each in interrupts:
            value = each.value if isinstance(each.value, dict) else {"value": each.value}
            approval = known.get(value.get("approval_id", ""))
            if approval is None:
                approval = await self._broker.record(self._plain_question(each.id, value), guard=self._guard)
            if approval.decision is not None:
                is_plain = approval.tool == PLAIN_INTERRUPT
                answers[each.id] = (
                    approval.decision.message
                    if is_plain and isinstance(approval.decision, Respond)
                    else decision_to_wire(approval.decision, approval.tool)
                )
        return answers

    def _guard(self, connection: Connection) -> None:
        """Whoever lost the lease asks nobody."""
        fence(connection, self._run.thread_id, self._epoch)

    def _plain_question(self, interrupt_id: str, value: dict[str, Any]) -> Question:
        """A question that a graph of the user's asks by LangGraph's own ``interrupt``."""
        return Question(
            key=f"{self._run.thread_id}|{self._run.id}|interrupt|{interrupt_id}",
            call_id=interrupt_id,
            tool=PLAIN_INTERRUPT,
            arguments=value,
            rules=ApprovalRules(_reason(value)),
            requester=self._run.user,
            run_id=self._run.id,
            thread_id=self._run.thread_id,
            digest=request_of_interrupt(self._run.thread_id, interrupt_id, value),
        )

    async def _failed(self, error: Exception) -> Event:
        if isinstance(error, GraphRecursionError):
            text = (
                "The run took more steps than recursion_limit allows. Raise it in graphwright.toml, "
                "or bound the loop in the graph."
            )
        else:
            text = f"{type(error).__name__}: {error}" if not str(error) or isinstance(error, _BARE) else str(error)
        if getattr(error, "retryable", False) or isinstance(error, sqlite3.OperationalError):
            text += f" Nothing is lost: `graphwright resume {self._run.id}` goes on from the last checkpoint."
            return await self._moved("queued", error=text)
        ended = await self._moved("failed", error=text)
        await self._broker.cancel(self._run.id)
        return ended

    async def _moved(self, status: Status, **changes: Any) -> Event:
        used = {"usage": self._tally.usage, "prompts": self._tally.prompts}
        run = await self._runs.move(self._run.id, status, epoch=self._epoch, **used, **changes)
        return self._event(
            "run_finished", status=run.status, text=run.output or run.error or "", data={"usage": dict(run.usage)}
        )

    async def _drained(self) -> Event:
        """It was asked to stop, and stands between two steps: queued, unless it was cancelled meanwhile."""
        await self._let_go("queued")
        run = await self._runs.get(self._run.id)
        return self._event("run_finished", status=run.status, text=run.error or "", data={"usage": dict(run.usage)})

    async def _let_go(self, status: Status) -> None:
        with contextlib.suppress(RunFinished, LeaseLost):
            await self._moved(status)

    def _event(self, kind: Any, **data: Any) -> Event:
        return cast(Event, {**event(kind, **data), "run_id": self._run.id})


def _reason(value: Mapping[str, Any]) -> str:
    words = value.get("description") or value.get("question") or value.get("value")
    return str(words or "").strip() or "The graph asks."


PLAIN_INTERRUPT = "interrupt"
"""Stands as the tool of a question that was asked by a bare ``interrupt``."""
_WAIT, _END = object(), object()
_BARE = (LookupError, TypeError, AttributeError, NameError, ArithmeticError, AssertionError)
"""Mistakes of a program whose text says little without their name."""


def _has_undone(state: Any) -> bool:
    """Whether a crash left siblings of the tasks that wait: neither done nor asking, they would wait for no reason."""
    return any(not task.interrupts and task.result is None for task in state.tasks)


def unknown_data(entry: Entry) -> dict[str, Any]:
    """A call with unknown outcome as plain data, for events and ``--json``."""
    return {
        "id": entry.id,
        "run_id": entry.run_id,
        "thread_id": entry.thread_id,
        "agent": entry.agent,
        "path": entry.path,
        "tool": entry.name,
        "arguments": entry.request,
        "begun": entry.begun,
        "error": (entry.outcome or {}).get("error", ""),
    }
