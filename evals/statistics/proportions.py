"""The interval of a share of passes.

Source: Wilson, "Probable inference, the law of succession, and statistical inference" (JASA 22, 1927).
"""

from __future__ import annotations

import math

from .distributions import NORMAL


def wilson_interval(passed: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of ``passed`` out of ``n``; never empty at 0 and 1, unlike the usual one.

    Raises:
        ValueError: unless 0 <= passed <= n and n > 0.
    """
    if not 0 <= passed <= n or n == 0:
        raise ValueError(f"{passed} of {n} is no proportion.")
    z = NORMAL.inv_cdf((1 + level) / 2)
    share, spread = passed / n, z * z / n
    middle = (share + spread / 2) / (1 + spread)
    reach = z / (1 + spread) * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    return max(0.0, middle - reach), min(1.0, middle + reach)
