"""The fork server seen from its owner: started, given lives to live, and gone without a trace afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..case_files import CaseProblem

MAX_LOG = 2_000
"""Characters of what the server wrote on stderr that an error shows."""


class CertifyError(Exception):
    """A graph could not be certified at all. Says why, and what to do."""


class ForkServer:
    """A process that forks lives. Use it as a context manager; at its end every process of it is gone."""

    def __init__(self, wanted: Mapping[str, Any], log: Path) -> None:
        """
        Args:
            wanted: What to certify, and how many lives at once (``workers``).
            log: Where stderr of all its processes goes.

        Raises:
            CertifyError: where processes cannot be forked.
        """
        if not hasattr(os, "fork"):
            raise CertifyError("Certification forks processes, which this system cannot. Use Linux or macOS, or WSL.")
        self._wanted = wanted
        self._log = log
        self.about: dict[str, Any] = {}
        """What it says of the graph: cases, signature, versions."""

    def __enter__(self) -> Self:
        threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"{__package__}.server"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **threads},
                # A group of its own: Ctrl-C reaches its owner alone, who then ends all of it.
                start_new_session=True,
            )
        try:
            self._say(self._wanted)
            self.about = self._hear()
            if "error" in self.about:
                raise _as_raised(self.about)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def lives(self, jobs: Iterable[Mapping[str, Any]], most: int) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Do jobs, some at a time; gives the id and result of each as it comes.

        Raises:
            CertifyError: if one could not be done at all.
        """
        waiting = iter(jobs)
        open_jobs = 0
        while True:
            while open_jobs < most and (job := next(waiting, None)) is not None:
                self._say(job)
                open_jobs += 1
            if not open_jobs:
                return
            answer = self._hear()
            open_jobs -= 1
            if "error" in answer:
                raise CertifyError(f"A life could not be lived: {answer['error'].strip()}")
            yield answer["id"], answer["result"]

    def close(self) -> None:
        """End every process of the server, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _say(self, told: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(told).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._died() from error

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._died()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _died(self) -> CertifyError:
        said = self._log.read_text(encoding="utf-8", errors="replace").strip()[-MAX_LOG:]
        return CertifyError(f"The fork server ended unexpectedly. It said: {said or 'nothing'}")


def _as_raised(told: Mapping[str, Any]) -> Exception:
    """What went wrong in the server, as the error that it would have been here."""
    from graphwright.graphs import GraphNotFound

    if told["kind"] == "GraphNotFound":
        return GraphNotFound(told["error"])
    if told["kind"] == "CaseProblem":
        lines = told["error"].splitlines()[1:]
        return CaseProblem(line.strip() for line in lines)
    return CertifyError(f"The graph cannot be certified: {told['error']} ({told['kind']})")
