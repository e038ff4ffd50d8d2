"""Small Python programs of agents, run by Monty: an interpreter of its own in a process of its own.

It has no files, no network, no environment, no processes and a small part of the standard library; what a program may
use of time and memory is bounded. The same program gives the same numbers: `random` starts from a fixed seed.
"""

from __future__ import annotations

import datetime
import decimal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field

from ..context import ToolContext
from ..declare import tool
from ..errors import ToolFailed, ToolUnavailable

if TYPE_CHECKING:
    from pydantic_monty import Monty, MontyError, ResourceLimits

DEEPEST, MOST_ENTRIES = 40, 20_000
"""Levels of a result, and entries in all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonLimits:
    """What one program may cost."""

    seconds: float = 5.0
    """Of running; a program that waits for one of the functions it was given does not run."""
    memory_bytes: int = 100_000_000
    depth: int = 200
    """Calls inside each other."""
    printed_bytes: int = 10_000
    calls: int = 100
    """Of the functions it was given."""


@dataclass(frozen=True)
class Ran:
    """What came of a program."""

    result: Any
    """The value of its last line, if that is an expression."""
    printed: str = ""


class PythonSandbox:
    """Runs programs, each in a fresh interpreter; safe for threads. The processes start at the first run.

    Args:
        limits: What one program may cost.
        functions: What programs may call by name, besides their own. They run in this process, outside of every
            limit, approval and journal: give pure functions only.
        processes: Programs that run at the same time; others wait.
    """

    def __init__(
        self,
        limits: PythonLimits | None = None,
        *,
        functions: Mapping[str, Callable[..., Any]] | None = None,
        processes: int = 2,
    ) -> None:
        self.limits = limits or PythonLimits()
        self._functions = dict(functions or {})
        self._processes = processes
        self._lock = threading.Lock()
        self._pool: Monty | None = None

    def run(self, code: str, inputs: Mapping[str, Any] | None = None) -> Ran:
        """Run one program. Raises ToolFailed with the line that failed, in words for the model that wrote it."""
        import pydantic_monty as monty  # loads native code

        printed = monty.CollectString(self.limits.printed_bytes)
        try:
            with self._started().checkout(limits=_bounds(self.limits), os_policy=_POLICY) as session:
                value = session.feed_run(
                    code,
                    inputs=dict(inputs or {}),
                    external_lookup=self._functions or None,
                    print_callback=printed,
                )
        except monty.MontyCrashedError as error:
            raise ToolFailed("The program was stopped: it used too much, or broke the interpreter.") from error
        except TimeoutError as error:
            raise ToolUnavailable("Other programs are running. Try again in a moment.", retry_after=1.0) from error
        except monty.MontyError as error:
            raise ToolFailed(_in_words(error, printed.output, self.limits)) from error
        except (TypeError, ValueError, RecursionError) as error:
            raise ToolFailed(f"The inputs cannot be given to a program: {error}.") from error
        return Ran(plain(value), printed.output)

    def close(self) -> None:
        """Stop the processes."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.__exit__(None, None, None)

    def _started(self) -> Monty:
        import pydantic_monty as monty

        with self._lock:
            if self._pool is None:
                pool = monty.Monty(
                    max_processes=self._processes,
                    checkout_timeout=30.0,
                    request_timeout=self.limits.seconds + 5.0,
                    max_checkouts_per_worker=200,
                )
                self._pool = pool.__enter__()
            return self._pool

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@cache
def shared_sandbox() -> PythonSandbox:
    """The one of this process, for runs that provide none."""
    return PythonSandbox()


@tool(effect="read", timeout=60.0)
def run_python(
    code: Annotated[
        str,
        Field(min_length=1, max_length=20_000, description="The program; its last line is an expression, the result."),
    ],
    context: ToolContext,
    inputs: Annotated[
        dict[str, Any] | None, Field(description="Values that the program finds under these names.")
    ] = None,
) -> Ran:
    """Run a small Python program that computes with given values: no files, no network, no packages.

    It knows most of the language without `yield`, and of the library json, math, re, datetime, decimal, random,
    collections and a few more.
    """
    sandbox = context.resources.find(PythonSandbox) or shared_sandbox()
    context.check()
    return sandbox.run(code, inputs)


_POLICY: Any = {"sleep": "zero", "random_start": {"seed": 0}}


def _bounds(limits: PythonLimits) -> ResourceLimits:
    return {
        "max_feed_duration_secs": limits.seconds,
        "max_turn_duration_secs": limits.seconds,
        "max_memory": limits.memory_bytes,
        "max_recursion_depth": limits.depth,
        "max_suspensions": limits.calls,
        "max_total_sleep_secs": 0.0,
    }


def _in_words(error: MontyError, printed: str, limits: PythonLimits) -> str:
    """What went wrong, on which line, and what had been printed until then."""
    said = str(error).strip().rstrip(".")
    frames = error.traceback() if hasattr(error, "traceback") else []
    place = ""
    if frames:
        last = frames[-1]
        source = (last.source_line or "").strip()
        place = f" on line {last.line}" + (f" ({source[:120]})" if source else "")
    if "TimeoutError: feed time limit" in said or "TimeoutError: turn time limit" in said:
        said = f"it ran longer than {limits.seconds:g} seconds"
    elif "MemoryError: memory limit" in said:
        said = f"it needed more than {limits.memory_bytes // 1_000_000} MB, or printed more than it may"
    elif "ModuleNotFoundError" in said:
        said += "; only a small part of the standard library is here"
    ending = f" It had printed:\n{printed[-1_000:]}" if printed.strip() else ""
    return f"The program failed{place}: {said}.{ending}"


def plain(value: Any) -> Any:
    """A result as JSON has it. Raises ToolFailed for one that is too large or too deep."""
    return _plain(value, DEEPEST, count())


def _plain(value: Any, deeper: int, entries: count[int]) -> Any:
    if deeper < 0 or next(entries) > MOST_ENTRIES:
        most = f"{DEEPEST} levels or {MOST_ENTRIES:,} entries"
        raise ToolFailed(f"The result has more than {most}. Sum it up.")
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(inner, deeper - 1, entries) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        inside = sorted(value, key=repr) if isinstance(value, set | frozenset) else value
        return [_plain(inner, deeper - 1, entries) for inner in inside]
    if isinstance(value, bytes):
        return f"{len(value)} bytes of binary data"
    if isinstance(value, decimal.Decimal | datetime.date | datetime.time | datetime.timedelta):
        return str(value)
    attributes = getattr(value, "attributes", None)  # an object of a class that the program declared
    return _plain(attributes, deeper - 1, entries) if isinstance(attributes, Mapping) else repr(value)
