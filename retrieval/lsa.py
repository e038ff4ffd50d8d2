"""Latent semantic analysis with numpy alone: TF-IDF and a truncated SVD, fitted to the corpus itself."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # two threads are slower than one here; numpy reads it at import

import numpy as np
from numpy.typing import NDArray

LSA_VERSION = "lsa-1"
DIMENSIONS = 256
SAMPLE = 4_096
"""Chunks the SVD is computed from, evenly spaced; the others are folded in."""
_VOCABULARY = 40_000
_SWEEPS = 4
_FREQUENT = 64
"""A term in more than one of so many chunks is multiplied as a dense column."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Lsa:
    """A fit: what each term means in as many dimensions as the corpus gave."""

    columns: Mapping[str, int]
    idf: Floats
    basis: Floats
    """One row of dimensions per term."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return int(self.basis.shape[1])

    def embed(self, counted: Sequence[Mapping[str, int]], *, saturate: bool = True) -> Floats:
        """Unit vectors of texts given as counts of terms; zero where no term is known.

        `saturate` dampens repeated terms, which is right for chunks; in a question repetition is emphasis.
        """
        vectors = np.zeros((len(counted), self.dimensions), dtype=np.float32)
        for at, counts in enumerate(counted):
            known = [(self.columns[term], count) for term, count in counts.items() if term in self.columns]
            if known:
                columns, numbers = np.array(known).T
                weights = (1 + np.log(numbers) if saturate else numbers) * self.idf[columns]
                vectors[at] = weights.astype(np.float32) @ self.basis[columns]
        return _unit(vectors)

    def dump(self) -> bytes:
        """The fit as bytes, for `load`."""
        words = "\n".join(self.columns).encode()
        held = io.BytesIO()
        np.savez(held, words=np.frombuffer(words, np.uint8), idf=self.idf, basis=self.basis.astype(np.float16))
        return held.getvalue()


def load(data: bytes) -> Lsa:
    """A fit from the bytes of `Lsa.dump`. Raises ValueError for anything else."""
    with np.load(io.BytesIO(data), allow_pickle=False) as held:
        words = held["words"].tobytes().decode().split("\n")
        columns = {word: at for at, word in enumerate(words)}
        return Lsa(columns, held["idf"], held["basis"].astype(np.float32))


def fit(sample: Sequence[Mapping[str, int]], frequency: Mapping[str, int], total: int) -> Lsa:
    """Fit to a sample of chunks (at least one, as counts of terms).

    `frequency` says in how many of all `total` chunks a term occurs.
    """
    least = 2 if total >= 50 else 1
    seen = {term for counts in sample for term in counts if frequency.get(term, 0) >= least}
    words = sorted(sorted(seen, key=lambda w: (-frequency[w], w))[:_VOCABULARY])
    columns = {word: at for at, word in enumerate(words)}
    idf = np.array([np.log((1 + total) / (1 + frequency[w])) + 1 for w in words], dtype=np.float32)
    rows, weights = _by_column(sample, columns, idf)
    left, strength = _leading(_gram(rows, weights, len(sample)), min(DIMENSIONS, len(sample)))
    basis = np.zeros((len(words), len(strength)), dtype=np.float32)
    for at in range(len(words)):
        basis[at] = weights[at] @ left[rows[at]]
    return Lsa(columns, idf, (basis / np.sqrt(strength)).astype(np.float16).astype(np.float32))


def _by_column(
    sample: Sequence[Mapping[str, int]], columns: Mapping[str, int], idf: Floats
) -> tuple[list[NDArray[np.int64]], list[Floats]]:
    """Per term: the sampled chunks that hold it and its weight there; every chunk has length one."""
    rows: list[list[int]] = [[] for _ in columns]
    weights: list[list[float]] = [[] for _ in columns]
    for row, counts in enumerate(sample):
        found = [(columns[t], (1 + np.log(n)) * idf[columns[t]]) for t, n in counts.items() if t in columns]
        length = np.sqrt(sum(w * w for _, w in found)) or 1.0
        for column, weight in found:
            rows[column].append(row)
            weights[column].append(weight / length)
    return [np.array(r, dtype=np.int64) for r in rows], [np.array(w, dtype=np.float32) for w in weights]


def _gram(rows: list[NDArray[np.int64]], weights: list[Floats], size: int) -> Floats:
    """Inner products of all sampled chunks; frequent terms by one dense product, rare ones one by one."""
    gram = np.zeros((size, size), dtype=np.float32)
    dense = [at for at, found in enumerate(rows) if len(found) * _FREQUENT > size]
    held = np.zeros((size, len(dense)), dtype=np.float32)
    for column, at in enumerate(dense):
        held[rows[at], column] = weights[at]
    gram += held @ held.T
    for at in set(range(len(rows))) - set(dense):
        gram[np.ix_(rows[at], rows[at])] += np.outer(weights[at], weights[at])
    return gram


def _leading(gram: Floats, count: int) -> tuple[Floats, Floats]:
    """Leading eigenvectors and eigenvalues, by subspace iteration from a fixed start."""
    width = min(count + 24, len(gram))
    start = np.random.default_rng(0).standard_normal((len(gram), width), dtype=np.float32)
    basis = np.linalg.qr(gram @ start)[0]
    for _ in range(_SWEEPS):
        basis = np.linalg.qr(gram @ basis)[0]
    values, vectors = np.linalg.eigh(basis.T @ gram @ basis)
    order = np.argsort(-values)[:count]
    kept = order[values[order] > max(float(values.max()), 1e-9) * 1e-5]
    kept = kept if len(kept) else order[:1]
    return (basis @ vectors[:, kept]).astype(np.float32), np.maximum(values[kept], 1e-9).astype(np.float32)


def _unit(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1)).astype(np.float32)
