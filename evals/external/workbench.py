"""WorkBench: 690 office tasks and recorded runs of real models over them, scored by the state they leave.

Source: Styles et al., "WorkBench: a Benchmark Dataset for Agents in a Realistic Workplace Setting" (arXiv 2405.00823),
section 4: a run is right if it leaves the tables as the gold calls do; a side effect is a change by a run that is not
right. Recorded calls are data here: they are looked up by name and never evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..case import CallMade, Case, Expectation
from ..observed import Call, Observed
from ..scorers.verdict import changes_of
from .missing import MissingData, json_lines, require
from .touching import touched
from .workbench_tables import WRITES, Row, Sandbox, Tables, load_tables

CASE_MATTERS = ("status", "list_name", "board")
"""Fields that are compared letter by letter; in all others small and capital letters are the same."""


@dataclass(frozen=True, slots=True)
class Task:
    """One task with its gold calls."""

    id: str
    query: str
    template: str
    """Tasks of one template belong together: the cluster of every error."""
    gold: tuple[CallMade, ...]
    gold_text: tuple[str, ...]
    """The gold calls as they are written; what ``exact`` compares with."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a model did about one task."""

    task: str
    calls: tuple[CallMade, ...]
    error: str = ""
    """Why it was broken off."""


@dataclass(frozen=True, slots=True)
class Result:
    """The three scores of the paper for one run of one task."""

    right: bool
    """It left the tables as the gold calls do, and was not broken off."""
    exact: bool
    """Its writing calls are written like the gold ones, in any order, and it was not broken off. It is the text that is
    compared: arguments in another order differ, and so does a line break from the ``\\n`` of ten gold calls."""
    side_effects: bool
    """It changed something and is not right."""


class WorkBench:
    """Tasks, tables and recorded runs of one folder."""

    def __init__(self, folder: Path) -> None:
        """
        Raises:
            MissingData: naming all files that are not there.
        """
        self.folder = require(folder, "WorkBench", "tasks.jsonl")
        self.tables = load_tables(folder)
        self.tasks = tuple(_task(each) for each in json_lines(folder / "tasks.jsonl"))
        self._gold = {task.id: self.after(task.gold) for task in self.tasks}

    @property
    def recorded_runs(self) -> tuple[str, ...]:
        """The names of the recorded runs, such as ``gpt-4-all``."""
        return tuple(sorted(path.stem.removeprefix("runs-") for path in self.folder.glob("runs-*.jsonl")))

    def recorded(self, name: str) -> tuple[Recorded, ...]:
        """One recorded run of all tasks, in their order.

        Raises:
            MissingData: if the file is not there, or its tasks are others.
        """
        file = f"runs-{name}.jsonl"
        found = {each["id"]: each for each in json_lines(require(self.folder, "WorkBench", file) / file)}
        lacking = [task.id for task in self.tasks if task.id not in found]
        if lacking:
            raise MissingData(f"{file} has no run of {', '.join(lacking[:5])} ({len(lacking)} tasks). Fetch it again.")
        return tuple(
            Recorded(task.id, tuple(_call(each) for each in found[task.id]["calls"] if each), found[task.id]["error"])
            for task in self.tasks
        )

    def after(self, calls: Sequence[CallMade]) -> Tables:
        """The tables after these calls."""
        sandbox = Sandbox(self.tables)
        for call in calls:
            sandbox.call(call.tool, call.arguments)
        return sandbox.tables

    def score(self, task: Task, run: Recorded) -> Result:
        """Judge one run by the rules of the paper."""
        left = self.after(run.calls)
        right = same_tables(left, self._gold[task.id]) and not run.error
        written = sorted(_written(call).lower() for call in run.calls if call.tool in WRITES)
        return Result(
            right=right,
            exact=not run.error and written == sorted(text.lower() for text in task.gold_text),
            side_effects=not right and not same_tables(left, self.tables),
        )

    def case(self, task: Task) -> Case:
        """A task as a case of ours: the changes of its gold calls, and the calls."""
        changed = changes_of(*touched(self.tables, self._gold[task.id]))
        expect = Expectation(changes=changed, calls=task.gold)
        return Case(id=task.id, input=task.query, expect=expect, slices={"template": task.template})

    def observed(self, run: Recorded) -> Observed:
        """A recorded run as an observation of ours; of the tables, the rows it touched.

        WorkBench's tools say in words that they refuse, and do not fail: a write that was refused counts as one.
        """
        before, after = touched(self.tables, self.after(run.calls))
        calls = [
            Call(tool=each.tool, arguments=each.arguments, effect="write" if each.tool in WRITES else "read")
            for each in run.calls
        ]
        return Observed(
            case_id=run.task,
            status="failed" if run.error else "done",
            error=run.error,
            calls=tuple(calls),
            world_before=before,
            world_after=after,
        )


def same_tables(one: Tables, other: Tables) -> bool:
    """Whether two states have the same rows in the same order; case counts in some fields only."""
    return all(
        len(one[name]) == len(other[name])
        and all(
            a is b or _folded(a) == _folded(b) for a, b in zip(one[name].values(), other[name].values(), strict=True)
        )
        for name in one
    )


def _folded(row: Row) -> dict[str, str]:
    return {name: value if name in CASE_MATTERS else value.lower() for name, value in row.items()}


def _written(call: CallMade) -> str:
    arguments = ", ".join(f'{name}="{value}"' for name, value in call.arguments.items())
    return f"{call.tool}.func({arguments})"


def _task(told: Mapping[str, Any]) -> Task:
    gold = tuple(_call(each) for each in told["answer"])
    return Task(told["id"], told["query"], told["template"], gold, tuple(told["answer_raw"]))


def _call(told: Mapping[str, Any]) -> CallMade:
    return CallMade(tool=told["tool"], arguments=told["args"])
