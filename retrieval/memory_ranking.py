"""Which of a few hundred short texts a question means: by words (BM25) and by vectors, fused."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from .embedders import Embedder, is_fitted, model_embedder
from .fusing import fused
from .lsa import Floats
from .neighbours import text_embedder
from .postings import K1, B
from .terms import term_counts

LEAST_COSINE = 0.15
"""A text that is less like the question says nothing about it."""


class Ranking:
    """Texts, ready to be asked; made anew when they change."""

    def __init__(self, texts: Sequence[str], embedder: str = "lsa", before: Ranking | None = None) -> None:
        """
        Args:
            texts: What is ranked.
            embedder: By name.
            before: Which one this replaces: what a model made of the same texts is not asked again.

        Raises:
            EmbedderFailed, UnknownEmbedder: from the embedder.
        """
        self._counted = [term_counts(text) for text in texts]
        self._holders = Counter(term for counts in self._counted for term in counts)
        lengths = [max(1, counts.total()) for counts in self._counted]
        mean = sum(lengths) / max(1, len(lengths))
        self._norms = [K1 * (1 - B + B * length / mean) for length in lengths]
        if is_fitted(embedder):
            self._embedder: Embedder | None = text_embedder(texts) if self._holders else None
            rows = self._embedder.documents(texts) if self._embedder else np.zeros((len(texts), 1), np.float32)
            self._vectors = dict(zip(texts, rows, strict=True))
        else:
            self._embedder = before._embedder if before else model_embedder(embedder)
            self._vectors = self._asked(texts, before._vectors if before else {})
        self._matrix = np.array([self._vectors[text] for text in texts])

    def _asked(self, texts: Sequence[str], known: Mapping[str, Floats]) -> dict[str, Floats]:
        wanted = frozenset(texts)
        new = [text for text in dict.fromkeys(texts) if text not in known]
        found = zip(new, self._embedder.documents(new), strict=True) if new and self._embedder else ()
        return {text: row for text, row in {**known, **dict(found)}.items() if text in wanted}

    def best(self, query: str) -> list[int]:
        """Places of the texts that have anything to do with the question, best first, ties by place."""
        words = {at: rank for rank, at in enumerate(self._by_words(query), 1)}
        near = {at: rank for rank, at in enumerate(self._by_vectors(query), 1)}
        scores = {at: fused(words.get(at), near.get(at)) for at in {**words, **near}}
        return sorted(scores, key=lambda at: (-scores[at], at))

    def _by_words(self, query: str) -> list[int]:
        asked = term_counts(query)
        scores = {at: score for at in range(len(self._counted)) if (score := self._score(at, asked)) > 0}
        return sorted(scores, key=lambda at: (-scores[at], at))

    def _score(self, at: int, asked: Counter[str]) -> float:
        counts, total = self._counted[at], len(self._counted)
        return sum(
            weight * math.log(1 + (total - self._holders[term] + 0.5) / (self._holders[term] + 0.5))
            * counts[term] * (K1 + 1) / (counts[term] + self._norms[at])
            for term, weight in asked.items() if term in counts
        )  # fmt: skip

    def _by_vectors(self, query: str) -> list[int]:
        if self._embedder is None:
            return []
        cosines = np.asarray(self._matrix @ self._embedder.query(query)).reshape(-1)
        order = np.argsort(-cosines, kind="stable")
        return [int(at) for at in order if cosines[at] >= LEAST_COSINE]
