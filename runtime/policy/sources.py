"""What a run has been told, by whom: the user's words, results of tools, what a reader typed; and how to find in it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from ..places import are_beside
from .dates import Moments, is_moment, moment, moments
from .words import SHORT, destination, is_address, is_iban, leaves, normal, number, raw_words, words

_JOINT = "\0"
GRAM = 4
"""So many words in a row that stand in a private text are that text."""
_MAX_ID = 64
_ID_NAME = re.compile(r"(?:^|_)(?:ids?|uuid|guid|ref|reference)_?$")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SECRET = re.compile(r"password|passwd|secret|token|code|pin|key|ssn|passport|iban|card")
_MARKS = frozenset({"id", "ids", "no", "nr", "number", "ref", "reference", "amount"})
_UNITS = frozenset("usd eur gbp chf jpy dollar dollars euro euros pound pounds franc francs yen cents percent".split())
_STOPS = ".:!?*~'’‘"
_KEPT = 2_000
"""Values of so many characters are remembered for a while, in every spelling."""
_OUTSIDE = "$€£¥#'\"“”‘’"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One value in every spelling in which it is looked for."""

    whole: str
    words: tuple[str, ...]
    phrase: str
    moment: Moments | None
    iban: str
    is_short: bool


def _wanted(value: Any) -> _Wanted:
    return _spelled(value) if isinstance(value, str) and len(value) > _KEPT else _known_spelling(value)


def _spelled(value: Any) -> _Wanted:
    text = destination(value) if isinstance(value, str) else normal(value)
    found = tuple(words(text))
    joined = "".join(found)
    phrase = f"{_JOINT}{_JOINT.join(found)}{_JOINT}"
    return _Wanted(normal(value), found, phrase, moment(text), joined if is_iban(joined) else "", len(joined) < SHORT)


_known_spelling = lru_cache(maxsize=1024, typed=True)(_spelled)
"""Every source of a run is asked for the same few values."""


