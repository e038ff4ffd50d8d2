"""The list as people read it, and the check that a reason in words says nothing that the facts do not."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .reading import GUEST
from .state import Found, Incoming, RecommendState, Shown

_TOKEN = re.compile(r"\b[iu]-\d+\b|\d+(?:[.,]\d+)?")
_LONGEST = 200
HOW = (
    'Say for whom, like "user u-17", "user u-17 under 40", "u-17 viewed i-203", or "new user who likes brass lanterns".'
)


def template(reasons: Sequence[str]) -> str:
    """The facts as one phrase."""
    return "; ".join(reasons)


def is_grounded(why: str, shown: Shown) -> bool:
    """Whether a sentence names no number and no id that the item's own facts do not."""
    facts = " ".join([shown["item"], shown["name"], f"{shown['price']:.2f}", *shown["reasons"]])
    return bool(why.strip()) and len(why) <= _LONGEST and set(_TOKEN.findall(why)) <= set(_TOKEN.findall(facts))


def facts_for(shown: Sequence[Shown]) -> str:
    """What the explainer is given."""
    return "\n".join(
        f"- {each['item']} ({each['name']}, {each['price']:.2f} euros): {template(each['reasons'])}" for each in shown
    )


def finished(state: RecommendState) -> str:
    """The answer: for whom, the items with their reasons, what rules kept out, and what went wrong."""
    shown = state.get("shown", [])
    lines = [_headline(state)]
    width = max((len(each["name"]) for each in shown), default=0)
    for place, each in enumerate(shown, 1):
        lines.append(f"{place:>2}. {each['item']:<6} {each['name']:<{width}} {each['price']:>8.2f}  {each['why']}")
    if not shown and not state.get("problem"):
        lines.append("Nothing fits: no candidate passes the rules.")
    if state.get("dropped"):
        left = ", ".join(f"{item} ({reason})" for item, reason in list(state["dropped"].items())[:6])
        lines.append(f"Left out although ranked higher: {left}.")
    lines.append(_sources(state.get("found", [])))
    return "\n".join(lines)


def _headline(state: RecommendState) -> str:
    wish, events = state["wish"], _told(state.get("events", []))
    who = "somebody new" if wish["user"] == GUEST else wish["user"]
    about = _about(state["profile"]["events"], wish["liking"])
    cap = f", at most {wish['max_price']:.2f} euros" if wish["max_price"] is not None else ""
    return f"For {who}{' after ' + events if events else ''} ({about}{cap}):"


def _about(events: int, liking: str) -> str:
    if events:
        return f"{events} events known"
    return f"nothing known but liking {liking!r}" if liking else "nothing known: what most people look at"


def _told(events: Sequence[Incoming]) -> str:
    return ", ".join(f"{each['kind']} {each['item']}" for each in events)


def _sources(found: Sequence[Found]) -> str:
    told = [f"{each['source']} {'failed: ' + each['error'] if each['error'] else len(each['items'])}" for each in found]
    return f"Candidates: {', '.join(told)}."
