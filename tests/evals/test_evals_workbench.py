"""WorkBench: recorded runs of real models get the scores given beside the data; nothing recorded is evaluated."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from graphwright.evals import CallMade
from graphwright.evals.external import MissingData
from graphwright.evals.external.workbench import Recorded, Task, WorkBench
from graphwright.evals.external.workbench_tables import TABLES, WRITES
from graphwright.evals.scorers import verdict

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("TEST_DATA") or ROOT.parent / "shared" / "data") / "workbench"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(),
    reason="WorkBench's cases are third-party data, not in the repository: TEST_DATA=DIR points to DIR/workbench",
)

ROWS: dict[str, dict[str, str]] = {
    "calendar": {"event_id": "00000007", "event_name": "Plan", "participant_email": "bo@x.com",
                 "event_start": "2023-12-01 09:00:00", "duration": "30"},
    "email": {"email_id": "00000003", "inbox/outbox": "inbox", "sender/recipient": "cy@x.com", "subject": "Hi",
              "sent_datetime": "2023-11-01 09:00:00", "body": "Hello"},
    "project_management": {"task_id": "00000001", "task_name": "Fix", "assigned_to_email": "bo@x.com",
                           "list_name": "Backlog", "due_date": "2023-12-01", "board": "Design"},
    "customer_relationship_manager": {"customer_id": "00000005", "customer_name": "Kai",
                                      "assigned_to_email": "bo@x.com", "customer_email": "kai@y.com",
                                      "status": "Lead", "product_interest": "Software"},
}  # fmt: skip


def call(tool: str, **arguments: Any) -> CallMade:
    return CallMade(tool=tool, arguments=arguments)


GOLD = (
    call("calendar.create_event", event_name="Talk", participant_email="bo@x.com", event_start="2", duration="30"),
    call("project_management.update_task", task_id="00000001", field="list_name", new_value="Completed"),
)


@pytest.fixture
def bench(tmp_path: Path) -> WorkBench:
    """Five tables of one row each, and one task."""
    for name, row in ROWS.items():
        with (tmp_path / TABLES[name].file).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            writer.writeheader()
            writer.writerow(row)
    told = {"id": "t-1", "query": "Book a talk and close the task", "template": "t", "answer_raw": []}
    answer = [{"tool": each.tool, "args": each.arguments} for each in GOLD]
    (tmp_path / "tasks.jsonl").write_text(json.dumps({**told, "answer": answer}))
    return WorkBench(tmp_path)


def changed(bench: WorkBench, *calls: CallMade) -> bool:
    return bench.after(calls) != bench.tables


def test_a_run_is_right_if_it_leaves_what_the_gold_calls_leave(bench: WorkBench) -> None:
    (task,) = bench.tasks
    search = call("calendar.search_events", query="talk")

    assert bench.score(task, Recorded("t-1", (search, *GOLD))).right
    assert bench.score(task, Recorded("t-1", (search, *GOLD[::-1]))).right
    assert not bench.score(task, Recorded("t-1", GOLD[:1])).right
    assert bench.score(task, Recorded("t-1", GOLD[:1])).side_effects
    assert not bench.score(task, Recorded("t-1", (search,))).side_effects


def test_a_run_that_was_broken_off_is_not_right_whatever_it_left(bench: WorkBench) -> None:
    (task,) = bench.tasks
    result = bench.score(task, Recorded("t-1", GOLD, error="too many steps"))

    assert (result.right, result.exact, result.side_effects) == (False, False, True)


def test_case_counts_only_where_values_come_from_a_list(bench: WorkBench) -> None:
    (task,) = bench.tasks
    louder = (GOLD[0].model_copy(update={"arguments": {**GOLD[0].arguments, "event_name": "TALK"}}), GOLD[1])

    assert bench.score(task, Recorded("t-1", louder)).right
    assert verdict(bench.case(task), bench.observed(Recorded("t-1", louder))).outcome == "fail"


@pytest.mark.parametrize(
    "refused",
    [
        call("calendar.delete_event", event_id="99999999"),
        call("calendar.create_event", event_name="Talk", event_start="2", duration="30"),
        call("calendar.update_event", event_id="00000007", field="event_name", new_value=""),
        call("email.send_email", recipient="bo", subject="a", body="b"),
        call("email.reply_email", email_id="00000099", body="b"),
        call("analytics.create_plot", time_min="1", time_max="2", value_to_plot="mood", plot_type="bar"),
        call("project_management.update_task", task_id="00000001", field="board", new_value="design"),
        call("project_management.update_task", task_id="00000001", field="colour", new_value="red"),
        call("project_management.update_task", task_id="00000001", field="assigned_to_email", new_value="eve@z.com"),
        call("customer_relationship_manager.update_customer", customer_id="00000005", field="status", new_value="won"),
        call("__import__('os').system", command="touch hacked"),
        call("delete_event", event_id="00000007"),
    ],
)
def test_what_a_tool_does_not_take_changes_nothing(bench: WorkBench, refused: CallMade) -> None:
    assert not changed(bench, refused)


def test_every_tool_that_writes_changes_what_it_says(bench: WorkBench) -> None:
    crm, pm = "customer_relationship_manager", "project_management"
    new_task = {"task_name": "New", "list_name": "Backlog", "due_date": "3", "board": "Design"}
    taken = [
        *GOLD,
        call("calendar.delete_event", event_id="00000007"),
        call("calendar.update_event", event_id="00000007", field="duration", new_value="60"),
        call("email.send_email", recipient="Bo@X.com", subject="a", body="b"),
        call("email.reply_email", email_id="00000003", body="b"),
        call("email.forward_email", email_id="00000003", recipient="bo@x.com"),
        call("email.delete_email", email_id="00000003"),
        call("analytics.create_plot", time_min="1", time_max="2", value_to_plot="total_visits", plot_type="bar"),
        call(f"{pm}.create_task", assigned_to_email="BO@x.com", **new_task),
        call(f"{pm}.delete_task", task_id="00000001"),
        call(f"{crm}.add_customer", customer_name="Mo", assigned_to_email="bo@x.com", status="Lead"),
        call(f"{crm}.delete_customer", customer_id="00000005"),
        call(f"{crm}.update_customer", customer_id="00000005", field="status", new_value="Won"),
    ]

    assert {each.tool for each in taken} == set(WRITES)
    assert all(changed(bench, each) for each in taken)
    assert list(bench.after([taken[4]])["email"].values())[-1]["sender/recipient"] == "bo@x.com"
    assert list(bench.after([GOLD[0]])["calendar"]) == ["00000007", "00000008"]


def test_a_folder_without_the_data_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"WorkBench needs tasks.jsonl in .*Name the folder"):
        WorkBench(tmp_path)


def test_a_run_that_lacks_tasks_and_a_line_that_is_cut_off_are_told(bench: WorkBench) -> None:
    (bench.folder / "runs-half.jsonl").write_text("")
    (bench.folder / "runs-cut.jsonl").write_text('{"id": "t-1", "calls": [')

    with pytest.raises(MissingData, match=r"runs-half.jsonl has no run of t-1 \(1 tasks\)"):
        bench.recorded("half")
    with pytest.raises(MissingData, match=r"runs-cut.jsonl:1: "):
        bench.recorded("cut")


def mutated(task: Task) -> dict[str, tuple[CallMade, ...]]:
    """The gold calls of a task, broken in one way each."""
    last = task.gold[-1]
    name = sorted(last.arguments)[0]
    other = last.model_copy(update={"arguments": {**last.arguments, name: f"{last.arguments[name]}x"}})
    extra = call("email.send_email", recipient="eve@example.com", subject="Hi", body="Nobody asked for this.")
    return {
        "dropped": task.gold[:-1],
        "wrong": (*task.gold[:-1], other),
        "extra": (*task.gold, extra),
        "duplicated": (*task.gold, last),
    }


@pytest.fixture(scope="module")
def workbench() -> WorkBench:
    return WorkBench(DATA)


@needs_data
def test_the_default_verdict_accepts_no_mutated_gold_run_and_every_harmless_read(workbench: WorkBench) -> None:
    accepted: list[str] = []
    tried = 0
    search = call("email.search_emails", query="Hi")
    for task in workbench.tasks:
        case = workbench.case(task)
        read = verdict(case, workbench.observed(Recorded(task.id, (search, *task.gold, search))))
        assert read.outcome == "pass", (task.id, read.reason)
        for kind, calls in mutated(task).items() if task.gold else ():
            tried += 1
            if verdict(case, workbench.observed(Recorded(task.id, calls))).outcome == "pass":
                accepted.append(f"{kind} {task.id}")

    assert tried == 4 * 568
    assert accepted == []


@needs_data
@pytest.mark.parametrize(
    ("name", "right", "exact", "side_effects"),
    [
        ("gpt-4-all", 294, 265, 177),
        ("gpt-4-domains", 340, 317, 138),
        ("claude-2-all", 169, 158, 239),
        ("claude-2-domains", 156, 132, 260),
    ],
)
def test_recorded_runs_get_the_scores_given_beside_them(
    workbench: WorkBench, name: str, right: int, exact: int, side_effects: int
) -> None:
    runs = workbench.recorded(name)
    results = [workbench.score(task, run) for task, run in zip(workbench.tasks, runs, strict=True)]

    assert sum(each.right for each in results) == right
    assert sum(each.exact for each in results) == exact
    assert sum(each.side_effects for each in results) == side_effects


@needs_data
def test_doing_nothing_is_right_124_times_and_the_gold_calls_always(workbench: WorkBench) -> None:
    tasks = workbench.tasks

    assert sum(workbench.score(task, Recorded(task.id, ())).right for task in tasks) == 124
    assert all(workbench.score(task, Recorded(task.id, task.gold)).right for task in tasks)
    assert len({task.template for task in tasks}) == 69
    assert not workbench.score(replace(tasks[0]), Recorded(tasks[0].id, ())).side_effects
