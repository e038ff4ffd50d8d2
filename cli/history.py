"""``graphwright history`` and ``diff``: a thread's checkpoints, and what differs between two of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from .errors import EXIT_OK
from .invocation import Command, Invocation, pass_invocation
from .output import emit, moment, remark, say, table
from .safe_text import json_line, one_line

if TYPE_CHECKING:
    from graphwright.runtime.history import Point
    from graphwright.runtime.states import Change

_MARKS = {"added": "+", "removed": "-", "changed": "~"}


@click.command(cls=Command)
@click.argument("name", metavar="RUN|THREAD")
@click.option("-n", "--limit", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="How many.")
@pass_invocation
def history(invocation: Invocation, name: str, limit: int) -> int:
    """List the checkpoints of a run or a thread, oldest first: what each step changed, and what comes next."""
    from graphwright.runtime.history import history as checkpoints

    from .checkpoints import compiled_for, newest_run
    from .session import Session, settings_of

    with Session(settings_of(invocation)) as session:
        thread, run, named = newest_run(session, name)
        compiled = compiled_for(session, thread, run)
        only = run.id if run is not None and named else None
        found = session.run(checkpoints(compiled, thread, run_id=only, limit=limit))
    if invocation.json:
        for each in found:
            emit(_data(each))
    elif found:
        rows = [
            (each.id, each.step, each.source, _next(each), moment(each.when), each.run, _changed(each.changed))
            for each in found
        ]
        table(("CHECKPOINT", "STEP", "SOURCE", "NEXT", "WHEN", "RUN", "CHANGED"), rows)
    else:
        remark("There are no checkpoints.")
    return EXIT_OK


@click.command(cls=Command)
@click.argument("first", metavar="CHECKPOINT")
@click.argument("second", metavar="CHECKPOINT")
@pass_invocation
def diff(invocation: Invocation, first: str, second: str) -> int:
    """Show what differs between two checkpoints: key by key, messages one by one."""
    from graphwright.runtime.history import difference

    from .checkpoints import compiled_for, newest_run, thread_of_checkpoint
    from .session import Session, settings_of

    with Session(settings_of(invocation)) as session:
        places = []
        for checkpoint in (first, second):
            thread = thread_of_checkpoint(session, checkpoint)
            _, run, _ = newest_run(session, thread)
            places.append((compiled_for(session, thread, run), thread, checkpoint))
        found = session.run(difference(places[0], places[1]))
    for each in found:
        if invocation.json:
            emit(asdict(each))
        else:
            say("\n".join(change_lines(each)))
    if not found:
        remark("The two states are the same.")
    return EXIT_OK


def change_lines(change: Change) -> list[str]:
    """A change as a person reads it: its key, then the old and the new value."""
    lines = [f"{_MARKS[change.kind]} {change.key}"]
    for mark, value in (("-", change.before), ("+", change.after)):
        if value is not None:
            lines += [f"    {mark} {line}" for line in _value_lines(value)]
    return lines


def _value_lines(value: Any) -> list[str]:
    """Text as it is, records a field a line, the rest as JSON."""
    if isinstance(value, str):
        return value.splitlines() or [""]
    if isinstance(value, dict):
        return [f"{name}: {each if isinstance(each, str) else json_line(each)}" for name, each in value.items()]
    return [json_line(value)]


def _next(point: Point) -> str:
    names = ", ".join(dict.fromkeys(point.next)) or "(end)"
    return f"{names} (waits)" if point.waits else names


def _changed(changes: Sequence[Change]) -> str:
    return ", ".join(f"{_MARKS[each.kind]}{one_line(each.key, 60)}" for each in changes)


def _data(point: Point) -> dict[str, Any]:
    told = {name: value for name, value in asdict(point).items() if name != "values"}
    return {**told, "changed": [asdict(each) for each in point.changed]}


COMMANDS = {"history": history, "diff": diff}
