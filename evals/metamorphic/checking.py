"""Try relations on the cases of a suite."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ..case import Case
from ..guarding import real_models_banned
from ..project import Project
from ..sandbox_run import Sandboxes
from ..suite import Suite
from ..working import target_of
from .delivering import DeliveredTwice
from .outcome import Outcome
from .permuting import Permuted
from .relation import Relation
from .renaming import Renamed
from .resuming import Resumed
from .sameness import Reference, reference_of

RELATIONS: tuple[Relation, ...] = (Permuted(), Resumed(), Renamed(), DeliveredTwice())
Tell = Callable[[int, int], None]
"""Told after each case: how many are done, and how many there are."""


async def check_relations(
    suite: Suite,
    project: Project,
    *,
    relations: Sequence[Relation] = RELATIONS,
    ids: Sequence[str] = (),
    sample: int | None = None,
    seed: int = 0,
    concurrency: int = 4,
    timeout: float | None = 300.0,  # noqa: ASYNC109  # of each run of a case, handed down
    on_progress: Tell | None = None,
) -> list[Outcome]:
    """Try every relation on every case; each case is run twice as it is, and once more for each relation.

    Args:
        suite, project: Whose cases, and where their graph is found. Real models are out of reach.
        relations: Which.
        ids: Only these cases; all if empty.
        sample: So many of them, drawn by the seed.
        seed: For what is drawn.
        concurrency: Cases at a time.
        timeout: Seconds after which a run of a case is given up.
        on_progress: Told after each case.

    Raises:
        ValueError: if the suite runs a function.
    """
    entry, graph = target_of(suite, project)
    if entry is None:
        raise ValueError(f"Suite {suite.name!r} runs a function; relations are tried on graphs.")
    cases = _chosen(suite, ids, sample, seed)
    outcomes: dict[str, list[Outcome]] = {}
    with tempfile.TemporaryDirectory(prefix="graphwright-relations-", ignore_cleanup_errors=True) as scratch:
        boxes = Sandboxes(project, entry, graph, Path(scratch), suite.model, timeout)
        left = iter(cases)

        async def take() -> None:
            for case in left:
                outcomes[case.id] = await _tried(case, suite, boxes, relations, seed)
                if on_progress is not None:
                    on_progress(len(outcomes), len(cases))

        if on_progress is not None:
            on_progress(0, len(cases))
        try:
            with real_models_banned():
                async with asyncio.TaskGroup() as group:
                    for _ in range(max(1, concurrency)):
                        group.create_task(take())
        finally:
            boxes.close()
    return [each for case in cases for each in outcomes[case.id]]


def _chosen(suite: Suite, ids: Sequence[str], sample: int | None, seed: int) -> list[Case]:
    fitting = [case for case in suite.cases if not ids or case.id in ids]
    if sample is None or sample >= len(fitting):
        return fitting
    drawn = {case.id for case in random.Random(seed).sample(fitting, sample)}
    return [case for case in fitting if case.id in drawn]


async def _tried(case: Case, suite: Suite, boxes: Sandboxes, relations: Sequence[Relation], seed: int) -> list[Outcome]:
    first, second = await boxes.observe(case), await boxes.observe(case)
    trouble = first.trouble or second.trouble
    if trouble:
        return [_unfit(suite, case, each, trouble) for each in relations]
    reference = reference_of(case, first, second)
    if reference.unsteady:
        why = f"Two runs of it differ by themselves. {' '.join(reference.unsteady)}"
        return [_unfit(suite, case, each, why) for each in relations]
    return [await _one(case, suite, boxes, each, reference, seed) for each in relations]


async def _one(
    case: Case, suite: Suite, boxes: Sandboxes, relation: Relation, reference: Reference, seed: int
) -> Outcome:
    tried = await relation.try_on(case, suite, boxes, reference, seed=seed)
    if tried.unfit:
        return _unfit(suite, case, relation, tried.unfit)
    return Outcome(
        suite=suite.name,
        case=case.id,
        relation=relation.name,
        verdict="broken" if tried.differences else "held",
        differences=tuple(tried.differences),
        tried=tried.what,
    )


def _unfit(suite: Suite, case: Case, relation: Relation, why: str) -> Outcome:
    return Outcome(suite=suite.name, case=case.id, relation=relation.name, verdict="not applicable", reason=why)
