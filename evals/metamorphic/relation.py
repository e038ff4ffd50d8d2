"""A relation: something that may be done to a case and must change nothing about what it comes to."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graphwright.runtime import Runtime
from graphwright.tools import Resources

from ..case import Case
from ..observed import Observed
from ..sandbox_run import Sandboxes, Sitting
from ..suite import Suite
from ..watching import Watch, WatchedRuntime
from .sameness import Reference, facts_of


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What came of trying."""

    what: str = ""
    """What was done, in a few words."""
    unfit: str = ""
    """Why the relation does not apply to the case; the rest says nothing then."""
    differences: list[str] = field(default_factory=list)


class Relation:
    """One relation; a file of its own overrides :meth:`try_on`."""

    name = ""
    about = ""
    """What is done and must change nothing, in a sentence."""

    async def try_on(self, case: Case, suite: Suite, boxes: Sandboxes, reference: Reference, *, seed: int) -> Tried:
        """Run the case once more, in another way, and compare.

        Args:
            case: Which.
            suite: The suite that it is of.
            boxes: State folders for it.
            reference: What it comes to otherwise.
            seed: For what is drawn.
        """
        raise NotImplementedError


class WatchedSitting(Sitting):
    """A case that is lived through with a watch on it."""

    def __init__(self, sandboxes: Sandboxes, case: Case, folder: Path, watch: Watch) -> None:
        super().__init__(sandboxes, case, folder)
        self._watch = watch

    def _opened(self, resources: Resources) -> Runtime:
        runtime = WatchedRuntime(self._settings, clock=self._clock, resources=resources)
        runtime.alterations, runtime.watch = self._altered, self._watch
        return runtime


def compared(case: Case, observed: Observed, reference: Reference, **options: Any) -> list[str]:
    """Where a run came to something else than the reference; what the harness could not do is a difference too."""
    if observed.trouble:
        return [observed.trouble]
    return reference.differences(facts_of(case, observed), **options)
