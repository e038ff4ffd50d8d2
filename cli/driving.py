"""Drive a run for a person: show it, ask on the spot or say how to answer, and end with the exit status."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .approval_text import still_waits
from .asking import ask, can_ask, how_to_answer
from .errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_WAITING
from .invocation import Invocation
from .output import emit, remark, say
from .progress import QuietView, View
from .safe_text import call_text, one_line
from .session import Session, build, choose_model, remembered_tools, tools_of
from .unknown import tell_how_to_resolve

if TYPE_CHECKING:
    from graphwright.graphs import Catalogue, GraphEntry
    from graphwright.models import ModelChoice
    from graphwright.runtime import Approval, Run
    from graphwright.tools import Tool


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that drives one run."""

    entry: GraphEntry
    graph: Any
    choice: ModelChoice
    accept_changes: bool = False
    """Go on although the graph is not the one that the run began with."""


def prepare(session: Session, run: Run, catalogue: Catalogue) -> Prepared:
    """What a run that was started before needs to go on: its graph, its tools, its model.

    Raises:
        GraphNotFound, UnknownModel, CliError: if one of them is not here any more.
    """
    entry = catalogue.get(run.graph)
    tools: list[Tool] = tools_of(session.settings, remembered_tools(run))
    return Prepared(entry, build(entry, tools), choose_model(session.settings, run.model))


def go_on(session: Session, run: Run, prepared: Prepared, invocation: Invocation, *, no_input: bool = False) -> int:
    """Drive until the run ends, or waits for somebody who is not here; return the exit status.

    Runs that were queued behind it on the same thread come next; the first exit status that is not 0 counts.
    """
    session.provide(prepared.entry)
    status = _to_its_end(session, run, prepared, invocation, no_input)
    following = _queued_behind(session, run)
    if following is None:
        return status
    remark(f"Next on {run.thread_id}: {following.id}.")
    next_status = go_on(session, following, replace(prepared, accept_changes=False), invocation, no_input=no_input)
    return status or next_status


def is_queued_behind(session: Session, run: Run) -> bool:
    """Whether a run has to wait for its turn; if so it is told what it waits for."""
    first = session.run(session.runtime.runs.unfinished(run.thread_id))[0]
    if first.id == run.id:
        return False
    remark(f"Run {run.id} is queued behind {first.id}, which is {first.status}; it goes on when that one has ended.")
    return True


def _queued_behind(session: Session, run: Run) -> Run | None:
    """The run of the same thread whose turn it is now, if it was put into the queue."""
    if session.find_run(run.id).status not in ("done", "failed", "cancelled"):
        return None
    left = session.run(session.runtime.runs.unfinished(run.thread_id))
    return left[0] if left and left[0].options.get("enqueued") and left[0].status == "queued" else None


def _to_its_end(session: Session, run: Run, prepared: Prepared, invocation: Invocation, no_input: bool) -> int:
    skipped: set[str] = set()
    try:
        while True:
            run = session.run(_segment(session, run, prepared, invocation))
            if run.status != "waiting" or no_input or not can_ask():
                return _told(session, run, invocation)
            if not _ask_all(session, run, prepared, skipped):
                return _told(session, run, invocation)
    except KeyboardInterrupt:
        remark(f"\nInterrupted. Nothing is lost; go on with: {invocation.program} resume {run.id}")
        return EXIT_INTERRUPTED


async def _segment(session: Session, run: Run, prepared: Prepared, invocation: Invocation) -> Run:
    runtime = session.runtime
    view = _view(invocation)
    undo = _stop_between_steps(session)
    try:
        events = runtime.drive(
            run.id,
            prepared.graph,
            output=prepared.entry.answer,
            model=prepared.choice.model,
            accept_changes=prepared.accept_changes,
        )
        async with aclosing(events):  # type: ignore[type-var]  # declared as an iterator, is a generator
            async for event in events:
                if invocation.json:
                    emit(event)
                view.see(event)
    except asyncio.CancelledError:
        if (await runtime.runs.get(run.id)).status != "cancelled":
            raise
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
    finally:
        undo()
        view.close()
    return await runtime.runs.get(run.id)


