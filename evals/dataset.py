"""Datasets: cases that can be gone through again and again, in memory or line by line from a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from .case import Case
from .case_files import CaseProblem, case_of_line, load_cases

MOST_BYTES = 10_000_000
"""A file of cases that is read whole may have so many bytes, and so may a line of JSONL: more is a mistake."""
MOST_PROBLEMS = 100
"""Problems of a long file that are told; the others are counted."""


class Dataset(Protocol):
    """Cases, as often as they are wanted."""

    def __iter__(self) -> Iterator[Case]:
        """One after the other, in an order that never changes."""

    def __len__(self) -> int:
        """How many there are."""


class Lines:
    """The cases of a JSONL file. One is in memory at a time; all of them were checked when it was opened."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            CaseProblem: listing everything that is wrong, with the lines.
        """
        self.path = path
        self._many = 0
        first: dict[str, int] = {}
        problems: list[str] = []
        for number, found in self._read():
            if isinstance(found, CaseProblem):
                problems += found.problems
            elif found.id in first:
                problems.append(
                    f"{path}:{number}: the id {found.id!r} is taken by line {first[found.id]}; "
                    "give each case an id of its own."
                )
            else:
                first[found.id] = number
                self._many += 1
        if problems:
            more = len(problems) - MOST_PROBLEMS
            raise CaseProblem([*problems[:MOST_PROBLEMS], *([f"and {more} more."] if more > 0 else [])])

    def __len__(self) -> int:
        return self._many

    def __iter__(self) -> Iterator[Case]:
        for _, found in self._read():
            if isinstance(found, CaseProblem):
                raise found  # the file was changed since it was opened
            yield found

    def _read(self) -> Iterator[tuple[int, Case | CaseProblem]]:
        try:
            with self.path.open("rb") as file:
                number = 0
                while line := file.readline(MOST_BYTES + 1):
                    number += 1
                    if len(line) > MOST_BYTES:
                        yield number, CaseProblem([f"{self.path}:{number}: {_too_large('a case')}"])
                        while line and not line.endswith(b"\n"):
                            line = file.readline(MOST_BYTES)
                    elif line.strip():
                        yield number, _parsed(self.path, number, line)
        except OSError as error:
            yield 0, CaseProblem([f"{self.path}: {error.strerror or error}."])


def open_dataset(path: Path) -> Dataset:
    """The cases of a file; those of JSONL are not held in memory.

    Raises:
        CaseProblem: listing everything that is wrong.
    """
    if path.suffix == ".jsonl":
        return Lines(path)
    if path.is_file() and path.stat().st_size > MOST_BYTES:
        raise CaseProblem([f"{path}: {_too_large('a file that is not JSONL')}"])
    return load_cases(path)


def joined(datasets: Sequence[Dataset]) -> Dataset:
    """Several datasets as one.

    Raises:
        CaseProblem: if two of them use the same id.
    """
    if len(datasets) == 1:
        return datasets[0]
    cases = [case for each in datasets for case in each]
    first: dict[str, str] = {}
    problems = []
    for case in cases:
        if case.id in first:
            problems.append(f"{case.source}: the id {case.id!r} is taken by {first[case.id]}.")
        first.setdefault(case.id, case.source)
    if problems:
        raise CaseProblem(problems)
    return cases


def _parsed(path: Path, number: int, line: bytes) -> Case | CaseProblem:
    try:
        return case_of_line(path, number, line)
    except CaseProblem as problem:
        return problem


def _too_large(what: str) -> str:
    return (
        f"{what} may have {MOST_BYTES // 1_000_000} MB at most. Keep long inputs in files that the case names "
        "(`documents`), and long lists of cases in JSONL."
    )
