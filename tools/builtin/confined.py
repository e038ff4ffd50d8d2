"""Python programs in CPython, shut in by the kernel: for what needs the whole standard library, or given packages.

Each runs in a process of its own without environment, network, child processes and signals, with a private folder that
is removed afterwards. Where the kernel lacks Landlock or seccomp nothing is run.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from ..context import ToolContext
from ..declare import tool
from ..errors import ToolFailed
from .children import Ended, python_command, run_child
from .confinement import confinement_problems
from .python import Ran, plain

_WORKER = Path(__file__).with_name("confined_worker.py")
_MOST_FILES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfinedLimits:
    """What one program may cost."""

    seconds: float = 10.0
    """Of wall-clock time, starting the interpreter included."""
    memory_bytes: int = 512_000_000
    """Of address space."""
    file_bytes: int = 20_000_000
    """Of one file, and of all it has written to its folder."""
    printed_bytes: int = 10_000
    answer_bytes: int = 1_000_000


class ConfinedPython:
    """Runs programs in CPython, shut in.

    Args:
        limits: What one program may cost.
        packages: Folders of packages that programs may read and import, such as a `site-packages`.
    """

    def __init__(self, limits: ConfinedLimits | None = None, *, packages: tuple[Path, ...] = ()) -> None:
        self.limits = limits or ConfinedLimits()
        self._packages = tuple(str(each.absolute()) for each in packages)

    async def run(self, code: str, inputs: Mapping[str, Any] | None = None) -> Ran:
        """Run one program. Raises ToolFailed: with the line that failed, or because it cannot be shut in here."""
        if problems := confinement_problems():
            raise ToolFailed(f"Nothing was run: programs cannot be shut in on this machine. {' '.join(problems)}")
        work = tempfile.mkdtemp(prefix="graphwright-python-")
        try:
            return self._read(await self._ran(code, dict(inputs or {}), Path(work)))
        finally:
            shutil.rmtree(work, ignore_errors=True)

    async def _ran(self, code: str, inputs: dict[str, Any], work: Path) -> Ended:
        request = {
            "code": code,
            "inputs": inputs,
            "work": str(work),
            "reads": [*_own_libraries(), *self._packages],
            "packages": list(self._packages),
            "seconds": math.ceil(self.limits.seconds) + 1,
            "memory": self.limits.memory_bytes,
            "file_bytes": self.limits.file_bytes,
            "printed": self.limits.printed_bytes,
        }
        return await run_child(
            python_command(_WORKER),
            _encoded(request),
            seconds=self.limits.seconds,
            most=self.limits.answer_bytes,
            folder=work,
            environment={"HOME": str(work), "TMPDIR": str(work), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            watch=lambda: "files" if _written(work) > self.limits.file_bytes else "",
        )

    def _read(self, ended: Ended) -> Ran:
        if ended.why or not ended.out:
            raise ToolFailed(f"The program was stopped: {self._why(ended)}.")
        try:
            answer = json.loads(ended.out)
        except (ValueError, RecursionError) as error:
            raise ToolFailed("The program's result could not be read. Give plain values.") from error
        if "refused" in answer:
            raise ToolFailed(f"Nothing was run: the program could not be shut in. {answer['refused']}")
        if "error" in answer:
            raise ToolFailed(_in_words(answer))
        return Ran(plain(answer["result"]), answer["printed"])

    def _why(self, ended: Ended) -> str:
        if ended.why == "time" or ended.status == -24:
            return f"it ran longer than {self.limits.seconds:g} seconds"
        if ended.why == "files" or ended.status == -25:
            return f"it wrote more than {self.limits.file_bytes // 1_000_000} MB or {_MOST_FILES} files"
        if ended.why == "output":
            return "its result is too large; sum it up"
        return "it ended without a result, or needed too much memory"


@cache
def _own_libraries() -> tuple[str, ...]:
    """What the interpreter itself reads: its library, the system's shared libraries, time zones, randomness."""
    own = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    if sys.base_prefix not in ("/", "/usr"):
        own.append(str(Path(sys.base_prefix) / "lib"))
    system = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/usr/share/zoneinfo", "/dev/urandom"]
    return tuple(dict.fromkeys([*own, *system]))


def _encoded(request: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(request).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ToolFailed(f"The inputs cannot be given to a program: {error}.") from error


def _written(work: Path) -> int:
    """Bytes in a folder; as many as can be where it holds too many files."""
    total = 0
    for files, (folder, _, names) in enumerate(os.walk(work)):
        if files > _MOST_FILES or len(names) > _MOST_FILES:
            return sys.maxsize
        total += sum(_size(Path(folder, name)) for name in names)
    return total


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0  # gone meanwhile


def _in_words(answer: Mapping[str, Any]) -> str:
    place = f" on line {answer['line']} ({answer['source']})" if answer.get("line") else ""
    printed = answer.get("printed", "").strip()
    ending = f" It had printed:\n{printed[-1_000:]}" if printed else ""
    return f"The program failed{place}: {answer['error'].rstrip('.')}.{ending}"


@cache
def _default() -> ConfinedPython:
    return ConfinedPython()


@tool(effect="read", timeout=60.0)
async def run_python_confined(
    code: Annotated[
        str,
        Field(min_length=1, max_length=20_000, description="The program; its last line is an expression, the result."),
    ],
    context: ToolContext,
    inputs: Annotated[
        dict[str, Any] | None, Field(description="Values that the program finds under these names.")
    ] = None,
) -> Ran:
    """Run a Python program that computes with given values and the standard library: no network, no other files."""
    sandbox = context.resources.find(ConfinedPython) or _default()
    return await sandbox.run(code, inputs)
