"""Runs sync functions in daemon threads: one that never ends holds up neither other tools nor the exit.

asyncio's own pool would do both: it has few threads, and the interpreter waits for them at the end.
"""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable
from typing import Any

IDLE = 10.0
"""Seconds an idle thread waits for the next call."""

_Job = Callable[[], None]
_Outcome = tuple[Any, Exception | None]
_lock = threading.Lock()
_idle: list[queue.SimpleQueue[_Job]] = []


async def in_thread(function: Callable[[], Any]) -> Any:
    """Return what a function returns or raises, run in a thread with this task's context variables.

    When the waiting task is cancelled the thread goes on and its result is dropped.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def job() -> None:
        _hand_over(loop, answer, _outcome(context, function))

    _submit(job)
    return await answer


def _outcome(context: contextvars.Context, function: Callable[[], Any]) -> _Outcome:
    try:
        return context.run(function), None
    except StopIteration as stop:
        return None, RuntimeError(f"A tool raised {stop!r}.")
    except Exception as error:
        return None, error
    except BaseException as error:
        return None, RuntimeError(f"A tool tried to end the process with {error!r}.")


def _hand_over(loop: asyncio.AbstractEventLoop, answer: asyncio.Future[Any], outcome: _Outcome) -> None:
    try:
        loop.call_soon_threadsafe(_settle, answer, outcome)
    except RuntimeError:
        return  # the loop is closed: nobody waits any more


def _settle(answer: asyncio.Future[Any], outcome: _Outcome) -> None:
    if answer.done():
        return
    value, error = outcome
    if error is None:
        answer.set_result(value)
    else:
        answer.set_exception(error)


def _submit(job: _Job) -> None:
    with _lock:
        inbox = _idle.pop() if _idle else None
    if inbox is None:
        inbox = queue.SimpleQueue()
        threading.Thread(target=_work, args=(inbox,), daemon=True, name="tool").start()
    inbox.put(job)


def _work(inbox: queue.SimpleQueue[_Job]) -> None:
    while True:
        try:
            job = inbox.get(timeout=IDLE)
        except queue.Empty:
            with _lock:
                if inbox in _idle:
                    _idle.remove(inbox)
                    return
            continue  # a job was promised a moment ago
        job()
        del job
        with _lock:
            _idle.append(inbox)
