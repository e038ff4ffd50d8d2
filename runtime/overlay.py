"""A checkpointer in memory on top of a stored one: reads what was stored up to one checkpoint, writes nothing there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    CheckpointTuple,
    get_checkpoint_metadata,
    writes_sort_key,
)

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata

_Place = tuple[str, str]
"""Namespace and checkpoint id."""


class Overlay(BaseCheckpointSaver[str]):
    """One thread as it was at a checkpoint, to be moved on in memory. Graphs inside its nodes begin anew."""

    def __init__(self, stored: BaseCheckpointSaver[Any], thread_id: str, head: str) -> None:
        # What is kept in memory needs no seal.
        super().__init__(serde=getattr(stored.serde, "inner", stored.serde))
        self._stored = stored
        self._thread = thread_id
        self._head = head
        self._checkpoints: dict[_Place, tuple[Any, Any, str | None]] = {}
        self._writes: dict[_Place, dict[tuple[str, int], tuple[str, str, Any]]] = {}

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """A checkpoint of this branch, or one that it stands on."""
        place = config["configurable"].get("checkpoint_ns", "")
        wanted = config["configurable"].get("checkpoint_id")
        if not wanted:
            mine = [each for space, each in self._checkpoints if space == place]
            wanted = max(mine) if mine else ("" if place else self._head)
        if (place, wanted) in self._checkpoints:
            return self._own(place, wanted)
        if place or not wanted:
            return None
        found = await self._stored.aget_tuple(self._config(place, wanted))
        if found is None or wanted != self._head:
            return found
        # What the original step wrote is what is to be found out again.
        return found._replace(pending_writes=self._written((place, wanted)))

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Keep a checkpoint in memory."""
        place = config["configurable"].get("checkpoint_ns", "")
        parent = config["configurable"].get("checkpoint_id")
        kept = (self.serde.dumps_typed(checkpoint), get_checkpoint_metadata(config, metadata), parent)
        self._checkpoints[place, checkpoint["id"]] = kept
        return self._config(place, checkpoint["id"])

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Keep the writes of a task in memory."""
        at = config["configurable"]
        kept = self._writes.setdefault((at.get("checkpoint_ns", ""), at["checkpoint_id"]), {})
        for number, (channel, value) in enumerate(writes):
            index = WRITES_IDX_MAP.get(channel, number)
            if index < 0 or (task_id, index) not in kept:
                kept[task_id, index] = (task_path, channel, self.serde.dumps_typed(value))

    def get_next_version(self, current: str | None, channel: None) -> str:
        """As the stored one counts."""
        return str(self._stored.get_next_version(current, channel))

    def _own(self, place: str, wanted: str) -> CheckpointTuple:
        checkpoint, metadata, parent = self._checkpoints[place, wanted]
        return CheckpointTuple(
            config=self._config(place, wanted),
            checkpoint=self.serde.loads_typed(checkpoint),
            metadata=metadata,
            parent_config=self._config(place, parent) if parent else None,
            pending_writes=self._written((place, wanted)),
        )

    def _written(self, at: _Place) -> list[tuple[str, str, Any]]:
        kept = self._writes.get(at, {})
        ordered = sorted(kept.items(), key=lambda each: writes_sort_key(each[1][0], each[0][0], each[0][1]))
        return [(task, channel, self.serde.loads_typed(value)) for (task, _), (_, channel, value) in ordered]

    def _config(self, place: str, checkpoint_id: str) -> RunnableConfig:
        return {
            "configurable": {
                "thread_id": self._thread,
                "checkpoint_ns": place,
                "checkpoint_id": checkpoint_id,
            }
        }
