"""Whether a judge agrees with people: what was measured, and whether that admits it to a gate."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from .agreement import Agreement, Corrected, rogan_gladen

FEWEST_LABELS = 50
LEAST_KAPPA = 0.6
"""Of the lower end of the 95 % interval: "substantial" agreement (Landis and Koch 1977)."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A judge beside people."""

    judge: str
    """Version of the judge; the calibration holds for no other."""
    agreement: Agreement | None
    """Of the runs that it measured; None where it measured none."""
    labels: int
    """Runs that people graded."""
    unmeasured: int
    """Of them, those that the judge could not grade."""
    sensitivity: float
    """Share of people's passes that it passes; NaN without any."""
    passes: int
    """People's passes, among the measured."""
    specificity: float
    """Share of people's failures that it fails; NaN without any."""
    fails: int

    @classmethod
    def read(cls, path: Path) -> Calibration:
        """The calibration that :meth:`write` left in a file.

        Raises:
            ValueError: if the file has none.
        """
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            agreement = told.pop("agreement")
            return cls(agreement=Agreement(**agreement) if agreement else None, **told)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} has no calibration ({error}). Calibrate the judge and write it again.") from error

    def write(self, path: Path) -> None:
        """Keep it in a JSON file beside the suite."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    def objections(self, version: str) -> list[str]:
        """Why the judge of this version may not gate; empty where it may."""
        found = []
        if version != self.judge:
            found.append(
                f"The judge is {version} and was calibrated as {self.judge}: its model, prompt, rubric or grades "
                "changed. Calibrate it again."
            )
        measured = self.labels - self.unmeasured
        if measured < FEWEST_LABELS:
            found.append(f"It was compared on {measured} labels, and needs {FEWEST_LABELS}.")
        low = self.agreement.low if self.agreement else math.nan
        if not low >= LEAST_KAPPA:
            found.append(
                f"Its agreement with people has a kappa whose lower end is {low:.2f}; at least {LEAST_KAPPA} is needed."
            )
        return found

    def corrected(self, share: float, n: int) -> Corrected:
        """The share of passes that people would find where this judge finds ``share`` of ``n`` (Rogan and Gladen).

        Raises:
            ValueError: if the judge is no better than chance.
        """
        return rogan_gladen(share, n, (self.sensitivity, self.passes, self.specificity, self.fails))
