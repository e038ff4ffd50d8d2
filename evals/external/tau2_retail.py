"""tau2-bench, retail: 114 conversations in a shop, scored by the state that the gold actions leave.

Source: Barres et al., "tau2-bench" (arXiv 2506.07982); reward "DB": the database after the run equals the one after the
gold actions. What the agent has to say to the user is not scored here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..case import CallMade, Case, Expectation
from ..observed import Call, Observed
from ..scorers.verdict import changes_of
from .missing import require
from .tau2_shop import WRITES, Shop
from .touching import Tables, touched


@dataclass(frozen=True, slots=True)
class Task:
    """One conversation with its gold actions."""

    id: str
    told: str
    """What the user wants."""
    gold: tuple[CallMade, ...]

    @property
    def writes(self) -> tuple[CallMade, ...]:
        """The gold actions that change something."""
        return tuple(each for each in self.gold if each.tool in WRITES)


class Retail:
    """The shop and its tasks, from the folder of the domain (``db.json``, ``tasks.json``)."""

    def __init__(self, folder: Path) -> None:
        """
        Raises:
            MissingData: naming all files that are not there.
        """
        require(folder, "tau2 retail", "db.json", "tasks.json")
        self.tables: Tables = json.loads((folder / "db.json").read_text(encoding="utf-8"))
        self.tasks = tuple(_task(each) for each in json.loads((folder / "tasks.json").read_text(encoding="utf-8")))

    def refused(self, calls: Sequence[CallMade]) -> list[CallMade]:
        """The writes of these calls that no tool takes, made one after the other."""
        shop = Shop(self.tables)
        return [each for each in calls if not shop.call(each.tool, each.arguments) and each.tool in WRITES]

    def changes(self, calls: Sequence[CallMade]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The records that these calls change, before and after."""
        shop = Shop(self.tables)
        for each in calls:
            shop.call(each.tool, each.arguments)
        return touched(self.tables, shop.tables)

    def right(self, task: Task, calls: Sequence[CallMade]) -> bool:
        """Whether calls leave the shop as the gold actions do."""
        return changes_of(*self.changes(calls)) == changes_of(*self.changes(task.gold))

    def case(self, task: Task) -> Case:
        """A task as a case of ours."""
        taken = self._taken(task.gold)
        expect = Expectation(changes=changes_of(*self.changes(task.gold)), calls=taken)
        return Case(id=f"retail-{task.id}", input=task.told, expect=expect)

    def observed(self, task: Task, calls: Sequence[CallMade]) -> Observed:
        """A run that makes these calls, as an observation of ours; of the shop, the records it touched."""
        shop = Shop(self.tables)
        made = []
        for each in calls:
            taken, writes = shop.call(each.tool, each.arguments), each.tool in WRITES
            made.append(
                Call(
                    tool=each.tool,
                    arguments=each.arguments,
                    effect="write" if writes else "read",
                    status="success" if taken or not writes else "error",
                )
            )
        before, after = touched(self.tables, shop.tables)
        return Observed(
            case_id=f"retail-{task.id}", status="done", calls=tuple(made), world_before=before, world_after=after
        )

    def _taken(self, calls: Sequence[CallMade]) -> tuple[CallMade, ...]:
        shop = Shop(self.tables)
        return tuple(each for each in calls if shop.call(each.tool, each.arguments))


def _task(told: dict[str, Any]) -> Task:
    instructions = told["user_scenario"]["instructions"]
    actions = told["evaluation_criteria"]["actions"] or ()
    gold = tuple(CallMade(tool=each["name"], arguments=each["arguments"]) for each in actions)
    said = instructions if isinstance(instructions, str) else instructions["reason_for_call"]
    return Task(told["id"], said, gold)
