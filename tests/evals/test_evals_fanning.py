"""Fanned out: batches on workers that come and go, and exactly one result of each run of a case."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from graphwright.cli.app import run as command
from graphwright.evals import Case, Plan, Project, ResultsProblem, RunFolder, Suite, load_suite, new_run, run_suite
from graphwright.evals.benches import work
from graphwright.evals.fanning import Batch, BatchLost, Order
from graphwright.evals.results import read_result
from graphwright.evals.runner import Choice, Limits, Progress


def shouted(name: str) -> Case:
    return Case.model_validate({"id": name, "input": name, "expect": {"answer": {"equals": name.upper()}}})


def shout(text: str) -> str:
    return text.upper()


CASES = [shouted(f"c{at}") for at in range(50)]
SUITE = Suite(name="shouting", cases=CASES, function=shout)


class Workers:
    """A pool in this process: each batch in a thread, as ill-behaved as a test wants it."""

    def __init__(self, order: Order, size: int, harm: Callable[[Batch, int, list[bytes]], Sequence[bytes]]) -> None:
        self.order = order
        self.size = size
        self.batches: list[Batch] = []
        self.ran: Counter[str] = Counter()
        self.is_closed = False
        self._harm = harm
        self._lock = asyncio.Lock()

    async def run(self, batch: Batch) -> Sequence[bytes]:
        self.batches.append(batch)
        number = len(self.batches)
        async with self._lock:  # one process has one bench
            lines = await asyncio.to_thread(work, self.order, batch)
        self.ran.update(read_result(line).case for line in lines)
        return self._harm(batch, number, lines)

    def close(self) -> None:
        self.is_closed = True


def as_is(_batch: Batch, _number: int, lines: list[bytes]) -> Sequence[bytes]:
    return lines


def fanned(
    tmp_path: Path,
    suite: Suite = SUITE,
    *,
    harm: Any = as_is,
    size: int = 3,
    folder: RunFolder | None = None,
    **plan: Any,
) -> tuple[Progress, RunFolder, Workers]:
    made: list[Workers] = []

    def open_pool(order: Order) -> Workers:
        made.append(Workers(order, size, harm))
        return made[0]

    project = Project(tmp_path)
    folder = folder or new_run(suite, project, Plan(**plan), tmp_path / "runs")
    progress = asyncio.run(run_suite(suite, project, Plan(**plan), folder, open_pool=open_pool))
    return progress, folder, made[0] if made else Workers(None, 0, harm)  # type: ignore[arg-type]  # nobody was asked


def keys(folder: RunFolder) -> list[str]:
    return sorted(f"{each.case}#{each.epoch}" for each in folder.results())


EVERY = sorted(f"c{at}#1" for at in range(50))


def test_batches_are_spread_over_the_workers_and_every_case_is_kept_once(tmp_path: Path) -> None:
    progress, folder, workers = fanned(tmp_path)

    assert (progress.done, progress.passed, progress.stopped) == (50, 50, "")
    assert keys(folder) == EVERY
    assert len(workers.batches) == 13
    assert max(len(each.items) for each in workers.batches) == 4
    assert workers.is_closed


def test_results_are_those_of_a_run_on_one_machine(tmp_path: Path) -> None:
    _, folder, _ = fanned(tmp_path, epochs=2)
    alone = new_run(SUITE, Project(tmp_path), Plan(epochs=2), tmp_path / "alone")
    asyncio.run(run_suite(SUITE, Project(tmp_path), Plan(epochs=2), alone))

    def told(folder: RunFolder) -> dict[str, Any]:
        return {f"{each.case}#{each.epoch}": replace(each, seconds=0.0) for each in folder.results()}

    assert told(folder) == told(alone)


def test_a_batch_that_was_run_twice_and_strangers_in_it_are_kept_once(tmp_path: Path) -> None:
    before: list[bytes] = []

    def twice(_batch: Batch, _number: int, lines: list[bytes]) -> Sequence[bytes]:
        told = [*lines, *lines, *before]
        before.extend(lines)
        return told

    progress, folder, _ = fanned(tmp_path, harm=twice)

    assert progress.done == 50
    assert keys(folder) == EVERY


def test_a_batch_whose_worker_died_is_run_again_in_parts_and_only_the_deadly_case_is_unmeasured(
    tmp_path: Path,
) -> None:
    def deadly(batch: Batch, _number: int, lines: list[bytes]) -> Sequence[bytes]:
        if any(b'"c7"' in case for case, _ in batch.items):
            raise BatchLost("The worker died of memory.")
        return lines

    progress, folder, _ = fanned(tmp_path, harm=deadly)

    assert (progress.passed, progress.unmeasured) == (49, 1)
    assert keys(folder) == EVERY
    (lost,) = [each for each in folder.results() if each.trouble]
    assert (lost.case, lost.trouble) == ("c7", "Its worker was lost: The worker died of memory.")


def test_a_worker_that_dies_once_costs_no_case(tmp_path: Path) -> None:
    def once(_batch: Batch, number: int, lines: list[bytes]) -> Sequence[bytes]:
        if number in (1, 14):
            raise BatchLost("The machine was taken away.")
        return lines

    progress, folder, _ = fanned(tmp_path, harm=once, choice=Choice(ids=("c1",)))

    assert (progress.passed, keys(folder)) == (1, ["c1#1"])
    assert fanned(tmp_path, harm=once)[0].passed == 50


def test_what_a_worker_forgets_is_asked_for_again(tmp_path: Path) -> None:
    def forgetful(_batch: Batch, number: int, lines: list[bytes]) -> Sequence[bytes]:
        return lines[1:] if number == 1 else lines

    progress, folder, workers = fanned(tmp_path, harm=forgetful)

    assert (progress.passed, keys(folder)) == (50, EVERY)
    assert sum(workers.ran.values()) == 51


def test_a_driver_that_dies_keeps_what_was_written_and_the_next_one_runs_the_rest(tmp_path: Path) -> None:
    def broken(_batch: Batch, number: int, lines: list[bytes]) -> Sequence[bytes]:
        if number == 6:
            raise ConnectionError("The cluster is gone.")
        return lines

    folder = new_run(SUITE, Project(tmp_path), Plan(), tmp_path / "runs")
    with pytest.raises(ConnectionError, match="The cluster is gone"):
        fanned(tmp_path, harm=broken, folder=folder)
    known = set(keys(folder))

    progress, _, workers = fanned(tmp_path, folder=folder)

    assert 0 < len(known) < 50
    assert (progress.done, keys(folder)) == (50, EVERY)
    assert not {f"{case}#1" for case in workers.ran} & known


def test_nothing_is_asked_of_a_pool_when_nothing_is_left(tmp_path: Path) -> None:
    _, folder, _ = fanned(tmp_path)

    progress, _, workers = fanned(tmp_path, folder=folder)

    assert (progress.done, workers.size) == (50, 0)


def test_limits_are_looked_at_between_batches(tmp_path: Path) -> None:
    progress, folder, workers = fanned(tmp_path, size=1, limits=Limits(seconds=0))

    assert "limit of 0 seconds" in progress.stopped
    assert (keys(folder), workers.batches) == ([], [])


def test_only_chosen_cases_go_out(tmp_path: Path) -> None:
    _, folder, _ = fanned(tmp_path, choice=Choice(ids=("c3", "c9")))

    assert keys(folder) == ["c3#1", "c9#1"]


SHOP = "name: shop\ngraph: sound\ncases: cases.yaml\nscorers: [verdict]\n"
PAID = """
- id: {id}
  input: A-1
  people: [{{tool: refund, decide: approve}}]
  expect: {{changes: {{"book": [["reserve", "A-1"], ["refund", "A-1", 5]]}}}}
