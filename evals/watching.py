"""Watch a graph while a case runs: which task began, what it wrote, where it went, and when it was over.

LangGraph tells every node's begin and end to callbacks, and every task's writes to the checkpointer; from the writes it
can be read to which nodes a task leads. Nothing is guessed from names, and nobody who does not watch pays for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from langchain_core.callbacks import AsyncCallbackHandler
from langgraph.errors import GraphBubbleUp

from graphwright.runtime.places import path_of

from .altering import AlteredRuntime

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph import StateGraph

BRANCH, JOIN, SENDS = "branch:to:", "join:", "__pregel_tasks"
"""Channels to which a task writes where it leads: to a node, into a join of several, to a task of its own."""
ERROR, INTERRUPT, RESUME = "__error__", "__interrupt__", "__resume__"
TASK = "graph:step:"
"""How the tag of a run begins that is a task of a graph, and not a part of one."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a graph: one execution of one node."""

    place: str
    """Its checkpoint namespace: the same when it runs again after an interrupt, a failure or a crash."""
    step: int
    """Of the graph that it belongs to."""

    @property
    def path(self) -> str:
        """Where in the graph, such as ``team/clerk/model``."""
        return path_of(self.place)

    @property
    def superstep(self) -> tuple[str, int]:
        """The tasks that run beside it are of the same one."""
        return self.place.rpartition("|")[0], self.step


class Watch(AsyncCallbackHandler):
    """What is told of a run; whoever watches overrides what it wants to know."""

    raise_error = True
    """LangChain would only log what goes wrong here."""

    def __init__(self) -> None:
        self._running: dict[UUID, Task] = {}

    async def drive_began(self) -> None:
        """The graph begins, or goes on."""

    async def began(self, task: Task) -> None:
        """A task is about to begin; it begins when this returns."""

    async def ended(self, task: Task, error: BaseException | None) -> None:
        """A task is over; with an error, if it did not come to its end: an interrupt is one too."""

    def wrote(self, level: str, task_id: str, name: str, channels: Sequence[tuple[str, Any]]) -> None:
        """A task's writes are kept: its graph's namespace, its id, its node (empty where only the id tells it)."""

    async def on_chain_start(
        self,
        serialized: dict[str, Any],
        inputs: dict[str, Any],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """What LangChain tells; a task is told further."""
        if parent_run_id is None:
            await self.drive_began()
        told = metadata or {}
        if any(each.startswith(TASK) for each in tags or ()) and "langgraph_checkpoint_ns" in told:
            task = Task(told["langgraph_checkpoint_ns"], int(told.get("langgraph_step", 0)))
            self._running[run_id] = task
            await self.began(task)

    async def on_chain_end(self, outputs: dict[str, Any], *, run_id: UUID, **kwargs: Any) -> None:
        """The same."""
        if (task := self._running.pop(run_id, None)) is not None:
            await self.ended(task, None)

    async def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """The same."""
        if (task := self._running.pop(run_id, None)) is not None:
            await self.ended(task, error)


def is_failure(error: BaseException | None) -> bool:
    """Whether a task failed: one that asks somebody, hands over or is cancelled did not."""
    return error is not None and not isinstance(error, GraphBubbleUp | asyncio.CancelledError)


class WatchedRuntime(AlteredRuntime):
    """A runtime that tells a :class:`Watch` what its graphs do."""

    watch: Watch | None = None

    async def _compiled(self, graph: StateGraph[Any, Any, Any, Any]) -> tuple[Any, Any]:
        compiled, signature = await super()._compiled(graph)
        if self.watch is None:
            return compiled, signature
        return compiled.with_config(callbacks=[self.watch]), signature

    async def _checkpointer(self) -> BaseCheckpointSaver[str]:
        is_new = self._saver is None
        saver = await super()._checkpointer()
        if is_new and self.watch is not None:
            _tell_writes(saver, self.watch)
        return saver


def _tell_writes(saver: BaseCheckpointSaver[str], watch: Watch) -> None:
    keep = saver.aput_writes

    async def aput_writes(config: Any, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = "") -> None:
        watch.wrote(config["configurable"].get("checkpoint_ns", ""), task_id, _name_in(task_path), writes)
        await keep(config, writes, task_id, task_path)

    saver.aput_writes = aput_writes  # type: ignore[method-assign]  # this one saver is watched


def _name_in(task_path: str) -> str:
    """The node in LangGraph's path of a task; empty for a task that was sent: its path is a number."""
    kind, _, name = task_path.removeprefix("~").partition(", ")
    return name if kind == "__pregel_pull" else ""


def targets_of(writes: Sequence[tuple[str, Any]]) -> frozenset[str]:
    """The nodes, beside the one that wrote, to which these writes lead."""
    found = set()
    for channel, value in writes:
        if channel.startswith(BRANCH):
            found.add(channel.removeprefix(BRANCH))
        elif channel.startswith(JOIN):
            found.add(channel.rpartition(":")[2])
        elif channel == SENDS and hasattr(value, "node"):
            found.add(str(value.node))
    return frozenset(found)
