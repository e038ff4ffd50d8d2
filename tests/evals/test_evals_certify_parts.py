"""What certification is made of: which points are tried, what counts as the same, and what is left behind (nothing)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphwright.evals.certification.boundaries import kind_of
from graphwright.evals.certification.ledger import Ledger
from graphwright.evals.certification.plan import Plan, attempt_at, attempts, spread
from graphwright.evals.certification.sameness import learn, tidy


@given(st.integers(1, 500), st.integers(1, 500))
def test_points_are_spread_from_the_first_to_the_last(total: int, wanted: int) -> None:
    points = list(spread(total, wanted))

    assert len(points) == min(total, wanted)
    assert points == sorted(set(points))
    assert points[0] >= 1
    assert points[-1] <= total
    if min(total, wanted) > 1:
        assert (points[0], points[-1]) == (1, total)


def test_every_point_is_tried_unless_fewer_are_asked_for() -> None:
    assert [each.point for each in attempts(Plan(), "a", 5, 1.0)] == ["1", "2", "3", "4", "5"]
    assert [each.point for each in attempts(Plan(points=2), "a", 5, 1.0)] == ["1", "5"]


@given(st.integers(), st.integers(1, 60))
def test_what_is_tried_follows_from_the_seed_and_each_point_can_be_named_again(seed: int, total: int) -> None:
    plan = Plan(seed=seed, random=3, twice=True)

    tried = list(attempts(plan, "a", total, 0.5))

    assert tried == list(attempts(plan, "a", total, 0.5))
    assert [attempt_at(f"a:{each.point}") for each in tried] == tried


@pytest.mark.parametrize("text", ["", "a", ":3", "a:x", "a:1+", "a:s"])
def test_what_names_no_point_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no point"):
        attempt_at(text)


def test_two_lives_may_differ_by_ids_paths_and_times_and_a_third_only_where_they_did() -> None:
    def life(number: int, **changed: object) -> dict[str, object]:
        told = {
            "path": f"/tmp/life{number}/reports/a-0{number}c3d4e5.md",
            "at": f"2026-01-0{number}T10:00:00Z",
            "messages": [{"id": f"m{number}", "text": "Done"}],
            "order": "A-1042",
        }
        return {**told, **changed}

    folders = ("/tmp/life1", "/tmp/life2")
    reference, differences = learn(life(1), life(2), folders)

    assert differences == []
    assert reference.ignored == ["at", "messages.*.id", "path"]
    assert reference.differences(life(3), "/tmp/life3") == []
    assert reference.differences(life(3, order="A-1043"), "/tmp/life3") == ["order: 'A-1042', now 'A-1043'"]
    assert reference.differences(life(3, more=1), "/tmp/life3") == ["more: nothing, now 1"]
    assert reference.differences(life(3, messages=[]), "/tmp/life3")[:1] == ["messages.0.id: 'm1', now nothing"]


def test_a_place_that_was_equal_in_two_lives_must_be_equal_even_if_it_looks_like_an_id() -> None:
    reference, _ = learn({"key": "a1b2c3d4e5"}, {"key": "a1b2c3d4e5"}, ("", ""))

    assert reference.differences({"key": "ffffffff00"}, "") == ["key: 'a1b2c3d4e5', now 'ffffffff00'"]


def test_two_lives_that_differ_otherwise_are_told_apart() -> None:
    _, differences = learn({"n": 1, "flag": True}, {"n": 2, "flag": 1}, ("", ""))

    assert differences == ["n: 1, now 2", "flag: True, now 1"]


@given(st.lists(st.text(alphabet="abcghijk0123456789", max_size=7), max_size=6))
def test_words_and_numbers_of_fewer_than_eight_signs_are_not_taken_for_ids(words: list[str]) -> None:
    assert tidy(" ".join(words)) == " ".join(words)


def test_a_transaction_is_named_after_what_matters_most_in_it() -> None:
    assert kind_of({"audit", "journal"}) == "journal"
    assert kind_of({"journal", "decisions", "audit"}) == "approval"
    assert kind_of({"something_new"}) == "other"
    assert kind_of(set()) == ""


def test_the_ledger_tells_what_ended_from_what_was_cut_off(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    done = ledger.begin("pay", "at_most_once", "k1", {"amount": 5})
    ledger.end(done, "done", "Paid.")
    ledger.begin("pay", "at_most_once", "k2", {"amount": 6})
    with ledger.path.open("a") as file:
        file.write('{"begin": "9.9", "na')

    first, second = Ledger(ledger.path).calls()

    assert (first.happened, first.result, first.arguments) == (True, "Paid.", {"amount": 5})
    assert (second.happened, second.status) == (False, "")


def certifying(project: Path) -> tuple[subprocess.Popen[bytes], list[psutil.Process]]:
    """The command under way, in the middle of its lives, and all processes that it has started."""
    command = [sys.executable, "-m", "graphwright.cli", "certify", "sound", "--json"]
    environment = {**os.environ, "GRAPHWRIGHT_PROJECT_DIR": str(project)}
    process = subprocess.Popen(command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        started = psutil.Process(process.pid).children(recursive=True)
        if len(started) > 2:
            time.sleep(0.5)
            return process, psutil.Process(process.pid).children(recursive=True)
        time.sleep(0.02)
    process.kill()
    raise AssertionError("it never began")


def assert_all_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]


def test_an_interrupted_certification_says_what_was_done_and_leaves_nothing_behind(project: Path) -> None:
    process, started = certifying(project)

    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)

    assert process.returncode == 130, stderr
    assert json.loads(stdout)["verdict"] == "interrupted"
    assert b"Interrupted after" in stderr
    assert_all_gone(started)


def test_a_certification_that_is_killed_itself_leaves_no_process_behind(project: Path) -> None:
    process, started = certifying(project)

    process.kill()
    process.communicate(timeout=30)

    assert_all_gone(started)


def test_a_hash_of_digits_only_is_an_id_and_a_number_is_none() -> None:
    assert tidy("reports/how-to-74126843.md") == "reports/how-to-<id>.md"
    assert tidy("reports/how-to-deadbeef.md") == "reports/how-to-<id>.md"
    assert tidy("accede to a facade, feed-back") == "accede to a facade, feed-back"
    assert tidy("You won 0.6279450137107074 of 12345678") == "You won 0.6279450137107074 of 12345678"
