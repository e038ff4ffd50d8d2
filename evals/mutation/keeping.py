"""Mutants that were tried, in a file: one that was interrupted goes on where it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson

from graphwright.runtime.digests import digest

from ..project import Project
from ..signing import signature_of_target
from ..suite import Suite
from ..working import target_of
from .results import Tried

SCHEMA = 1


class Kept:
    """The mutants of one suite that were tried on one version of its graph and cases.

    Lines of JSON; the first says of which version, each other is a :class:`Tried`.
    """

    def __init__(self, file: Path, version: str) -> None:
        self._file = file
        self._version = version

    @classmethod
    def of(cls, suite: Suite, project: Project, model: str, root: Path) -> Kept:
        """The file of a suite below ``root``."""
        entry, graph = target_of(suite, project)
        cases = [case.model_dump(mode="json", exclude={"source"}) for case in suite.cases]
        signature = signature_of_target(suite, entry, graph, project)
        return cls(root / f"{suite.name}.jsonl", digest([SCHEMA, signature, model or suite.model, cases])[:16])

    def known(self) -> list[Tried]:
        """What was tried on this very version; nothing, if the file is of another."""
        lines = list(self._lines())
        if not lines or lines[0].get("version") != self._version:
            return []
        return [Tried(**each) for each in lines[1:]]

    def begin(self, known: Iterable[Tried] = ()) -> None:
        """Begin a file of this version with what is known, in one step; a half line of a dying process is gone then."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        lines = [{"version": self._version}, *map(asdict, known)]
        beside = self._file.with_suffix(f".{uuid4().hex[:8]}")
        beside.write_bytes(b"".join(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in lines))
        beside.replace(self._file)

    def add(self, tried: Tried) -> None:
        """Write one, at once."""
        with self._file.open("ab") as file:
            file.write(orjson.dumps(asdict(tried), option=orjson.OPT_APPEND_NEWLINE))

    def _lines(self) -> Iterator[dict[str, Any]]:
        """The whole lines, up to one that a dying process left half."""
        try:
            content = self._file.read_bytes()
        except FileNotFoundError:
            return
        for line in content.split(b"\n")[:-1]:
            try:
                yield orjson.loads(line)
            except ValueError:
                return
