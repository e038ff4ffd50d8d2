"""Which call is which: a maximum matching, so that the order in which things are compared decides nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def maximum_matching(wanted: Sequence[A], found: Sequence[B], fits: Callable[[A, B], bool]) -> dict[int, int]:
    """As many pairs of wanted and found as there can be, each used once.

    By augmenting paths (Berge 1957; Kuhn's form): a pair made earlier is undone where more pairs come of it.

    Returns:
        Place in ``wanted`` to place in ``found``.
    """
    near = [[at for at, each in enumerate(found) if fits(one, each)] for one in wanted]
    owner: dict[int, int] = {}

    def placed(one: int, seen: set[int]) -> bool:
        for at in near[one]:
            if at not in seen:
                seen.add(at)
                if at not in owner or placed(owner[at], seen):
                    owner[at] = one
                    return True
        return False

    for one in range(len(wanted)):
        placed(one, set())
    return {one: at for at, one in owner.items()}


def best_pairs(weights: Sequence[Sequence[float]]) -> dict[int, int]:
    """The pairs with the greatest sum of weights, each row and column used at most once; none that weighs 0.

    By shortest augmenting paths with potentials (Kuhn 1955, Munkres 1957; O(n^3)).

    Args:
        weights: One row for each of the wanted, one column for each of the found; 0 or more.

    Returns:
        Row to column.
    """
    rows, columns = len(weights), len(weights[0]) if weights else 0
    if rows > columns:
        flipped = best_pairs([[weights[row][column] for row in range(rows)] for column in range(columns)])
        return {row: column for column, row in flipped.items()}
    high_rows, high_columns = [0.0] * (rows + 1), [0.0] * (columns + 1)
    owner, way = [0] * (columns + 1), [0] * (columns + 1)
    for row in range(1, rows + 1):
        owner[0], column = row, 0
        least, used = [math.inf] * (columns + 1), [False] * (columns + 1)
        while owner[column]:
            used[column] = True
            here, step, following = owner[column], math.inf, 0
            for other in range(1, columns + 1):
                if not used[other]:
                    cost = -weights[here - 1][other - 1] - high_rows[here] - high_columns[other]
                    if cost < least[other]:
                        least[other], way[other] = cost, column
                    if least[other] < step:
                        step, following = least[other], other
            for other in range(columns + 1):
                if used[other]:
                    high_rows[owner[other]] += step
                    high_columns[other] -= step
                else:
                    least[other] -= step
            column = following
        while column:
            owner[column], column = owner[way[column]], way[column]
    pairs = {owner[column] - 1: column - 1 for column in range(1, columns + 1) if owner[column]}
    return {row: column for row, column in pairs.items() if weights[row][column] > 0}
