"""Ranking quality on long banking questions, short titles and docstrings: plain BM25, ours by words, LSA, fused.

    python benchmarks/retrieval/banking_ir.py [--data FOLDER] [--json FILE]

`banking` is the collection in --data (corpus.jsonl, queries.jsonl, qrels.tsv). Two more guard against tuning to it:
`titles` asks for its documents (without their titles) by title, `docstrings` asks for the rest of a docstring of the
installed packages by its first sentence. nDCG has linear gain and its ideal over all judged documents; `halves` are
the two halves of the queries by sorted id. Documents are ranked by their best chunk.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from graphwright.evals.external.banking_ir import Collection, load_banking, plain_bm25
from graphwright.evals.external.banking_ir import measure as quality
from graphwright.retrieval import KnowledgeBase
from graphwright.retrieval.index import Index

Ranking = Sequence[str]
PACKAGES = ("langgraph", "langchain-core", "pydantic", "click", "rich", "chromadb", "jinja2", "openai", "sqlalchemy")


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    collection: str
    method: str
    ndcg10: float
    halves: tuple[float, float]
    recall10: float
    recall100: float


def titles(full: Collection, count: int = 200) -> Collection:
    """Short questions: the title of a document, which is then hidden."""
    documents = {key: ("", text) for key, (_, text) in full.documents.items()}
    asked = random.Random(0).sample(sorted(k for k, (title, _) in full.documents.items() if title), count)
    queries = {key: full.documents[key][0].removeprefix("Internal: ") for key in asked}
    return Collection("titles", documents, queries, {key: {key: 1} for key in asked})


def docstrings(count: int = 400) -> Collection:
    """Short questions about code: the first sentence of a docstring asks for the rest."""
    documents: dict[str, tuple[str, str]] = {}
    heads: dict[str, str] = {}
    for name, docstring in _docstrings():
        head, _, rest = docstring.partition("\n\n")
        if len(rest) >= 120:
            documents[name] = ("", rest[:2_000])
            heads[name] = " ".join(head.split())
    same: dict[str, list[str]] = {}
    for key, (_, text) in documents.items():
        same.setdefault(text, []).append(key)
    asked = random.Random(1).sample(sorted(k for k, head in heads.items() if len(head) > 25), count)
    relevant = {key: dict.fromkeys(same[documents[key][1]], 1) for key in asked}
    return Collection("docstrings", documents, {key: heads[key] for key in asked}, relevant)


def measure(collection: Collection) -> Iterator[Row]:
    """Every method on one collection."""
    yield _row(collection, "BM25, plain (k1 1.2, b .75)", plain_bm25(collection))
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus.jsonl"
        with corpus.open("w") as file:
            for key, (title, text) in collection.documents.items():
                file.write(json.dumps({"_id": key, "title": title, "text": text}) + "\n")
        with KnowledgeBase.open(Path(folder) / "kb") as base:
            base.ingest([corpus])
            yield from (_row(collection, name, rank) for name, rank in _methods(base).items())


def _methods(base: KnowledgeBase) -> dict[str, Callable[[str], Ranking]]:
    index: Index = base._open

    def named(rows: list[int]) -> Ranking:
        chunks = index.ledger.chunks(rows)
        return _documents(chunks[row].source for row in rows)

    return {
        "ours, words": lambda query: named(index.lexical(query, 300)),
        "ours, LSA in Chroma": lambda query: named(index.dense(query, 300)),
        "ours, fused (default)": lambda query: _documents(hit.chunk.source for hit in base.search(query, 300)),
    }


def _row(collection: Collection, method: str, rank: Callable[[str], Ranking]) -> Row:
    keys = sorted(collection.queries)
    found = {query: rank(query) for query in collection.queries.values()}
    whole, *halves = (quality(collection, found.__getitem__, part) for part in (keys, keys[::2], keys[1::2]))
    return Row(
        collection.name,
        method,
        round(whole.ndcg10, 4),
        (round(halves[0].ndcg10, 4), round(halves[1].ndcg10, 4)),
        round(whole.recall10, 4),
        round(whole.recall100, 4),
    )


def _documents(sources: Iterator[str] | object) -> Ranking:
    return list(dict.fromkeys(source.partition("#")[2] for source in sources))  # type: ignore[attr-defined]  # any iterable


def _docstrings() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        for file in sorted(metadata.distribution(package).files or [], key=str):
            if file.suffix != ".py":
                continue
            try:
                tree = ast.parse(file.read_text())
            except (SyntaxError, UnicodeDecodeError, OSError):
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{file}:{node.lineno}", ast.get_docstring(node) or ""


def main() -> int:
    """Print the table; exit 1 unless the fused default beats plain BM25 on the banking questions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[3] / "shared" / "data" / "banking_ir")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not options.data.is_dir():
        print(f"There is no collection at {options.data}; name one with --data.", file=sys.stderr)
        return 2
    full = load_banking(options.data)
    rows: list[Row] = []
    print(f"{'collection':<11} {'method':<28} nDCG@10  halves       R@10   R@100")
    for collection in (full, titles(full), docstrings()):
        for row in measure(collection):
            rows.append(row)
            a, b = row.halves
            print(
                f"{row.collection:<11} {row.method:<28} {row.ndcg10:.3f}    {a:.3f} {b:.3f}  {row.recall10:.3f}  "
                f"{row.recall100:.3f}",
                flush=True,
            )
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    plain, *_, ours = [row for row in rows if row.collection == "banking"]
    return 0 if ours.ndcg10 > plain.ndcg10 and ours.recall10 > plain.recall10 else 1


if __name__ == "__main__":
    sys.exit(main())
