"""What a person reads of a window or an account."""

from __future__ import annotations

from collections.abc import Sequence

from .drift import ALARM
from .state import Finding, FraudState

RECOMMENDS_FREEZE = 2
"""So many signs of fraud in the records speak for freezing."""


def recommended(signs: Sequence[str], score: float | None) -> str:
    """What code alone recommends, by the signs in the records and the model's score."""
    if len(signs) >= RECOMMENDS_FREEZE and (score or 0.0) >= 0.5:
        return "freeze"
    return "watch" if signs or (score or 0.0) >= 0.5 else "clear"


def is_to_freeze(finding: Finding) -> bool:
    """Whether freezing is proposed to people: it is recommended, the records bear it out, and it is still open."""
    return finding["recommendation"] == "freeze" and bool(finding["signs"]) and finding["alert"]["status"] == "open"


def reason_of(finding: Finding) -> str:
    """Why an account should be frozen, for those who decide."""
    alert = finding["alert"]
    score = "unscored" if alert["score"] is None else f"score {alert['score']:.2f}"
    told = f"Payment {alert['payment_id']} of {alert['amount']:.2f} euros to {alert['merchant_id']}, {score}. "
    signs = f"Records: {'; '.join(finding['signs'])}."
    return (told + signs + (f" {finding['summary']}" if finding["summary"] else ""))[:1000]


def window_report(state: FraudState) -> str:
    """The window in figures, and what came of each alert."""
    window = state["window"]
    if not window.get("number"):
        return "The stream is worked off: no payment is left."
    drift = f"drift {window['drift']:.3f} ({_meaning(window['level'])})"
    place = f"payments T-{window['first']:05} to T-{window['last']:05}"
    counts = f"{window['scored']} scored, {window['flagged']} flagged"
    lines = [f"Window {window['number']}: {place}, {counts}, {drift}."]
    if window["level"] == "alarm":
        lines.append("DRIFT ALARM: scores are not distributed as when the model was measured; have it looked at.")
    lines += ["", *findings_table(state)]
    left = len(state["alerts"]) - len(state.get("findings", []))
    if left > 0:
        names = ", ".join(each["account_id"] for each in state["alerts"][-left:])
        lines += ["", f"{left} more alerts with lower scores were not investigated: {names}."]
    return "\n".join(lines)


def _meaning(level: str) -> str:
    return "of too few scores to tell" if level == "too few" else f"{level}; alarm from {ALARM}"


def findings_table(state: FraudState) -> list[str]:
    """A line for each investigated account, its evidence below."""
    findings, actions = state.get("findings", []), state.get("actions", {})
    if not findings:
        return ["Nothing to investigate."]
    lines = [f"{'account':<8} {'payment':<8} {'amount':>8} {'score':>5}  {'recommended':<11}  action"]
    for each in findings:
        alert = each["alert"]
        account = alert["account_id"]
        score = "-" if alert["score"] is None else f"{alert['score']:.2f}"
        action = actions.get(account) or ("is frozen already" if alert["status"] != "open" else "none")
        figures = f"{alert['payment_id']:<8} {alert['amount']:>8.2f} {score:>5}"
        lines.append(f"{account:<8} {figures}  {each['recommendation']:<11}  {action}")
        lines += [f"    - {sign}" for sign in each["signs"]]
        if each["summary"]:
            lines.append(f"    {each['pattern']}: {each['summary']}")
        if each["error"]:
            lines.append(f"    The investigator could not work ({each['error'][:120]}); the records stand.")
    return lines