@dataclass(frozen=True)
class Source:
    """One thing that was said in a run: its value, and whether its words may be believed."""

    origin: str
    """``the user``, the name of a tool, ``memory``, ..."""
    value: Any
    """A text, or plain structured data."""
    trusted: bool = False
    """No stranger can have put words into it."""
    private: bool = False
    spoken: bool = False
    """A person's own words."""
    batch: str = ""
    """The model's message that asked for it; calls of one message do not know each other's results."""
    tasks: tuple[str, ...] = ()
    """The tasks inside which it was asked for; those of one superstep do not know each other's results."""
    key: str = field(default="", compare=False)

    def is_unknown_to(self, batch: str, tasks: Sequence[str]) -> bool:
        """Whether it was found beside a call of this message in these tasks, whichever of the two was first."""
        return bool(batch and self.batch == batch) or are_beside(self.tasks, tasks)

    @cached_property
    def texts(self) -> list[str]:
        """The texts and numbers in it."""
        return [str(leaf.value) for leaf in leaves(self.value)]

    @cached_property
    def taints(self) -> bool:
        """Whether it carries words of a stranger; a bare number or truth value carries none."""
        return not self.trusted and any(isinstance(leaf.value, str) for leaf in leaves(self.value))

    @cached_property
    def fields(self) -> frozenset[str]:
        """Its whole values."""
        return frozenset(normal(leaf.value) for leaf in leaves(self.value))

    @cached_property
    def ids(self) -> frozenset[str]:
        """Opaque ids: short values under a name like ``id`` or ``file_id`` that lead nowhere by themselves."""
        if isinstance(self.value, str):
            return frozenset()
        found = (normal(leaf.value) for leaf in leaves(self.value) if is_id_name(leaf.key) and _may_be_id(leaf.value))
        return frozenset(each for each in found if not is_address(each))

    @cached_property
    def moments(self) -> Moments:
        """The days and times that it names."""
        return moments("\n".join(self.texts))

    @cached_property
    def _words(self) -> list[str]:
        return [word for text in self.texts for word in words(text)]

    @cached_property
    def _vocabulary(self) -> frozenset[str]:
        return frozenset(self._words)

    @cached_property
    def _haystack(self) -> str:
        return _JOINT + _JOINT.join(_JOINT.join(words(text)) for text in self.texts) + _JOINT

    @cached_property
    def _joined(self) -> str:
        """Without any gaps: accounts are written in groups of four."""
        return "".join(self._words)

    @cached_property
    def _places(self) -> dict[str, list[tuple[str, str, str]]]:
        """Each short word of what a person said, with the words around it and its marks."""
        found: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
        for text in self.texts if self.spoken else ():
            plain, raw = words(text), raw_words(text)
            for at, word in enumerate(plain):
                if len(word) < SHORT:
                    before = plain[at - 1] if at else ""
                    found[word].append((before, raw[at], plain[at + 1] if at + 1 < len(plain) else ""))
        return found

    def _says(self, wanted: _Wanted, value: Any, name: str) -> bool:
        """Whether it is said here, in any spelling; short ones must be a whole value, or marked as one."""
        if wanted.whole in self.fields:
            return True
        if not wanted.words:
            return False
        # The days and times of a text are looked for only where one is wanted: that costs more than all its words.
        if wanted.moment is not None and self.moments.covers(wanted.moment):
            return True
        if wanted.iban and wanted.iban in self._joined:
            return True
        if wanted.is_short:
            return len(wanted.words) == 1 and self._is_marked(wanted.words[0], str(value), name)
        return wanted.words[0] in self._vocabulary and (len(wanted.words) == 1 or wanted.phrase in self._haystack)

    def _is_marked(self, word: str, value: str, name: str) -> bool:
        """A short literal counts where the person set it apart: '13', #13, file 13, $50, 50 euros, Bob."""
        called = set(_name_words(name)) | _MARKS
        is_number = number(word) is not None
        for before, raw, after in self._places.get(word, ()):
            if is_number:
                is_set_apart = raw[0] in _OUTSIDE or raw[-1] in _OUTSIDE or len(raw.strip(_STOPS)) >= SHORT
                if before in called or is_set_apart or after in _UNITS:
                    return True
            elif raw.strip(_STOPS) == value.strip() and (value != value.lower() or raw[0] in _OUTSIDE):
                return True
        return False

    @cached_property
    def grams(self) -> frozenset[int]:
        """Every few words in a row, as hashes."""
        found: set[int] = set()
        for text in self.texts:
            found.update(grams(words(text)))
        return frozenset(found)

    @cached_property
    def telling(self) -> frozenset[str]:
        """Single values that tell something by themselves: codes, addresses, what stands under a secret's name."""
        found = {word for word in self._vocabulary if is_telling(word)}
        for leaf in leaves(self.value):
            if _SECRET.search(leaf.key.lower()) and len(one := words(str(leaf.value))) == 1 and len(one[0]) >= SHORT:
                found.add(one[0])
        return frozenset(found)


def sayers(value: Any, sources: Iterable[Source], name: str = "") -> Iterator[Source]:
    """Those of the sources in which the value is said, in their order.

    Args:
        value: What is looked for, in any spelling. One of under :data:`SHORT` letters must be a whole value there, or
            be marked as one by a person.
        sources: Where.
        name: Of the parameter that has the value: a short one may stand beside it.
    """
    wanted = _wanted(value)
    return (each for each in sources if each._says(wanted, value, name))


def is_said(value: Any, sources: Iterable[Source], name: str = "") -> bool:
    """Whether one of the sources has the value."""
    return next(sayers(value, sources, name), None) is not None


def grams(of: Sequence[str]) -> list[int]:
    """Hashes of each few words in a row."""
    return [hash((*of[at : at + GRAM],)) for at in range(len(of) - GRAM + 1)]


def is_telling(word: str) -> bool:
    """Whether a word alone gives something away: an address, or a code with digits in it; days and times do not."""
    if len(word) < SHORT or word.isalpha() or is_moment(word):
        return False
    return is_address(word) or any(letter.isdigit() for letter in word)


def is_id_name(name: str) -> bool:
    """Whether a parameter or a field of this name holds an id."""
    return _ID_NAME.search(_CAMEL.sub("_", name).lower()) is not None


def _may_be_id(value: Any) -> bool:
    text = str(value)
    return not isinstance(value, bool | float) and len(text) <= _MAX_ID and not any(each.isspace() for each in text)


def _name_words(name: str) -> list[str]:
    return [word for word in _CAMEL.sub("_", name).lower().split("_") if len(word) > 1]
