"""Rows that somebody edited by hand, or that a broken disk left half written: named, and never guessed at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from .errors import DamagedRow

Row = TypeVar("Row")
Value = TypeVar("Value")


@contextmanager
def readable(table: str, row_id: str, run_id: str = "") -> Iterator[None]:
    """Read a row inside this block; whatever is wrong with it is told with its table and id.

    Raises:
        DamagedRow: if the block finds the row unreadable.
    """
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, LookupError) as error:
        of_run = f" (of run {run_id})" if run_id and run_id != row_id else ""
        why = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) and error.args else str(error)
        raise DamagedRow(
            f"Row {row_id}{of_run} of the table {table!r} cannot be used: {why}. It was changed by hand or is damaged; "
            "nothing was done with it. Put it right or restore the database from a backup, then resume the run."
        ) from error


def whole(
    rows: Iterable[Row], read: Callable[[Row], Value], damaged: list[DamagedRow] | None = None
) -> Iterator[Value]:
    """Each row read; what is wrong with one that cannot be goes to ``damaged``, and the others are read all the same.

    Raises:
        DamagedRow: for the first such row, where there is no ``damaged``.
    """
    for row in rows:
        try:
            yield read(row)
        except DamagedRow as error:
            if damaged is None:
                raise
            damaged.append(error)


def known_value(name: str, value: object, known: Collection[str]) -> None:
    """Raise ValueError for a column whose value is none of these."""
    if value not in known:
        raise ValueError(f"its {name} is {value!r}, which is none of {', '.join(sorted(known))}")
