"""Run the mutants of a suite: on each, the cases that come by there, until one of them fails."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from graphwright.graphs import GraphEntry
from graphwright.runtime.digests import digest

from ..altering import Alteration
from ..case import Case
from ..guarding import real_models_banned
from ..judging import judge
from ..observed import Observed
from ..project import Project
from ..sandbox_run import COULD_NOT, Sandboxes
from ..suite import Suite
from ..working import target_of
from .differences import differences
from .ground import Ground
from .mutant import Mutant
from .operators import mutants_of
from .results import Fate, Idle, Report, Tried
from .watching import Lived, Watch

NOT_APPLICABLE = ("forget_task",)
"""Operators whose mutants are no mutants where no case gives them anything to change."""


class NothingToMutate(Exception):
    """A suite has no graph, or no case that passes on it."""


class MutantNotFound(NothingToMutate):
    """A plan names a mutant that the graph does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which mutants are tried, and how. Left alone: all of them."""

    operators: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    """Ids of mutants."""
    model: str = ""
    """For cases that name none, instead of the suite's."""
    timeout: float = 60.0
    """Seconds after which a case on a mutant is given up, and has failed."""
    live: bool = False
    """Whether real models may be asked."""
    idle: bool = True
    """Whether cases that killed nothing are tried on what others killed; never where only some mutants are wanted."""

    @property
    def looks_for_idle(self) -> bool:
        """Whether cases that kill nothing are looked for."""
        return self.idle and not self.only


@dataclass(slots=True)
class Progress:
    """How far it is."""

    done: int = 0
    total: int = 0
    killed: int = 0
    survived: int = 0
    phase: str = "cases"
    """``cases``: the unbroken graph; ``mutants``; ``idle``: cases that killed nothing are tried again."""


Told = Callable[[Progress], None]


async def mutate(
    suite: Suite,
    project: Project,
    plan: Plan,
    *,
    known: Iterable[Tried] = (),
    on_progress: Told | None = None,
    on_tried: Callable[[Tried], None] | None = None,
) -> Report:
    """Break the graph of a suite in every way, and see whether its cases notice.

    Args:
        suite, project: What is run, and where it is found.
        plan: Which mutants.
        known: Mutants tried before on the same graph and cases; they are not tried again.
        on_progress: Told after each case of the unbroken graph and after each mutant.
        on_tried: Given each mutant as soon as its fate is known.

    Raises:
        NothingToMutate: if the suite runs a function or bare LangGraph, or none of its cases passes.
        MutantNotFound: if the plan names a mutant that the graph does not have.
        LiveModelRefused: if it would ask real models and the plan does not allow it.
    """
    entry, graph = target_of(suite, project)
    if entry is None or suite.runtime == "bare":
        raise NothingToMutate(f"Suite {suite.name!r} runs no graph on the runtime; there is nothing to break.")
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="graphwright-mutate-", ignore_cleanup_errors=True) as scratch:
        model = plan.model or suite.model
        boxes = Sandboxes(project, entry, graph, Path(scratch) / "box-0", model, plan.timeout)
        work = _Work(suite, project, plan, boxes, entry, on_progress or _silent, on_tried or _silent)
        with real_models_banned(not plan.live):
            try:
                lived = await work.live()
                work.try_known(known)
                await work.try_all(Ground(entry, graph, lived))
                if plan.looks_for_idle:
                    await work.try_idle()
            finally:
                boxes.close()
    return work.report(time.monotonic() - begun)


