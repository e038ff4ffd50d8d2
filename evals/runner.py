"""Run a suite: every case as often as it is wanted, several at a time, each result on disk as soon as it is known."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from graphwright.graphs import GraphEntry

from .bare_run import observe_bare
from .cache import Cache
from .case import Case
from .guarding import real_models_banned
from .observed import Observed
from .observers import Observer, cached, of_function
from .plainly import plain, short_message
from .project import Project
from .results import Header, Result, RunFolder, Scored
from .sandbox_run import Sandboxes
from .scorers import Score, Scorer, changes_of
from .scorers.floors import null_run
from .signing import signature_of_target, versions
from .suite import Suite, name_of

LIVE = ("openai:", "langchain:")
FLOOR_CASES = 1_000
"""Cases on which it is looked at what doing nothing gets."""
BREATHE = 64
"""Cases of a plain function after which other tasks get their turn."""


class LiveModelRefused(Exception):
    """A suite would ask real models, and nobody allowed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a whole run may use; it stops before the next case then, and can be resumed with more. None: no limit."""

    money: float | None = None
    tokens: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which cases of a suite; all of them if nothing is said."""

    ids: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    sample: int | None = None
    """So many of the rest, drawn by the seed."""

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {"ids": list(self.ids), "tags": list(self.tags), "sample": self.sample}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a suite is run. Left alone: as the suite says, offline, four cases at a time."""

    epochs: int | None = None
    model: str = ""
    """For cases that name none, instead of the suite's."""
    concurrency: int = 4
    seed: int = 0
    live: bool = False
    """Whether real models may be asked."""
    choice: Choice = field(default_factory=Choice)
    limits: Limits = field(default_factory=Limits)
    cache: Path | None = None
    """Where runs of cases are kept and taken from; None: nothing is."""
    timeout: float | None = 300.0
    """Seconds after which a case is given up."""
    detail: bool = True
    """Whether results keep messages, calls and approvals."""
    record: bool = False
    """Whether the models' answers are recorded, in ``recordings/`` of the run's folder."""


