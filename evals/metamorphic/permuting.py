"""Parallel branches in another order: what runs side by side is run one after the other, last first or shuffled."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass, field
from itertools import pairwise

from ..case import Case, ScriptedReply
from ..sandbox_run import Sandboxes
from ..suite import Suite
from ..watching import Task, Watch
from .relation import Relation, Tried, WatchedSitting, compared
from .sameness import Reference

GATHER_SECONDS = 0.003
"""How long a task waits for others of its step to arrive; LangGraph begins them in one go."""
PATIENCE_SECONDS = 20.0
"""How long a task waits for the one before it; one that waits for another of its own step would wait for ever."""


class Permuted(Relation):
    """The order in which parallel branches run is nobody's promise."""

    name = "permute"
    about = "parallel branches run in another order"

    async def try_on(self, case: Case, suite: Suite, boxes: Sandboxes, reference: Reference, *, seed: int) -> Tried:
        """Run it with every group of parallel tasks in another order."""
        turns = Turns(seed)
        observed = await boxes.observe(case, lambda box, one, folder: WatchedSitting(box, one, folder, turns))
        if not turns.permuted:
            return Tried(unfit="No two tasks of it run side by side.")
        if turns.asks_beside and _replies_in_order(case):
            return Tried(
                unfit="Its replies are given in order, to whichever branch asks first; match them by `when` or `at`."
            )
        if case.faults:
            return Tried(unfit="Its faults hit the n-th call, and which of the parallel branches makes it is chance.")
        what = f"{turns.permuted} groups of parallel tasks in another order"
        return Tried(what=what, differences=compared(case, observed, reference))


def _replies_in_order(case: Case) -> bool:
    return any(
        isinstance(each, str) or (isinstance(each, ScriptedReply) and not each.is_addressed)
        for each in case.replies or ()
    )


@dataclass
class _Group:
    """The tasks of one step of one graph that began together."""

    came: list[Task] = field(default_factory=list)
    before: dict[str, str] | None = None
    """Place of each to the place of the one that goes before it, once the order is drawn."""


class Turns(Watch):
    """Lets tasks of one step run one after the other, in an order of its own."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.permuted = 0
        """How many groups of several tasks there were."""
        self.asks_beside = False
        """Whether anything but calls of tools ran side by side."""
        self._chance = random.Random(seed)
        self._seed = seed
        self._groups: dict[tuple[str, int], _Group] = {}
        self._over: dict[str, asyncio.Event] = {}

    async def drive_began(self) -> None:
        """A step that was left is begun again."""
        self._groups.clear()
        self._over.clear()

    async def began(self, task: Task) -> None:
        """Wait for the turn of the task."""
        group = self._groups.setdefault(task.superstep, _Group())
        self._over[task.place] = asyncio.Event()
        if group.before is not None:  # it came late, because only so many may run at once
            return
        group.came.append(task)
        await asyncio.sleep(GATHER_SECONDS)
        if group.before is None:
            group.before = self._drawn(group)
        ahead = group.before.get(task.place)
        if ahead is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self._over[ahead].wait()

    async def ended(self, task: Task, error: BaseException | None) -> None:
        """The next one's turn."""
        if task.place in self._over:
            self._over[task.place].set()

    def _drawn(self, group: _Group) -> dict[str, str]:
        if len(group.came) < 2:
            return {}
        self.permuted += 1
        self.asks_beside |= any(not each.path.endswith("tools") for each in group.came)
        order = group.came[::-1]
        if self._seed and len(order) > 2:
            self._chance.shuffle(order)
        if order == group.came:
            order.reverse()
        return {later.place: earlier.place for earlier, later in pairwise(order)}
