"""BFCL and the banking questions: the adapters read them from a folder, and their references come out as published."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from graphwright.evals.external import MissingData
from graphwright.evals.external.banking_ir import Collection, load_banking, measure, plain_bm25
from graphwright.evals.external.bfcl import PARTS, load_part, score_calls

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("TEST_DATA") or ROOT.parent / "shared" / "data")
CASE: dict[str, Any] = {
    "id": "x", "messages": [],
    "tools": [{"name": "f", "parameters": {"properties": {"a": {"type": "integer"}}, "required": ["a"]}}],
    "ground_truth": [{"f": {"a": [1]}}, {"f": {"a": [2, 3]}}],
}  # fmt: skip


def test_parallel_calls_are_right_in_any_order_and_wrong_in_another_number() -> None:
    assert score_calls(CASE, [("f", {"a": 3}), ("f", {"a": 1})]).full
    assert not score_calls(CASE, [("f", {"a": 1}), ("f", {"a": 1})]).full
    assert score_calls(CASE, [("f", {"a": 1}), ("f", {"a": 1})]).names
    assert not score_calls(CASE, [("f", {"a": 1})]).names


def test_where_no_call_is_right_none_may_be_made() -> None:
    nothing = {**CASE, "ground_truth": []}

    assert score_calls(nothing, []).full
    assert not score_calls(nothing, [("f", {"a": 1})]).names


def test_an_answer_that_breaks_its_own_schema_is_an_error_of_the_data() -> None:
    assert score_calls({**CASE, "ground_truth": [{"f": {"a": ["one"]}}]}, []).is_broken
    assert score_calls({**CASE, "ground_truth": [{"g": {"a": [1]}}]}, []).is_broken
    assert not score_calls(CASE, []).is_broken


def test_a_folder_without_the_data_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"BFCL needs parallel\.jsonl in"):
        load_part(tmp_path, "parallel")
    with pytest.raises(MissingData, match=r"banking_ir needs corpus.jsonl, queries.jsonl, qrels.tsv in"):
        load_banking(tmp_path)


def test_a_collection_is_read_and_a_ranking_measured(tmp_path: Path) -> None:
    documents = [
        {"_id": "d1", "title": "Fees", "text": "card fees"},
        {"_id": "d2", "text": "opening hours of a branch"},
    ]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, [*documents, {"_id": "d3", "text": "loans"}])))
    (tmp_path / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": "what fees has the card"}))
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq\td1\t1\n")

    found = load_banking(tmp_path)

    assert isinstance(found, Collection)
    assert next(iter(plain_bm25(found)("what fees has the card"))) == "d1"
    assert measure(found, plain_bm25(found)).ndcg10 == 1.0
    assert measure(found, lambda query: ["d2", "d1"]).ndcg10 == pytest.approx(0.6309, abs=1e-4)


@pytest.mark.skipif(
    not (DATA / "banking_ir").is_dir(),
    reason="The questions are third-party data, not in the repository: TEST_DATA=DIR points to DIR/banking_ir",
)
def test_plain_bm25_gets_the_figures_given_beside_the_data() -> None:
    collection = load_banking(DATA / "banking_ir")

    quality = measure(collection, plain_bm25(collection))

    assert (len(collection.documents), len(collection.queries)) == (698, 97)
    assert [quality.ndcg10, quality.recall10, quality.recall100] == pytest.approx([0.173, 0.166, 0.551], abs=1e-3)


@pytest.mark.skipif(
    not (DATA / "bfcl").is_dir(),
    reason="Berkeley's cases are third-party data, not in the repository: TEST_DATA=DIR points to DIR/bfcl",
)
def test_gold_answers_of_bfcl_are_right_and_nothing_is_not() -> None:
    for part in PARTS:
        for case in load_part(DATA / "bfcl", part):
            gold = [
                (name, {key: value[0] for key, value in accepted.items() if value[0] != ""})
                for each in case["ground_truth"] or ()
                for name, accepted in each.items()
            ]
            assert score_calls(case, gold).names
            assert score_calls(case, []).full == (part == "irrelevance")
