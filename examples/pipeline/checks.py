"""What is wrong with a delivery: schema, types, blanks, repeats, leakage, drift. Every check runs; all is reported.

A problem says what code found, never what a cell says: words of a stranger do not travel further than a count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np
from typing_extensions import TypedDict

from .data import CHOICES, COLUMNS, NUMBERS, TARGET
from .measures import auc, stability
from .tables import Floats, Rows, numbers

Severity = Literal["blocks", "warns"]
MIN_ROWS = 200
MAX_BLANK = 0.10
"""A column with more blanks than this blocks; with fewer, they are filled with the median."""
LEAK = 0.97
"""A single column that tells the outcome this well was written after the fact."""
DRIFT, SOME_DRIFT = 0.25, 0.10
"""Population stability index from which a column has drifted, and from which it is mentioned."""


class Problem(TypedDict):
    """One thing that is wrong."""

    code: str
    severity: Severity
    column: str
    text: str


def find_problems(tables: Mapping[str, Rows], reference: Rows) -> list[Problem]:
    """Everything wrong with these tables (``train`` and ``test``), what blocks first."""
    found = list(_schema(tables))
    if not any(each["code"] == "missing_column" for each in found):
        train, test = tables["train"], tables["test"]
        found += [*_cells(tables), *_sizes(tables), *_repeats(train, test), *_leaks(train)]
        found += _drifts(train, reference) if len(train.rows) >= MIN_ROWS else []
    return sorted(found, key=lambda each: (each["severity"], each["code"], each["column"]))


def _schema(tables: Mapping[str, Rows]) -> Iterator[Problem]:
    for column in COLUMNS:
        absent = [name for name, table in tables.items() if column not in table.columns]
        if absent:
            yield _problem("missing_column", "blocks", column, f"{column} is not in {' and '.join(absent)}")
    extra = {each for table in tables.values() for each in table.columns if each not in COLUMNS}
    if extra:
        yield _problem("extra_column", "warns", "", f"{len(extra)} columns are not in the schema and are not used")


def _cells(tables: Mapping[str, Rows]) -> Iterator[Problem]:
    for column in (*NUMBERS, TARGET):
        texts = [text for table in tables.values() for text in table.column(column)]
        blank = sum(not text.strip() for text in texts)
        wrong = int(np.isnan(numbers(texts)).sum()) - blank
        if wrong:
            yield _problem("type", "blocks", column, f"{wrong} values of {column} are no numbers")
        if blank > MAX_BLANK * len(texts) or (blank and column == TARGET):
            yield _problem("missing", "blocks", column, f"{blank / len(texts):.0%} of {column} are empty")
        elif blank:
            told = f"{blank / len(texts):.0%} of {column} are empty and are filled with the median"
            yield _problem("some_missing", "warns", column, told)
    for column, options in CHOICES.items():
        unknown = sum(text not in options for table in tables.values() for text in table.column(column))
        if unknown:
            yield _problem("value", "blocks", column, f"{unknown} values of {column} are none of those agreed on")
    odd = sum(text not in ("0", "1", "") for table in tables.values() for text in table.column(TARGET))
    if odd:
        yield _problem("type", "blocks", TARGET, f"{odd} outcomes are neither 0 nor 1")


def _sizes(tables: Mapping[str, Rows]) -> Iterator[Problem]:
    for name, table in tables.items():
        if len(table.rows) < MIN_ROWS:
            yield _problem("rows", "blocks", "", f"{name} has {len(table.rows)} rows, {MIN_ROWS} are needed")
        elif len({text for text in table.column(TARGET) if text in ("0", "1")}) < 2:
            yield _problem("one_outcome", "blocks", TARGET, f"{name} has only one outcome")


def _repeats(train: Rows, test: Rows) -> Iterator[Problem]:
    shared = set(train.column("customer_id")) & set(test.column("customer_id"))
    if shared:
        yield _problem("shared_rows", "blocks", "customer_id", f"{len(shared)} customers are in train and in test")
    repeated = len(train.rows) - len(set(train.rows))
    if repeated:
        yield _problem("repeated_rows", "warns", "", f"{repeated} rows of train are repeated and are used once")


def _leaks(train: Rows) -> Iterator[Problem]:
    gone = numbers(train.column(TARGET))
    known = ~np.isnan(gone)
    if len(set(gone[known])) < 2:
        return
    for column in train.columns:
        values = numbers(train.column(column))
        usable = known & ~np.isnan(values)
        if column in ("customer_id", TARGET) or usable.sum() < MIN_ROWS or len(set(gone[usable])) < 2:
            continue
        told = auc(gone[usable], values[usable])
        if max(told, 1 - told) > LEAK:
            name = column if column in COLUMNS else "a column outside of the schema"
            yield _problem("leak", "blocks", name, f"{name} alone tells the outcome (AUC {max(told, 1 - told):.3f})")


def _drifts(train: Rows, reference: Rows) -> Iterator[Problem]:
    for column, index in drift_of(train, reference).items():
        if index > DRIFT:
            told = f"{column} has drifted from the last accepted delivery (index {index:.2f}, limit {DRIFT})"
            yield _problem("drift", "blocks", column, told)
        elif index > SOME_DRIFT:
            told = f"{column} has moved from the last accepted delivery (index {index:.2f})"
            yield _problem("some_drift", "warns", column, told)


def drift_of(new: Rows, old: Rows) -> dict[str, float]:
    """How far each column of the schema has moved: the population stability index, 0 if not at all."""
    found = {}
    for column in NUMBERS:
        a, b = _known(new, column), _known(old, column)
        if len(a) and len(b):
            edges = np.unique(np.quantile(b, np.linspace(0, 1, 11)[1:-1]))
            found[column] = stability(np.searchsorted(edges, a), np.searchsorted(edges, b), len(edges) + 1)
    for column, options in CHOICES.items():
        codes = [np.array([options.index(t) for t in each.column(column) if t in options]) for each in (new, old)]
        found[column] = stability(codes[0], codes[1], len(options))
    return {column: round(index, 4) for column, index in found.items()}


def _known(table: Rows, column: str) -> Floats:
    values = numbers(table.column(column))
    return values[~np.isnan(values)]


def _problem(code: str, severity: Severity, column: str, text: str) -> Problem:
    return Problem(code=code, severity=severity, column=column, text=text)
