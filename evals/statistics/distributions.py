"""Student's t and the normal distribution, from the incomplete beta function: no SciPy is needed at run time.

Source: NIST Digital Library of Mathematical Functions, 8.17 (incomplete beta, continued fraction 8.17.22).
"""

from __future__ import annotations

import math
from statistics import NormalDist

NORMAL = NormalDist()
_TINY = 1e-300
_ENOUGH = 1e-16


def t_two_sided(t: float, degrees: float) -> float:
    """The probability that Student's t lies at least this far from 0, on either side.

    Args:
        t: The statistic; infinite gives 0.
        degrees: Degrees of freedom, above 0; infinite is the normal distribution.
    """
    return _tails_and_centre(t, degrees)[0]


def t_quantile(level: float, degrees: float) -> float:
    """The t that a value stays below with probability ``level`` (0.5 to below 1)."""
    if math.isinf(degrees):
        return NORMAL.inv_cdf(level)
    low, high = 0.0, 1.0
    while _is_below(high, degrees, level):
        low, high = high, high * 2
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if _is_below(middle, degrees, level):
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _is_below(t: float, degrees: float, level: float) -> bool:
    """Whether less than ``level`` lies below t; asked of whichever of tails and centre is small, and so exact."""
    tails, centre = _tails_and_centre(t, degrees)
    return centre < 2 * level - 1 if level < 0.75 else tails > 2 * (1 - level)


def _tails_and_centre(t: float, degrees: float) -> tuple[float, float]:
    if math.isinf(t):
        return 0.0, 1.0
    if math.isinf(degrees):
        return math.erfc(abs(t) / math.sqrt(2)), math.erf(abs(t) / math.sqrt(2))
    square = t * t
    return regularized_beta(degrees / (degrees + square), square / (degrees + square), degrees / 2, 0.5)


def regularized_beta(x: float, rest: float, a: float, b: float) -> tuple[float, float]:
    """The regularized incomplete beta functions I_x(a, b) and 1 - I_x(a, b).

    Args:
        x: From 0 to 1.
        rest: 1 - x, given because computing it here would lose its digits where x is near 1.
        a, b: Above 0.
    """
    if x <= 0:
        return 0.0, 1.0
    if rest <= 0:
        return 1.0, 0.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * _log(x, rest) + b * _log(rest, x))
    if x < (a + 1) / (a + b + 2):
        below = front * _continued(x, a, b) / a
        return below, 1 - below
    above = front * _continued(rest, b, a) / b
    return 1 - above, above


def _log(x: float, rest: float) -> float:
    return math.log(x) if x < 0.5 else math.log1p(-rest)


def _continued(x: float, a: float, b: float) -> float:
    """The continued fraction of I_x(a, b), evaluated from the front (Lentz's way)."""
    c, d = 1.0, 1 / _not_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        step = 1.0
        for part in (even, odd):
            d, c = 1 / _not_zero(1 + part * d), _not_zero(1 + part / c)
            step = d * c
            value *= step
        if abs(step - 1) < _ENOUGH:
            break
    return value


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
