"""Policy: whether a tool call is allowed, asked or denied, by which rule and on which evidence."""

from .call import Call
from .context import Context, Rule
from .deciding import decide
from .decision import Decision, Evidence, Finding, Verdict
from .plan import Plan, PlanError, compile_plan
from .profiles import PROFILES, Profile
from .sources import Source

__all__ = [
    "PROFILES",
    "Call",
    "Context",
    "Decision",
    "Evidence",
    "Finding",
    "Plan",
    "PlanError",
    "Profile",
    "Rule",
    "Source",
    "Verdict",
    "compile_plan",
    "decide",
]
