"""Cases from files: YAML, JSONL, CSV, Python. Every problem is told at once, each with its file and line."""

from __future__ import annotations

import csv
import importlib.util
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from graphwright.graphs import GraphEntry

from .case import Case
from .complaints import complaint
from .yaml_lines import Lines, read_yaml

SUFFIXES = (".yaml", ".yml", ".jsonl", ".csv", ".py")


class CaseProblem(ValueError):
    """Cases cannot be read. For whoever wrote them; lists every problem with its file and line."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        many = len(self.problems)
        head = "The cases cannot be used" if many == 1 else f"The cases cannot be used; {many} problems"
        super().__init__(f"{head}:\n" + "\n".join(f"  {each}" for each in self.problems))


@dataclass(slots=True)
class _Draft:
    """A case as it was written, before it is checked."""

    value: Any
    line: int
    lines: Lines = field(default_factory=dict)
    """Path below the case to line, where the file tells."""


def load_cases(path: Path) -> list[Case]:
    """Read the cases of one file.

    Args:
        path: ``.yaml``, ``.yml``, ``.jsonl``, ``.csv`` (columns id, input, ...; what is nested as JSON, or one column
            for each part, like ``expect.status``), or ``.py`` with a list ``CASES`` or a function ``cases``.

    Raises:
        CaseProblem: listing everything that is wrong.
    """
    read = _READERS.get(path.suffix)
    if read is None:
        raise CaseProblem([f"{path}: cases are in {', '.join(SUFFIXES)}, not in {path.suffix or 'files without end'}."])
    try:
        drafts = read(path)
    except OSError as error:
        raise CaseProblem([f"{path}: {error.strerror or error}."]) from error
    except UnicodeDecodeError as error:
        raise CaseProblem([f"{path}: it is not UTF-8 text (byte {error.start})."]) from error
    return _checked(path, drafts)


def case_of_line(path: Path, number: int, line: bytes) -> Case:
    """The case on one line of JSONL.

    Raises:
        CaseProblem: listing everything that is wrong with it.
    """
    try:
        value = json.loads(line)
    except ValueError as error:
        raise CaseProblem([f"{path}:{number}: the line is not JSON: {error}."]) from error
    return _checked(path, [_Draft(value, number)])[0]


def cases_of(entry: GraphEntry, project: Path | None = None) -> list[Case]:
    """The cases of a graph: ``cases.yaml`` beside its source, and ``evals/NAME*.yaml`` of the project.

    A file whose name ends in ``suite`` is none of cases and is passed over.

    Raises:
        CaseProblem: listing everything that is wrong in any of them; also an id that two of them use.
    """
    files = [*_beside(entry), *(_in_project(entry.name, project) if project else ())]
    cases: list[Case] = []
    problems: list[str] = []
    for path in dict.fromkeys(each.resolve() for each in files):
        try:
            cases += load_cases(path)
        except CaseProblem as problem:
            problems += problem.problems
    problems += _twice((each.id, each.source) for each in cases)
    if problems:
        raise CaseProblem(problems)
    return cases


def _beside(entry: GraphEntry) -> Iterator[Path]:
    source = entry.source.rpartition(":")[0]
    for suffix in SUFFIXES[:-1]:
        path = Path(source).parent / f"cases{suffix}"
        if source and path.is_file():
            yield path


def _in_project(name: str, project: Path) -> Iterator[Path]:
    for suffix in SUFFIXES:
        for path in sorted((project / "evals").glob(f"{name}*{suffix}")):
            if not path.stem.endswith("suite"):
                yield path


def _checked(path: Path, drafts: list[_Draft]) -> list[Case]:
    cases: list[Case] = []
    problems: list[str] = []
    for draft in drafts:
        place = f"{path}:{draft.line}"
        value = draft.value
        if isinstance(value, Case):
            cases.append(value if value.source else value.model_copy(update={"source": place}))
        elif not isinstance(value, dict):
            problems.append(f"{place}: a case is a mapping with id and input, not {type(value).__name__}.")
        elif "source" in value:
            problems.append(f"{place}: source is filled in by the loader; leave it out.")
        else:
            try:
                cases.append(Case.model_validate({**value, "source": place}))
            except ValidationError as error:
                problems += [_problem(path, draft, each) for each in error.errors()]
    problems += _twice((each.id, each.source) for each in cases)
    if problems:
        raise CaseProblem(dict.fromkeys(problems))
    return cases


def _twice(named: Iterable[tuple[str, str]]) -> Iterator[str]:
    first: dict[str, str] = {}
    for name, source in named:
        if name in first:
            yield f"{source}: the id {name!r} is taken by {first[name]}; give each case an id of its own."
        first.setdefault(name, source)


def _problem(path: Path, draft: _Draft, error: Any) -> str:
    """One finding of pydantic's, with its line and in words for whoever wrote the file."""
    # pydantic puts the tried types of a union into the place; only keys and positions that were written stay.
    written = _written(draft.value, error["loc"])
    line = next((draft.lines[written[:n]] for n in range(len(written), -1, -1) if written[:n] in draft.lines), 0)
    case = draft.value.get("id")
    where = ".".join(map(str, written))
    whose = f"case {case!r}: " if isinstance(case, str) else ""
    place = f"{path}:{line or draft.line}: {whose}"
    if error["type"] == "extra_forbidden":
        return f"{place}there is no {where!r}.{_near(written)}"
    if error["type"] == "missing":
        return f"{place}{'.'.join(map(str, (*written, error['loc'][-1])))!r} is missing."
    return f"{place}{where or 'the case'}: {complaint(error)}."


