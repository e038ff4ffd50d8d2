"""`graphwright inbox`, `approve`, `reject`, `edit`, `respond`, `resume`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]


def refunds(project: Path) -> str:
    file = project / "refunds.txt"
    return file.read_text() if file.exists() else ""


def test_an_approval_runs_the_call_once_and_goes_on_to_the_answer(gw: Cli, waiting: str, project: Path) -> None:
    done = gw("approve", waiting)

    assert (done.status, done.out) == (0, "The money is back.\n")
    assert refunds(project) == "A-7 5\n"


def test_a_rejection_is_told_to_the_agent_and_nothing_is_run(gw: Cli, waiting: str, project: Path) -> None:
    done = gw("reject", waiting, "-m", "too much")

    assert (done.status, done.out) == (0, "It was refused.\n")
    assert "too much" in done.err
    assert refunds(project) == ""


def test_an_edit_runs_the_call_with_the_other_arguments(gw: Cli, waiting: str, project: Path) -> None:
    done = gw("edit", waiting, "--args", '{"order_id": "A-7", "amount": 3}')

    assert done.status == 0
    assert refunds(project) == "A-7 3\n"


def test_an_edit_in_the_editor_starts_from_the_arguments(
    gw: Cli, waiting: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", "sed -i s/A-7/A-77/")

    assert gw("edit", waiting).status == 0
    assert refunds(project) == "A-77 5\n"


def test_an_edit_that_changes_nothing_records_nothing(gw: Cli, waiting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "true")

    done = gw("edit", waiting)

    assert done.status == 1
    assert "nothing was recorded" in done.err
    assert gw("inbox", "--json").objects[0]["id"] == waiting


def test_an_edit_that_does_not_fit_the_tool_leaves_the_question_open(gw: Cli, waiting: str) -> None:
    done = gw("edit", waiting, "--args", '{"order_id": 5, "colour": "red"}')

    assert done.status == 2
    assert "order_id: given 5" in done.err
    assert "colour: there is no such parameter" in done.err
    assert gw("inbox", "--json").objects[0]["id"] == waiting


@pytest.mark.parametrize("text", ["{", "[1]", '{"amount": NaN}'])
def test_arguments_that_are_not_a_json_object_are_refused(gw: Cli, waiting: str, text: str) -> None:
    assert gw("edit", waiting, "--args", text).status == 2


def test_a_response_stands_for_the_result(gw: Cli, waiting: str, project: Path) -> None:
    done = gw("respond", waiting, "Paid by cheque.")

    assert (done.status, done.out) == (0, "The money is back.\n")
    assert refunds(project) == ""


def test_a_second_decision_is_refused_and_names_the_first(gw: Cli, waiting: str, project: Path) -> None:
    gw("approve", waiting)

    for second in (["reject", waiting], ["edit", waiting], ["approve", waiting]):
        done = gw(*second)
        assert done.status == 1
        assert "already approved by local" in done.err
    assert refunds(project) == "A-7 5\n"


def test_a_decision_alone_is_recorded_and_resume_goes_on(gw: Cli, waiting: str, project: Path) -> None:
    run = gw("inbox", "--json").objects[0]["run_id"]

    recorded = gw("approve", waiting, "--no-continue")
    assert (recorded.status, refunds(project)) == (0, "")
    assert f"graphwright resume {run}" in recorded.err

    assert gw("resume", run).out == "The money is back.\n"
    assert refunds(project) == "A-7 5\n"


def test_a_run_with_two_questions_waits_for_the_second_answer(gw: Cli, project: Path) -> None:
    gw("run", "shop", "Pay back both")
    first, second = [each["id"] for each in gw("inbox", "--json").objects]

    assert gw("approve", first).status == 3
    assert gw("approve", second).status == 0
    assert sorted(refunds(project).splitlines()) == ["A-8 5", "A-9 5"]


def test_a_plain_interrupt_is_a_question_that_a_text_answers(gw: Cli) -> None:
    assert gw("run", "plain", "x").status == 3
    question = gw("inbox", "--json").objects[0]

    assert gw("respond", question["id"], "red").out == "You said red.\n"


def test_a_decision_with_json_prints_the_decision_and_then_the_events(gw: Cli, waiting: str) -> None:
    objects = gw("approve", waiting, "--json").objects

    assert objects[0]["decision"] == {"type": "approve"}
    assert objects[-1]["status"] == "done"


def test_the_inbox_shows_who_wants_what_and_why(gw: Cli, waiting: str) -> None:
    listed = gw("inbox").out

    assert listed.startswith("ID\t")
    for words in (waiting, "clerk", 'refund(order_id="A-7")', "Moves money."):
        assert words in listed


def test_one_question_is_shown_with_all_arguments_and_the_ways_to_answer(gw: Cli, waiting: str) -> None:
    shown = gw("inbox", "show", waiting)

    assert "order_id" in shown.out
    assert "Moves money." in shown.out
    assert f"graphwright edit {waiting}" in shown.err


def test_an_empty_inbox_says_so_on_stderr(gw: Cli) -> None:
    done = gw("inbox")

    assert (done.status, done.out) == (0, "")
    assert "Nothing waits" in done.err


@pytest.mark.parametrize("command", ["approve", "reject", "edit", "inbox show"])
def test_an_unknown_approval_is_a_usage_error(gw: Cli, command: str) -> None:
    done = gw(*command.split(), "appr_0")

    assert done.status == 2
    assert "There is no approval 'appr_0'" in done.err


def test_an_ended_run_is_not_resumed(gw: Cli) -> None:
    gw("run", "shop")
    run = gw("runs", "--json").objects[0]["id"]

    done = gw("resume", run)

    assert done.status == 1
    assert f"Run {run} is done" in done.err
