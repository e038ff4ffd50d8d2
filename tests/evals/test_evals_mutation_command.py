"""``graphwright mutate``: what it prints, what it keeps, and what it says to whoever typed it wrongly."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from graphwright.cli.app import run as command_line
from graphwright.evals import Project
from graphwright.evals.mutation import OPERATORS, Tried, sentence_of
from graphwright.evals.mutation.keeping import Kept
from graphwright.evals.suite_files import find_suite

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def desk(tmp_path: Path) -> Project:
    """A project with a suite that looks everywhere and one that looks at nothing."""
    return Project(Path(shutil.copytree(Path(__file__).parent / "desk", tmp_path / "desk")))


def test_tried_mutants_are_kept_and_forgotten_when_the_graph_or_a_case_changes(desk: Project, tmp_path: Path) -> None:
    suite = find_suite("strong", desk)
    kept = Kept.of(suite, desk, "", tmp_path)
    tried = Tried("drop_tool:x", "drop_tool", "x", "x is missing.", "killed", "Because.", "one", 1)

    assert kept.known() == []
    kept.begin()
    kept.add(tried)
    with (tmp_path / "strong.jsonl").open("ab") as file:
        file.write(b'{"mutant": "torn')

    assert Kept.of(suite, desk, "", tmp_path).known() == [tried]
    assert Kept.of(replace(suite, cases=suite.cases[:-1]), desk, "", tmp_path).known() == []
    file = desk.folder / "graphs" / "desk.py"
    file.write_text(file.read_text().replace("MOST_ORDERS = 3", "MOST_ORDERS = 2"))
    assert Kept.of(suite, Project(desk.folder), "", tmp_path).known() == []


@pytest.fixture
def gw(desk: Project, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Typed:
    """Types a command in the project; gives status, stdout and stderr."""

    def typed(*words: str) -> tuple[int, str, str]:
        status = command_line([*words, "--project", str(desk.folder), "--state", str(tmp_path / "state")])
        printed = capfd.readouterr()
        return status, printed.out, printed.err

    return typed


def test_the_command_tells_the_score_and_the_survivors(gw: Typed) -> None:
    status, out, _ = gw("mutate", "weak", "--operator", "drop_node", "--operator", "skip_approval")

    assert status == 0
    assert out.startswith("weak: ")
    assert "skip_approval:refund: refund goes ahead without the person who must be asked. Case cracked passes" in out
    assert "of 6 mutants of desk, 1 cases" in out


def test_a_suite_below_the_share_that_was_wanted_ends_with_4(gw: Typed) -> None:
    assert gw("mutate", "strong", "--operator", "drop_tool", "--at-least", "0.9")[0] == 0
    status, _, err = gw("mutate", "weak", "--operator", "skip_approval", "--at-least", "0.9")

    assert status == 4
    assert "Suite weak: 0.0% killed, and at least 90.0% were wanted." in err


def test_json_has_every_mutant(gw: Typed) -> None:
    _, out, _ = gw("mutate", "strong", "--operator", "drop_tool", "--json")
    told = json.loads(out)

    assert [each["mutant"] for each in told["tried"]] == ["drop_tool:read_note", "drop_tool:refund"]
    assert (told["score"], told["killed"], told["survived"]) == (1.0, 2, 0)


def test_a_second_run_goes_on_with_what_is_kept(gw: Typed, tmp_path: Path) -> None:
    gw("mutate", "strong", "--operator", "drop_tool")
    file = tmp_path / "state" / "mutants" / "strong.jsonl"
    file.write_text(
        file.read_text().replace("does not contain", "DOES NOT CONTAIN").replace("is missing", "WAS MISSING")
    )
    kept = file.read_text()
    _, out, _ = gw("mutate", "strong", "--operator", "drop_tool", "--resume", "--json")

    assert {each["reason"] for each in json.loads(out)["tried"]} == {
        json.loads(line)["reason"] for line in kept.splitlines()[1:]
    }


def test_what_is_typed_wrongly_ends_with_2_and_says_what_there_is(gw: Typed) -> None:
    status, _, err = gw("mutate", "strong", "--operator", "nonsense")
    assert (status, "There are: drop_tool" in err) == (2, True)
    assert gw("mutate")[0] == 2
    assert gw("mutate", "nothing")[0] == 2
    assert gw("mutate", "all", "--mutant", "drop_tool:refund")[0] == 2
    status, _, err = gw("mutate", "strong", "--mutant", "drop_tool:refnd")
    assert (status, "Did you mean 'drop_tool:refund'" in err) == (2, True)


def test_one_mutant_is_tried_alone_and_what_is_kept_of_the_others_stays(gw: Typed, tmp_path: Path) -> None:
    gw("mutate", "strong", "--operator", "drop_tool")
    file = tmp_path / "state" / "mutants" / "strong.jsonl"
    kept = file.read_bytes()
    status, out, _ = gw("mutate", "strong", "--mutant", "drop_tool:refund")

    assert (status, file.read_bytes()) == (0, kept)
    assert out.startswith("strong: 100.0% killed of 1 mutants")
    assert "kills nothing" not in out


def test_what_a_dying_process_left_half_is_tried_again_and_nothing_after_it_is_lost(gw: Typed, tmp_path: Path) -> None:
    gw("mutate", "strong", "--operator", "drop_tool")
    file = tmp_path / "state" / "mutants" / "strong.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])
    gw("mutate", "strong", "--operator", "drop_tool", "--resume")

    assert file.read_bytes() == whole


def test_the_command_says_why_a_mutant_is_equivalent(gw: Typed) -> None:
    _, out, _ = gw("mutate", "strong", "--operator", "drop_node")

    assert "Equivalent: drop_node:gather. " in out


def test_every_operator_says_what_it_does(gw: Typed) -> None:
    _, out, _ = gw("mutate", "--operators")

    assert all(name in out for name in OPERATORS)
    assert all(sentence_of(name).endswith(".") for name in OPERATORS)
