"""`graphwright graphs card` and `graphs check`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Cli = Callable[..., Any]


def test_a_written_card_is_up_to_date_until_the_code_changes(gw: Cli, project: Path) -> None:
    assert gw("graphs", "card", "shop", "--write").status == 0
    assert gw("graphs", "check", "shop").status == 0
    code = project / "graphs" / "shop.py"
    code.write_text(code.read_text().replace('description="Looks after orders.", prompt', 'description="X.", prompt'))

    done = gw("graphs", "check", "shop")

    assert done.status == 1
    assert "shop.card.md is stale" in done.out
    assert "+- **clerk**: X." in done.out


def test_tools_of_the_project_are_not_part_of_the_card_of_a_graph_that_takes_any(gw: Cli) -> None:
    assert "find_order" not in gw("graphs", "card", "shop").out


def test_a_graph_that_is_asked_for_by_name_needs_a_card(gw: Cli) -> None:
    done = gw("graphs", "check", "shop")

    assert done.status == 1
    assert "Write it: graphwright graphs card shop --write" in done.out


def test_a_graph_that_cannot_be_built_and_a_file_that_cannot_be_loaded_are_findings(gw: Cli, project: Path) -> None:
    (project / "graphs" / "typo.py").write_text("import nothing_of_this_name\n")

    done = gw("graphs", "check", "--json")

    findings = {each["graph"].rpartition("/")[2]: each["finding"] for each in done.objects}
    assert done.status == 1
    assert "no bricks" in findings["unbuildable"]
    assert "nothing_of_this_name" in findings["typo.py"]


def test_a_card_is_also_data(gw: Cli) -> None:
    card = gw("graphs", "card", "shop", "--json").objects[0]

    assert card["purpose"] == "Looks after orders."
    assert card["agents"][0]["name"] == "clerk"


def test_the_results_of_the_newest_eval_run_stand_on_the_card_and_do_not_make_it_stale(gw: Cli, project: Path) -> None:
    (project / "evals").mkdir()
    (project / "evals" / "shop.yaml").write_text(
        "- {id: found, input: Find A-7, expect: {answer: {contains: [shipped]}}}\n"
        "- {id: lost, input: Find A-7, expect: {answer: {contains: [eaten]}}}\n"
    )
    assert gw("graphs", "card", "shop", "--json").objects[0]["results"] == []

    gw("eval", "run", "shop")
    gw("graphs", "card", "shop", "--write")

    text = (project / "graphs" / "shop.card.md").read_text()
    assert "- suite `shop` with offline, 2 cases: " in text
    assert "- verdict: 0.500 [" in text
    assert "(1 passed, 1 failed, 0 unmeasured)" in text
    assert gw("graphs", "check", "shop").status == 0
