"""The decision on one call: every rule is heard, the strictest word counts."""

from __future__ import annotations

from .call import Call
from .context import Context, Rule
from .decision import RANK, Decision, Finding

FAILED = "failed_rule"
SETTLED = "settings"


def decide(call: Call, context: Context) -> Decision:
    """Allow, ask or deny a call: pure, the same call in the same context is always decided alike.

    Args:
        call: What is to be called.
        context: What the run was told so far, its plan, and the rules in force.

    Returns:
        The strictest verdict of any rule, the rule that gave it, its evidence, and every rule's sentence.
    """
    known = context.before(call)
    findings = [found for rule in (_settled, *context.rules) if (found := _heard(rule, call, known)) is not None]
    if context.verdicts.get(call.tool) == "allow":
        findings = [found for found in findings if found.verdict == "deny"]
    if not findings:
        return Decision("allow", tainted=known.tainted)
    findings.sort(key=lambda found: -RANK[found.verdict])
    first = findings[0]
    told = [each for each in findings if each.verdict == first.verdict]
    return Decision(
        "allow" if context.observe else first.verdict,
        first.rule,
        tuple(dict.fromkeys(evidence for each in told for evidence in each.evidence)),
        " ".join(dict.fromkeys(each.sentence for each in told)),
        tuple(dict.fromkeys(each.rule for each in findings)),
        found=first.verdict,
        tainted=known.tainted,
    )


def _settled(call: Call, context: Context) -> Finding | None:
    """What the operator settled for this tool."""
    verdict = context.verdicts.get(call.tool, "allow")
    if verdict == "allow":
        return None
    return Finding(verdict, SETTLED, f"The settings say {verdict!r} for {call.tool}.")


def _heard(rule: Rule, call: Call, context: Context) -> Finding | None:
    """What a rule says; one that fails, or says something else, refuses."""
    name = getattr(rule, "__name__", repr(rule))
    try:
        found = rule(call, context)
    except Exception as error:
        return Finding("deny", FAILED, f"The policy rule {name!r} failed ({type(error).__name__}: {error}).")
    if found is None or isinstance(found, Finding):
        return found
    return Finding("deny", FAILED, f"The policy rule {name!r} gave {found!r}; it must give a Finding or None.")
