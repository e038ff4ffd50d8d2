"""A row that somebody broke keeps nobody from answering the others."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]


def change(statement: str) -> None:
    with sqlite3.connect(Path(os.environ["GRAPHWRIGHT_STATE_DIR"]) / "graphwright.db") as connection:
        connection.execute(statement)
    connection.close()


@pytest.fixture
def questions(gw: Cli, project: Path) -> list[str]:
    assert gw("run", "shop", "Pay back both").status == 3
    return [each["id"] for each in gw("inbox", "--json").objects]


def test_the_inbox_lists_the_others_names_the_damaged_question_and_fails(gw: Cli, questions: list[str]) -> None:
    first, second = questions
    change(f"UPDATE approvals SET rules = 'be kind' WHERE id = '{first}'")

    shown, data = gw("inbox"), gw("inbox", "--json")

    assert (shown.status, data.status) == (1, 1)
    assert [each["id"] for each in data.objects] == [second]
    assert second in shown.out
    assert first not in shown.out
    assert f"Row {first}" in shown.err
    assert "Traceback" not in shown.err


def test_with_every_question_damaged_it_does_not_say_that_nothing_waits(gw: Cli, questions: list[str]) -> None:
    change("UPDATE approvals SET rules = 'be kind'")

    shown, page = gw("inbox"), gw("inbox", "--limit", "1")

    assert (shown.status, page.status) == (1, 1)
    assert all(f"Row {each}" in shown.err for each in questions)
    assert "Nothing waits" not in shown.err
    assert "1 more wait" in page.err or "1 wait" in page.err


def test_a_damaged_call_of_unknown_outcome_hides_no_question(gw: Cli, questions: list[str]) -> None:
    change("UPDATE journal SET status = 'unknown', outcome = '{' WHERE key IN (SELECT key FROM journal LIMIT 1)")

    data = gw("inbox", "--json")

    assert (data.status, [each["id"] for each in data.objects]) == (1, questions)
    assert "of the table 'journal' cannot be used" in data.err
