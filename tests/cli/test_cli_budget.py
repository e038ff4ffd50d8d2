"""`graphwright budget`: how budgets stand, and raising what a run waits for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]


@pytest.fixture
def limited(gw: Cli, project: Path) -> str:
    """A run that waits because its budget does not suffice."""
    (project / "graphwright.toml").write_text(
        '[budgets.run]\ncalls = 2\non_exceed = "ask"\n\n[budgets.tenant]\nmoney = 3.5\nper = "day"\n'
    )
    assert gw("run", "shop", "Find A-7").status == 3
    return str(gw("runs", "--json").objects[0]["id"])


def test_a_budget_is_shown_with_what_is_spent_reserved_and_left(gw: Cli, limited: str) -> None:
    found = {each["level"]: each for each in gw("budget", "--json").objects}

    assert found["run"]["run_id"] == limited
    assert (found["run"]["limits"], found["run"]["left"]) == ({"calls": 2.0}, {"calls": 0.0})
    assert (found["run"]["spent"]["calls"], found["run"]["reserved"]["calls"]) == (2.0, 0.0)
    assert found["tenant"]["limits"] == {"money": 3.5}
    table = [line.split("\t") for line in gw("budget", "--run", limited).out.splitlines()]
    assert ["run", limited, "calls", "2", "2", "0", "0", limited] in table
    assert gw("budget", "--run", "run_x").status == 2


def test_a_limit_is_raised_for_the_run_that_waits_for_it_and_it_goes_on(gw: Cli, limited: str) -> None:
    raised = gw("budget", "raise", limited)

    assert raised.status == 0
    assert "is raised by 1" in raised.err
    assert f"resume {limited}" in raised.err
    assert gw("resume", limited).out == "It was shipped.\n"
    (account,) = gw("budget", "--json", "--run", limited).objects
    assert (account["limits"]["calls"], account["raised"]["calls"], account["open"]) == (3.0, 1.0, False)
    assert limited not in gw("budget").out
    assert limited in gw("budget", "--all").out


def test_a_limit_is_raised_by_another_amount(gw: Cli, limited: str) -> None:
    assert "is raised by 5" in gw("budget", "raise", limited, "--by", "5").err
    gw("resume", limited)

    (account,) = gw("budget", "--json", "--run", limited).objects
    assert account["limits"]["calls"] == 7.0


def test_only_a_run_that_waits_for_a_budget_is_given_more(gw: Cli, limited: str) -> None:
    gw("budget", "raise", limited)

    again = gw("budget", "raise", limited)
    assert (again.status, "does not wait for a budget" in again.err) == (2, True)
    assert gw("budget", "raise", limited, "--by", "0").status == 2
    assert gw("budget", "raise", "run_x").status == 2


def test_a_declared_budget_that_nobody_used_yet_is_shown(gw: Cli, project: Path) -> None:
    assert "Declare limits" in gw("budget").err
    (project / "graphwright.toml").write_text("[budgets.tenant]\ntokens = 1000\n")

    (account,) = gw("budget", "--json").objects

    assert (account["level"], account["left"]) == ("tenant", {"tokens": 1000.0})
