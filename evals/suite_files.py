"""Suites from files: ``suite.yaml`` beside a shipped graph, ``evals/*suite.yaml`` of a project."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias, cast

import yaml
from pydantic import Field, ValidationError

from graphwright.graphs import GraphEntry

from . import scorers as shipped
from .case import Case, Part
from .case_files import CaseProblem, cases_of
from .complaints import complaint
from .dataset import Dataset, joined, open_dataset
from .gate import Gate
from .project import Project
from .python_suites import python_suite
from .replies import folder_of
from .scorers import Scorer
from .suite import Runtime, Suite, name_of, unfit_for
from .yaml_lines import Lines, read_yaml

NAMES = ("suite.yaml", "suite.yml")
PROMOTED = "-promoted.yaml"
"""How a file of promoted cases ends: a suite by itself where its graph's own suite is written elsewhere."""

ATTACKS = "attacks"
"""The suite of planted attacks on every graph; it has no file."""


Place: TypeAlias = Path | GraphEntry | Callable[[Project], Suite]
"""Where a suite is: its file, the graph whose cases it is, or what makes it."""


class SuiteNotFound(LookupError):
    """There is no suite of this name. The message lists those that there are."""


class _Written(Part):
    """A suite as its file has it."""

    name: str = Field(default="", pattern=r"^[^\s/\\]*$")
    graph: str = ""
    function: str = ""
    cases: str | tuple[str, ...] = "cases.yaml"
    scorers: tuple[str | dict[str, Any], ...] = ("verdict",)
    gates: tuple[Gate, ...] = ()
    epochs: int = Field(default=1, ge=1, le=1000)
    model: str = "offline"
    runtime: Runtime = "full"
    cluster: str = ""
    rename: dict[str, str] = Field(default_factory=dict)
    heuristic: str = ""


def load_suite(path: Path, *, cases: Dataset | None = None) -> Suite:
    """Read one suite and its cases.

    Args:
        path: Its file.
        cases: Taken instead of those that the file names, which are not read then.

    Raises:
        CaseProblem: listing everything that is wrong with either.
    """
    written, lines = _read(path)
    problems: list[str] = []
    found = []
    for each in written.scorers:
        try:
            found.append(scorer_of(each, path.parent))
        except (ValueError, TypeError) as error:
            problems.append(f"{path}:{lines.get(('scorers',), 1)}: {error}")
    named: dict[str, Any] = {}
    for key in ("function", "heuristic"):
        try:
            named |= {key: _imported(place, path.parent)} if (place := getattr(written, key)) else {}
        except ValueError as error:
            problems.append(f"{path}:{lines.get((key,), 1)}: {error}")
    names = {name_of(each) for each in found}
    for at, gate in enumerate(written.gates):
        if found and gate.scorer not in names:
            place = lines.get(("gates", at, "scorer"), lines.get(("gates", at), 1))
            problems.append(
                f"{path}:{place}: a gate asks for {gate.scorer!r}; the suite has {', '.join(sorted(names))}."
            )
        place = lines.get(("gates", at), 1)
        problems += [f"{path}:{place}: {objection}" for objection in unfit_for(gate, found)]
    if bool(written.graph) == bool(written.function):
        problems.append(f"{path}:1: a suite has either graph or function: what is run.")
    if cases is None:
        cases = []
        try:
            files = [written.cases] if isinstance(written.cases, str) else written.cases
            cases = joined([open_dataset(path.parent / each) for each in files])
            problems += _lacks(cases, path, is_function=bool(written.function))
        except CaseProblem as problem:
            problems += problem.problems
    if problems:
        raise CaseProblem(problems)
    return Suite(
        name=written.name or written.graph or path.parent.name,
        cases=cases,
        graph=written.graph,
        scorers=tuple(found),
        gates=written.gates,
        epochs=written.epochs,
        model=written.model,
        runtime=written.runtime,
        cluster=written.cluster,
        rename=written.rename,
        source=str(path),
        **named,
    )


