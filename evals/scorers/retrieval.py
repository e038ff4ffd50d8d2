"""Scorers of retrieval: did the sources that answer come up, and early?

Formulas, with rel(i) the gain of the source at place i (counted from 1), R the relevant sources and K the depth:

- recall@K = relevant among the first K / all relevant; precision@K = relevant among the first K / K;
- nDCG@K = DCG@K / ideal DCG@K, DCG@K = sum of rel(i) / log2(i + 1) (linear gain, the ideal over all judged sources:
  Järvelin and Kekäläinen 2002, as trec_eval has it);
- reciprocal rank = 1 / place of the first relevant source; average precision = mean over the relevant sources of the
  precision at their places, 0 for those that did not come up.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..case import Case
from ..observed import Observed
from .options import graded, scorer
from .score import Score, unmeasured

Ranking = Sequence[str]
Gains = Mapping[str, float]
"""Gain of each judged source; above 0 is relevant."""
_CITED = re.compile(r"\[([^\[\]\n]{1,200})\](?!\()")


def recall_at(ranking: Ranking, gains: Gains, k: int) -> float:
    """Share of the relevant sources among the first k."""
    relevant = _relevant(gains)
    return len(relevant & set(ranking[:k])) / len(relevant)


def precision_at(ranking: Ranking, gains: Gains, k: int) -> float:
    """Share of relevant sources among the first k; places that are not filled count as wrong."""
    return len(_relevant(gains) & set(ranking[:k])) / k


def ndcg_at(ranking: Ranking, gains: Gains, k: int) -> float:
    """Normalised discounted cumulative gain with linear gain and the ideal over all judged sources."""
    best = sorted((gain for gain in gains.values() if gain > 0), reverse=True)[:k]
    return _dcg([max(0.0, gains.get(each, 0.0)) for each in ranking[:k]]) / _dcg(best)


def reciprocal_rank(ranking: Ranking, gains: Gains) -> float:
    """1 / place of the first relevant source; 0 if none came up."""
    relevant = _relevant(gains)
    return next((1 / place for place, each in enumerate(ranking, 1) if each in relevant), 0.0)


def average_precision(ranking: Ranking, gains: Gains) -> float:
    """Mean precision at the places of the relevant sources."""
    relevant = _relevant(gains)
    places = [place for place, each in enumerate(ranking, 1) if each in relevant]
    return math.fsum(found / place for found, place in enumerate(places, 1)) / len(relevant)


@scorer
def retrieval_recall(case: Case, observed: Observed, *, k: int = 10) -> Score:
    """recall@k of the case's ``retrieved`` sources."""
    return _scored(case, observed, lambda ranking, gains: recall_at(ranking, gains, k))


@scorer
def retrieval_precision(case: Case, observed: Observed, *, k: int = 10) -> Score:
    """precision@k of the case's ``retrieved`` sources."""
    return _scored(case, observed, lambda ranking, gains: precision_at(ranking, gains, k))


@scorer
def retrieval_ndcg(case: Case, observed: Observed, *, k: int = 10) -> Score:
    """nDCG@k of the case's ``retrieved`` sources, which all gain 1."""
    return _scored(case, observed, lambda ranking, gains: ndcg_at(ranking, gains, k))


@scorer
def retrieval_mrr(case: Case, observed: Observed) -> Score:
    """Reciprocal rank of the first of the case's ``retrieved`` sources; its mean over cases is MRR."""
    return _scored(case, observed, reciprocal_rank)


@scorer
def citation_precision(case: Case, observed: Observed, *, numbered: str = "sources") -> Score:
    """Share of the citations in the answer (``[source]``, ``[id]`` or ``[2]``) that hold.

    One holds if it names something that was retrieved in this run and, where the case has ``retrieved``, something
    that is right. Source: Liu et al., "Evaluating Verifiability in Generative Search Engines" (arXiv 2304.09848),
    section 3, with "was retrieved and is right" for "supports the sentence".

    Args:
        numbered: Key of the state with the list that numbers refer to: mappings with ``number`` and ``source``.
    """
    cited = [each.strip() for found in _CITED.findall(observed.answer) for each in found.split(",") if each.strip()]
    listed = _listed(observed.state.get(numbered))
    named = [listed.get(each, each) for each in cited]
    if not named:
        return unmeasured("The answer cites nothing.")
    wrong = [each for each in named if not _holds(each, case, observed)]
    return graded(
        1 - len(wrong) / len(named), f"{len(wrong)} of {len(named)} citations do not hold: {wrong[:5]}.", wrong=wrong
    )


def is_source(wanted: str, chunk: Mapping[str, Any]) -> bool:
    """Whether a chunk is, or comes from, the source of this name: its id, its whole source or the end of its path."""
    source = str(chunk.get("source") or "")
    return wanted in (chunk.get("id"), source) or source.endswith(f"/{wanted}")


def _holds(cited: str, case: Case, observed: Observed) -> bool:
    found = [each for each in observed.retrieved if is_source(cited, each)]
    right = case.expect.retrieved
    return bool(found) and (right is None or any(is_source(name, each) for name in right for each in found))


def _listed(sources: Any) -> dict[str, str]:
    if not isinstance(sources, list | tuple):
        return {}
    rows = [each for each in sources if isinstance(each, Mapping) and "number" in each and "source" in each]
    return {str(each["number"]): str(each.get("id") or each["source"]) for each in rows}


def _scored(case: Case, observed: Observed, measure: Any) -> Score:
    wanted = case.expect.retrieved
    if not wanted:
        return unmeasured("The case does not say which sources are right (`retrieved`).")
    ranking = list(dict.fromkeys(_ranked(wanted, observed)))
    value: float = measure(ranking, dict.fromkeys(wanted, 1.0))
    absent = [each for each in wanted if each not in ranking]
    why = f"Not retrieved: {', '.join(absent)}." if absent else f"The right sources are at {_places(wanted, ranking)}."
    return graded(value, why, retrieved=ranking[:20])


def _ranked(wanted: Sequence[str], observed: Observed) -> Iterator[str]:
    """The sources in the order in which they came up, by the case's names where it has one for them."""
    for chunk in observed.retrieved:
        yield next((name for name in wanted if is_source(name, chunk)), str(chunk.get("source") or chunk.get("id")))


def _places(wanted: Sequence[str], ranking: Ranking) -> str:
    return ", ".join(str(ranking.index(each) + 1) for each in wanted)


def _relevant(gains: Gains) -> set[str]:
    relevant = {name for name, gain in gains.items() if gain > 0}
    if not relevant:
        raise ValueError("No source is relevant; nothing can be measured. Leave the query out.")
    return relevant


def _dcg(gains: Sequence[float]) -> float:
    if not gains:
        return 0.0
    return math.fsum(gain / math.log2(place + 1) for place, gain in enumerate(gains, 1))
