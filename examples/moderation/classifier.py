"""The classifier: TF-IDF of words and characters, logistic regression; trained at first use, seeded, one thread."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from .data import LABELS, SEED, Label, training_posts
from .spelling import plain_spelling


class MissingExtra(ImportError):
    """scikit-learn is not installed. For whoever runs the example."""


@dataclass(frozen=True, slots=True)
class Classified:
    """A label and how probable each one is."""

    label: Label
    probability: dict[str, float]


class Classifier:
    """What was learned from labelled posts."""

    def __init__(self, texts: Sequence[str], labels: Sequence[str], seed: int = SEED) -> None:
        text, linear, pipeline = (_sklearn(name) for name in ("feature_extraction.text", "linear_model", "pipeline"))
        words = text.TfidfVectorizer(preprocessor=plain_spelling, ngram_range=(1, 2), sublinear_tf=True)
        letters = text.TfidfVectorizer(
            preprocessor=plain_spelling, analyzer="char_wb", ngram_range=(2, 4), min_df=2, sublinear_tf=True
        )
        self._texts, self._labels = list(texts), list(labels)
        self._features = pipeline.FeatureUnion([("words", words), ("letters", letters)])
        self._model = linear.LogisticRegression(C=12.0, max_iter=300, random_state=seed)
        with _one_thread():
            self._model.fit(self._features.fit_transform(self._texts), self._labels)

    def classify(self, text: str) -> Classified:
        """The label of one text."""
        return self.classify_all([text])[0]

    def classify_all(self, texts: Sequence[str]) -> list[Classified]:
        """The labels of several texts."""
        with _one_thread():
            rows = self._model.predict_proba(self._features.transform(list(texts)))
        names = [str(each) for each in self._model.classes_]
        return [self._classified(dict(zip(names, map(float, row), strict=True))) for row in rows]

    def precedents(self, text: str, count: int = 5) -> list[tuple[float, str, str]]:
        """The most similar labelled posts: similarity (cosine, 0 to 1), label, text."""
        known = self._known
        # Both halves are of length 1, so the product is twice the mean cosine.
        alike = (known @ self._features.transform([text]).T).toarray().ravel() / 2
        best = sorted(range(len(alike)), key=lambda row: (-alike[row], row))[:count]
        return [(round(float(alike[row]), 4), self._labels[row], self._texts[row]) for row in best]

    @property
    def _known(self) -> Any:
        if not hasattr(self, "_rows"):
            self._rows = self._features.transform(self._texts)
        return self._rows

    def _classified(self, probability: dict[str, float]) -> Classified:
        label = max(LABELS, key=lambda each: probability.get(each, 0.0))
        return Classified(label, {each: round(probability.get(each, 0.0), 4) for each in LABELS})


@cache
def trained(seed: int = SEED) -> Classifier:
    """The classifier of the example's own training posts; the same for the same seed, made once in a process.

    Raises:
        MissingExtra: if scikit-learn is not installed.
    """
    posts = training_posts(seed)
    return Classifier([each.text for each in posts], [each.label for each in posts], seed)


def _one_thread() -> Any:
    """For matrices this small, further threads cost ten times what they save."""
    return importlib.import_module("threadpoolctl").threadpool_limits(1)


def _sklearn(name: str) -> Any:
    try:
        return importlib.import_module(f"sklearn.{name}")
    except ImportError as error:
        raise MissingExtra(
            "The classifier needs scikit-learn, which is not installed: pip install 'graphwright[ml]'"
        ) from error
