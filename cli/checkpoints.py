"""Runs and threads as people name them, and their graphs with the checkpoints behind them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import usage
from .session import Session, build, catalogue_of, tools_of

if TYPE_CHECKING:
    from graphwright.graphs import GraphEntry
    from graphwright.runtime import Run


def newest_run(session: Session, name: str) -> tuple[str, Run | None, bool]:
    """What a run's or a thread's id names: the thread, the run (a thread's newest one), and whether it named a run.

    Raises:
        NotFound: if it names neither.
    """
    from graphwright.runtime import NotFound

    runtime = session.runtime
    try:
        run = session.run(runtime.runs.get(name))
    except NotFound:
        thread = session.run(runtime.runs.thread(name))
        found = session.run(runtime.runs.runs(tenant=session.settings.tenant, thread_id=thread.id, limit=1))
        return thread.id, (found[0] if found else None), False
    return run.thread_id, run, True


def graph_of(session: Session, graph: str, run: Run | None) -> tuple[GraphEntry, Any]:
    """A graph of the catalogue, built with the tools that a run was started with."""
    entry = catalogue_of(session.settings).get(graph)
    files = [Path(path) for path in run.options.get("tools", ())] if run else []
    return entry, build(entry, tools_of(session.settings, files))


def compiled_for(session: Session, thread_id: str, run: Run | None) -> Any:
    """A thread's graph, with the checkpoints of the state folder behind it."""
    thread = session.run(session.runtime.runs.thread(thread_id))
    _, graph = graph_of(session, thread.graph, run)
    return graph.compile(checkpointer=session.run(session.runtime.checkpointer()))


def thread_of_checkpoint(session: Session, checkpoint: str) -> str:
    """The thread that has a checkpoint.

    Raises:
        CliError: a usage error, if none has.
    """
    from graphwright.runtime.history import thread_of

    session.run(session.runtime.checkpointer())
    found = session.run(thread_of(session.runtime.database, checkpoint, tenant=session.settings.tenant))
    if found is None:
        usage(f"There is no checkpoint {checkpoint!r}. `graphwright history THREAD` lists a thread's.")
    return found
