"""`graphwright runs`, `threads`, `graphs`, `tools`, `prompts`, `config`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]


def test_runs_are_listed_newest_first_and_by_status(gw: Cli) -> None:
    gw("run", "shop", "Find A-7")
    gw("run", "broken", "x")

    assert [each["graph"] for each in gw("runs", "--json").objects] == ["broken", "shop"]
    assert [each["graph"] for each in gw("runs", "--status", "failed", "--json").objects] == ["broken"]
    assert "Find A-7" in gw("runs").out


def test_a_run_is_shown_with_its_answer_and_what_people_decided(gw: Cli, waiting: str) -> None:
    gw("approve", waiting)
    run = gw("runs", "--json").objects[0]["id"]

    shown = gw("runs", "show", run).out

    for words in (run, "The money is back.", "offline", waiting, "approve by local"):
        assert words in shown
    assert gw("runs", "show", run, "--json").objects[0]["approvals"][0]["decided_by"] == "local"


def test_a_cancelled_run_withdraws_its_questions(gw: Cli, waiting: str) -> None:
    run = gw("runs", "--json").objects[0]["id"]

    assert gw("runs", "cancel", run).status == 0
    assert gw("inbox").out == ""
    done = gw("approve", waiting)
    assert (done.status, "withdrawn" in done.err) == (1, True)


def test_a_thread_is_shown_with_its_runs(gw: Cli) -> None:
    gw("run", "shop", "Find A-7")
    thread = gw("threads", "--json").objects[0]["id"]

    shown = gw("threads", "show", thread).out

    assert "It was shipped." in shown
    assert gw("threads", "show", "t").status == 2


def test_a_list_in_a_pipe_is_tab_separated_and_whole(gw: Cli) -> None:
    gw("run", "shop", "Find A-7 " + "x" * 300)

    header, row = gw("runs").out.splitlines()

    assert header.split("\t") == ["RUN", "GRAPH", "STATUS", "AGE", "INPUT", "THREAD"]
    assert row.split("\t")[4] == "Find A-7 " + "x" * 300


def test_graphs_of_the_project_are_listed_and_broken_files_named(gw: Cli, project: Path) -> None:
    (project / "graphs" / "bad.py").write_text("def (")

    done = gw("graphs")

    assert done.status == 0
    assert "shop\tLooks after orders." in done.out
    assert "bad.py" in done.err
    assert "SyntaxError" in done.err


def test_a_graph_is_shown_with_agents_tools_and_picture(gw: Cli) -> None:
    shown = gw("graphs", "show", "shop").out
    facts = gw("graphs", "show", "shop", "--json").objects[0]

    assert "clerk: Looks after orders." in shown
    assert "refund (write, asks a person)" in shown
    assert "flowchart TD" in shown
    assert facts["agents"][0]["tools"] == ["find_order", "refund", "wait_long"]
    assert '["tools"]' in facts["mermaid"]


def test_an_unknown_graph_or_tool_or_prompt_is_a_usage_error(gw: Cli) -> None:
    for kind in ("graphs", "tools", "prompts", "runs", "threads"):
        done = gw(kind, "show", "nothing_like_it")
        assert (done.status, done.out) == (2, ""), done.err
        assert "There is no" in done.err


def test_tools_are_listed_with_what_they_do_to_the_world(gw: Cli) -> None:
    rows = {each["name"]: each for each in gw("tools", "--json").objects}

    assert rows["refund"]["labels"]["effect"] == "write"
    assert {"find_order", "calculate", "search_knowledge", "ask_person"} <= rows.keys()
    assert "refund\twrite\talways\tPay one order back." in gw("tools").out


def test_a_tool_is_shown_with_its_labels_and_schema(gw: Cli) -> None:
    shown = gw("tools", "show", "refund").out

    assert "approval" in shown
    assert '"order_id"' in shown


def test_a_tool_is_called_with_pairs_or_json(gw: Cli) -> None:
    assert gw("tools", "call", "find_order", "order_id=A-7").out == "Order A-7 was shipped.\n"
    done = gw("tools", "call", "find_order", "--args", '{"order_id": "A-7"}', "--json")
    assert done.objects == [{"tool": "find_order", "status": "success", "content": "Order A-7 was shipped."}]


def test_a_tool_that_fails_ends_with_1_and_its_sentence(gw: Cli) -> None:
    done = gw("tools", "call", "find_order", "order_id=A-0")

    assert (done.status, done.out) == (1, "")
    assert "error: There is no order A-0." in done.err


@pytest.mark.parametrize("arguments", [["order_id"], ["colour=red"], [], ["--args", "{"], ["a=1", "--args", "{}"]])
def test_arguments_that_do_not_fit_are_a_usage_error(gw: Cli, arguments: list[str]) -> None:
    assert gw("tools", "call", "find_order", *arguments).status == 2


def test_a_tool_that_asks_a_person_is_not_called_unseen(gw: Cli, project: Path) -> None:
    done = gw("tools", "call", "refund", "order_id=A-7", "amount=4")

    assert done.status == 3
    assert "Moves money." in done.err
    assert not (project / "refunds.txt").exists()

    assert gw("tools", "call", "refund", "order_id=A-7", "amount=4", "--approve").out == "Paid 4 for A-7.\n"


def test_check_names_what_is_doubtful_and_a_broken_file_fails_it(gw: Cli, project: Path) -> None:
    assert gw("tools", "check").status == 0

    (project / "tools" / "bad.py").write_text("1 / 0")
    done = gw("tools", "check", "--json")

    assert done.status == 1
    assert done.objects[0]["rule"] == "broken-file"
    assert "ZeroDivisionError" in done.objects[0]["message"]


def test_prompts_are_listed_shown_and_compared(gw: Cli, project: Path) -> None:
    text = "---\ntitle: A\nsent_by: clerk\nwhen: always\nplaces: {}\n---\nBe kind.\n"
    (project / "prompts").mkdir()
    (project / "prompts" / "cli_kind.md").write_text(text)
    (project / "other.md").write_text(text.replace("kind", "brief"))

    assert "cli_kind\t" in gw("prompts").out
    assert "Be kind." in gw("prompts", "show", "cli_kind").out
    diff = gw("prompts", "diff", "cli_kind", "other.md").out
    assert "-Be kind.\n+Be brief." in diff


def test_config_names_where_each_setting_comes_from(
    gw: Cli, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "graphwright.toml").write_text('knowledge = "handbook"\nuser = "ann"\n')
    monkeypatch.setenv("GRAPHWRIGHT_USER", "bob")

    facts = gw("config", "--state", str(tmp_path / "s"), "--json").objects[0]

    assert facts["settings"]["knowledge"] == {"value": "handbook", "from": str(project / "graphwright.toml")}
    assert facts["settings"]["user"] == {"value": "bob", "from": "GRAPHWRIGHT_USER"}
    assert facts["settings"]["state_dir"] == {"value": str(tmp_path / "s"), "from": "--state"}
    assert facts["settings"]["embedder"]["from"] == "default"
    assert facts["model"]["spec"] == "offline"


@pytest.mark.parametrize("content", ["colour = 1\n", "user = [\n", "max_concurrency = 0\n"])
def test_wrong_settings_are_a_usage_error(gw: Cli, project: Path, content: str) -> None:
    (project / "graphwright.toml").write_text(content)

    done = gw("runs")

    assert done.status == 2
    assert "graphwright.toml" in done.err
