"""Guardrails: what may not pass at a run's input, in a tool's arguments, in its result, and in the final answer."""

from .declaring import Action, Checked, Found, Guardrail, GuardrailError, Look, Noticed, Place, check
from .looking import length, pii, secrets, shape
from .settings import GuardrailSettings, guardrails_of

__all__ = [
    "Action",
    "Checked",
    "Found",
    "Guardrail",
    "GuardrailError",
    "GuardrailSettings",
    "Look",
    "Noticed",
    "Place",
    "check",
    "guardrails_of",
    "length",
    "pii",
    "secrets",
    "shape",
]
