"""What a difference between numbers is worth: errors, intervals, tests and the effect that a suite can see at all."""

from .bootstrap import bootstrap_interval
from .chance import holm, mcnemar
from .clustered import Estimate, mean_estimate
from .paired import Comparison, compare_paired
from .power import minimum_detectable_effect
from .proportions import wilson_interval
from .repeats import pass_all, pass_any
from .slices import SliceGap, slice_gaps

__all__ = [
    "Comparison",
    "Estimate",
    "SliceGap",
    "bootstrap_interval",
    "compare_paired",
    "holm",
    "mcnemar",
    "mean_estimate",
    "minimum_detectable_effect",
    "pass_all",
    "pass_any",
    "slice_gaps",
    "wilson_interval",
]