def _stop_between_steps(session: Session) -> Callable[[], object]:
    """Let SIGTERM stop the run at the end of its step, a second one at once; returns what undoes it."""
    loop = asyncio.get_running_loop()
    told: list[bool] = []

    def terminate() -> None:
        if told:
            signal.raise_signal(signal.SIGINT)
            return
        told.append(True)
        remark("Stopping at the end of this step; once more stops at once.")
        session.runtime.drain()

    try:
        loop.add_signal_handler(signal.SIGTERM, terminate)
    except (NotImplementedError, RuntimeError, ValueError):  # not on Windows, not outside the main thread
        return lambda: None
    return lambda: loop.remove_signal_handler(signal.SIGTERM)


def _view(invocation: Invocation) -> View:
    if invocation.json:
        return QuietView()
    from .live import best_view  # rich: only where something is shown

    return best_view()


def _ask_all(session: Session, run: Run, prepared: Prepared, skipped: set[str]) -> bool:
    """Ask about each open question of the run that was not skipped before; whether anything was decided."""
    decided = False
    for approval in session.run(session.runtime.approvals.pending(run_id=run.id)):
        if approval.id in skipped:
            continue
        if _ask_one(session, approval, prepared):
            decided = True
        else:
            skipped.add(approval.id)
    return decided


def _ask_one(session: Session, approval: Approval, prepared: Prepared) -> bool:
    """Ask until a decision was recorded (True) or the person leaves the question waiting (False)."""
    from graphwright.graphs.parts import tool_of
    from graphwright.runtime import AlreadyDecided, RuntimeProblem

    tool = tool_of(prepared.graph, approval.tool)
    while True:
        decision = ask(approval)
        if decision is None:
            return False
        try:
            recorded = session.run(session.runtime.decide(approval.id, decision, digest=approval.digest, tool=tool))
            if recorded.decision is None:
                remark(f"  Recorded: {still_waits(recorded)}.")
            return recorded.decision is not None
        except AlreadyDecided as error:
            remark(f"  {error}")
            return True
        except RuntimeProblem as error:
            remark(f"  {error}")


def _told(session: Session, run: Run, invocation: Invocation) -> int:
    if run.status == "done":
        if not invocation.json:
            say(run.output or "")
        if not (run.output or "").strip():
            remark("The graph ended without an answer.")
        remark(f"Done: {run.id} on {run.thread_id}.")
        return EXIT_OK
    if run.status == "waiting":
        _tell_waiting(session, run, invocation)
        return EXIT_WAITING
    if run.status == "blocked":
        remark(f"Run {run.id} is blocked: nobody knows whether a call happened. Say what became of it:")
        tell_how_to_resolve(session.run(session.runtime.journal.unknown(run_id=run.id)), invocation)
        return EXIT_WAITING
    if run.status == "queued" and not run.error:
        remark(f"Stopped between two steps. Nothing is lost; go on with: {invocation.program} resume {run.id}")
        return EXIT_INTERRUPTED
    if run.status == "cancelled":
        remark(f"Run {run.id} was cancelled.{' ' + run.error if run.error else ''}")
        return EXIT_FAILED
    remark(f"error: Run {run.id} of graph {run.graph!r} {_ended(run.status)}: {run.error or 'no reason was recorded'}")
    return EXIT_FAILED


def _ended(status: str) -> str:
    return "failed" if status == "failed" else f"stopped and is {status}"


def _tell_waiting(session: Session, run: Run, invocation: Invocation) -> None:
    pending = session.run(session.runtime.approvals.pending(run_id=run.id))
    remark(f"Run {run.id} waits for {'a decision' if len(pending) == 1 else f'{len(pending)} decisions'}.")
    for approval in pending:
        what = call_text(approval.tool, dict(approval.arguments))
        why = one_line(approval.reason, 400)
        remark(why if approval.tool == "interrupt" else f"  {what}: {why}")
        for command in how_to_answer(approval, invocation.program):
            remark(f"    {command}")
