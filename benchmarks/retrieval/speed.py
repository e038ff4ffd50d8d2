"""How fast, how exact, how large: ingest and search of synthetic texts, and Chroma's recall against exact search.

    python benchmarks/retrieval/speed.py [--sizes 2000 10000] [--large] [--grid N] [--json FILE]

--large adds 100,000 texts (some minutes). --grid N builds Chroma's graph over N vectors of each kind with several
settings: `lsa` are vectors of the synthetic texts, `random` are independent directions, the worst case there is.
Times are wall clock of this process on this machine; memory is the peak resident set (this script's texts included),
disk the whole folder.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from graphwright.retrieval import KnowledgeBase
from graphwright.retrieval.index import Index
from graphwright.retrieval.lsa import Floats, fit
from graphwright.retrieval.terms import term_counts
from graphwright.retrieval.vectors import Hnsw, VectorStore

QUERIES = 200
GRID = {
    "Chroma's default": Hnsw(100, 100, 16, 100, 1_000),
    "ef_search 400": Hnsw(100, 400, 16, 1_000, 1_000),
    "ours": Hnsw(),
    "M 32, ef 200/800": Hnsw(200, 800, 32, 1_000, 1_000),
}


@dataclass(frozen=True)
class Speed:
    """One size of one knowledge base."""

    texts: int
    ingest_seconds: float
    texts_per_second: float
    unchanged_seconds: float
    query_p50_ms: float
    query_p95_ms: float
    words_p50_ms: float
    dense_p50_ms: float
    recall10: float
    peak_mb: int
    disk_mb: int


@dataclass(frozen=True)
class Graph:
    """One setting of Chroma's graph."""

    vectors: str
    settings: str
    count: int
    build_seconds: float
    query_p50_ms: float
    recall10: float


