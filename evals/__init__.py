"""The offline harness: cases and the people in them, and the certification of graphs (``evals.certification``)."""

from .case import Answer, CallMade, Case, Expectation, Fault, ScriptedReply
from .case_files import CaseProblem, cases_of, load_cases
from .people import Given, People
from .replies import model_of

__all__ = [
    "Answer",
    "CallMade",
    "Case",
    "CaseProblem",
    "Expectation",
    "Fault",
    "Given",
    "People",
    "ScriptedReply",
    "cases_of",
    "load_cases",
    "model_of",
]