def suite_places(project: Project) -> dict[str, Place]:
    """Every suite that can be found, by its name: its file, or a graph that has cases and no suite of its own.

    A suite of the project wins over a shipped one of the same name. ``attacks`` has no file: it is made of all graphs.

    Raises:
        CaseProblem: if a file of a suite is none.
    """
    entries = project.catalogue.entries
    found: dict[str, Place] = {ATTACKS: _attacks}
    for path in [*_beside(entries), *_in_project(project)]:
        written, _ = _read(path)
        found[written.name or written.graph or path.parent.name] = path
    graphs = {_read(place)[0].graph for place in found.values() if isinstance(place, Path)}
    for name, entry in entries.items():
        if name not in found and name not in graphs and _has_cases(entry, project):
            found[name] = entry
        elif name in graphs and (promoted := project.folder / "evals" / f"{name}{PROMOTED}").is_file():
            found[promoted.stem] = promoted
    return dict(sorted(found.items()))


def case_files_of(entry: GraphEntry, project: Project) -> dict[Path, str]:
    """The files of cases that the suites of a graph name, each with the model of its suite.

    Raises:
        CaseProblem: if a file of a suite is none.
    """
    found: dict[Path, str] = {}
    for path in [*_beside({entry.name: entry}), *_in_project(project)]:
        written, _ = _read(path)
        if written.graph == entry.name:
            names = (written.cases,) if isinstance(written.cases, str) else written.cases
            for each in names:
                found.setdefault((path.parent / each).resolve(), written.model)
    return found


