"""Embedders by name: `lsa` (fitted to the corpus), `openai:MODEL`, `chroma:minilm`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Protocol

import numpy as np

from .errors import EmbedderFailed, UnknownEmbedder
from .lsa import LSA_VERSION, Floats, Lsa
from .terms import TERMS_VERSION, term_counts

if TYPE_CHECKING:
    from openai import OpenAI

_LONGEST = 8_000
"""Characters of one text that go to a model."""


class Embedder(Protocol):
    """Texts into unit vectors of one length."""

    def documents(self, texts: Sequence[str]) -> Floats:
        """One row per text; a row of zeros = nothing to say about this text."""

    def query(self, text: str) -> Floats:
        """Vector of a question; zeros = nothing to say."""


def embedder_version(name: str) -> str:
    """Tag of everything that decides a vector besides the text. Raises UnknownEmbedder."""
    kind, _, model = name.partition(":")
    if name == "lsa":
        return f"{LSA_VERSION}/{TERMS_VERSION}"
    if (kind == "openai" and model) or name == "chroma:minilm":
        return f"{name}/1"
    raise UnknownEmbedder(f"There is no embedder {name!r}. There are: lsa, openai:MODEL, chroma:minilm.")


def is_fitted(name: str) -> bool:
    """Whether the embedder learns from the corpus and so has to be refitted as it grows."""
    return name == "lsa"


class LsaEmbedder:
    """Vectors from a fit to the corpus."""

    def __init__(self, fitted: Lsa) -> None:
        self._lsa = fitted

    def documents(self, texts: Sequence[str]) -> Floats:
        return self._lsa.embed([term_counts(text) for text in texts])

    def query(self, text: str) -> Floats:
        return self._lsa.embed([term_counts(text)], saturate=False).reshape(-1)


class ModelEmbedder:
    """Vectors from a model behind one function."""

    def __init__(self, name: str, call: Callable[[list[str]], Sequence[Sequence[float]]]) -> None:
        self._name = name
        self._call = call

    def documents(self, texts: Sequence[str]) -> Floats:
        try:
            found = np.asarray(self._call([text[:_LONGEST] or " " for text in texts]), dtype=np.float32)
        except Exception as error:
            raise EmbedderFailed(
                f"The embedder {self._name!r} failed: {type(error).__name__}: {error}. Nothing was lost; repeat the "
                "ingest when it answers again, or build another knowledge base with embedder='lsa'."
            ) from error
        vectors: Floats = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), np.float32(1e-12))
        return vectors

    def query(self, text: str) -> Floats:
        return self.documents([text]).reshape(-1)


def model_embedder(name: str) -> ModelEmbedder:
    """An embedder that a model stands behind; nothing is loaded or sent before its first use."""
    embedder_version(name)
    kind, _, model = name.partition(":")
    return ModelEmbedder(name, _openai(model) if kind == "openai" else _minilm())


def _openai(model: str) -> Callable[[list[str]], Sequence[Sequence[float]]]:
    @cache
    def client() -> OpenAI:
        from openai import OpenAI  # 1.4 s of CPU that the default embedder does not need

        return OpenAI()

    def call(texts: list[str]) -> Sequence[Sequence[float]]:
        answer = client().embeddings.create(model=model, input=texts, encoding_format="float")
        return [one.embedding for one in sorted(answer.data, key=lambda one: one.index)]

    return call


def _minilm() -> Callable[[list[str]], Sequence[Sequence[float]]]:
    from .vectors import minilm  # the one module that knows chromadb

    return minilm
