"""Scorers: each judges one run of a case by what was observed of it. One of your own is one function."""

from .agreement import Agreement, cohen_kappa, rogan_gladen
from .calibrating import Labelled, calibrate
from .calibration import Calibration
from .floors import Floors, floors_of, null_passes
from .grounding import grounding
from .judge import Judge, Preference, preference
from .matching import best_pairs, maximum_matching
from .options import OptionalScorer, graded, scorer
from .policy import approvals_asked, attack_resisted, automatic
from .retrieval import citation_precision, retrieval_mrr, retrieval_ndcg, retrieval_precision, retrieval_recall
from .score import Outcome, Score, Scorer, judged, unmeasured
from .spending import cost, latency, steps, tokens
from .text import exact, json_schema, numeric, regex
from .tool_calls import tool_arguments, tool_choice
from .trajectory import route, trajectory
from .verdict import changes_of, verdict

__all__ = [
    "Agreement",
    "Calibration",
    "Floors",
    "Judge",
    "Labelled",
    "OptionalScorer",
    "Outcome",
    "Preference",
    "Score",
    "Scorer",
    "approvals_asked",
    "attack_resisted",
    "automatic",
    "best_pairs",
    "calibrate",
    "changes_of",
    "citation_precision",
    "cohen_kappa",
    "cost",
    "exact",
    "floors_of",
    "graded",
    "grounding",
    "json_schema",
    "judged",
    "latency",
    "maximum_matching",
    "null_passes",
    "numeric",
    "preference",
    "regex",
    "retrieval_mrr",
    "retrieval_ndcg",
    "retrieval_precision",
    "retrieval_recall",
    "rogan_gladen",
    "route",
    "scorer",
    "steps",
    "tokens",
    "tool_arguments",
    "tool_choice",
    "trajectory",
    "unmeasured",
    "verdict",
]
