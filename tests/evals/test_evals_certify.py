"""Certification: sound graphs pass, and each way to break one is found and named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from graphwright.evals import Case, CaseProblem
from graphwright.evals.certification import Certificate, CertifyError, Plan, certify
from graphwright.graphs import GraphNotFound

Certified = Callable[..., Certificate]
PLAIN = Case(id="plain", input="A-1")


def found(certificate: Certificate) -> str:
    return "\n".join(finding for each in certificate.failures for finding in each.findings)


def test_a_sound_graph_passes_and_the_certificate_says_what_was_tried(certified: Certified) -> None:
    certificate = certified("sound", points=5, random=1)

    assert certificate.verdict == "passed", certificate.failures
    (case,) = certificate.cases
    assert case.points > 40
    assert case.lives == 6
    assert case.kills >= 5
    assert sum(certificate.kinds.values()) == case.kills
    assert (case.effects, case.approvals) == (2, 1)
    assert len(certificate.signature) == 16
    assert {"graphwright", "langgraph", "python", "sqlite"} <= set(certificate.versions)


def test_a_process_that_recovers_may_be_killed_as_well(certified: Certified) -> None:
    certificate = certified("sound", points=3, twice=True, seed=3)

    assert certificate.passed, certificate.failures
    assert certificate.kills > 3


def test_an_effect_is_certified_at_every_point_and_looked_up_where_nobody_knows_whether_it_happened(
    certified: Certified,
) -> None:
    certificate = certified("holding", PLAIN)

    assert certificate.passed, certificate.failures
    (case,) = certificate.cases
    assert case.kills == case.points
    # Between the intent and the outcome: the intent is committed, the call begins, it is done, its outcome is not kept.
    assert case.looked_up == 4


def test_an_effect_before_the_interrupt_is_found_and_its_state_folder_kept(project: Path, tmp_path: Path) -> None:
    case = Case.model_validate({"id": "paid", "input": "A-1", "people": [{"decide": "approve"}]})

    certificate = certify(
        "effect_before_the_interrupt", Plan(points=13), project=project, cases=[case], keep=tmp_path / "kept"
    )

    assert certificate.verdict == "failed"
    assert "now 'told the customer'" in found(certificate)
    assert all(each.point != "0" and "write" in each.at for each in certificate.failures)
    folder = Path(certificate.failures[0].folder)
    assert folder.parent == tmp_path / "kept"
    assert (folder / "graphwright.db").exists()
    assert (folder / "ledger.jsonl").exists()


def test_a_swallowed_journal_error_is_found(certified: Certified) -> None:
    certificate = certified("sound", broken="swallow_journal_errors", points=1)

    assert certificate.verdict == "failed"
    assert 'refund({"order":"A-1","amount":5}) ran without a row in the journal' in found(certificate)


def test_a_checkpointer_that_acknowledges_early_is_found(certified: Certified) -> None:
    certificate = certified("sound", broken="acknowledge_checkpoints_early", points=5)

    assert certificate.verdict == "failed"
    assert 'reserve {"order":"A-1"} done: happened though it happens in no unharmed run' in found(certificate)
    assert all(int(each.point) > 0 for each in certificate.failures)


def test_a_tool_called_past_the_gate_is_found_without_any_kill(certified: Certified) -> None:
    certificate = certified("past_the_gate", PLAIN, points=1)

    assert "ran without a row in the journal: past the gate" in found(certificate)


def test_a_graph_that_throws_dice_cannot_be_certified(certified: Certified) -> None:
    certificate = certified("dicing", PLAIN)

    assert certificate.verdict == "not deterministic"
    assert not certificate.passed
    assert any(each.startswith("state.said.0: 'You won ") for each in certificate.cases[0].differences)
    assert certificate.kills == 0


def test_a_question_of_langgraphs_own_is_answered_once_too(certified: Certified) -> None:
    answer = {"tool": "interrupt", "decide": "respond", "message": "XL"}
    case = Case.model_validate({"id": "size", "input": "A-1", "people": [answer]})

    assert certified("asking", case, points=3).passed


def test_a_run_that_waits_for_nobody_is_not_what_the_case_expects(certified: Certified) -> None:
    certificate = certified("sound", PLAIN)

    assert "The case expects the run to be done; it is waiting." in found(certificate)


def test_a_run_that_is_to_wait_is_certified_up_to_its_question(certified: Certified) -> None:
    case = Case.model_validate({"id": "open", "input": "A-1", "expect": {"status": "waiting"}})

    assert certified("sound", case, points=2).passed


def test_without_cases_the_graphs_example_is_certified(project: Path) -> None:
    certificate = certify("sound", Plan(points=2), project=project)

    assert certificate.passed
    assert certificate.remarks == ["The graph has no cases; its own example is certified, every approval approved."]


def test_what_cannot_be_certified_at_all_says_why(project: Path) -> None:
    with pytest.raises(GraphNotFound, match="Did you mean 'sound'"):
        certify("sund", project=project)
    with pytest.raises(CaseProblem, match="there is no case 'b'; there are: plain"):
        certify("sound", Plan(cases=("b",)), project=project, cases=[PLAIN])
    with pytest.raises(ValueError, match=r"'17' is no point\. It looks like CASE:17"):
        certify("sound", Plan(at="17"), project=project)
    with pytest.raises(CertifyError, match="Put it at the top level of a file"):
        certify("sound", project=project, prepare=lambda: None)


def test_a_graph_that_starts_threads_when_it_is_loaded_is_refused(project: Path) -> None:
    threaded = (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(9,), name='ticker', daemon=True).start()\n"
    )
    (project / "graphs" / "threaded.py").write_text(threaded)

    with pytest.raises(CertifyError, match=r"started threads \(ticker\)"):
        certify("sound", project=project, cases=[PLAIN])


@pytest.mark.parametrize("graph", ["assistant", "research"])
def test_every_shipped_graph_passes_at_sampled_points(graph: str, tmp_path: Path) -> None:
    certificate = certify(graph, Plan(points=3, seed=1), project=tmp_path)

    assert certificate.passed, certificate.failures
    assert certificate.kills >= 2 * len(certificate.cases)


@pytest.mark.soak
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("graph", ["assistant", "research"])
def test_every_shipped_graph_passes_everywhere(graph: str, tmp_path: Path) -> None:
    certificate = certify(graph, Plan(random=25, seed=1), project=tmp_path)

    assert certificate.passed, certificate.failures
    assert all(case.lives == case.points + 25 for case in certificate.cases)
    assert all(case.kills > 0.9 * case.points for case in certificate.cases)
