"""From a question to rows and to words: shared by the tools that show figures, analyse them and draw them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from graphwright.tools import ToolContext, ToolFailed
from graphwright.tools.builtin import Databases
from graphwright.tools.builtin.sql import read_rows

from .periods import Period, days_of, parts_of
from .semantics import MEASURES, TIMES, MeasureName, Question, Split, Unanswerable, sql_of
from .warehouse import NAME

Measured = Annotated[MeasureName, Field(description="Which figure.")]
SplitBy = Annotated[Split | None, Field(description="Split by what, as in 'by country' or 'each month'.")]
When = Annotated[Period, Field(description="Which time; all of the data if nobody says.")]
Country = Annotated[
    Literal["Germany", "France", "Belgium", "Spain", "Poland"] | None, Field(description="Only this country.")
]
Segment = Annotated[Literal["consumer", "business", "school"] | None, Field(description="Only these customers.")]
Category = Annotated[Literal["lamps", "chairs", "desks", "shelves"] | None, Field(description="Only these products.")]
Channel = Annotated[
    Literal["ads", "newsletter", "referral", "store"] | None, Field(description="Only customers who came this way.")
]
Plan = Annotated[Literal["basic", "plus", "pro"] | None, Field(description="Only this care plan.")]
Topic = Annotated[
    Literal["delivery", "assembly", "payment", "damage"] | None, Field(description="Only tickets about this.")
]
Top = Annotated[int | None, Field(ge=1, le=50, description="How many at most, largest first, as in 'top 3'.")]


@dataclass(frozen=True, slots=True)
class Figures:
    """What was asked, and the rows that answer it."""

    question: Question
    period: str
    names: tuple[str, ...]
    values: tuple[float | int, ...]

    @property
    def title(self) -> str:
        """Such as ``Revenue by country, Q1 2026``."""
        split = f" by {self.question.split}" if self.question.split else ""
        about = [*self.question.narrowed.values(), "all time" if self.period == "all" else self.period]
        return f"{self.question.measure.capitalize()}{split}, {', '.join(about)}"

    @property
    def unit(self) -> str:
        """Such as ``EUR``; empty for a number of things."""
        return MEASURES[self.question.measure].unit

    @property
    def text(self) -> str:
        """The figures as a list that a person reads."""
        unit = f" {self.unit}" if self.unit else ""
        if not self.question.split:
            return f"- {self.title}: {shown(self.values[0])}{unit}"
        head = f"{self.title}{f' ({self.unit})' if self.unit else ''}:"
        return "\n".join([head, *(f"- {name}: {shown(value)}" for name, value in self)])

    def __iter__(self) -> Iterator[tuple[str, float | int]]:
        return iter(zip(self.names, self.values, strict=True))


async def figures_of(question: Question, period: str, context: ToolContext) -> Figures:
    """Ask the database. Raises ToolFailed if it cannot be asked like that, or nothing is there."""
    try:
        sql, values = sql_of(question)
    except Unanswerable as error:
        raise ToolFailed(f"{error}") from error
    found = await read_rows(context.resources.get(Databases).chosen(NAME), sql, values)
    rows = {str(row.get("name", "")): row["value"] or 0 for row in found.rows}
    if rows and question.split in TIMES and MEASURES[question.measure].sums_up:
        rows = {part: rows.get(part, 0) for part in parts_of(question.split, question.first, question.last)}
    if not rows:
        raise ToolFailed("There are no figures for that. Ask for a longer time, or for fewer conditions.")
    return Figures(question, period, tuple(rows), tuple(rows.values()))


def question_of(
    measure: str, split: str | None, period: str, narrowed: Sequence[tuple[str, str | None]], top: int | None = None
) -> Question:
    """A question out of a tool's arguments; what nobody gave is left out."""
    first, last = days_of(period)
    given = {name: value for name, value in narrowed if value}
    if top and split in TIMES:
        top = None  # a series of months is whole
    return Question(measure=measure, split=split or "", first=first, last=last, narrowed=given, top=top)


def shown(value: float | int) -> str:
    """A number as people write it."""
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"
