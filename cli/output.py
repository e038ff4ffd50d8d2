"""Results on stdout, remarks on stderr; tables for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from .safe_text import json_line, one_line, shown


def say(text: str) -> None:
    """One result on stdout, safe to print."""
    click.echo(shown(text))


def remark(text: str = "") -> None:
    """A remark on stderr, safe to print."""
    click.echo(shown(text), err=True)


def emit(value: Any) -> None:
    """One JSON object on a line of stdout."""
    click.echo(json_line(value))
    sys.stdout.flush()


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table on stdout: fitted to a terminal, tab-separated and whole in a pipe."""
    cells = [[one_line(str(cell), 2000) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in (columns, *cells):
            click.echo("\t".join(row))
        return
    from rich.console import Console  # only where a terminal shows it
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        drawn.add_column(column, no_wrap=number == 0, overflow="fold" if number == 0 else "ellipsis")
    for row in cells:
        drawn.add_row(*(Text(cell) for cell in row))
    Console(highlight=False).print(drawn)


def details(values: Mapping[str, Any]) -> None:
    """Named values on stdout, one a line; those of several lines are indented below their name."""
    width = max((len(name) for name in values), default=0)
    for name, value in values.items():
        lines = shown("" if value is None else str(value)).splitlines() or [""]
        if len(lines) == 1:
            click.echo(f"{name.ljust(width)}  {lines[0]}".rstrip())
        else:
            click.echo("\n".join([name, *(f"    {line}" for line in lines)]))


def moment(seconds: float | None) -> str:
    """A time in UTC, to the second."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def since(seconds: float, now: float) -> str:
    """How long ago, in the largest unit that fits."""
    passed = max(0, int(now - seconds))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if passed >= size:
            return f"{passed // size}{unit}"
    return f"{passed}s"