def find_suite(name: str, project: Project) -> Suite:
    """The suite of this name, or in this file.

    Raises:
        SuiteNotFound: with those that there are.
        CaseProblem: listing everything that is wrong with it.
    """
    if name.endswith((".yaml", ".yml")) and Path(name).is_file():
        return load_suite(Path(name))
    if name.endswith(".py") and Path(name).is_file():
        return python_suite(Path(name))
    places = suite_places(project)
    if name not in places:
        near = get_close_matches(name, places, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        there = ", ".join(places) or "none; write evals/NAME-suite.yaml, or cases beside a graph"
        raise SuiteNotFound(f"There is no suite {name!r}.{hint} There are: {there}.")
    place = places[name]
    if isinstance(place, Path) and place.name.endswith(PROMOTED):
        return _of_promoted(place)
    if isinstance(place, Path):
        return load_suite(place)
    if not isinstance(place, GraphEntry):
        return place(project)
    cases = cases_of(place, project.folder)
    problems = _lacks(cases, Path(place.source.rpartition(":")[0]), is_function=False)
    if problems:
        raise CaseProblem(problems)
    return Suite(name=name, graph=place.name, cases=cases, gates=(Gate(at_least=1.0),), source=place.source)


def _attacks(project: Project) -> Suite:
    from .attacks.suite import attack_suite  # its models and stages: only for whoever asks for them

    return attack_suite(project)


def _of_promoted(path: Path) -> Suite:
    """Cases that were made of runs: all of them must come to what the run came to."""
    graph = path.name.removesuffix(PROMOTED)
    return Suite(name=path.stem, graph=graph, cases=open_dataset(path), gates=(Gate(at_least=1.0),), source=str(path))


def scorer_of(written: str | Mapping[str, Any], folder: Path | None = None) -> Scorer:
    """The scorer that a suite names.

    Args:
        written: A shipped scorer's name, ``module:function``, ``file.py:function``, or a mapping of one such name to
            what its factory takes: ``{retrieval_recall: {k: 5}}``.
        folder: Files are relative to it.

    Raises:
        ValueError: if there is none.
    """
    if isinstance(written, str):
        return cast("Scorer", _named(written, folder))
    if len(written) != 1:
        raise ValueError(f"a scorer with arguments is a mapping of its name to them, not {dict(written)!r}.")
    name, arguments = next(iter(written.items()))
    factory: Any = _named(name, folder)
    try:
        return cast("Scorer", factory(**(arguments or {})))
    except TypeError as error:
        raise ValueError(f"the scorer {name!r} does not take {arguments!r}: {error}.") from error


def _named(name: str, folder: Path | None) -> Any:
    if ":" in name:
        return _imported(name, folder)
    found = getattr(shipped, name, None) if name in shipped.__all__ else None
    if found is None or not callable(found):
        near = get_close_matches(name, shipped.__all__, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"there is no scorer {name!r}.{hint} One of your own is named as file.py:function.")
    return found


def _imported(place: str, folder: Path | None) -> Any:
    where, _, name = place.rpartition(":")
    try:
        if where.endswith(".py"):
            path = (folder or Path()) / where
            spec = importlib.util.spec_from_file_location(f"graphwright_suite_{path.stem}", path)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        else:
            module = importlib.import_module(where)
        return getattr(module, name)
    except Exception as error:
        raise ValueError(f"{place!r} cannot be loaded: {type(error).__name__}: {error}.") from error


def _read(path: Path) -> tuple[_Written, Lines]:
    try:
        value, lines = read_yaml(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise CaseProblem([f"{place}: it is not YAML: {error.problem}."]) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CaseProblem([f"{path}: it cannot be read: {error}."]) from error
    if not isinstance(value, dict):
        raise CaseProblem([f"{path}:1: a suite is a mapping with graph and cases, not {type(value).__name__}."])
    try:
        return _Written.model_validate(value), lines
    except ValidationError as error:
        raise CaseProblem([_problem(path, lines, each) for each in error.errors()]) from error


def _problem(path: Path, lines: Lines, error: Any) -> str:
    place = tuple(error["loc"])
    line = next((lines[place[:n]] for n in range(len(place), -1, -1) if place[:n] in lines), 1)
    where = ".".join(map(str, place))
    if error["type"] == "extra_forbidden":
        return f"{path}:{line}: there is no {where!r}. A suite has: {', '.join(_Written.model_fields)}."
    return f"{path}:{line}: {where}: {complaint(error)}."


def _lacks(cases: Dataset, path: Path, *, is_function: bool) -> list[str]:
    """What the cases lack together: any at all, recordings that can be read, a target that has people."""
    if not len(cases):
        return [f"{path}: the suite has no cases; nothing could be told from it."]
    problems = []
    for case in cases:
        if is_function and _has_run(case):
            told = "a function has no people, faults, replies, cassette, budget or plan."
            problems.append(f"{case.source}: case {case.id!r}: {told}")
        missing = [each for each in case.documents if not (folder_of(case) / each).exists()]
        problems += [f"{case.source}: case {case.id!r}: there are no documents {each!r} beside it." for each in missing]
        if case.cassette is not None:
            problems += _cassette_problems(case)
    return problems


def _has_run(case: Case) -> bool:
    """Whether the case says something about a run of a graph."""
    given = (case.people, case.faults, case.budget, case.replies is not None, case.cassette, case.plan is not None)
    return any(given)


def _cassette_problems(case: Case) -> Iterator[str]:
    from graphwright.models.cassette import read_cassette  # only where a case has one

    path = folder_of(case) / str(case.cassette)
    try:
        read_cassette(path)
    except FileNotFoundError:
        yield f"{case.source}: case {case.id!r}: there is no cassette {str(path)!r}."
    except ValueError as error:
        yield f"{case.source}: case {case.id!r}: {error}"


def _beside(entries: Mapping[str, GraphEntry]) -> Iterator[Path]:
    folders = {Path(each.source.rpartition(":")[0]).parent: None for each in entries.values() if each.source}
    for folder in folders:
        yield from (folder / name for name in NAMES if (folder / name).is_file())


def _in_project(project: Project) -> Iterator[Path]:
    folder = project.folder / "evals"
    if folder.resolve() != Path(__file__).resolve().parent:
        yield from sorted([*folder.glob("*suite.yaml"), *folder.glob("*suite.yml")])


def _has_cases(entry: GraphEntry, project: Project) -> bool:
    try:
        return bool(cases_of(entry, project.folder))
    except CaseProblem:
        return True