def _written(value: Any, place: tuple[Any, ...]) -> tuple[str | int, ...]:
    found: list[str | int] = []
    for key in place:
        is_position = isinstance(value, list | tuple) and isinstance(key, int) and key < len(value)
        if is_position or (isinstance(value, dict) and key in value):
            value = value[key]
        else:
            continue
        found.append(key)
    return tuple(found)


def _near(place: tuple[str | int, ...]) -> str:
    """What may have been meant by the unknown last key of a place."""
    model: type[BaseModel] | None = Case
    for key in place[:-1]:
        if isinstance(key, str) and model is not None:
            model = _part(model.model_fields[key].annotation) if key in model.model_fields else None
    if model is None:
        return ""
    known = [name for name in model.model_fields if name != "source"]
    near = get_close_matches(str(place[-1]), known, n=1)
    return f" Did you mean {near[0]!r}?" if near else f" There are: {', '.join(known)}."


def _part(annotation: Any) -> type[BaseModel] | None:
    """The part of a case that an annotation like ``tuple[Answer, ...] | None`` is about."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_part(each) for each in getattr(annotation, "__args__", ()))
    return next((each for each in inner if each is not None), None)


def _yaml(path: Path) -> list[_Draft]:
    try:
        value, lines = read_yaml(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise CaseProblem([f"{path}{at}: it is not YAML: {error.problem or error.context}."]) from error
    except yaml.YAMLError as error:
        raise CaseProblem([f"{path}: it is not YAML: {error}."]) from error
    if value is None:
        return []
    if not isinstance(value, list):
        raise CaseProblem([f"{path}:1: the file holds a list of cases (- id: ...), not {type(value).__name__}."])
    return [
        _Draft(each, lines.get((at,), 1), {place[1:]: line for place, line in lines.items() if place[:1] == (at,)})
        for at, each in enumerate(value)
    ]


def _jsonl(path: Path) -> list[_Draft]:
    drafts, problems = [], []
    for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not text.strip():
            continue
        try:
            drafts.append(_Draft(json.loads(text), line))
        except ValueError as error:
            problems.append(f"{path}:{line}: the line is not JSON: {error}.")
    if problems:
        raise CaseProblem(problems)
    return drafts


def _csv(path: Path) -> list[_Draft]:
    drafts, problems = [], []
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, strict=True)
        try:
            for row in rows:
                value: dict[str, Any] = {}
                for column, text in row.items():
                    if column is None or text is None:
                        problems.append(f"{path}:{rows.line_num}: it has not as many cells as the first line.")
                    elif text:
                        _put(value, column.split("."), _cell(column, text))
                drafts.append(_Draft(value, rows.line_num))
        except (csv.Error, CaseProblem) as error:
            problems.append(f"{path}:{rows.line_num}: {error}.")
    if problems:
        raise CaseProblem(problems)
    return drafts


_NESTED = tuple(name for name in Case.model_fields if name not in ("id", "input", "model", "cassette", "source"))


def _cell(column: str, text: str) -> Any:
    """Nested values are JSON; of an input only what looks like an object is."""
    if column in _NESTED or (column == "input" and text.lstrip().startswith("{")):
        try:
            return json.loads(text)
        except ValueError as error:
            raise csv.Error(f"column {column!r} is not JSON: {error}") from error
    if "." in column:
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _put(value: dict[str, Any], names: list[str], given: Any) -> None:
    for name in names[:-1]:
        value = value.setdefault(name, {})
    value[names[-1]] = given


def _python(path: Path) -> list[_Draft]:
    spec = importlib.util.spec_from_file_location(f"graphwright_cases_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        found = module.CASES if hasattr(module, "CASES") else module.cases()
    except AttributeError as error:
        raise CaseProblem([f"{path}: it has neither a list CASES nor a function cases() ({error})."]) from error
    except Exception as error:
        raise CaseProblem([f"{path}: it cannot be run: {type(error).__name__}: {error}."]) from error
    return [_Draft(each, 1) for each in found]


_READERS: dict[str, Callable[[Path], list[_Draft]]] = {
    ".yaml": _yaml,
    ".yml": _yaml,
    ".jsonl": _jsonl,
    ".csv": _csv,
    ".py": _python,
}
