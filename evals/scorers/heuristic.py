"""A rule of thumb that answers without any model: what a graph has to be better than to be worth its money."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from math import log
from pathlib import Path
from typing import Any

from ..case import Case
from .grounding import SENTENCE_END, stems

Heuristic = Callable[[Case], str]
"""From a case to an answer. It calls no tool and asks nobody."""
MOST_SENTENCES = 2_000
"""Sentences that are compared; those of the input come first."""
MOST_BYTES = 1_000_000
"""Of one document; a longer one is not read."""
TEXTS = (".md", ".txt", ".rst", ".html", ".csv", ".json", ".jsonl")


def best_sentence(case: Case) -> str:
    """The sentence of the input or the case's documents that shares most with what is asked, rare words counting more.

    What is asked is the last question of the input, or its last sentence; where nothing else is given, or nothing is
    shared, the answer is the input. Weights are inverse document frequencies (Spaerck Jones, 1972), of sentences.
    """
    text = "\n".join(_texts(case.input))
    given = _sentences(text)
    asked = next((each for each in reversed(given) if each.endswith("?")), given[-1] if given else "")
    others = [*dict.fromkeys(each for each in given if each != asked), *_of_documents(case)][:MOST_SENTENCES]
    wanted = stems(asked)
    shared = [wanted & stems(each) for each in others]
    if not any(shared):
        return text
    often = Counter(word for each in shared for word in each)
    weights = [sum(log(1 + len(others) / often[word]) for word in each) for each in shared]
    return others[max(range(len(others)), key=weights.__getitem__)]


def _texts(value: Any) -> Iterator[str]:
    """Every text in plain data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(each)


def _sentences(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in SENTENCE_END.split(text) if each.strip())


def _of_documents(case: Case) -> list[str]:
    folder = Path(case.source.rpartition(":")[0]).parent
    return [each for name in case.documents for path in _files(folder / name) for each in _read(path)]


def _files(path: Path) -> list[Path]:
    return sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]


@lru_cache(maxsize=64)
def _read(path: Path) -> tuple[str, ...]:
    if path.suffix not in TEXTS or path.stat().st_size > MOST_BYTES:
        return ()
    return _sentences(path.read_text(encoding="utf-8", errors="replace"))
