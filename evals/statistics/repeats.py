"""What repeated runs of one case say: pass@k (any of k passes) and pass^k (all k pass), both unbiased.

Sources: pass@k: Chen et al., "Evaluating Large Language Models Trained on Code" (arXiv 2107.03374), equation 1.
pass^k: Yao et al., "tau-bench" (arXiv 2406.12045), section 3. The plug-in (c/n)^k overstates reliability.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def pass_any(passed: int, n: int, k: int) -> float:
    """pass@k of one case: 1 - C(n - passed, k) / C(n, k).

    Raises:
        ValueError: if fewer than k runs were made; it is undefined then.
    """
    _check(passed, n, k)
    return 1 - math.comb(n - passed, k) / math.comb(n, k)


def pass_all(passed: int, n: int, k: int) -> float:
    """pass^k of one case: C(passed, k) / C(n, k).

    Raises:
        ValueError: if fewer than k runs were made; it is undefined then.
    """
    _check(passed, n, k)
    return math.comb(passed, k) / math.comb(n, k)


def mean_over_cases(counts: Sequence[tuple[int, int]], k: int, *, all_of: bool) -> float:
    """The mean over cases of pass^k (``all_of``) or pass@k; each count is (passed, runs)."""
    of_case = pass_all if all_of else pass_any
    return math.fsum(of_case(passed, n, k) for passed, n in counts) / len(counts)


def _check(passed: int, n: int, k: int) -> None:
    if not 0 <= passed <= n:
        raise ValueError(f"{passed} of {n} runs cannot have passed.")
    if not 1 <= k <= n:
        raise ValueError(f"k = {k} needs at least {k} runs of the case and there are {n}. Run more epochs.")
