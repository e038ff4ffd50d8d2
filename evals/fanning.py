"""Fan a run out: batches of cases go to workers, on this machine or others, and results come back to the one writer.

A worker may die and its batch be run again: of each run of a case exactly one result is kept, the first that comes. The
writer may die: what was written stays, and ``--resume`` runs the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

from .case import Case
from .keeper import Keeper
from .observed import Observed
from .planning import Plan
from .project import Project
from .results import Header, Result, read_result
from .suite import Suite
from .working import result_of

Item = tuple[Case, int]
"""A case, and which run of it."""
ROUNDS = 4
"""Batches that each worker gets of a long run, at least: so that they end at about the same time."""
PARTS = 8
"""Into how many batches one is parted whose worker died."""
MOST_AT_ONCE = 32
"""Cases of a graph in one batch: what a killed driver has to run again for each worker."""
MOST_CALLS_AT_ONCE = 1_024
"""The same of a plain function, which is done in no time."""


class BatchLost(Exception):
    """A worker died with a batch, or was given up; its cases may have been run or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a worker needs to know before its first batch; plain data, but for a suite that stands in no file."""

    project: str
    """Folder; the same path on every machine."""
    suite: str
    """Its name, by which it is found there."""
    source: str
    """Where it is written."""
    plan: Plan
    header: Header
    kept: str
    """The run's folder, for recordings."""
    made: Suite | None = None
    """The suite itself, without its cases, where it stands in no file."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Cases to run, as lines of JSON, and which run of each it is."""

    items: tuple[tuple[bytes, int], ...]


class Pool(Protocol):
    """Where batches are worked on."""

    @property
    def size(self) -> int:
        """How many batches at the same time."""

    async def run(self, batch: Batch) -> Sequence[bytes]:
        """Results of a batch, as the lines that are kept of them.

        Raises:
            BatchLost: if whoever worked on it died. What else is raised ends the run.
        """

    def close(self) -> None:
        """Let the workers go."""


OpenPool = Callable[[Order], Pool]


def order_of(suite: Suite, project: Project, plan: Plan, header: Header, kept: Path) -> Order:
    """What the workers of a run are told."""
    return Order(
        project=str(project.folder.resolve()),
        suite=suite.name,
        source=str(Path(suite.source).resolve()) if suite.source.endswith((".yaml", ".yml")) else suite.source,
        plan=plan,
        header=header,
        kept=str(kept.resolve()),
        made=None if suite.source else replace(suite, cases=[]),
    )


async def fan_out(left: Iterator[Item], many: int, suite: Suite, plan: Plan, pool: Pool, keeper: Keeper) -> None:
    """Have everything worked on, a batch for each worker at a time; limits are looked at between batches.

    Args:
        left: What is to be run.
        many: How much of it there is.
        suite, plan: For what is said of a case that every worker dies of.
        pool: The workers.
        keeper: Writes the results.
    """
    most = MOST_AT_ONCE if suite.function is None else MOST_CALLS_AT_ONCE
    size = max(1, min(most, many // (pool.size * ROUNDS)))
    desk = _Desk(suite, plan, pool, keeper)

    async def take() -> None:
        while not keeper.is_over() and (items := list(islice(left, size))):
            await desk.done(items)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(pool.size):
                group.create_task(take())
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed


class _Desk:
    """Hands batches out and takes results in."""

    def __init__(self, suite: Suite, plan: Plan, pool: Pool, keeper: Keeper) -> None:
        self._suite = suite
        self._plan = plan
        self._pool = pool
        self._keeper = keeper

    async def done(self, items: Sequence[Item], *, is_last: bool = False) -> None:
        """Have a batch done. What is missing of it is tried again in smaller ones, so that one case harms no other.

        Args:
            items: The batch.
            is_last: Whether it is not tried again: a single case, for the second time.
        """
        missing = {(case.id, epoch): (case, epoch) for case, epoch in items}
        why = "It gave no result."
        try:
            batch = Batch(tuple((case.model_dump_json().encode(), epoch) for case, epoch in items))
            for line in await self._pool.run(batch):
                result = read_result(line)
                # What was run twice, or belongs to somebody else, is not kept.
                if missing.pop((result.case, result.epoch), None) is not None:
                    self._keeper.keep(result)
        except BatchLost as lost:
            why = str(lost)
        again = list(missing.values())
        if again and is_last:
            self._keeper.keep(self._lost(*again[0], why))
            return
        size = max(1, len(again) // PARTS)
        for at in range(0, len(again), size):
            if not self._keeper.is_over():
                await self.done(again[at : at + size], is_last=len(items) == 1)

    def _lost(self, case: Case, epoch: int, why: str) -> Result:
        observed = Observed(case_id=case.id, status="failed", trouble=f"Its worker was lost: {why}")
        return result_of(self._suite, self._plan, case, epoch, observed)
