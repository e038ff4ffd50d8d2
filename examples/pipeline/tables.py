"""Read a delivered table, and turn its rows into numbers for a model."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .data import CHOICES, NUMBERS, TARGET

Floats = NDArray[np.float64]
MAX_BYTES = 20_000_000


class Unreadable(ValueError):
    """A file is no table at all. Says which, and why."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A table as it was delivered: texts."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def column(self, name: str) -> list[str]:
        """The texts of one column."""
        at = self.columns.index(name)
        return [row[at] for row in self.rows]

    def without_repeats(self) -> Rows:
        """Each row once."""
        return Rows(self.columns, tuple(dict.fromkeys(self.rows)))


def read(path: Path) -> Rows:
    """Read a table.

    Raises:
        Unreadable: if it is missing, too large, empty, or rows differ in length.
    """
    if not path.is_file() or path.stat().st_size > MAX_BYTES:
        raise Unreadable(f"{path.name} is missing or larger than {MAX_BYTES} bytes.")
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        lines = [tuple(line) for line in csv.reader(file)]
    if not lines or any(len(line) != len(lines[0]) for line in lines):
        raise Unreadable(f"{path.name} is empty, or its rows differ in length.")
    return Rows(lines[0], tuple(lines[1:]))


def numbers(texts: Sequence[str]) -> Floats:
    """Texts as numbers; what is empty or no number becomes nan."""
    return np.array([_number(text) for text in texts], dtype=np.float64)


def outcome(table: Rows) -> Floats:
    """Who left: 1, else 0."""
    return numbers(table.column(TARGET))


def encode(table: Rows, scaling: Mapping[str, Any]) -> Floats:
    """One row of numbers for each customer: standardised measures, blanks as the median, a column for each choice."""
    columns = []
    for name in NUMBERS:
        values = numbers(table.column(name))
        known = np.where(np.isnan(values), scaling["medians"][name], values)
        columns.append((known - scaling["means"][name]) / scaling["scales"][name])
    for name, options in CHOICES.items():
        texts = np.array(table.column(name))
        columns += [(texts == option).astype(np.float64) for option in options[1:]]
    return np.column_stack(columns)


def scaling_of(table: Rows) -> dict[str, dict[str, float]]:
    """What :func:`encode` needs to know of the training rows."""
    found: dict[str, dict[str, float]] = {"medians": {}, "means": {}, "scales": {}}
    for name in NUMBERS:
        values = numbers(table.column(name))
        found["medians"][name] = float(np.nanmedian(values))
        found["means"][name] = float(np.nanmean(values))
        found["scales"][name] = max(float(np.nanstd(values)), 1e-9)
    return found


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return float("nan")
    return value if np.isfinite(value) else float("nan")
