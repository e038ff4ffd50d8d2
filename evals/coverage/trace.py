"""What the tasks of one case did: where each ran, where it led, and what was tried again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from langgraph.types import Interrupt

from graphwright.runtime import GateCall, Outcome
from graphwright.runtime.gate import Handler
from graphwright.runtime.places import path_of
from graphwright.tools import Tool, ToolContext

from ..altering import Alteration
from ..watching import ERROR, INTERRUPT, RESUME, Task, Watch, is_failure, targets_of


class Trace(Watch):
    """Keeps what happened, in all processes of a case; what happened often is kept once."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes: set[str] = set()
        """Paths of the nodes that ran: to their end, to a question, or into an error."""
        self.led: set[tuple[str, frozenset[str]]] = set()
        """Of each task that came to its end: its node, and all nodes beside it to which it led."""
        self.interrupted: set[str] = set()
        """Nodes that asked by LangGraph's own ``interrupt``."""
        self.tried_again: set[str] = set()
        """Nodes that LangGraph ran again after they had failed."""
        self._places: dict[str, str] = {}
        self._failed: set[str] = set()

    async def drive_began(self) -> None:
        """What failed before is run again because somebody resumed it, which is no retry."""
        self._failed.clear()

    async def began(self, task: Task) -> None:
        """Note where a task is, by its id; its path among the writes may be a number."""
        self._places[task.place.rpartition(":")[2]] = task.path
        if task.place in self._failed:
            self.tried_again.add(task.path)

    async def ended(self, task: Task, error: BaseException | None) -> None:
        """Note what failed."""
        if is_failure(error):
            self._failed.add(task.place)

    def wrote(self, level: str, task_id: str, name: str, channels: Sequence[tuple[str, Any]]) -> None:
        """Note what a task came to."""
        path = self._places.get(task_id) or "/".join(filter(None, (path_of(level), name)))
        written = {channel for channel, _ in channels}
        if not path or written <= {RESUME}:
            return
        self.nodes.add(path)
        if INTERRUPT in written:
            self.interrupted.update(path for channel, value in channels if channel == INTERRUPT and _is_plain(value))
        elif ERROR not in written:
            self.led.add((path, targets_of(channels)))


def _is_plain(value: Any) -> bool:
    """Whether a question is the graph's own: an approval or an unknown outcome of ours says so."""
    asked = [each.value for each in value if isinstance(each, Interrupt)] if isinstance(value, list | tuple) else []
    return any(not (isinstance(each, dict) and {"approval_id", "entry"} & each.keys()) for each in asked)


class Retries(Alteration):
    """Counts the attempts of calls; notes the tools of which one needed several."""

    def __init__(self) -> None:
        self.tried_again: set[str] = set()
        self._tools: dict[Tool, Tool] = {}

    async def call_tool(self, call: GateCall, following: Handler) -> Outcome:
        """The same call, with a tool whose attempts are counted."""
        if not call.tool.labels.retry:
            return await following(call)
        if call.tool not in self._tools:
            self._tools[call.tool] = replace(call.tool, call=_Counted(call.tool, self))
        return await following(replace(call, tool=self._tools[call.tool]))


class _Counted:
    """A tool's call; an attempt after a failed one has the same key."""

    def __init__(self, tool: Tool, retries: Retries) -> None:
        self._tool = tool
        self._retries = retries
        self._failed: set[str] = set()

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        if context.call_id in self._failed:
            self._retries.tried_again.add(self._tool.name)
        try:
            return await self._tool.call(arguments, context)
        except Exception:
            self._failed.add(context.call_id)
            raise
