"""Scorers of what was found: retrieval as ir-measures has it, citations, grounding."""

from __future__ import annotations

from typing import Any

import ir_measures
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import AP, RR, P, R, nDCG
from langchain_core.messages import ToolMessage

from graphwright.evals import Case, Observed
from graphwright.evals.scorers import (
    citation_precision,
    grounding,
    retrieval_mrr,
    retrieval_ndcg,
    retrieval_precision,
    retrieval_recall,
)
from graphwright.evals.scorers.retrieval import average_precision, ndcg_at, precision_at, recall_at, reciprocal_rank

SOURCES = "abcdefgh"
rankings = st.lists(st.sampled_from(SOURCES), unique=True, min_size=1)
judgements = st.dictionaries(st.sampled_from(SOURCES), st.integers(0, 3), min_size=1).filter(
    lambda gains: any(gains.values())
)


def case(*sources: str) -> Case:
    return Case.model_validate({"id": "c", "input": "x", "expect": {"retrieved": sources or None}})


def run(*sources: str, answer: str = "", **told: Any) -> Observed:
    chunks = tuple({"id": f"id-{at}", "source": source, "text": ""} for at, source in enumerate(sources))
    return Observed(case_id="c", status="done", answer=answer, retrieved=chunks, **told)


@settings(deadline=None)
@given(rankings, judgements, st.integers(1, 8))
def test_the_measures_agree_with_ir_measures(ranking: list[str], gains: dict[str, int], k: int) -> None:
    qrels = [ir_measures.Qrel("q", name, gain) for name, gain in gains.items()]
    listed = [ir_measures.ScoredDoc("q", name, -place) for place, name in enumerate(ranking)]

    expected = ir_measures.calc_aggregate([nDCG @ k, R @ k, P @ k, RR, AP], qrels, listed)

    assert ndcg_at(ranking, gains, k) == pytest.approx(expected[nDCG @ k], abs=1e-12)
    assert recall_at(ranking, gains, k) == pytest.approx(expected[R @ k], abs=1e-12)
    assert precision_at(ranking, gains, k) == pytest.approx(expected[P @ k], abs=1e-12)
    assert reciprocal_rank(ranking, gains) == pytest.approx(expected[RR], abs=1e-12)
    assert average_precision(ranking, gains) == pytest.approx(expected[AP], abs=1e-12)


def test_a_query_without_relevant_sources_is_an_error_and_no_number() -> None:
    with pytest.raises(ValueError, match="No source is relevant"):
        recall_at(["a"], {"a": 0}, 5)
    assert retrieval_recall(case(), run("a")).outcome == "unmeasured"


def test_chunks_of_one_source_count_once_and_a_path_is_known_by_its_end() -> None:
    found = run("docs/a.md", "docs/a.md", "b.md", "docs/c.md")

    assert retrieval_recall(k=2)(case("a.md", "c.md"), found).value == 0.5
    assert retrieval_recall(k=3)(case("a.md", "c.md"), found).value == 1.0
    assert retrieval_precision(k=2)(case("a.md", "c.md"), found).value == 0.5
    assert retrieval_mrr(case("c.md"), found).value == pytest.approx(1 / 3)
    assert retrieval_ndcg(case("a.md"), found).value == 1.0
    assert "Not retrieved: d.md" in retrieval_recall(case("a.md", "d.md"), found).reason


def test_a_citation_holds_if_it_names_what_was_retrieved_and_is_right() -> None:
    found = run("docs/a.md", "b.md", answer="So it is [a.md], and so [b.md], not so [c.md]. [See](http://x.y)")

    assert citation_precision(case(), found).value == pytest.approx(2 / 3)
    assert citation_precision(case("a.md"), found).value == pytest.approx(1 / 3)
    assert citation_precision(case("a.md"), found).evidence["wrong"] == ["b.md", "c.md"]
    assert citation_precision(case(), run("a.md", answer="No source.")).outcome == "unmeasured"


def test_numbers_cite_the_list_of_the_state() -> None:
    listed = {"sources": [{"number": 1, "source": "a.md"}, {"number": 2, "source": "made-up.md"}]}
    found = run("a.md", answer="One [1]. Two [2]. Both [1, 2].", state=listed)

    assert citation_precision(case(), found).value == 0.5


def test_a_claim_is_grounded_in_one_passage_with_its_words_and_numbers() -> None:
    chunks = (
        {"id": "1", "source": "a", "text": "A retry waits 2 seconds, then doubles the waiting, up to 60 seconds."},
    )

    def value(answer: str) -> float | None:
        return grounding(case(), Observed(case_id="c", status="done", answer=answer, retrieved=chunks)).value

    assert value("The retry waits 2 seconds and doubles.") == 1.0
    assert value("The retry waits 5 seconds and doubles.") == 0.0
    assert value("The retry waits 2 seconds and doubles. Checkpoints store state in Postgres.") == 0.5
    assert value("Yes.") is None


def test_tool_results_are_sources_and_failed_ones_are_not() -> None:
    answer = "Order A-1042 was shipped yesterday by courier."
    text = "Order A-1042: shipped yesterday, courier Swift."

    def score(status: Any) -> Any:
        message = ToolMessage(text, tool_call_id="1", status=status)
        return grounding(case(), Observed(case_id="c", status="done", answer=answer, messages=(message,)))

    assert score("success").value == 1.0
    assert score("error").outcome == "unmeasured"
