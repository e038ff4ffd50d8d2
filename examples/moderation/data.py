"""A forum that does not exist: posts with known labels, written by a seeded generator.

Posts share openers, closers and many words across labels; some say it without the usual words, some quote abuse to
report it, some hide words behind digits, gaps and invisible characters. Wordings at every fourth place of
:mod:`.phrases` occur in no training post.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

from .phrases import CLOSERS, HARD, OPENERS, PLAIN

Label = Literal["ok", "spam", "scam", "harassment", "self_promotion"]
LABELS: tuple[Label, ...] = get_args(Label)
Kind = Literal["plain", "hard", "hidden"]
SEED = 7
TRAIN, HELD_OUT, QUEUE = 1800, 700, 80
NOISE = 0.02
"""Share of training labels that are wrong, as those of people are."""
EARLIER = 16
"""Posts of the queue that were decided before."""
MODERATORS = ("ann", "bob", "cem")
TODAY = "2026-11-20"
"""The date of the data; nothing here looks at a clock."""
_SHARES = {"ok": 0.5, "spam": 0.14, "scam": 0.12, "harassment": 0.12, "self_promotion": 0.12}
_CHOICE = re.compile(r"\{([^{}]*)\}")
_DIGITS = str.maketrans({"a": "4", "e": "3", "i": "1", "o": "0", "s": "5", "t": "7"})
_LOOKALIKES = str.maketrans({"a": "а", "e": "е", "o": "о", "p": "р", "c": "с"})  # Latin to Cyrillic


@dataclass(frozen=True, slots=True)
class Post:
    """A post, and what is true of it, which no tool of the example may look at."""

    id: str
    author: str
    text: str
    label: Label
    kind: Kind
    """``plain``, ``hard`` (looks like another label, or not like its own), ``hidden`` (plain, words disguised)."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes, and what is known of them."""

    id: str
    joined_days: int
    """Days since they joined, as of :data:`TODAY`."""
    posts: int
    strikes: int
    """Posts that were removed before."""


@cache
def training_posts(seed: int = SEED) -> tuple[Post, ...]:
    """What the classifier learns from; some labels are wrong."""
    rng = random.Random(f"{seed}/train")
    posts = [_post(rng, f"t-{number:04}", seen=True) for number in range(1, TRAIN + 1)]
    return tuple(_mislabelled(rng, post) if rng.random() < NOISE else post for post in posts)


@cache
def held_out_posts(seed: int = SEED) -> tuple[Post, ...]:
    """What it is measured on: about a third in wordings that it never saw."""
    rng = random.Random(f"{seed}/held out")
    return tuple(_post(rng, f"h-{number:04}", seen=rng.random() > 0.33) for number in range(1, HELD_OUT + 1))


@cache
def queue(seed: int = SEED) -> tuple[Post, ...]:
    """What waits for a review; drawn like the held-out posts, anew."""
    rng = random.Random(f"{seed}/queue")
    return tuple(_post(rng, f"p-{number:03}", seen=rng.random() > 0.33) for number in range(1, QUEUE + 1))


@cache
def authors(seed: int = SEED) -> tuple[Author, ...]:
    """Everybody who wrote a post of the queue. Offenders have more strikes, but not all, and not only they."""
    rng = random.Random(f"{seed}/authors")
    known: dict[str, Author] = {}
    for post in queue(seed):
        offends = post.label != "ok"
        joined = int(rng.expovariate(1 / (60 if offends else 700))) + 1
        strikes = rng.choice((0, 0, 1, 2)) if offends else rng.choice((0, 0, 0, 0, 1))
        known.setdefault(post.author, Author(post.author, joined, rng.randint(1, 3 + joined // 4), strikes))
    return tuple(known[each] for each in sorted(known))


@cache
def earlier_decisions(seed: int = SEED) -> tuple[tuple[str, Label, str], ...]:
    """Posts at the end of the queue that a person decided before: post, label given, by whom. Some are wrong.

    Hard posts that break no rule were taken for the label they resemble, as happens to tired people.
    """
    rng = random.Random(f"{seed}/earlier")
    made = []
    for post in queue(seed)[-EARLIER:]:
        is_mistaken = post.label == "ok" and post.kind == "hard"
        label: Label = rng.choice(("harassment", "scam", "spam")) if is_mistaken else post.label
        made.append((post.id, label, rng.choice(MODERATORS)))
    return tuple(made)


def _post(rng: random.Random, id: str, *, seen: bool) -> Post:
    label: Label = rng.choices(LABELS, [_SHARES[each] for each in LABELS])[0]
    hard = rng.random() < (0.3 if label == "ok" else 0.12)
    wordings = HARD[label] if hard else PLAIN[label]
    pool = [text for place, text in enumerate(wordings) if (hard and len(wordings) < 4) or (place % 4 != 3) is seen]
    text = " ".join(part for part in (rng.choice(OPENERS), rng.choice(pool), rng.choice(CLOSERS)) if part)
    text = _CHOICE.sub(lambda found: rng.choice(found[1].split("|")), text)
    hidden = not hard and label != "ok" and rng.random() < 0.3
    kind: Kind = "hard" if hard else "hidden" if hidden else "plain"
    return Post(id, f"a-{rng.randint(1, 60):02}", _disguised(rng, text) if hidden else text, label, kind)


def _mislabelled(rng: random.Random, post: Post) -> Post:
    return Post(post.id, post.author, post.text, rng.choice([each for each in LABELS if each != post.label]), post.kind)


def _disguised(rng: random.Random, text: str) -> str:
    """The text with about half of its longer words disguised, so that a search for them finds nothing."""
    ways = (
        lambda word: word.translate(_DIGITS),
        lambda word: "\u200b".join(word),
        lambda word: " ".join(word) if len(word) < 7 else ".".join(word),
        lambda word: word.translate(_LOOKALIKES),
        lambda word: re.sub(r"([aeiou])", r"\1\1\1", word, count=1),
    )
    words = [rng.choice(ways)(word) if len(word) > 3 and rng.random() < 0.5 else word for word in text.split(" ")]
    return " ".join(words)
