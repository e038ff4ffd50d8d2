"""What is certified: the cases of a graph, and the versions of everything that takes part."""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from graphwright.graphs import GraphEntry

from ..case import Answer, Case
from ..case_files import CaseProblem, cases_of, load_cases
from ..dataset import open_dataset
from ..guarding import LIVE
from ..project import Project
from ..suite_files import case_files_of

OFFLINE = "offline"
PACKAGES = ("graphwright", "langgraph", "langgraph-checkpoint-sqlite", "langchain-core")


def cases_for(entry: GraphEntry, wanted: dict[str, Any]) -> tuple[list[Case], list[str]]:
    """The cases to certify with, and what a person should know about them.

    Raises:
        CaseProblem: if they cannot be read, none has an id that is wanted, or none can be certified.
    """
    remarks: list[str] = []
    if wanted["cases"] is not None:
        found = [Case.model_validate(each) for each in wanted["cases"]]
    elif wanted["file"]:
        found = load_cases(Path(wanted["file"]))
    else:
        found = list(_of_graph(entry, Project(Path(wanted["project"])), wanted["model"], remarks))
    if not found:
        if not entry.example:
            raise CaseProblem([f"{entry.source}: graph {entry.name!r} has neither cases nor an example to certify."])
        found = [Case(id="example", input=entry.example, people=(Answer(decide="approve", times=1000),))]
        remarks.append("The graph has no cases; its own example is certified, every approval approved.")
    unknown = [each for each in wanted["only"] if each not in {case.id for case in found}]
    if unknown:
        ids = ", ".join(case.id for case in found)
        raise CaseProblem([f"there is no case {each!r}; there are: {ids}." for each in unknown])
    chosen = [case for case in found if not wanted["only"] or case.id in wanted["only"]]
    fit = [case for case in chosen if not _unfit(case)]
    remarks += _skipped(chosen)
    if not fit:
        raise CaseProblem([f"none of the cases can be certified. {' '.join(remarks)}"])
    return fit, remarks


def _of_graph(entry: GraphEntry, project: Project, model: str, remarks: list[str]) -> Iterator[Case]:
    """The cases beside a graph and in the project's evals, then those that its suites name elsewhere."""
    known: dict[str, Case] = {}
    named = case_files_of(entry, project)
    own = cases_of(entry, project.folder)
    read = {_file_of(case) for case in own}
    for case in own:
        known[case.id] = case
        yield _of_suite(case, named.get(_file_of(case), model), model)
    for path in (each for each in named if each not in read):
        for case in open_dataset(path):
            if case.id in known:
                remarks.append(f"Case {case.id!r} of {path} is skipped: {known[case.id].source} has one of this id.")
            else:
                known[case.id] = case
                yield _of_suite(case, named[path], model)


def _of_suite(case: Case, suites: str, model: str) -> Case:
    """The case with the model of its suite, unless somebody asked for another."""
    has_own = case.model or case.replies is not None or case.cassette
    return case if has_own or suites == model or model != OFFLINE else case.model_copy(update={"model": suites})


def _file_of(case: Case) -> Path:
    return Path(case.source.rpartition(":")[0]).resolve()


def _unfit(case: Case) -> str:
    """Why a case cannot be certified; empty where it can."""
    if case.faults:
        return "they have faults, and certification makes its own"
    if case.model is not None and case.model.startswith(LIVE):
        return "they ask a real model, which answers otherwise each time"
    return ""


def _skipped(cases: Sequence[Case]) -> Iterator[str]:
    for why in dict.fromkeys(filter(None, map(_unfit, cases))):
        ids = [case.id for case in cases if _unfit(case) == why]
        yield f"{len(ids)} of the cases are skipped, because {why}: {', '.join(ids)}."


def versions() -> dict[str, str]:
    """The versions that the certificate names."""
    found = {name: version(name) for name in PACKAGES}
    return {**found, "python": platform.python_version(), "sqlite": sqlite3.sqlite_version, "system": platform.system()}
