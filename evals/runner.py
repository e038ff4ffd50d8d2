"""Run a suite: every case as often as it is wanted, several at a time, each result on disk as soon as it is known."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from .fanning import Item, OpenPool, fan_out, order_of
from .guarding import LIVE, real_models_banned
from .judging import Means, floors_beside
from .judging import judge as judge
from .keeper import Keeper
from .observers import Observer
from .planning import Choice as Choice
from .planning import Limits as Limits
from .planning import Plan as Plan
from .planning import Progress as Progress
from .project import Project
from .results import Header, Result, RunFolder
from .signing import signature_of_target, versions
from .suite import Suite, name_of
from .working import observer_of, result_of
from .working import target_of as target_of

FLOOR_CASES = 200
"""Cases on which it is looked at what agents that are no agents get: the first ones that are chosen."""
BREATHE = 64
"""Cases of a plain function after which other tasks get their turn."""


class LiveModelRefused(Exception):
    """A suite would ask real models, and nobody allowed it."""


def new_run(suite: Suite, project: Project, plan: Plan, root: Path, *, now: float | None = None) -> RunFolder:
    """A folder for a new run of a suite, below ``root``.

    Raises:
        LiveModelRefused: if it would ask real models and the plan does not allow it.
    """
    model = plan.model or suite.model
    _refuse_live(suite, model, plan)
    entry, graph = target_of(suite, project)
    started = time.time() if now is None else now
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(started))
    name = f"{suite.name}-{stamp}-{random.SystemRandom().getrandbits(24):06x}"
    floors, looked_at = _floors(suite, _chosen(suite, plan.choice.to_json(), plan.seed))
    header = Header(
        run=name,
        suite=suite.name,
        target=suite.target,
        model=model if suite.function is None else "",
        epochs=plan.epochs or suite.epochs,
        cases=len(suite.cases),
        scorers=tuple(name_of(each) for each in suite.scorers),
        gates=tuple(each.model_dump(exclude_defaults=True) for each in suite.gates),
        cluster=suite.cluster,
        signature=signature_of_target(suite, entry, graph, project),
        floor=floors.get(name_of(suite.scorers[0]), {}).get("null") if suite.scorers else None,
        floors=floors,
        floor_cases=looked_at,
        heuristic=getattr(suite.heuristic, "__name__", type(suite.heuristic).__name__),
        seed=plan.seed,
        started=started,
        versions=versions(),
        chosen=plan.choice.to_json(),
        source=suite.source,
    )
    return RunFolder.make(root / name, header)


async def run_suite(
    suite: Suite,
    project: Project,
    plan: Plan,
    folder: RunFolder,
    *,
    on_progress: Callable[[Progress, Result | None], None] | None = None,
    graph: Any = None,
    open_pool: OpenPool | None = None,
) -> Progress:
    """Run what a folder does not have yet. Cancelled or killed, it goes on where it was when it is called again.

    Args:
        suite, project: What is run, and where it is found.
        plan: How; epochs, model and choice of cases are those of the folder's header.
        folder: From :func:`new_run`, or an earlier one to go on with.
        on_progress: Told after each case.
        graph: Run instead of the suite's own graph, uncompiled: what mutation and experiments need.
        open_pool: Gives workers, on this machine or others, to whom batches of cases go (:func:`.ray_pool.ray_pool`);
            they run the suite's own graph.

    Raises:
        LiveModelRefused: if it would ask real models and the plan does not allow it.
        ResultsProblem: if another process works on the folder.
    """
    _refuse_live(suite, folder.header.model, plan)
    with folder, tempfile.TemporaryDirectory(prefix="graphwright-eval-", ignore_cleanup_errors=True) as scratch:
        progress = Progress()
        finished: set[tuple[str, int]] = set()
        for result in folder.results():
            finished.add((result.case, result.epoch))
            progress.count(result)
        chosen = _chosen(suite, folder.header.chosen, folder.header.seed)
        progress.total = folder.header.epochs * (len(suite.cases) if chosen is None else len(chosen))
        left = (
            (case, epoch)
            for case in suite.cases
            if chosen is None or case.id in chosen
            for epoch in range(1, folder.header.epochs + 1)
            if (case.id, epoch) not in finished
        )
        keeper = Keeper(folder, plan.limits, progress, on_progress)
        if open_pool is not None:
            await _fanned(left, progress.total - progress.done, suite, project, plan, folder, keeper, open_pool)
            return progress
        observe, close = observer_of(suite, project, plan, folder.header, Path(scratch), graph=graph, kept=folder.path)
        with real_models_banned(not plan.live):
            try:
                await _Work(suite, plan, keeper).do(left, observe)
            finally:
                close()
    return progress


async def _fanned(
    left: Iterator[Item],
    many: int,
    suite: Suite,
    project: Project,
    plan: Plan,
    folder: RunFolder,
    keeper: Keeper,
    open_pool: OpenPool,
) -> None:
    if not many:
        return
    pool = open_pool(order_of(suite, project, plan, folder.header, folder.path))
    try:
        await fan_out(left, many, suite, plan, pool, keeper)
    finally:
        pool.close()


class _Work:
    """Takes cases until there are none, or the limits are reached."""

    def __init__(self, suite: Suite, plan: Plan, keeper: Keeper) -> None:
        self._suite = suite
        self._plan = plan
        self._keeper = keeper

    async def do(self, left: Iterator[Item], observe: Observer) -> None:
        """Work on everything, several cases at a time."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(max(1, self._plan.concurrency)):
                    group.create_task(self._take(left, observe))
        except ExceptionGroup as failed:
            # A full disk is told as such, not as a group of one.
            raise failed.exceptions[0] from failed

    async def _take(self, left: Iterator[Item], observe: Observer) -> None:
        for taken, (case, epoch) in enumerate(left, 1):
            if self._keeper.is_over():
                return
            observed = await observe(case)
            self._keeper.keep(result_of(self._suite, self._plan, case, epoch, observed))
            if taken % BREATHE == 0:
                await asyncio.sleep(0)


def _chosen(suite: Suite, wanted: Mapping[str, Any], seed: int) -> set[str] | None:
    """The ids that are to be run; None for all."""
    ids, tags, sample = set(wanted.get("ids") or ()), set(wanted.get("tags") or ()), wanted.get("sample")
    if not ids and not tags and sample is None:
        return None
    fitting = [
        case.id for case in suite.cases if (not ids or case.id in ids) and (not tags or tags.intersection(case.tags))
    ]
    if sample is not None and sample < len(fitting):
        return set(random.Random(seed).sample(fitting, sample))
    return set(fitting)


def _floors(suite: Suite, chosen: set[str] | None) -> tuple[dict[str, Means], int]:
    """What agents that are no agents get from every scorer, and on how many cases."""
    cases = list(islice((each for each in suite.cases if chosen is None or each.id in chosen), FLOOR_CASES))
    return floors_beside(suite, cases), len(cases)


def _refuse_live(suite: Suite, model: str, plan: Plan) -> None:
    if plan.live:
        return
    wanted = {model} | {case.model for case in suite.cases if case.model} if suite.function is None else set()
    live = sorted(each for each in wanted if each and each.startswith(LIVE))
    if live:
        raise LiveModelRefused(
            f"Suite {suite.name!r} would ask {', '.join(live)}, and real models are not allowed here. "
            "Allow them with --live, or choose another with --model offline."
        )
