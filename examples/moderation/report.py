"""What a person reads of a case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .desk import OUTCOMES
from .state import ModerationState, Proposal


def panel_report(proposal: Proposal) -> str:
    """The votes as a table, and what follows."""
    lines = [f"{'reviewer':<14} {'label':<15} {'sure':<5} why"]
    for vote in proposal["votes"]:
        sure = "yes" if vote["sure"] else "no"
        lines.append(f"{vote['reviewer']:<14} {vote['label'] or 'failed':<15} {sure:<5} {vote['reason'][:110]}")
    verdict = "They agree and are sure." if proposal["is_clear"] else "A moderator has to decide."
    return "\n".join([*lines, f"{verdict} Proposed: {OUTCOMES[proposal['label']]}."])


def decided_report(state: ModerationState, case: Mapping[str, Any]) -> str:
    """The post, the votes, the decision and the case's trail."""
    shown = " ".join(state["text"].split())
    lines = [f"Post {state['post_id']}: {shown[:300]}"]
    if state["stage"] == "appeal":
        lines.append(f"Appeal: {state['statement'][:300]}")
    lines += ["", panel_report(state["proposal"]), ""]
    if state.get("remark"):
        return "\n".join([*lines, f"Not decided; the case stays as it is. {state['remark']}"])
    lines.append(f"Decision: {case['outcome']}, by {case['decided_by']}.")
    lines.append("Trail:")
    lines += [
        f"  {number}. {each['stage']}: {OUTCOMES[each['label']]}, by {each['decided_by']}"
        for number, each in enumerate(case["trail"], 1)
    ]
    if state["stage"] == "review":
        lines.append("Its author may appeal, on this thread: Appeal: why it should be decided otherwise.")
    return "\n".join(lines)
