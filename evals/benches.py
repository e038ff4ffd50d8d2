"""What a worker does with a batch: it runs each case as a run on one machine would, and gives back the lines."""

from __future__ import annotations

import asyncio
import atexit
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from .case import Case
from .fanning import Batch, Order
from .guarding import real_models_banned
from .project import Project
from .results import ResultsProblem, line_of
from .signing import signature_of_target
from .suite import Suite
from .suite_files import find_suite, load_suite
from .working import observer_of, result_of, target_of

_BENCHES: dict[tuple[str, str], Bench] = {}


def work(order: Order, batch: Batch) -> list[bytes]:
    """Run a batch in this process; what its cases share is made once.

    Raises:
        ResultsProblem: if the graph is another one here than where the run was begun.
    """
    key = (order.kept, order.header.run)
    if key not in _BENCHES:
        for other in list(_BENCHES):
            _BENCHES.pop(other).close()
        _BENCHES[key] = Bench(order)
    return _BENCHES[key].work(batch)


class Bench:
    """One run's place in a worker: its suite, what runs a case, and the event loop that it all lives on."""

    def __init__(self, order: Order) -> None:
        project = Project(Path(order.project))
        self._suite = _suite_of(order, project)
        if order.made is None:
            _refuse_others(self._suite, project, order)
        self._plan = order.plan
        self._scratch = Path(tempfile.mkdtemp(prefix="graphwright-eval-"))
        self._observe, self._close = observer_of(
            self._suite, project, order.plan, order.header, self._scratch, kept=Path(order.kept)
        )
        self._loop = asyncio.Runner()
        atexit.register(self.close)

    def work(self, batch: Batch) -> list[bytes]:
        """The lines of its results, in any order."""
        with real_models_banned(not self._plan.live):
            return self._loop.run(self._work([(Case.model_validate_json(case), epoch) for case, epoch in batch.items]))

    async def _work(self, items: Sequence[tuple[Case, int]]) -> list[bytes]:
        left, lines = iter(items), []

        async def take() -> None:
            for case, epoch in left:
                observed = await self._observe(case)
                lines.append(line_of(result_of(self._suite, self._plan, case, epoch, observed)))

        async with asyncio.TaskGroup() as group:
            for _ in range(max(1, self._plan.concurrency)):
                group.create_task(take())
        return lines

    def close(self) -> None:
        """Close what the cases shared; safe to call twice."""
        atexit.unregister(self.close)
        self._close()
        self._loop.close()
        shutil.rmtree(self._scratch, ignore_errors=True)


def _suite_of(order: Order, project: Project) -> Suite:
    """The suite, without its cases: those come with the batches."""
    if order.made is not None:
        return order.made
    file = Path(order.source)
    if file.suffix in (".yaml", ".yml") and file.stem.endswith("suite"):
        return load_suite(file, cases=())
    return replace(find_suite(order.suite, project), cases=())


def _refuse_others(suite: Suite, project: Project, order: Order) -> None:
    if signature_of_target(suite, *target_of(suite, project), project) != order.header.signature:
        raise ResultsProblem(
            f"{order.header.target} is another one on this worker than where run {order.header.run} was begun. Install "
            f"the same versions, and have the same project at {order.project!r} on every machine."
        )
