"""The rule reviewer: phrases that mean a label, and signs that somebody only speaks about it. Also the baseline."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .data import Label
from .spelling import plain_spelling, tricks

_SIGNS: dict[Label, tuple[str, ...]] = {
    "scam": (
        r"\bseed phrase", r"\bconnect your wallet", r"\bairdrop", r"\bgift card", r"\bguaranteed (?:returns|profit)",
        r"\bconfirm your password", r"\bget (?:double|triple) back", r"\bno risk\b", r"\bpayment in advance",
        r"\byour card number", r"\bmillion and i need", r"\bsmall deposit", r"\bcustoms? fee|\bshipping fee",
    ),
    "harassment": (
        r"\b(?:worthless|pathetic|disgusting) (?:idiot|moron|clown)", r"\bshut up\b", r"\bas (?:stupid|dumb) as you",
        r"\b(?:loser|freak)\b", r"\bwhere you live", r"\byour kids", r"\bpeople like you", r"\bnobody would miss you",
        r"\b(?:ugly|fat) face", r"\byou will regret", r"\bthis (?:rat|pig)\b", r"\bgo back\b",
    ),
    "spam": (
        r"\bfree (?:shipping|spins)", r"\blimited offer", r"\bprices for (?:followers|likes|reviews)", r"\breplica\b",
        r"\bwithout prescription", r"\bcasino|\bslots\b", r"\border today", r"\bsingles in your town",
        r"\b(?:buy|order) (?:cheap|discount)", r"\bpercent off", r"\bcheap (?:essays|homework)", r"\bmust go\b",
    ),
    "self_promotion": (
        r"\blike and subscribe", r"\bmy (?:channel|shop|store|podcast|newsletter|crowdfunding)", r"\bfollow me\b",
        r"\bcheck out my", r"\blink in my profile", r"\bcommissions\b", r"\bvote for my", r"\bmy app\b",
        r"\b(?:book|course) about", r"\bi stream\b",
    ),
}  # fmt: skip
_PATTERNS = {label: tuple(re.compile(sign) for sign in signs) for label, signs in _SIGNS.items()}
_SPEAKS_ABOUT = re.compile(
    r"how do i report|\bmods?\b|is it allowed|against the rules|\bfake\b|it is a scam|do not (?:do it|order)|"
    r"can it be removed|please (?:look|talk)|what can parents do|\bcareful:"
)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one reviewer thinks of a post."""

    label: Label
    sure: bool
    reason: str


def by_rules(text: str) -> Opinion:
    """The label whose signs are found most; sure where nothing speaks against it.

    Finding nothing is no reason to be sure: rules know only what somebody wrote down.
    """
    plain = plain_spelling(text)
    hits = {label: [each for sign in signs for each in sign.findall(plain)] for label, signs in _PATTERNS.items()}
    best = max(hits, key=lambda label: len(hits[label]))
    if not hits[best]:
        hidden = tricks(text)
        return Opinion("ok", False, f"no sign found, but it uses {', '.join(hidden)}" if hidden else "no sign found")
    found = ", ".join(f"'{each}'" for each in dict.fromkeys(hits[best]))
    if speaks_about(text):
        return Opinion("ok", False, f"found {found}, but the post seems to speak about it")
    rivals = [label for label, each in hits.items() if each and label != best]
    return Opinion(best, not rivals, f"found {found}" + (f"; also signs of {', '.join(rivals)}" if rivals else ""))


def speaks_about(text: str) -> bool:
    """Whether a post seems to quote, report or warn rather than to do it."""
    plain = plain_spelling(text)
    return bool(_SPEAKS_ABOUT.search(plain)) or '"' in plain
