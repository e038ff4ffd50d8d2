"""`graphwright run`: inputs, outputs and exit statuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]


def test_the_answer_goes_to_stdout_and_everything_else_to_stderr(gw: Cli) -> None:
    done = gw("run", "shop", "Find A-7")

    assert (done.status, done.out) == (0, "It was shipped.\n")
    assert 'clerk → find_order(order_id="A-7")' in done.err
    assert "clerk ✓ find_order: Order A-7 was shipped." in done.err


def test_without_an_input_the_example_of_the_graph_is_used(gw: Cli) -> None:
    assert gw("run", "shop").out == "It was shipped.\n"


def test_the_input_may_come_from_stdin_or_a_file(gw: Cli, project: Path) -> None:
    (project / "question.txt").write_text("\ufeffFind A-7\n")

    assert gw("run", "shop", "-", stdin=b"Find A-7\n").out == "It was shipped.\n"
    assert gw("run", "shop", "--file", "question.txt").out == "It was shipped.\n"


def test_the_model_and_the_reason_for_it_are_told_once(gw: Cli) -> None:
    assert gw("run", "shop").err.count("Model: offline (no model was named") == 1


def test_json_is_one_event_a_line_and_ends_with_the_answer(gw: Cli) -> None:
    done = gw("run", "shop", "--json")

    first, *_, last = done.objects
    assert first["type"] == "run_started"
    assert (last["type"], last["status"], last["text"]) == ("run_finished", "done", "It was shipped.")


def test_a_run_that_waits_ends_with_3_and_names_the_commands_that_answer(gw: Cli) -> None:
    done = gw("run", "shop", "Pay back A-7")

    approval = gw("inbox", "--json").objects[0]["id"]
    assert (done.status, done.out) == (3, "")
    assert f"graphwright approve {approval}\n" in done.err
    assert f'graphwright reject {approval} -m "why"\n' in done.err


def test_the_commands_that_answer_name_a_state_folder_that_was_named(gw: Cli, tmp_path: Path) -> None:
    done = gw("run", "shop", "Pay back A-7", "--state", str(tmp_path / "other state"))

    assert f"graphwright --state '{tmp_path}/other state' approve appr_" in done.err


def test_a_run_on_a_thread_sees_what_was_said_before(gw: Cli) -> None:
    gw("run", "shop", "Find A-7")
    thread = gw("threads", "--json").objects[0]["id"]

    assert gw("run", "shop", "Hello", "--thread", thread).status == 0
    assert gw("threads", "--json").objects[0]["runs"] == 2


def test_a_graph_that_raises_ends_with_1_and_no_traceback(gw: Cli) -> None:
    done = gw("run", "broken", "x")

    assert (done.status, done.out) == (1, "")
    assert "failed" in done.err
    assert "the oven is cold" in done.err
    assert "Traceback" not in done.err


def test_a_graph_that_cannot_be_built_is_named_with_the_place(gw: Cli) -> None:
    done = gw("run", "unbuildable", "x")

    assert done.status == 1
    assert "Graph 'unbuildable'" in done.err
    assert "RuntimeError: no bricks (at " in done.err


def test_what_a_model_says_cannot_command_the_terminal(gw: Cli) -> None:
    done = gw("run", "nasty", "x")

    assert done.out == "\\x1b[31mred\\x1b[0m \\u202eevil\\u200f \\x9b2J café\n"
    assert "\x1b" not in gw("run", "nasty", "x", "--json").out


def test_tools_of_a_file_are_used_now_and_when_the_run_is_resumed(gw: Cli, project: Path) -> None:
    (project / "tools" / "shop_tools.py").rename(project / "elsewhere.py")

    assert gw("run", "shop", "Pay back A-7", "--tools", "elsewhere.py").status == 3
    approval = gw("inbox", "--json").objects[0]["id"]
    assert gw("approve", approval).out == "The money is back.\n"


def test_a_broken_file_of_the_tools_folder_is_named_and_left_out(gw: Cli, project: Path) -> None:
    (project / "tools" / "bad.py").write_text("import nothing_of_this_name")

    done = gw("run", "shop")

    assert done.status == 0
    assert "Left out: tools of" in done.err
    assert "bad.py:1: ModuleNotFoundError" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run"], "Missing argument 'GRAPH'"),
        (["run", "shpo", "x"], "There is no graph 'shpo'. Did you mean 'shop'?"),
        (["run", "shop", ""], "The input is empty"),
        (["run", "shop", " \n"], "The input is empty"),
        (["run", "broken"], "There is no input, and this graph has no example"),
        (["run", "shop", "x", "--thread", "t"], "There is no thread 't'"),
        (["run", "shop", "x", "--model", "gpt"], "There is no model 'gpt'"),
        (["run", "shop", "x", "--file", "y"], "The input was given twice"),
        (["run", "shop", "--file", "absent.txt"], "File 'absent.txt' cannot be read: No such file"),
        (["run", "shop", "--file", "."], "File '.' cannot be read: Is a directory"),
        (["run", "shop", "x", "--tools", "absent.py"], "There is no file"),
        (["run", "shop", "two", "words"], "Put quotes around an input of several words"),
        (["run", "shop", "\udcff"], "The input is not UTF-8 text (at character 1)"),
        (["run", "shop", "x" * 1_000_001], "1,000,001 characters; an input has 1,000,000 at most"),
        (["resume", "run_0"], "There is no run 'run_0'"),
        (["rum"], "There is no command 'rum'. Did you mean 'run'?"),
        (["runs", "sow"], "There is no command 'sow'. Did you mean 'show'?"),
        (["run", "shop", "--project", "absent"], "absent"),
    ],
)
def test_a_mistake_in_what_was_typed_ends_with_2_and_one_message(gw: Cli, arguments: list[str], words: str) -> None:
    done = gw(*arguments)

    assert (done.status, done.out) == (2, "")
    assert words in done.err
    assert "Traceback" not in done.err


def test_an_unknown_model_is_refused_before_anything_is_written(gw: Cli, tmp_path: Path) -> None:
    gw("run", "shop", "x", "--model", "gpt")

    assert not (tmp_path / ".graphwright").exists()


def test_stdin_that_is_not_text_is_refused(gw: Cli) -> None:
    done = gw("run", "shop", "-", stdin=b"ab\xff")

    assert done.status == 2
    assert "What came on stdin is not UTF-8 text (byte 3)" in done.err


def test_a_million_characters_are_taken(gw: Cli) -> None:
    assert gw("run", "nasty", "-", stdin=b"x" * 1_000_000).status == 0


def test_more_than_a_million_characters_are_refused_with_what_to_do(gw: Cli) -> None:
    done = gw("run", "nasty", "-", stdin=b"x" * 5_000_000)

    assert done.status == 2
    assert "graphwright ingest PATH" in done.err
