"""What is learned about items: how their texts read, what is seen together with them, how many look at them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graphwright.retrieval import text_embedder

from .data import Event, Item
from .profile import Profile

Floats = NDArray[np.float64]
WINDOW = 12
"""Items of one session that lie this near count as seen together."""
SHRINK = 30.0
"""How sceptical we are of pairs that were seen together only a few times."""
_TEXT, _FACTORS = 64, 48
_FADE = 0.75
"""What each older item of a session counts, against the one after it."""


@dataclass(frozen=True)
class Signals:
    """Everything the candidates and the ranker know of items; rows are items in the catalogue's order."""

    ids: tuple[str, ...]
    text: Floats
    """Unit vectors of the texts (latent semantic analysis)."""
    vectors: Floats
    """Unit vectors of text and co-visitation together."""
    together: Floats
    """How much two items are seen together, from 0."""
    views: Floats
    """How many events each item had."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_places", {each: at for at, each in enumerate(self.ids)})

    @property
    def places(self) -> Mapping[str, int]:
        """The row of each item."""
        places: Mapping[str, int] = self.__dict__["_places"]
        return places

    def rows(self, items: Sequence[str]) -> list[int]:
        """The rows of these items; those that are not in the catalogue are left out."""
        return [self.places[each] for each in items if each in self.places]

    def now(self, profile: Profile, of: Floats) -> Floats:
        """Where a user's newest session stands among these vectors: recent items count most."""
        rows = self.rows(profile["recent"])
        return _unit(_FADE ** np.arange(len(rows)) @ of[rows]) if rows else np.zeros(of.shape[1])

    def taste(self, profile: Profile) -> Floats:
        """Where all that a user ever did stands."""
        known = {self.places[item]: weight for item, weight in profile["history"].items() if item in self.places}
        weights = np.array([*known.values()], dtype=np.float64)
        return _unit(weights @ self.vectors[[*known]]) if known else np.zeros(self.vectors.shape[1])

    def seen_with(self, profile: Profile) -> Floats:
        """For every item: how much it is seen together with what the user saw just now."""
        rows = self.rows(profile["recent"])
        scores: Floats = _FADE ** np.arange(len(rows)) @ self.together[rows] if rows else np.zeros(len(self.ids))
        return scores

    def save(self, path: Path) -> None:
        """Write to a file, all or nothing."""
        part = path.with_suffix(".part.npz")
        arrays = {name: getattr(self, name) for name in ("text", "vectors", "together", "views")}
        np.savez(part, ids=np.array(self.ids), **arrays)
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> Signals:
        """Read what :meth:`save` wrote."""
        with np.load(path, allow_pickle=False) as held:
            arrays = {name: held[name] for name in ("text", "vectors", "together", "views")}
            return cls(ids=tuple(str(each) for each in held["ids"]), **arrays)


def learn(items: Sequence[Item], events: Sequence[Event]) -> Signals:
    """Learn from the catalogue and from what users did."""
    ids = tuple(each.id for each in items)
    places = {each: at for at, each in enumerate(ids)}
    counts, views = pairs(events, places)
    together = counts / (np.sqrt(np.outer(views, views)) + SHRINK)
    texts = _text_vectors([each.text for each in items])
    vectors = _unit(np.hstack([0.8 * texts, _factors(together)]))
    return Signals(ids, texts, vectors, together, views)


def pairs(events: Sequence[Event], places: Mapping[str, int]) -> tuple[Floats, Floats]:
    """How often items are near each other in a session, nearer ones counting more; and how often each is seen."""
    sessions: dict[tuple[str, int], list[int]] = defaultdict(list)
    for each in events:
        sessions[each.user, each.session].append(places[each.item])
    counts, views = np.zeros((len(places), len(places))), np.zeros(len(places))
    for rows in sessions.values():
        for at, row in enumerate(rows):
            views[row] += 1
            for gap, other in enumerate(rows[at + 1 : at + 1 + WINDOW], 1):
                counts[row, other] += 1 / gap
                counts[other, row] += 1 / gap
    np.fill_diagonal(counts, 0)
    return counts, views


def _factors(together: Floats) -> Floats:
    """Co-visitation in few dimensions: items that are seen with the same others lie near each other."""
    values, axes = np.linalg.eigh(together)
    strongest = np.argsort(-values)[:_FACTORS]
    return _unit(axes[:, strongest] * np.sqrt(np.maximum(values[strongest], 0)))


def _text_vectors(texts: Sequence[str]) -> Floats:
    """The leading dimensions of the texts' latent semantic analysis."""
    found = text_embedder(texts).documents(texts).astype(np.float64)
    return _unit(found[:, :_TEXT])


def _unit(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: Floats = vectors / np.where(length > 0, length, 1)
    return scaled
