"""The run that is to go on, unless it would be mixed from two versions."""

from __future__ import annotations

from pathlib import Path

from .finding import find_run
from .project import Project
from .results import ResultsProblem, RunFolder
from .runner import target_of
from .signing import signature_of_target
from .suite import Suite


def folder_to_resume(suite: Suite, project: Project, root: Path, name: str) -> RunFolder:
    """An earlier run of a suite, to go on with.

    Raises:
        ResultsProblem: if there is none, it is of another suite, or something has changed since it began.
    """
    folder = find_run(root, name, suite=suite.name)
    header = folder.header
    if header.suite != suite.name:
        raise ResultsProblem(f"Run {header.run} is of suite {header.suite!r}, not {suite.name!r}.")
    signature = signature_of_target(suite, *target_of(suite, project), project)
    if signature != header.signature or len(suite.cases) != header.cases:
        raise ResultsProblem(
            f"{header.target} or its cases have changed since run {header.run} began; old and new results cannot be "
            f"mixed. Begin anew: graphwright eval run {suite.name}"
        )
    return folder