"""


@pytest.fixture
def shop(project: Path) -> Path:
    (project / "evals").mkdir()
    (project / "evals" / "shop-suite.yaml").write_text(SHOP)
    (project / "evals" / "cases.yaml").write_text("".join(PAID.format(id=f"p{at}") for at in range(3)))
    return project


def test_a_worker_finds_the_suite_of_a_graph_by_its_file_and_reads_no_cases(shop: Path) -> None:
    suite = load_suite(shop / "evals" / "shop-suite.yaml")
    folder = new_run(suite, Project(shop), Plan(), shop / "runs")
    (shop / "evals" / "cases.yaml").write_text("broken: [")

    progress, _, workers = fanned(shop, suite, size=1, folder=folder)

    assert (progress.passed, progress.done) == (3, 3), [each.trouble for each in folder.results()]
    assert workers.order.made is None
    assert next(folder.results()).detail


def test_a_worker_with_another_version_of_the_graph_is_refused(shop: Path) -> None:
    suite = load_suite(shop / "evals" / "shop-suite.yaml")
    folder = new_run(suite, Project(shop), Plan(), shop / "runs")
    source = shop / "graphs" / "shop.py"
    source.write_text(source.read_text() + "\n# another word\n")

    with pytest.raises(ResultsProblem, match="sound is another one on this worker"):
        fanned(shop, suite, size=1, folder=folder)

    assert keys(folder) == []


def test_without_ray_the_command_names_the_extra(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.chdir(shop)

    assert command(["eval", "run", "shop", "--ray", "local"]) == 2
    assert "pip install 'graphwright[ray]'" in capsys.readouterr().err
    assert not list((shop / ".graphwright").glob("evals/shop-*"))


def test_ray_runs_a_suite_on_this_machine(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ray", reason="Ray is an extra of its own (287 MB): pip install 'graphwright[ray]'")
    monkeypatch.chdir(shop)

    assert command(["eval", "run", "shop", "--ray", "local"]) == 0

    assert "shop: 3 runs of 3 cases on sound" in capsys.readouterr().out
