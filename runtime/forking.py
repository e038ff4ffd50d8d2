"""Go on from an earlier checkpoint, on the same thread: a new run, and a new fork epoch.

The epoch is part of the key of every call, so nothing that the abandoned branch did counts for the new one: its
effects are not done again silently, and their outcomes are not reused silently; models and people are asked anew. The
journal of the abandoned branch stays.

The copy of the checkpoint is made when the run is first driven (``branching.py``); until then the thread is as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .branching import edited
from .broker import APPROVERS
from .errors import NotAllowed, NotFound
from .guardrails.answering import Answers, admitted_edits
from .guardrails.guarding import admitted
from .history import state_at
from .policy.plan import PLAN
from .policy.remembering import UNTRUSTED
from .turns import FORK

if TYPE_CHECKING:
    from langgraph.graph import StateGraph

    from .engine import Runtime
    from .runs import Run


KEPT = ("tools", APPROVERS, PLAN, UNTRUSTED)
"""The options of a run that a fork of it is held to: its tools, who decides, what is denied, who is a stranger."""


async def fork(
    runtime: Runtime,
    graph: StateGraph[Any, Any, Any, Any],
    thread_id: str,
    checkpoint_id: str,
    *,
    edits: Mapping[str, Any] | None = None,
    values: Mapping[str, Any] | None = None,
    user: str | None = None,
    model: str = "",
) -> Run:
    """Commit a queued run that goes on from one of a thread's checkpoints; :meth:`Runtime.drive` moves it.

    Args:
        runtime: Of the state folder.
        graph: The thread's graph, uncompiled.
        thread_id: Which thread; it must not have an unfinished run.
        checkpoint_id: From where; a checkpoint of the graph itself, not of a graph inside it.
        edits: State key to value; applied to the copy as a node's update is (messages are added, or replaced by id).
        values: A new input; only from a checkpoint at which nothing is left to do.
        user: Who asks.
        model: The spec of the model; that of the run which made the checkpoint if left out.

    Raises:
        NotFound: if there is no such thread or checkpoint.
        ThreadBusy: if the thread has an unfinished run.
        NotAllowed: if an edit does not fit the state, or an input is given in the middle of a run.
        GuardrailBlocked: if a guardrail does not let the input or an edit pass; nothing was stored.
    """
    compiled = graph.compile(checkpointer=await runtime.checkpointer())
    thread = await runtime.runs.thread(thread_id)
    state = await state_at(compiled, thread_id, checkpoint_id)
    if values and state.tasks:
        raise NotAllowed(
            f"Checkpoint {checkpoint_id} is in the middle of a run (next: {', '.join(state.next)}). "
            "Fork it without an input, or give the input to a checkpoint at which a run ended."
        )
    for key, value in (edits or {}).items():
        edited(compiled, key, state.values, value)
    new, noticed = admitted(runtime.guardrails, values or {}) if values else ({}, {})
    written, told = admitted_edits(runtime.guardrails, edits or {})
    made_by = await _maker(runtime, dict(state.metadata or {}))
    kept = {name: made_by.options[name] for name in KEPT if made_by and name in made_by.options}
    run = await runtime.runs.create(
        thread.graph,
        new,
        thread_id=thread_id,
        user=user or runtime.settings.user,
        tenant=runtime.settings.tenant,
        model=model or (made_by.model if made_by else ""),
        options={**kept, **noticed, FORK: {"checkpoint": checkpoint_id, "set": written}},
    )
    await Answers(lambda: runtime.guardrails, runtime.runs).keep(run.id, "set", told)
    return run


async def _maker(runtime: Runtime, metadata: Mapping[str, Any]) -> Run | None:
    try:
        return await runtime.runs.get(str(metadata.get("graphwright_run", "")))
    except NotFound:
        return None
