"""The forum's policy: what reviewers judge by, and what authors may read."""

from __future__ import annotations

from .data import Label

POLICY: dict[Label, str] = {
    "ok": (
        "Allowed is whatever serves the craft: questions, advice, disagreement, jokes at one's own cost. Quoting a "
        "bad post to report it, or warning of a fraud, is allowed, also where it repeats its words."
    ),
    "spam": (
        "Spam offers goods or services in bulk to nobody in particular: watches, pills, followers, casinos, with "
        "discounts and deadlines. It is removed."
    ),
    "scam": (
        "A scam tries to get money, passwords, card numbers or wallets by a lie: guaranteed profit, a prize with a "
        "fee, a locked account, an emergency. It is removed, also where nothing was paid."
    ),
    "harassment": (
        "Harassment insults, threatens or stalks a person, wishes them harm, or calls on others to. It is removed. "
        "Criticism of work or opinions is no harassment."
    ),
    "self_promotion": (
        "Self-promotion advertises the author's own channel, shop, course or contest without having been asked. It "
        "is limited: shown without its links. Answering a question with a link to one's own work is allowed."
    ),
}
