"""Does a judge agree with people? Before it does, it may score but not gate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..case import Case
from ..observed import Observed
from .agreement import cohen_kappa
from .calibration import Calibration
from .judge import Judge


@dataclass(frozen=True, slots=True)
class Labelled:
    """A run that a person has graded."""

    case: Case
    observed: Observed
    grade: str
    """One of the judge's grades."""


def calibrate(judge: Judge, labelled: Sequence[Labelled]) -> Calibration:
    """Let a judge grade what people have graded.

    Raises:
        ValueError: if a label is none of the judge's grades; names the cases.
    """
    strange = [each.case.id for each in labelled if each.grade not in judge.grades]
    if strange:
        raise ValueError(
            f"The labels of {', '.join(strange[:5])} ({len(strange)} in all) are none of the judge's grades: "
            f"{', '.join(judge.grades)}."
        )
    scores = [judge(each.case, each.observed) for each in labelled]
    pairs = [
        (each.grade, judge.grades[round((1 - score.value) * (len(judge.grades) - 1))])
        for each, score in zip(labelled, scores, strict=True)
        if score.value is not None
    ]
    best = judge.grades[0]
    passed = [judged == best for human, judged in pairs if human == best]
    failed = [judged != best for human, judged in pairs if human != best]
    return Calibration(
        judge=judge.version,
        agreement=cohen_kappa([human for human, _ in pairs], [judged for _, judged in pairs]) if pairs else None,
        labels=len(labelled),
        unmeasured=len(labelled) - len(pairs),
        sensitivity=sum(passed) / len(passed) if passed else math.nan,
        passes=len(passed),
        specificity=sum(failed) / len(failed) if failed else math.nan,
        fails=len(failed),
    )
