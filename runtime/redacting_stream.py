"""Redaction of text that arrives in pieces: what may be the beginning of a secret is held back until it is known.

Held back are the last word as far as it could be part of a token, whatever begins like one of the process's own
secrets, and a match that reaches the end of the text and may go on. What is held is bounded: past :data:`MOST_HELD`
characters a word is let go but for its end, and of a match only its mark. Text costs time linear in its length.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .redaction import Redactor

if TYPE_CHECKING:
    from graphwright.models import Delta, DeltaSink

MOST_HELD = 4_096
"""Characters of one word that are held back; no pattern needs more before it matches."""
CONTEXT = 256
"""Characters before the ones that are looked at, for patterns that begin with words (`Authorization: Bearer`)."""
_IN_WORDS = frozenset(map(chr, range(33, 127))) - frozenset("\"'<>")
"""What tokens and credentials in addresses are made of. Text of other scripts is not held back for want of spaces."""


class StreamRedactor:
    """Takes text piece by piece and gives back what can be shown of it."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._needles = tuple(redactor.secrets.spellings)
        self._longest = max(map(len, self._needles), default=0)
        self.restart()

    def restart(self) -> None:
        """Begin anew; what was held back is dropped."""
        self._text = ""
        """What is looked at: context, then what is held back."""
        self._done = 0
        """Up to where it was given out."""
        self._marked: int | None = None
        """Where a match begins whose mark was given out although it may still go on."""
        self._seen = 0
        """How much of it was there when it was last looked at."""

    def feed(self, piece: str) -> str:
        """The next part that is safe to show, with marks for secrets; often empty."""
        self._text += piece
        if len(self._text) > 4 * CONTEXT and (len(self._text) - self._seen) * 8 < len(self._text):
            return ""  # what is long is looked at seldom, so that it costs as much as it is long and not its square
        return self._given(self._safe_until(), is_last=False)

    def finish(self) -> str:
        """The rest, when nothing more will come."""
        rest = self._given(len(self._text), is_last=True)
        self.restart()
        return rest

    def _safe_until(self) -> int:
        """Up to where no character can turn out to be part of a secret."""
        text, end = self._text, len(self._text)
        safe, lowest = end, max(self._done, end - MOST_HELD)
        while safe > lowest and text[safe - 1] in _IN_WORDS:
            safe -= 1
        first = max(self._done, end - self._longest + 1)
        for needle in self._needles:
            at = text.find(needle[0], first, safe)
            while at >= 0:
                if needle.startswith(text[at:]):
                    safe = at
                    break
                at = text.find(needle[0], at + 1, safe)
        return safe

    def _given(self, until: int, *, is_last: bool) -> str:
        text, pieces, marked = self._text, [], None
        for (start, stop), name in self._redactor.spans(text):
            if stop <= self._done or start >= until:
                continue
            may_go_on = stop >= until and not is_last
            if may_go_on and start >= self._done and len(text) - start <= MOST_HELD:
                until = start
                break
            pieces.append(text[self._done : start])
            if start != self._marked:
                pieces.append(f"[redacted:{name}]")
            marked = start if may_go_on else None
            self._done = stop
        pieces.append(text[self._done : until])
        self._done = max(self._done, until)
        cut = max(0, self._done - CONTEXT) if marked is None else min(marked, self._done)
        self._text, self._done, self._seen = text[cut:], self._done - cut, len(text) - cut
        self._marked = None if marked is None else marked - cut
        return "".join(pieces)


class RedactingSink:
    """A sink of model deltas that hands redacted ones on; each kind of text is a stream of its own."""

    def __init__(self, following: DeltaSink, redactor: Redactor) -> None:
        self._following = following
        self._streams = {name: StreamRedactor(redactor) for name in ("text", "reasoning", "refusal")}

    def __call__(self, delta: Delta) -> None:
        """Hand on what of the delta, and of those before it, is safe."""
        safe = {
            name: stream.feed(piece) for name, stream in self._streams.items() if (piece := getattr(delta, name, ""))
        }
        if any(safe.values()):
            self._following(replace(delta, **safe))

    def restart(self) -> None:
        """The answer broke off and is asked for again."""
        for stream in self._streams.values():
            stream.restart()
        tell = getattr(self._following, "restart", None)
        if tell is not None:
            tell()

    def finish(self) -> None:
        """Hand on what was held back: the answer is complete."""
        from graphwright.models import Delta  # models are imported when one is asked

        rest = {name: stream.finish() for name, stream in self._streams.items()}
        if any(rest.values()):
            self._following(Delta(**rest))
