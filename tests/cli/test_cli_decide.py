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


RULES = """
from typing import Annotated
from pydantic import Field
from graphwright.tools import ApprovalRules, tool

@tool(effect="write", approval=ApprovalRules("Moves money.", roles=("chief",), quorum=2, deadline=3600))
def refund(order_id: Annotated[str, Field(description="Order.")]) -> str:
    \"\"\"Pay one order back.\"\"\"
    with open("refunds.txt", "a") as file:
        file.write(order_id + "\\n")
    return f"Paid for {order_id}."
"""


@pytest.fixture
def two_chiefs(gw: Cli, project: Path) -> str:
    """A question that two chiefs must approve within the hour."""
    (project / "tools" / "shop_tools.py").write_text(RULES)
    assert gw("run", "shop", "Pay back A-7").status == 3
    return str(gw("inbox", "--json").objects[0]["id"])


def test_the_inbox_tells_who_may_decide_how_far_it_is_and_until_when(gw: Cli, two_chiefs: str) -> None:
    gw("approve", two_chiefs, "--by", "ann", "--role", "chief", "--comment", "seen")

    for words in ("2 people: chief", "1 of 2 (ann)", "then it is rejected"):
        assert words in gw("inbox").out
        assert words in gw("inbox", "show", two_chiefs).out
    assert "approve by ann at" in gw("inbox", "show", two_chiefs).out


def test_the_first_of_two_approvals_waits_and_the_second_goes_on(gw: Cli, two_chiefs: str, project: Path) -> None:
    first = gw("approve", two_chiefs, "--by", "ann", "--role", "chief")
    assert (first.status, refunds(project)) == (3, "")
    assert "1 of 2 (ann); it waits for 1 more" in first.err

    second = gw("approve", two_chiefs, "--by", "bob", "--role", "chief")

    assert (second.status, second.out) == (0, "The money is back.\n")
    assert refunds(project) == "A-7\n"


def test_whoever_lacks_the_role_is_refused_and_told_which_it_takes(gw: Cli, two_chiefs: str) -> None:
    done = gw("approve", two_chiefs, "--by", "ann")

    assert done.status == 2
    assert "wants one of the roles chief" in done.err


def test_the_settings_say_what_the_local_user_is(gw: Cli, two_chiefs: str, project: Path) -> None:
    (project / "graphwright.toml").write_text('roles = ["chief"]\n')

    assert gw("approve", two_chiefs).status == 3
    assert gw("inbox", "--json").objects[0]["approvals"][0]["by"] == "local"


def test_a_question_is_handed_to_somebody_else(gw: Cli, two_chiefs: str) -> None:
    handed = gw("delegate", two_chiefs, "bob", "--by", "ann", "--role", "chief", "--comment", "on leave")
    assert handed.status == 0

    assert gw("approve", two_chiefs, "--by", "ann", "--role", "chief").status == 2
    assert gw("approve", two_chiefs, "--by", "bob").status == 3
    assert "handed to bob by ann" in gw("inbox", "show", two_chiefs).out


def test_the_very_same_calls_are_approved_together_and_others_are_not(gw: Cli, project: Path) -> None:
    for text in ("Pay back A-7", "Pay back A-7", "Pay back both"):
        gw("run", "shop", text)
    first, second, other, _ = [each["id"] for each in gw("inbox", "--json").objects]

    refused = gw("approve", first, other)
    assert (refused.status, refunds(project)) == (1, "")
    assert "something else" in refused.err

    assert gw("approve", first, second).status == 0
    assert refunds(project) == "A-7 5\nA-7 5\n"


def test_a_call_by_hand_does_not_get_around_the_other_approver(gw: Cli, two_chiefs: str, project: Path) -> None:
    done = gw("tools", "call", "refund", "order_id=A-7", "--approve")

    assert (done.status, refunds(project)) == (2, "")
    assert "2 × chief must approve it" in done.err
