"""Long banking questions over short documents, with judgements: how good is a ranking?

698 documents, 97 queries and 959 judgements, derived from tau2-bench (arXiv 2506.07982). The reference beside every
figure is BM25 as plain as it comes.
"""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..scorers.retrieval import ndcg_at, recall_at
from .missing import json_lines, require

Rank = Callable[[str], Sequence[str]]
"""Gives the ids of documents for a query, best first."""
_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents (title, text), queries and the documents that answer them."""

    name: str
    documents: Mapping[str, tuple[str, str]]
    queries: Mapping[str, str]
    relevant: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Quality:
    """Means over the queries."""

    ndcg10: float
    recall10: float
    recall100: float


def load_banking(folder: Path) -> Collection:
    """The collection of a folder: ``corpus.jsonl``, ``queries.jsonl``, ``qrels.tsv``.

    Raises:
        MissingData: naming all files that are not there.
    """
    require(folder, "banking_ir", "corpus.jsonl", "queries.jsonl", "qrels.tsv")
    documents = {each["_id"]: (each.get("title", ""), each["text"]) for each in json_lines(folder / "corpus.jsonl")}
    queries = {each["_id"]: each["text"] for each in json_lines(folder / "queries.jsonl")}
    relevant: dict[str, dict[str, float]] = {}
    with (folder / "qrels.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            relevant.setdefault(row["query-id"], {})[row["corpus-id"]] = float(row["score"])
    return Collection("banking", documents, {key: queries[key] for key in relevant}, relevant)


def measure(collection: Collection, rank: Rank, queries: Sequence[str] | None = None) -> Quality:
    """The quality of a ranking over these queries (ids); None for all."""
    keys = sorted(collection.queries) if queries is None else queries
    ranked = {key: rank(collection.queries[key]) for key in keys}
    relevant = collection.relevant
    return Quality(
        math.fsum(ndcg_at(ranked[key], relevant[key], 10) for key in keys) / len(keys),
        math.fsum(recall_at(ranked[key], relevant[key], 10) for key in keys) / len(keys),
        math.fsum(recall_at(ranked[key], relevant[key], 100) for key in keys) / len(keys),
    )


def plain_bm25(collection: Collection) -> Rank:
    """The reference, k1 1.2 and b .75: no stemming, no stop words; Okapi's idf, a negative one becomes eps * mean idf.

    A word counts as often as it stands in the query. Ties stay in the order of the corpus. Source: Robertson and
    Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009).
    """
    counts = {key: Counter(_words(f"{title} {text}")) for key, (title, text) in collection.documents.items()}
    frequency = Counter(word for found in counts.values() for word in found)
    mean = sum(found.total() for found in counts.values()) / len(counts)
    idf = {word: math.log((len(counts) - n + 0.5) / (n + 0.5)) for word, n in frequency.items()}
    least = 0.25 * sum(idf.values()) / len(idf)
    idf = {word: value if value >= 0 else least for word, value in idf.items()}

    def rank(query: str) -> Sequence[str]:
        asked = Counter(word for word in _words(query) if word in idf)
        scores: dict[str, float] = {}
        for key, found in counts.items():
            norm = 1.2 * (0.25 + 0.75 * found.total() / mean)
            scores[key] = sum(n * idf[w] * found[w] * 2.2 / (found[w] + norm) for w, n in asked.items() if w in found)
        return sorted(scores, key=lambda key: -scores[key])

    return rank


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
