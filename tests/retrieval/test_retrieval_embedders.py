"""Vectors: fitted here, the same every time, or from a model behind HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from graphwright.retrieval import EmbedderFailed, KnowledgeBase
from graphwright.retrieval.lsa import fit, load
from graphwright.retrieval.terms import term_counts

TEXTS = [f"Cats{n % 7} purr and dogs{n % 5} bark, said person{n}." for n in range(80)]


def fitted() -> Any:
    counted = [term_counts(text) for text in TEXTS]
    frequency = {t: sum(t in counts for counts in counted) for counts in counted for t in counts}
    return fit(counted, frequency, len(counted))


def test_a_fit_is_the_same_every_time_and_survives_its_storage() -> None:
    one, two = fitted(), load(fitted().dump())
    counted = [term_counts(text) for text in TEXTS]

    assert np.array_equal(one.basis, two.basis)
    assert np.array_equal(one.embed(counted), two.embed(counted))


def test_a_fit_agrees_with_an_exact_decomposition() -> None:
    from scipy.sparse.linalg import svds  # a test oracle, not a dependency

    lsa = fitted()
    counted = [term_counts(text) for text in TEXTS]
    matrix = np.zeros((len(counted), len(lsa.columns)))
    for row, counts in enumerate(counted):
        for term, count in counts.items():
            if term in lsa.columns:
                matrix[row, lsa.columns[term]] = (1 + np.log(count)) * lsa.idf[lsa.columns[term]]
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    exact = svds(matrix, k=lsa.dimensions)[2]
    projected = matrix @ exact.T
    projected /= np.linalg.norm(projected, axis=1, keepdims=True)
    ours = lsa.embed(counted)

    assert np.allclose(ours @ ours.T, projected @ projected.T, atol=0.02)


@pytest.mark.parametrize("text", ["", "???", "wordthatnobodyknows"])
def test_a_text_without_a_known_term_has_no_direction(text: str) -> None:
    assert not fitted().embed([term_counts(text)]).any()


def test_a_corpus_without_a_single_word_is_indexed_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "marks.txt").write_text("?!?! --- ...")

    with KnowledgeBase.open(tmp_path / "kb") as base:
        base.ingest([tmp_path / "marks.txt"])

        assert base.count() == 1
        assert base.search("anything") == []


def test_the_openai_embedder_sends_texts_and_searches_by_its_vectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, httpx2_mock: Any
) -> None:
    def answer(request: Any) -> Any:
        texts = json.loads(request.content)["input"]
        data = [{"index": n, "object": "embedding", "embedding": _fake(t)} for n, t in enumerate(texts)]
        return httpx.Response(
            200, json={"object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}}
        )

    monkeypatch.setenv("OPENAI_API_KEY", "test")
    httpx2_mock.post("https://api.openai.com/v1/embeddings").mock(side_effect=answer)
    for name, text in (("a.txt", "feline animals"), ("b.txt", "stock market")):
        (tmp_path / name).write_text(text)

    with KnowledgeBase.open(tmp_path / "kb", embedder="openai:text-embedding-3-small") as base:
        base.ingest([tmp_path / "a.txt", tmp_path / "b.txt"])

        assert base.search("cat", 1)[0].chunk.source == "a.txt"
        assert base.search("cat", 1)[0].lexical_rank is None


def test_an_openai_error_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, httpx2_mock: Any) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    httpx2_mock.post("https://api.openai.com/v1/embeddings").mock(
        return_value=httpx.Response(400, json={"error": {"message": "bad model"}})
    )
    (tmp_path / "a.txt").write_text("text")

    with (
        KnowledgeBase.open(tmp_path / "kb", embedder="openai:nope") as base,
        pytest.raises(EmbedderFailed, match=r"'openai:nope' failed: .*bad model"),
    ):
        base.ingest([tmp_path / "a.txt"])


def _fake(text: str) -> list[float]:
    return [1.0, 0.1] if "feline" in text or "cat" in text else [0.1, 1.0]
