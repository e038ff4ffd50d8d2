"""Gates and comparisons: what cannot be told is never passed, and every answer names its statistic."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphwright.evals import Gate, Result, RunFolder
from graphwright.evals.comparing import compare_runs
from graphwright.evals.gates import gated
from graphwright.evals.results import Header, Scored
from graphwright.evals.tables import Tables, tables_of


def result(case: str, value: float | None, *, epoch: int = 1, scorer: str = "verdict", **slices: str) -> Result:
    outcome = "unmeasured" if value is None else "pass" if value >= 1 else "fail"
    return Result(
        case=case, epoch=epoch, status="done", scores=(Scored(scorer, value, outcome),), slices=slices  # type: ignore[arg-type]  # one of the three
    )  # fmt: skip


def of(*values: float | None) -> Tables:
    return tables_of(result(f"c{at}", value) for at, value in enumerate(values))


def outcome(gate: Gate, tables: Tables, **more: int) -> str:
    return gated([gate], tables, **more)[0].outcome


def test_a_mean_at_its_limit_is_passed_and_below_it_is_not() -> None:
    gate = Gate(at_least=0.75)

    assert outcome(gate, of(1, 1, 1, 0)) == "passed"
    assert outcome(gate, of(1, 1, 0, 0)) == "failed"


def test_a_failed_gate_names_the_statistic_its_value_and_what_is_wanted() -> None:
    found = gated([Gate(at_least=0.9)], of(1, 0))[0]

    assert found.gate == "mean of verdict at least 0.9"
    assert "mean of verdict is 0.500" in found.why
    assert "at least 0.9 is wanted" in found.why


@pytest.mark.parametrize("many", [1, 3, 7, 10, 30])
def test_all_cases_passed_is_a_mean_of_one_whatever_their_number(many: int) -> None:
    assert outcome(Gate(at_least=1.0), of(*[1.0] * many)) == "passed"


def test_what_was_not_measured_is_never_passed() -> None:
    assert outcome(Gate(at_least=0.5), of(1, 1, None)) == "cannot tell"
    assert outcome(Gate(at_least=0.5, coverage=0.6), of(1, 1, None)) == "passed"
    assert outcome(Gate(at_least=0.0), of(None, None)) == "cannot tell"
    assert outcome(Gate(at_least=0.0), of()) == "cannot tell"


def test_a_scorer_that_nobody_asked_is_never_passed() -> None:
    assert outcome(Gate(scorer="speed", at_most=1), of(1, 1)) == "cannot tell"


def test_a_run_that_is_not_whole_is_never_passed() -> None:
    assert outcome(Gate(at_least=0.5), of(1, 1), missing=1) == "cannot tell"


def test_too_few_cases_tell_nothing() -> None:
    assert outcome(Gate(at_least=0.5, cases=5), of(1, 1, 1)) == "cannot tell"


def test_the_lower_bound_asks_for_more_cases_than_the_mean() -> None:
    gate = Gate(statistic="lower bound", at_least=0.8)

    assert outcome(gate, of(*[1.0] * 5)) == "failed"
    assert outcome(gate, of(*[1.0] * 30)) == "passed"


def test_a_gate_of_a_slice_looks_at_its_cases_alone() -> None:
    tables = tables_of([result("a", 1, language="en"), result("b", 0, language="nl"), result("c", 1, language="en")])

    assert outcome(Gate(at_least=1, slice={"language": "en"}), tables) == "passed"
    assert outcome(Gate(at_least=1, slice={"language": "nl"}), tables) == "failed"
    assert outcome(Gate(at_least=1, slice={"language": "fr"}), tables) == "cannot tell"


def test_all_of_k_runs_are_rarer_than_any_of_them() -> None:
    runs = [result("a", value, epoch=at) for at, value in enumerate([1, 1, 0, 0], 1)]
    tables = tables_of(runs)

    every, some = (gated([Gate(statistic=each, k=2, at_least=0)], tables)[0].value for each in ("pass^k", "pass@k"))

    assert every == pytest.approx(1 / 6)
    assert some == pytest.approx(5 / 6)
    assert outcome(Gate(statistic="pass^k", k=5, at_least=0), tables) == "cannot tell"


@given(st.lists(st.sampled_from([0.0, 1.0, None]), min_size=1, max_size=40), st.floats(0, 1))
def test_a_gate_is_passed_only_where_the_measured_mean_is_at_least_its_limit(
    values: list[float | None], limit: float
) -> None:
    found = gated([Gate(at_least=limit)], of(*values))[0]

    measured = [each for each in values if each is not None]
    is_whole = len(measured) == len(values)
    assert found.passed == (is_whole and sum(measured) / len(measured) >= limit - 1e-12 if measured else False)


def kept(folder: Path, name: str, results: list[Result], *, cluster: str = "") -> RunFolder:
    header = Header(
        run=name, suite="s", target="t", model="offline", epochs=1, cases=len(results), scorers=("verdict",),
        cluster=cluster,
    )  # fmt: skip
    made = RunFolder.make(folder / name, header)
    with made:
        for each in results:
            made.add(each)
    return made


def test_a_run_with_many_cases_won_is_better_and_its_mirror_is_worse(tmp_path: Path) -> None:
    rng = random.Random(1)
    before = [result(f"c{at}", float(rng.random() < 0.4)) for at in range(80)]
    after = [result(each.case, 1.0 if rng.random() < 0.9 else each.scores[0].value) for each in before]
    base, new = kept(tmp_path, "base", before), kept(tmp_path, "new", after)

    assert compare_runs(base, new).verdict == "better"
    assert compare_runs(new, base).verdict == "worse"


def test_one_case_more_in_five_cannot_be_told(tmp_path: Path) -> None:
    base = kept(tmp_path, "base", [result(f"c{at}", float(at < 3)) for at in range(5)])
    new = kept(tmp_path, "new", [result(f"c{at}", float(at < 4)) for at in range(5)])

    compared = compare_runs(base, new)

    assert compared.verdict == "cannot tell"
    assert "chance explains" in compared.scorers[0].why
    assert [each.case for each in compared.scorers[0].changed] == ["c3"]


def test_cases_of_one_template_count_as_one(tmp_path: Path) -> None:
    before = [result(f"c{at}", 0.0, template=str(at // 20)) for at in range(60)]
    after = [result(f"c{at}", float(at < 20), template=str(at // 20)) for at in range(60)]
    alone = compare_runs(kept(tmp_path, "b1", before), kept(tmp_path, "n1", after))
    together = compare_runs(
        kept(tmp_path, "b2", before, cluster="template"), kept(tmp_path, "n2", after, cluster="template")
    )

    assert alone.verdict == "better"
    assert together.verdict == "cannot tell"


def test_cases_of_one_run_only_are_left_out_and_named(tmp_path: Path) -> None:
    base = kept(tmp_path, "base", [result("a", 1), result("b", 1)])
    new = kept(tmp_path, "new", [result("b", 1), result("c", None)])

    compared = compare_runs(base, new)

    assert (compared.only_base, compared.only_new) == (("a",), ("c",))
    assert "measured in one run only" in compared.scorers[0].why