@dataclass(slots=True)
class Progress:
    """How far a run is."""

    done: int = 0
    total: int = 0
    passed: int = 0
    failed: int = 0
    unmeasured: int = 0
    """Of the first scorer."""
    tokens: int = 0
    money: float = 0.0
    stopped: str = ""
    """Why not everything was run; empty otherwise."""

    def count(self, result: Result) -> None:
        """One more result."""
        self.done += 1
        self.tokens += result.tokens
        self.money += result.money or 0.0
        outcome = result.scores[0].outcome if result.scores else "unmeasured"
        if outcome == "pass":
            self.passed += 1
        elif outcome == "fail":
            self.failed += 1
        else:
            self.unmeasured += 1


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
        floor=_floor(suite),
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
) -> Progress:
    """Run what a folder does not have yet. Cancelled or killed, it goes on where it was when it is called again.

    Args:
        suite, project: What is run, and where it is found.
        plan: How; epochs, model and choice of cases are those of the folder's header.
        folder: From :func:`new_run`, or an earlier one to go on with.
        on_progress: Told after each case.
        graph: Run instead of the suite's own graph, uncompiled: what mutation and experiments need.

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
        chosen = _chosen(suite, folder.header)
        progress.total = folder.header.epochs * (len(suite.cases) if chosen is None else len(chosen))
        left = (
            (case, epoch)
            for case in suite.cases
            if chosen is None or case.id in chosen
            for epoch in range(1, folder.header.epochs + 1)
            if (case.id, epoch) not in finished
        )
        observe, close = _observer(suite, project, plan, folder, Path(scratch), graph)
        if plan.cache is not None:
            observe = cached(observe, Cache(plan.cache), folder.header)
        with real_models_banned(not plan.live):
            try:
                await _Work(suite, plan, folder, progress, on_progress).do(left, observe)
            finally:
                close()
    return progress


def target_of(suite: Suite, project: Project) -> tuple[GraphEntry | None, Any]:
    """The entry and the uncompiled graph that a suite runs; None and None for a function."""
    if suite.function is not None:
        return None, None
    entry = project.catalogue.get(suite.graph)
    return entry, project.build(entry)


def judge(scorers: tuple[Scorer, ...], case: Case, observed: Observed) -> tuple[Scored, ...]:
    """What every scorer says; one that raises has measured nothing."""
    return tuple(_scored(each, case, observed) for each in scorers)


class _Work:
    """Takes cases until there are none, or the limits are reached."""

    def __init__(
        self,
        suite: Suite,
        plan: Plan,
        folder: RunFolder,
        progress: Progress,
        on_progress: Callable[[Progress, Result | None], None] | None,
    ) -> None:
        self._suite = suite
        self._plan = plan
        self._folder = folder
        self._progress = progress
        self._tell = on_progress
        self._begun = time.monotonic()

    async def do(self, left: Iterator[tuple[Case, int]], observe: Observer) -> None:
        """Work on everything, several cases at a time."""
        if self._tell:
            self._tell(self._progress, None)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(max(1, self._plan.concurrency)):
                    group.create_task(self._take(left, observe))
        except ExceptionGroup as failed:
            # A full disk is told as such, not as a group of one.
            raise failed.exceptions[0] from failed

    async def _take(self, left: Iterator[tuple[Case, int]], observe: Observer) -> None:
        for taken, (case, epoch) in enumerate(left, 1):
            if self._is_over():
                return
            observed = await observe(case)
            self._keep(case, epoch, observed)
            if taken % BREATHE == 0:
                await asyncio.sleep(0)

    def _keep(self, case: Case, epoch: int, observed: Observed) -> None:
        spent = observed.spent
        result = Result(
            case=case.id,
            epoch=epoch,
            status=observed.status,
            scores=judge(self._suite.scorers, case, observed),
            answer=observed.answer,
            error=observed.error,
            trouble=observed.trouble,
            seconds=round(spent.seconds, 6),
            tokens=spent.tokens,
            money=spent.money,
            model_calls=spent.model_calls,
            tool_calls=spent.tool_calls,
            slices=case.slices,
            source=case.source,
            is_cached=isinstance(observed.run_id, str) and observed.run_id.startswith("cached:"),
            detail=_detail(case, observed) if self._plan.detail and self._suite.function is None else None,
        )
        self._folder.add(result)
        self._progress.count(result)
        if self._tell:
            self._tell(self._progress, result)

    def _is_over(self) -> bool:
        limits, progress = self._plan.limits, self._progress
        passed = [
            (limits.money, progress.money, "money"),
            (limits.tokens, progress.tokens, "tokens"),
            (limits.seconds, time.monotonic() - self._begun, "seconds"),
        ]
        for limit, used, what in passed:
            if limit is not None and used >= limit:
                progress.stopped = f"The limit of {limit:g} {what} for the whole run is reached ({used:.6g} used)."
        return bool(progress.stopped)


def _scored(scorer: Scorer, case: Case, observed: Observed) -> Scored:
    name = name_of(scorer)
    try:
        score = scorer(case, observed)
    except Exception as error:
        return Scored(name, None, "unmeasured", f"The scorer raised {type(error).__name__}: {error}")
    if not isinstance(score, Score):
        return Scored(name, None, "unmeasured", f"The scorer gave a {type(score).__name__} instead of a Score.")
    value = score.value
    if value is not None and value != value:
        return Scored(name, None, "unmeasured", score.reason or "The scorer gave NaN.")
    return Scored(name, value, score.outcome, score.reason, score.evidence or None)


def _detail(case: Case, observed: Observed) -> Mapping[str, Any]:
    """What a report drills down to."""
    return {
        "input": case.input,
        "messages": [short_message(each) for each in observed.messages],
        "calls": [
            {"tool": each.tool, "arguments": plain(each.arguments), "effect": each.effect, "status": each.status}
            | {"agent": each.agent, "path": each.path}
            for each in observed.calls
        ],
        "approvals": [
            {"tool": each.tool, "arguments": plain(each.arguments), "agent": each.agent, "decision": each.decision}
            for each in observed.approvals
        ],
        "route": list(observed.route),
        "changes": changes_of(observed.world_before, observed.world_after),
        "retrieved": [str(each.get("source", "")) for each in observed.retrieved],
        "run_id": observed.run_id,
    }


def _chosen(suite: Suite, header: Header) -> set[str] | None:
    """The ids that are to be run; None for all."""
    wanted = header.chosen
    ids, tags, sample = set(wanted.get("ids") or ()), set(wanted.get("tags") or ()), wanted.get("sample")
    if not ids and not tags and sample is None:
        return None
    fitting = [
        case.id for case in suite.cases if (not ids or case.id in ids) and (not tags or tags.intersection(case.tags))
    ]
    if sample is not None and sample < len(fitting):
        return set(random.Random(header.seed).sample(fitting, sample))
    return set(fitting)


def _observer(
    suite: Suite, project: Project, plan: Plan, folder: RunFolder, scratch: Path, graph: Any
) -> tuple[Observer, Callable[[], None]]:
    """What runs a case, and what closes it."""
    if suite.function is not None:
        return of_function(suite.function), _nothing
    entry, own = target_of(suite, project)
    assert entry is not None
    built = own if graph is None else graph
    if suite.runtime == "bare":
        return observe_bare(entry, built, folder.header.model, timeout=plan.timeout), _nothing
    recordings = folder.path / "recordings" if plan.record else None
    sandboxes = Sandboxes(project, entry, built, scratch, folder.header.model, plan.timeout, recordings)
    return sandboxes.observe, sandboxes.close


def _floor(suite: Suite) -> float | None:
    """The mean that doing nothing gets from the first scorer."""
    scored = [_scored(suite.scorers[0], case, null_run(case)) for case in islice(suite.cases, FLOOR_CASES)]
    values = [each.value for each in scored if each.value is not None]
    return sum(values) / len(values) if values else None


def _nothing() -> None:
    """There is nothing to close."""


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
