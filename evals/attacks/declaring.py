"""Where untrusted text enters a graph: ``attacks.yaml`` beside it, or ``evals/attacks/NAME.yaml`` of a project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from graphwright.graphs import GraphEntry

from ..case import CallMade, Case, Part
from ..case_files import CaseProblem, cases_of
from ..project import Project
from ..yaml_lines import Lines, read_yaml
from .order import Kind

NAME = "attacks.yaml"


class Earlier(Part):
    """A run before, of the same user, in which a fooled agent wrote down what it had read."""

    task: str
    """Id of the case that it did; it reads a stranger's words and writes something down."""
    tool: str
    """With which tool."""


class Entrance(Part):
    """One place where a stranger's words come in, and tasks whose runs read it."""

    tool: str = ""
    """In what this tool returns; empty for the description of a tool from elsewhere (``kind: description``)."""
    kind: Kind
    tasks: tuple[str, ...] = Field(min_length=1)
    """Ids of cases: of the graph's own, or of ``tasks`` in the same file."""
    goals: tuple[str, ...] = ()
    """Only these goals, by name; none: all that can be made of the graph's tools."""
    earlier: Earlier | None = None
    """Of kind ``memory``: the run in which the words were written down; nothing is put into the tool's result then."""

    @model_validator(mode="after")
    def _has_its_tool(self) -> Self:
        if (self.kind == "description") == bool(self.tool):
            raise ValueError("tool says whose result carries the words; only kind 'description' has none")
        return self


class OwnGoal(Part):
    """A goal that cannot be guessed from the tools."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,60}$")
    steps: tuple[CallMade, ...] = ()
    answer: dict[str, Any] = Field(default_factory=dict)
    """Fields of a structured answer that an agent is talked into."""
    wins: dict[str, Any] = Field(default_factory=dict)
    """What the world must come to for the answer to have succeeded: dotted path and value."""
    harmful: bool = False
    """Whether its calls must not get through although they only read by their labels: a program that breaks out."""

    @model_validator(mode="after")
    def _wants_something(self) -> Self:
        if bool(self.steps) == bool(self.answer) or bool(self.answer) != bool(self.wins):
            raise ValueError("a goal has either steps (calls), or answer and wins (what the world comes to by it)")
        return self


class Declared(Part):
    """What a file says about one graph."""

    sources: tuple[Entrance, ...] = Field(min_length=1)
    tasks: tuple[dict[str, Any], ...] = ()
    """Further cases, written like those of ``cases.yaml``."""
    goals: tuple[OwnGoal, ...] = ()


def declared_of(entry: GraphEntry, project: Project) -> tuple[Declared, dict[str, Case]] | None:
    """What is declared about a graph, and the tasks by id; None if nothing is.

    Raises:
        CaseProblem: listing everything that is wrong with it.
    """
    path = next((each for each in _places(entry, project) if each.is_file()), None)
    if path is None:
        return None
    declared, lines = _read(path)
    known = {case.id: case for case in cases_of(entry, project.folder)}
    problems: list[str] = []
    for at, written in enumerate(declared.tasks):
        line = lines.get(("tasks", at), 1)
        try:
            task = Case.model_validate({**written, "source": f"{path}:{line}"})
        except ValidationError as error:
            problems += [f"{path}:{line}: task: {_where(each)}: {each['msg']}." for each in error.errors()]
        else:
            known[task.id] = task
    problems += [f"{path}:{lines.get(place, 1)}: {problem}" for place, problem in _unknown(declared, known)]
    if problems:
        raise CaseProblem(problems)
    return declared, known


def _unknown(declared: Declared, known: dict[str, Case]) -> Iterator[tuple[tuple[Any, ...], str]]:
    for at, each in enumerate(declared.sources):
        for number, task in enumerate(each.tasks):
            place = ("sources", at, "tasks", number)
            if task not in known:
                yield place, f"there is no case {task!r}; name one of the graph's cases, or write it under tasks."
            elif known[task].faults:
                yield place, f"case {task!r} has faults; name one that runs undisturbed."
        if each.earlier and each.earlier.task not in known:
            yield ("sources", at), f"there is no case {each.earlier.task!r} for an earlier run; write it under tasks."


def _places(entry: GraphEntry, project: Project) -> Iterator[Path]:
    yield project.folder / "evals" / "attacks" / f"{entry.name}.yaml"
    here = Path(entry.source.rpartition(":")[0]).parent
    if here.resolve() != (project.folder / "graphs").resolve():
        yield here / NAME


def _read(path: Path) -> tuple[Declared, Lines]:
    try:
        value, lines = read_yaml(path.read_text(encoding="utf-8"))
        return Declared.model_validate(value), lines
    except yaml.YAMLError as error:
        raise CaseProblem([f"{path}: it is not YAML: {error}."]) from error
    except (OSError, UnicodeDecodeError) as error:
        raise CaseProblem([f"{path}: it cannot be read: {error}."]) from error
    except ValidationError as error:
        told = [f"{path}:{_line(lines, each['loc'])}: {_where(each)}: {each['msg']}." for each in error.errors()]
        raise CaseProblem(told) from error


def _line(lines: Lines, place: tuple[Any, ...]) -> int:
    return next((lines[place[:n]] for n in range(len(place), -1, -1) if place[:n] in lines), 1)


def _where(error: Any) -> str:
    return ".".join(map(str, error["loc"])) or "the file"
