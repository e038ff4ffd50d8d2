"""A model as judge: a rubric, asked twice with everything in the opposite order, and calibrated before it may gate.

Judges prefer what stands first, what is longer and what they wrote themselves (Zheng et al., arXiv 2306.05685). Order
is cancelled here by asking twice: a judge that changes its mind with it has measured nothing. For the rest there is
:mod:`.calibrating`.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from langchain_core.messages import HumanMessage, ToolMessage

from graphwright.prompts import Prompt, prompt

from ..case import Case
from ..observed import Observed
from .calibration import Calibration
from .score import Score, unmeasured

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

_OBJECT = re.compile(r"\{.*\}", re.DOTALL)
MOST_SOURCES = 20_000
"""Characters of sources that a judge is shown."""


class JudgeUnusable(ValueError):
    """This model or these grades cannot judge. For whoever wrote the suite."""


@dataclass(frozen=True)
class Judge:
    """A scorer: a model that grades a run by a rubric."""

    model: BaseChatModel
    rubric: str
    """What is judged, in words: one criterion, with what each grade means."""
    grades: tuple[str, ...] = ("pass", "fail")
    """From best to worst; the values are spread evenly from 1 to 0, and the best one is a pass."""
    name: str = "judge"
    calibration: Calibration | None = None
    """How well it agrees with people; without it, it may not gate."""
    asks_models: ClassVar[bool] = True
    """So that nobody asks it where that is not worth a model's answer."""

    def __post_init__(self) -> None:
        problems = []
        if len(set(self.grades)) < 2 or len(set(self.grades)) != len(self.grades):
            problems.append(f"it needs two different grades or more, not {self.grades!r}")
        if not self.rubric.strip():
            problems.append("it needs a rubric")
        if name_of_model(self.model) == "offline":
            problems.append("the offline model compares words and cannot judge; name a model that can, or script one")
        if problems:
            raise JudgeUnusable(f"Judge {self.name!r} cannot be used: {'; '.join(problems)}.")

    @property
    def version(self) -> str:
        """Hash of everything that a verdict depends on but the run: model, prompt, rubric, grades."""
        told = [name_of_model(self.model), self._prompt.version, self.rubric, list(self.grades)]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]

    def __call__(self, case: Case, observed: Observed) -> Score:
        """Grade a run; unmeasured where the two answers differ or cannot be read."""
        if observed.trouble:
            return unmeasured(observed.trouble)
        told = [self._asked(case, observed, grades) for grades in (self.grades, self.grades[::-1])]
        evidence = {"answers": told, "judge": self.version}
        grades = [_grade(each, self.grades) for each in told]
        if None in grades:
            return Score(None, "unmeasured", "The judge's answer cannot be read.", evidence)
        if grades[0] != grades[1]:
            why = f"The judge says {grades[0]!r}, and {grades[1]!r} when the grades are listed the other way round."
            return Score(None, "unmeasured", why, evidence)
        place = self.grades.index(str(grades[0]))
        reason = str(_read(told[0]).get("reason") or "")
        return Score(1 - place / (len(self.grades) - 1), "fail" if place else "pass", reason, evidence)

    def gate_objections(self) -> list[str]:
        """Why it may not gate; empty where it may."""
        if self.calibration is None:
            return [f"Judge {self.name!r} is not calibrated: compare it with people's labels first (`calibrate`)."]
        return self.calibration.objections(self.version)

    @cached_property
    def _prompt(self) -> Prompt:
        return prompt("evals/judge")

    def _asked(self, case: Case, observed: Observed, grades: tuple[str, ...]) -> str:
        text = self._prompt.render(
            rubric=self.rubric,
            grades="\n".join(f"- {each}" for each in grades),
            task=task_of(case),
            sources=_sources(observed) or "It found nothing.",
            answer=observed.answer,
        )
        return _said(self.model, text)


@dataclass(frozen=True, slots=True)
class Preference:
    """Which of two answers is better."""

    better: Literal["first", "second", "neither"] | None
    """None where the judge could not be read, or preferred a place on the page to an answer."""
    answers: tuple[str, str]
    """What the judge said, in the given order and in the opposite one."""


def preference(model: BaseChatModel, rubric: str, task: str, answers: tuple[str, str]) -> Preference:
    """Ask which of two answers is better, in both orders."""
    text = prompt("evals/preference")
    first, second = answers
    told = (
        _said(model, text.render(rubric=rubric, task=task, first=first, second=second)),
        _said(model, text.render(rubric=rubric, task=task, first=second, second=first)),
    )
    swapped = {"first": "second", "second": "first", "neither": "neither"}
    one, other = (str(_read(each).get("better")) for each in told)
    better: Any = one if one in swapped and swapped.get(other) == one else None
    return Preference(better, told)


def name_of_model(model: BaseChatModel) -> str:
    """What a model is called."""
    told = getattr(model, "name_of_model", None) or getattr(model, "model_name", None) or getattr(model, "model", None)
    return str(told or type(model).__name__)


def task_of(case: Case) -> str:
    """What a judge is told was asked."""
    return case.input if isinstance(case.input, str) else json.dumps(case.input, default=str, sort_keys=True)


def _sources(observed: Observed) -> str:
    found = [str(each.get("text") or "") for each in observed.retrieved]
    found += [each.text for each in observed.messages if isinstance(each, ToolMessage)]
    return "\n\n".join(dict.fromkeys(each for each in found if each.strip()))[:MOST_SOURCES]


def _grade(told: str, grades: tuple[str, ...]) -> str | None:
    said = str(_read(told).get("grade")).strip().casefold()
    return next((each for each in grades if each.casefold() == said), None)


def _read(told: str) -> dict[str, Any]:
    found = _OBJECT.search(told)
    try:
        value = json.loads(found.group()) if found else {}
    except json.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _said(model: BaseChatModel, text: str) -> str:
    return str(model.invoke([HumanMessage(text)]).text)