def texts(count: int, seed: int = 0) -> list[str]:
    """Texts of 60-140 words: each has two of 300 topics and common words, frequencies as in language (1/rank)."""
    rng = np.random.default_rng(seed)
    words = np.array(_words(30_000))
    common = 1 / np.arange(1, 4_001)
    topics = rng.integers(1_000, len(words), (300, 120))
    weights = 1 / np.arange(1, 121)
    made = []
    for _ in range(count):
        length = int(rng.integers(60, 141))
        chosen = topics[rng.integers(0, 300, 2)]
        about = [rng.choice(topic, length // 4, p=weights / weights.sum()) for topic in chosen]
        plain = rng.choice(4_000, length - 2 * (length // 4), p=common / common.sum())
        mixed = np.concatenate([*about, plain])
        rng.shuffle(mixed)
        made.append(" ".join(words[mixed]).capitalize() + ".")
    return made


def _words(count: int) -> list[str]:
    rng = random.Random(7)
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(rng.choice("bcdfghklmnprstvz") + rng.choice("aeiou") for _ in range(rng.randint(2, 4)))] = None
    return list(found)


def measure(count: int) -> Speed:
    """Ingest and search one size."""
    made = texts(count)
    queries = [" ".join(text.split()[5:15]) for text in texts(QUERIES, seed=1)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "texts.jsonl").open("w") as file:
            file.writelines(json.dumps({"id": at, "text": text}) + "\n" for at, text in enumerate(made))
        with KnowledgeBase.open(folder / "kb") as base:
            report = base.ingest([folder / "texts.jsonl"])
            again = base.ingest([folder / "texts.jsonl"])
            index: Index = base._open
            base.search(queries[0])
            whole = _times(base.search, queries)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            return Speed(
                texts=report.added,
                ingest_seconds=round(report.seconds, 2),
                texts_per_second=round(report.added / report.seconds),
                unchanged_seconds=round(again.seconds, 2),
                query_p50_ms=_quantile(whole, 50),
                query_p95_ms=_quantile(whole, 95),
                words_p50_ms=_quantile(_times(lambda q: index.lexical(q, 100), queries), 50),
                dense_p50_ms=_quantile(_times(lambda q: index.dense(q, 100), queries), 50),
                recall10=_index_recall(index, queries),
                peak_mb=peak,
                disk_mb=sum(f.stat().st_size for f in (folder / "kb").rglob("*") if f.is_file()) // 2**20,
            )


def _index_recall(index: Index, queries: Sequence[str]) -> float:
    rows = [row for (row,) in index.ledger.rows("SELECT row FROM chunks ORDER BY row")]
    embedder = index._spaces._embedder(index._spaces.active)
    chunks = index.ledger.chunks(rows)
    vectors = embedder.documents([f"{chunks[row].title}\n{chunks[row].text}" for row in rows])
    found = [index.dense(query, 10) for query in queries]
    exact = [[rows[i] for i in _exact(vectors, embedder.query(query))] for query in queries]
    return _recall(found, exact)


def grid(count: int) -> Iterator[Graph]:
    """Chroma alone over vectors of our texts and over random ones, each setting in its own folder."""
    counted = [term_counts(text) for text in texts(count + QUERIES)]
    frequency: dict[str, int] = {}
    for counts in counted:
        for term in counts:
            frequency[term] = frequency.get(term, 0) + 1
    fitted = fit(counted[: min(count, 4_096)], frequency, len(counted))
    noise = np.random.default_rng(3).standard_normal((count + QUERIES, 256)).astype(np.float32)
    kinds = {"lsa": fitted.embed(counted), "random": noise / np.linalg.norm(noise, axis=1, keepdims=True)}
    for kind, vectors in kinds.items():
        for name, hnsw in GRID.items():
            yield _graph(kind, name, hnsw, vectors[:count], vectors[count:])


def _graph(kind: str, name: str, hnsw: Hnsw, vectors: Floats, queries: Floats) -> Graph:
    with tempfile.TemporaryDirectory() as folder:
        store = VectorStore(Path(folder), hnsw)
        store.create("kb-grid.one")
        started = time.perf_counter()
        for at in range(0, len(vectors), 1_000):
            part = vectors[at : at + 1_000]
            store.upsert("kb-grid.one", [str(at + i) for i in range(len(part))], part)
        built = time.perf_counter() - started
        found: list[list[int]] = []
        spent = _times(lambda q: found.append([int(i) for i, _ in store.query("kb-grid.one", q, 10)]), list(queries))
        recall = _recall(found, [_exact(vectors, query) for query in queries])
        store.close()
    return Graph(kind, name, len(vectors), round(built, 1), _quantile(spent, 50), recall)


def _exact(vectors: Floats, query: Floats) -> list[int]:
    return [int(at) for at in np.argsort(-(vectors @ query), kind="stable")[:10]]


def _recall(found: Sequence[Sequence[int]], exact: Sequence[Sequence[int]]) -> float:
    shares = [len(set(a) & set(b)) / len(b) for a, b in zip(found, exact, strict=True)]
    return round(sum(shares) / len(shares), 4)


def _times(call: Callable[[Any], object], items: Sequence[Any]) -> list[float]:
    spent = []
    for item in items:
        started = time.perf_counter()
        call(item)
        spent.append((time.perf_counter() - started) * 1_000)
    return spent


def _quantile(spent: Sequence[float], percent: int) -> float:
    return round(float(np.percentile(spent, percent)), 2)


def _apart(count: int) -> Speed:
    """Each size in a process of its own, so that its peak memory is its own."""
    done = subprocess.run([sys.executable, __file__, "--one", str(count)], capture_output=True, text=True, check=True)
    return Speed(**json.loads(done.stdout))


def _print(row: Speed | Graph, *, first: bool) -> None:
    values = {name: f"{value:,}" if isinstance(value, int) else str(value) for name, value in asdict(row).items()}
    widths = {name: max(len(name), 18 if name == "settings" else 7) for name in values}
    if first:
        print("  ".join(name.rjust(width) for name, width in widths.items()))
    print("  ".join(values[name].rjust(width) for name, width in widths.items()), flush=True)


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[2_000, 10_000])
    parser.add_argument("--large", action="store_true", help="add 100,000 texts")
    parser.add_argument("--grid", type=int, default=0, metavar="N", help="Chroma's settings over N vectors")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(asdict(measure(options.one))))
        return 0
    speeds: list[Speed] = []
    for count in [*options.sizes, *([100_000] if options.large else [])]:
        speeds.append(_apart(count))
        _print(speeds[-1], first=len(speeds) == 1)
    graphs: list[Graph] = []
    for row in grid(options.grid) if options.grid else ():
        graphs.append(row)
        _print(row, first=len(graphs) == 1)
    if options.json:
        found = {"speed": [asdict(row) for row in speeds], "hnsw": [asdict(row) for row in graphs]}
        options.json.write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
