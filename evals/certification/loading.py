"""What is certified: the cases of a graph, and the versions of everything that takes part."""

from __future__ import annotations

import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path
from typing import Any

from graphwright.graphs import GraphEntry

from ..case import Answer, Case
from ..case_files import CaseProblem, cases_of, load_cases

PACKAGES = ("graphwright", "langgraph", "langgraph-checkpoint-sqlite", "langchain-core")


def cases_for(entry: GraphEntry, wanted: dict[str, Any]) -> tuple[list[Case], list[str]]:
    """The cases to certify with, and what a person should know about them.

    Raises:
        CaseProblem: if they cannot be read, or none has an id that is wanted.
    """
    if wanted["cases"] is not None:
        found = [Case.model_validate(each) for each in wanted["cases"]]
    elif wanted["file"]:
        found = load_cases(Path(wanted["file"]))
    else:
        found = cases_of(entry, Path(wanted["project"]))
    remarks = []
    if not found:
        if not entry.example:
            raise CaseProblem([f"{entry.source}: graph {entry.name!r} has neither cases nor an example to certify."])
        found = [Case(id="example", input=entry.example, people=(Answer(decide="approve", times=1000),))]
        remarks.append("The graph has no cases; its own example is certified, every approval approved.")
    unknown = [each for each in wanted["only"] if each not in {case.id for case in found}]
    if unknown:
        ids = ", ".join(case.id for case in found)
        raise CaseProblem([f"there is no case {each!r}; there are: {ids}." for each in unknown])
    return [case for case in found if not wanted["only"] or case.id in wanted["only"]], remarks


def versions() -> dict[str, str]:
    """The versions that the certificate names."""
    found = {name: version(name) for name in PACKAGES}
    return {**found, "python": platform.python_version(), "sqlite": sqlite3.sqlite_version, "system": platform.system()}
