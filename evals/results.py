"""Results on disk: one folder for each run of a suite, one line for each run of a case, written when it is known.

``run.json`` says what was run, ``results.jsonl`` what came of it. A line is written whole and at once, so that a killed
process loses nothing that it had told, and is synced to the disk in batches. A torn last line (a power cut) is dropped
when the run goes on.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import orjson
from filelock import FileLock, Timeout

SCHEMA = 1
"""Of the lines; another number is refused."""
SYNC_EVERY = 0.5
"""Seconds of results that a power cut may take."""
_WRITE_BYTES = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


class ResultsProblem(Exception):
    """A folder of results cannot be used. The message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What one scorer said."""

    name: str
    value: float | None
    outcome: Literal["pass", "fail", "unmeasured"]
    reason: str = ""
    evidence: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One run of one case."""

    case: str
    epoch: int
    """From 1."""
    status: str
    scores: tuple[Scored, ...]
    answer: str = ""
    error: str = ""
    trouble: str = ""
    """Why nothing can be said about it; empty otherwise."""
    seconds: float = 0.0
    tokens: int = 0
    money: float | None = None
    model_calls: int = 0
    tool_calls: int = 0
    slices: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    is_cached: bool = False
    detail: Mapping[str, Any] | None = None
    """Input, messages, calls, approvals, route, changes: what a report drills down to."""

    def score(self, scorer: str) -> Scored | None:
        """What this scorer said; None if it was not asked."""
        return next((each for each in self.scores if each.name == scorer), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What was run."""

    run: str
    suite: str
    target: str
    model: str
    epochs: int
    cases: int
    scorers: tuple[str, ...]
    gates: tuple[Mapping[str, Any], ...] = ()
    cluster: str = ""
    signature: str = ""
    """Of the graph, its prompts and its source; runs of the same one can be pooled."""
    floor: float | None = None
    """What an agent that does and says nothing gets from the first scorer, on the first cases; None: not known."""
    floors: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    """By scorer, the means that ``null``, ``echo``, ``heuristic`` and ``oracle`` get; None: it can measure none."""
    floor_cases: int = 0
    """On how many of the cases: the first ones."""
    heuristic: str = ""
    """What the heuristic is called."""
    seed: int = 0
    started: float = 0.0
    versions: Mapping[str, str] = field(default_factory=dict)
    chosen: Mapping[str, Any] = field(default_factory=dict)
    """Which of the suite's cases: ids, tags, limit."""
    source: str = ""
    schema: int = SCHEMA


class RunFolder:
    """The results of one run. Open it to write; one process at a time."""

    def __init__(self, path: Path, header: Header) -> None:
        self.path = path
        self.header = header
        self._file: int | None = None
        self._lock = FileLock(path / ".lock", timeout=0)
        self._synced = 0.0
        self._is_dirty = False

    @classmethod
    def make(cls, path: Path, header: Header) -> RunFolder:
        """A folder for a new run."""
        path.mkdir(parents=True, exist_ok=True)
        beside = path / "run.json.part"
        beside.write_bytes(orjson.dumps(asdict(header), option=orjson.OPT_INDENT_2))
        beside.replace(path / "run.json")
        return cls(path, header)

    @classmethod
    def find(cls, path: Path) -> RunFolder:
        """The folder of an earlier run.

        Raises:
            ResultsProblem: if there is none, or another version wrote it.
        """
        try:
            told = orjson.loads((path / "run.json").read_bytes())
        except FileNotFoundError:
            raise ResultsProblem(f"There is no run in {str(path)!r}. `graphwright eval runs` lists them.") from None
        except ValueError as error:
            raise ResultsProblem(f"{str(path / 'run.json')!r} is damaged: {error}. Run the suite again.") from error
        if told.get("schema") != SCHEMA:
            raise ResultsProblem(
                f"{str(path)!r} was written by another version (schema {told.get('schema')}, this one reads {SCHEMA}). "
                "Run the suite again."
            )
        return cls(path, Header(**{**told, "scorers": tuple(told["scorers"]), "gates": tuple(told["gates"])}))

    @property
    def file(self) -> Path:
        """The lines."""
        return self.path / "results.jsonl"

    def __enter__(self) -> Self:
        try:
            self._lock.acquire()
        except Timeout:
            raise ResultsProblem(f"Another process is working on run {self.header.run}. Wait for it to end.") from None
        self._cut_torn_line()
        self._file = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            self.sync()
            os.close(self._file)
            self._file = None
        self._lock.release()

    def add(self, result: Result) -> None:
        """Write one line. A killed process does not lose it; a power cut may, until :meth:`sync`."""
        assert self._file is not None
        line = line_of(result)
        while line:
            line = line[os.write(self._file, line) :]
        self._is_dirty = True
        now = time.monotonic()
        if now - self._synced > SYNC_EVERY:
            self.sync()

    def sync(self) -> None:
        """Have everything on the disk."""
        if self._file is not None and self._is_dirty:
            os.fsync(self._file)
            self._is_dirty = False
        self._synced = time.monotonic()

    def results(self) -> Iterator[Result]:
        """What was written so far, line by line.

        Raises:
            ResultsProblem: if a line other than the last cannot be read.
        """
        if not self.file.exists():
            return
        with self.file.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return
                try:
                    yield read_result(line)
                except (ValueError, TypeError, KeyError) as error:
                    raise ResultsProblem(
                        f"{self.file}:{number} cannot be read: {error}. Restore it, or run the suite again."
                    ) from error

    def finished(self) -> set[tuple[str, int]]:
        """The runs of cases that are known."""
        return {(each.case, each.epoch) for each in self.results()}

    def _cut_torn_line(self) -> None:
        if not self.file.exists():
            return
        with self.file.open("rb+") as file:
            size = end = file.seek(0, os.SEEK_END)
            while end:
                start = max(0, end - 65536)
                file.seek(start)
                at = file.read(end - start).rfind(b"\n")
                if at >= 0:
                    end = start + at + 1
                    break
                end = start
            if end < size:
                file.truncate(end)


def line_of(result: Result) -> bytes:
    """A result as its line."""
    return orjson.dumps(result, default=str, option=_WRITE_BYTES)


def read_result(line: bytes | str) -> Result:
    """A result from its line."""
    told = orjson.loads(line)
    scores = tuple(Scored(**each) for each in told.pop("scores"))
    return Result(scores=scores, **told)


def run_folders(root: Path) -> list[RunFolder]:
    """Every run below a folder, the newest first; what cannot be read is left out."""
    found = []
    for path in root.glob("*/run.json"):
        try:
            found.append(RunFolder.find(path.parent))
        except ResultsProblem:
            continue
    return sorted(found, key=lambda each: (each.header.started, each.header.run), reverse=True)
