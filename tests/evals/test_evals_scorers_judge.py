"""A model judge is asked in both orders, and gates only once it agrees with people."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from graphwright.evals import Case, CaseProblem, Gate, Observed, Suite, load_suite
from graphwright.evals.scorers import Calibration, Judge, Labelled, calibrate, cohen_kappa, preference, rogan_gladen
from graphwright.evals.scorers.judge import JudgeUnusable
from graphwright.models import ModelRequest, OfflineModel, ScriptedModel, When

CASE = Case(id="c", input="How long does a retry wait?")
RUBRIC = "pass: it gives the seconds. fail: it does not."


def run(answer: str) -> Observed:
    return Observed(case_id="c", status="done", answer=answer)


def said(grade: str) -> str:
    return json.dumps({"reason": f"It is a {grade}.", "grade": grade})


def by_the_number(request: ModelRequest) -> str:
    """A judge that passes whatever has a digit in the answer."""
    answer = request.messages[-1].text.partition("# Answer")[2].partition("# What to say")[0]
    return said("pass" if any(letter.isdigit() for letter in answer) else "fail")


def judge(**settings: object) -> Judge:
    model = ScriptedModel([When(lambda request: True, by_the_number, times=None)])
    return Judge(model, RUBRIC, **settings)  # type: ignore[arg-type]  # settings of the test


def test_a_judge_grades_with_its_reason() -> None:
    good, bad = judge()(CASE, run("It waits 2 seconds.")), judge()(CASE, run("It waits."))

    assert (good.value, good.outcome) == (1.0, "pass")
    assert (bad.value, bad.outcome, bad.reason) == (0.0, "fail", "It is a fail.")


def test_it_is_asked_twice_with_the_grades_in_the_opposite_order() -> None:
    model = ScriptedModel([said("pass"), said("pass")])

    Judge(model, RUBRIC)(CASE, run("2 s"))

    first, second = (request.messages[-1].text for request in model.requests)
    assert "- pass\n- fail" in first
    assert "- fail\n- pass" in second
    assert RUBRIC in first
    assert "How long does a retry wait?" in first


def test_a_judge_that_changes_its_mind_with_the_order_has_measured_nothing() -> None:
    score = Judge(ScriptedModel([said("pass"), said("fail")]), RUBRIC)(CASE, run("2 s"))

    assert (score.value, score.outcome) == (None, "unmeasured")
    assert "other way round" in score.reason


@pytest.mark.parametrize("answer", ["I think it is fine.", "{", '{"grade": "excellent"}', "[1]"])
def test_an_answer_that_cannot_be_read_is_unmeasured_and_no_failure(answer: str) -> None:
    assert Judge(ScriptedModel([answer, said("pass")]), RUBRIC)(CASE, run("2 s")).outcome == "unmeasured"


def test_grades_between_best_and_worst_are_spread_evenly() -> None:
    fair = Judge(ScriptedModel([said("Fair"), f"```json\n{said('fair')}\n```"]), RUBRIC, ("good", "fair", "poor"))

    assert fair(CASE, run("2 s")).value == 0.5


def test_an_answer_is_material_and_no_template() -> None:
    score = judge()(CASE, run("{{ rubric }} {% for x in y %} 7"))

    assert score.outcome == "pass"


def test_the_offline_model_and_a_judge_without_a_rubric_are_refused() -> None:
    with pytest.raises(JudgeUnusable, match=r"needs a rubric; the offline model compares words"):
        Judge(OfflineModel(), " ")


def test_a_preference_for_a_place_on_the_page_is_no_preference() -> None:
    def better(*places: str) -> str | None:
        model = ScriptedModel([json.dumps({"better": place}) for place in places])
        return preference(model, RUBRIC, "task", ("a", "b")).better

    assert better("first", "second") == "first"
    assert better("second", "first") == "second"
    assert better("neither", "neither") == "neither"
    assert better("first", "first") is None
    assert better("first", "both") is None


labels = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=2, max_size=80)


@pytest.mark.filterwarnings("ignore::RuntimeWarning:statsmodels")
@settings(deadline=None)
@given(labels)
def test_kappa_agrees_with_scikit_learn_and_its_error_with_statsmodels(pairs: list[tuple[str, str]]) -> None:
    from statsmodels.stats.inter_rater import cohens_kappa

    one, other = [a for a, _ in pairs], [b for _, b in pairs]
    found = cohen_kappa(one, other)
    if math.isnan(found.kappa):
        assert len({*one, *other}) == 1
        return

    table = [[sum(pair == (a, b) for pair in pairs) for b in "abc"] for a in "abc"]
    error = math.sqrt(max(0.0, cohens_kappa(table).var_kappa))

    assert found.kappa == pytest.approx(cohen_kappa_score(one, other), abs=1e-9)
    assert found.standard_error == pytest.approx(error, abs=1e-7)
    assert found.low <= max(-1.0, found.kappa - 1.959963 * error) + 1e-6
    assert found.high == pytest.approx(min(1.0, found.kappa + 1.959964 * error), abs=1e-6)


def test_perfect_agreement_on_few_labels_is_not_certain() -> None:
    few, many = (cohen_kappa(["p", "f"] * n, ["p", "f"] * n) for n in (5, 200))

    assert few.kappa == many.kappa == 1.0
    assert few.low < 0.6 < many.low < 1.0


def test_a_share_is_corrected_for_what_the_judge_gets_wrong() -> None:
    # Of 100 runs 40 are good; the judge passes 90 % of the good and 20 % of the bad: 36 + 12.
    corrected = rogan_gladen(0.48, 100, (0.9, 200, 0.8, 200))

    assert corrected.share == pytest.approx(0.4)
    assert corrected.low < 0.4 < corrected.high
    with pytest.raises(ValueError, match="says nothing"):
        rogan_gladen(0.5, 100, (0.5, 100, 0.5, 100))


def labelled(n: int, wrong: int = 0) -> list[Labelled]:
    """Half of the answers have a number; people agree with that but for the first few."""
    grades = ["fail" if (at % 2) == (at >= wrong) else "pass" for at in range(n)]
    return [Labelled(CASE, run("no number" if at % 2 else "2 s"), grade) for at, grade in enumerate(grades)]


def test_a_judge_without_calibration_may_not_gate() -> None:
    assert "is not calibrated" in judge().gate_objections()[0]


def test_a_judge_that_agrees_with_enough_people_may_gate() -> None:
    calibration = calibrate(judge(), labelled(120, wrong=4))

    assert calibration.agreement is not None
    assert calibration.agreement.observed == pytest.approx(116 / 120)
    assert judge(calibration=calibration).gate_objections() == []
    assert calibration.sensitivity == pytest.approx(58 / 60)
    assert 0 < calibration.corrected(0.5, 100).share < 1


def test_too_few_labels_and_too_little_agreement_are_both_told() -> None:
    found = judge(calibration=calibrate(judge(), labelled(20, wrong=8))).gate_objections()

    assert ["20 labels, and needs 50" in found[0], "at least 0.6 is needed" in found[1]] == [True, True]


def test_a_calibration_holds_for_no_other_rubric() -> None:
    calibration = calibrate(judge(), labelled(120))
    other = Judge(judge().model, "Something else.", calibration=calibration)

    assert "Calibrate it again" in other.gate_objections()[0]


def test_a_label_that_is_no_grade_is_refused() -> None:
    with pytest.raises(ValueError, match=r"none of the judge's grades: pass, fail"):
        calibrate(judge(), [Labelled(CASE, run("2 s"), "ok")])


def test_a_calibration_is_kept_in_a_file(tmp_path: Path) -> None:
    calibration = calibrate(judge(), labelled(120, wrong=4))

    calibration.write(tmp_path / "judge.json")

    assert Calibration.read(tmp_path / "judge.json") == calibration
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(ValueError, match="has no calibration"):
        Calibration.read(tmp_path / "other.json")


def test_a_suite_refuses_a_gate_on_a_judge_that_may_not_gate() -> None:
    suite = {"name": "s", "cases": [CASE], "function": str, "gates": (Gate(scorer="judge", at_least=0.9),)}
    admitted = judge(calibration=calibrate(judge(), labelled(120)))

    with pytest.raises(ValueError, match=r"has gates that cannot be: Judge 'judge' is not calibrated"):
        Suite(scorers=(judge(),), **suite)  # type: ignore[arg-type]  # fields of a suite
    assert Suite(scorers=(admitted,), **suite).name == "s"  # type: ignore[arg-type]  # fields of a suite


def test_a_suite_file_tells_where_its_gate_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "cases.yaml").write_text("- {id: a, input: x}\n")
    (tmp_path / "mine.py").write_text(
        "from graphwright.evals.scorers import Judge\nfrom graphwright.models import ScriptedModel\n"
        "judge = Judge(ScriptedModel([]), 'Is it polite?')\ndef echo(text):\n    return text\n"
    )
    (tmp_path / "suite.yaml").write_text(
        "name: s\nfunction: mine.py:echo\nscorers: ['mine.py:judge']\ngates:\n  - {scorer: judge, at_least: 1}\n"
    )

    with pytest.raises(CaseProblem, match=r"suite.yaml:5: Judge 'judge' is not calibrated"):
        load_suite(tmp_path / "suite.yaml")


async def test_a_judge_may_be_asked_while_a_loop_runs() -> None:
    assert judge()(CASE, run("It waits 2 seconds.")).outcome == "pass"
