"""How small a difference a suite of this size can see.

Source: Miller (arXiv 2411.00640), section 5: the effect found with the given power at the given level is
(z_level + z_power) times the standard error of the difference.
"""

from __future__ import annotations

from .distributions import t_quantile


def minimum_detectable_effect(
    standard_error: float, clusters: int, *, level: float = 0.95, power: float = 0.8
) -> float:
    """The true difference that a comparison with this error finds with probability ``power``.

    Args:
        standard_error: Of the paired difference.
        clusters: How many there are; few of them make it harder (t with clusters - 1 degrees).
        level: 1 minus the accepted rate of false alarms.
        power: The wanted chance to find a difference that is there.

    Raises:
        ValueError: with fewer than two clusters: nothing can be told from one.
    """
    if clusters < 2:
        raise ValueError("One cluster cannot show a difference. Add cases that do not belong together.")
    degrees = clusters - 1
    return (t_quantile((1 + level) / 2, degrees) + t_quantile(power, degrees)) * standard_error