@dataclass
class _Work:
    """One run of mutants."""

    suite: Suite
    project: Project
    plan: Plan
    boxes: Sandboxes
    entry: GraphEntry
    tell: Told
    keep: Callable[[Tried], None]
    progress: Progress = field(default_factory=Progress)
    lived: list[Lived] = field(default_factory=list)
    failing: list[str] = field(default_factory=list)
    mutants: list[Mutant] = field(default_factory=list)
    tried: dict[str, Tried] = field(default_factory=dict)
    kills: dict[str, int] = field(default_factory=dict)
    _boxes_made: int = 0

    async def live(self) -> list[Lived]:
        """Run every case on the unbroken graph; those that fail there can kill nothing."""
        self.progress.total = len(self.suite.cases)
        why = ""
        for case in self.suite.cases:
            lived = Lived(case, _NOT_YET, frozenset())
            boxes = replace(self.boxes, folder=self._folder(), alteration=_always(Watch(lived)))
            lived.observed = await boxes.observe(case)
            self.boxes = replace(boxes, alteration=None)
            lived.calls.sort(key=lambda each: (each.tool.name, digest(each.arguments)))
            scored = judge(self.suite.scorers, case, lived.observed)
            lived.passing = frozenset(each.name for each in scored if each.outcome == "pass")
            if scored and scored[0].outcome == "pass":
                self.lived.append(lived)
            else:
                why = why or f"{case.id}: {scored[0].reason if scored else 'no scorer'}"
                self.failing.append(case.id)
            self._step()
        if not self.lived:
            raise NothingToMutate(f"No case of suite {self.suite.name!r} passes on the graph as it is: {why}")
        self.kills = dict.fromkeys((each.case.id for each in self.lived), 0)
        return self.lived

    def try_known(self, known: Iterable[Tried]) -> None:
        """Take over what was tried before."""
        for each in known:
            self.tried[each.mutant] = each
            self._count(each)

    async def try_all(self, ground: Ground) -> None:
        """Try every mutant, the cases that have killed least first, so that each gets its chance."""
        wanted = set(self.plan.only)
        made = list(mutants_of(ground, self.plan.operators))
        self._check(wanted, [each.id for each in made])
        self.mutants = [each for each in made if not wanted or each.id in wanted]
        self.progress = replace(self.progress, phase="mutants", done=0, total=len(self.mutants))
        for mutant in self.mutants:
            if mutant.id not in self.tried:
                tried = await self._try(mutant, self._touching(mutant))
                self.tried[mutant.id] = tried
                self._count(tried)
                self.keep(tried)
            self._step()

    async def try_idle(self) -> None:
        """Give cases that killed nothing the mutants that others killed: only what kills none of them is idle."""
        idle = [each for each in self.lived if not self.kills[each.case.id]]
        self.progress = replace(self.progress, phase="idle", done=0, total=len(idle))
        killed = [each for each in self.mutants if self.tried[each.id].fate == "killed"]
        for lived in idle:
            for mutant in killed:
                if mutant.touches(lived) and (await self._try(mutant, [lived])).fate == "killed":
                    self.kills[lived.case.id] += 1
                    break
            self._step()

    def report(self, seconds: float) -> Report:
        """What came of it."""
        return Report(
            suite=self.suite.name,
            graph=self.entry.name,
            tried=tuple(self.tried[each.id] for each in self.mutants),
            cases=len(self.suite.cases),
            failing=tuple(self.failing),
            idle=tuple(
                Idle(each.case.id, any(mutant.touches(each) for mutant in self.mutants))
                for each in self.lived
                if self.plan.looks_for_idle and not self.kills[each.case.id]
            ),
            seconds=round(seconds, 3),
        )

    def _check(self, wanted: Iterable[str], known: Sequence[str]) -> None:
        for name in sorted(set(wanted) - set(known)):
            near = get_close_matches(name, known, n=3, cutoff=0.4)
            told = f"Did you mean {' or '.join(map(repr, near))}?" if near else "`--json` without it names them all."
            raise MutantNotFound(f"Suite {self.suite.name!r} has no mutant {name!r}. {told}")

    def _touching(self, mutant: Mutant) -> list[Lived]:
        found = [each for each in self.lived if mutant.touches(each)]
        return sorted(found, key=lambda each: (self.kills[each.case.id] > 0, len(each.calls)))

    async def _try(self, mutant: Mutant, cases: Sequence[Lived]) -> Tried:
        """The fate of a mutant at the hands of these cases."""
        if mutant.equivalent:
            return _fate(mutant, "equivalent", mutant.equivalent)
        if not cases:
            return _fate(mutant, "survived", f"No case comes by there. {mutant.advice}")
        try:
            graph = mutant.build(self.project.build(self.entry))
            graph.compile()
        except Exception as error:  # a graph that cannot be built is no mutant: nobody could deploy it
            return _fate(mutant, "stillborn", f"{type(error).__name__}: {error}")
        boxes = replace(self.boxes, graph=graph, folder=self._folder(), alteration=_always(mutant.breaking))
        noticed = ""
        before = mutant.breaking.changed, mutant.breaking.refused
        with mutant.installed():
            for at, lived in enumerate(cases, 1):
                observed = await boxes.observe(lived.case)
                why = self._killing(lived, observed)
                if why:
                    return replace(_fate(mutant, "killed", why), by=lived.case.id, ran=at)
                noticed = noticed or _unnoticed(lived, observed)
        changed, refused = mutant.breaking.changed - before[0], mutant.breaking.refused - before[1]
        if changed and changed == refused:
            return replace(_fate(mutant, "equivalent", "Policy refused it in every case."), ran=len(cases))
        if not changed and mutant.operator in NOT_APPLICABLE:
            return replace(_fate(mutant, "stillborn", "No case gives it anything to change."), ran=len(cases))
        if mutant.breaking.counts and not changed:
            noticed = "No case gives it anything to change."
        why = noticed or "Nothing that is observed differs in any case."
        return replace(_fate(mutant, "survived", f"{why} {mutant.advice}"), ran=len(cases))

    def _killing(self, lived: Lived, observed: Observed) -> str:
        """Why a case fails that passed; empty if it passes, or the harness could not run it: nobody noticed then."""
        if observed.trouble.startswith(COULD_NOT):
            return ""
        for score in judge(self.suite.scorers, lived.case, observed):
            if score.name in lived.passing and score.outcome != "pass":
                return f"{score.name}: {score.reason}"
        return ""

    def _count(self, tried: Tried) -> None:
        self.progress.killed += tried.fate == "killed"
        self.progress.survived += tried.fate == "survived"
        if tried.by in self.kills:
            self.kills[tried.by] += 1

    def _step(self) -> None:
        self.progress.done += 1
        self.tell(self.progress)

    def _folder(self) -> Path:
        self._boxes_made += 1
        return self.boxes.folder.parent / f"box-{self._boxes_made}"


_NOT_YET = Observed(case_id="", status="failed")


def _fate(mutant: Mutant, fate: Fate, reason: str) -> Tried:
    return Tried(
        mutant=mutant.id,
        operator=mutant.operator,
        target=mutant.target,
        mistake=mutant.mistake,
        fate=fate,
        reason=reason,
    )


def _unnoticed(lived: Lived, observed: Observed) -> str:
    different = next(differences(lived.observed, observed), "")
    return f"Case {lived.case.id} passes with another result ({different})." if different else ""


def _always(alteration: Alteration) -> Callable[[Case], Alteration]:
    return lambda case: alteration


def _silent(_: Any) -> None:
    """Nobody listens."""
