"""What reviewers find: one line each, the same for tools, agents and people, and read back from what was said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Lane = Literal["security", "cost", "clarity"]
Status = Literal["fixed", "open", "waived"]
_LINE = re.compile(
    r'^\s*(?:- )+\[(?P<rule>[a-z][a-z-]{1,40})\] (?P<section>[^:"]{1,80}): "(?P<quote>[^"\n]{1,300})" '
    r"(?P<advice>\S[^\n]*)$",
    re.M,
)
MAX_QUOTE = 160


@dataclass(frozen=True, slots=True)
class Finding:
    """One flaw of a design."""

    rule: str
    """What kind of flaw, such as ``plain-http``."""
    section: str
    quote: str
    """Where it stands, in the document's own words."""
    advice: str
    """What to do about it, in a sentence."""

    @property
    def line(self) -> str:
        """The finding as reviewers write it."""
        return f'- [{self.rule}] {self.section}: "{self.quote}" {self.advice}'

    def plain(self) -> dict[str, Any]:
        """The finding as plain data."""
        return asdict(self)


def quoted(text: str) -> str:
    """A quotation on one line that :func:`parsed` can read back."""
    return " ".join(text.replace('"', "'").split())[:MAX_QUOTE].strip()


def parsed(text: str) -> list[Finding]:
    """The findings in what somebody said; other lines are passed over."""
    return [
        Finding(each["rule"], each["section"].strip(), each["quote"], each["advice"]) for each in _LINE.finditer(text)
    ]


def grounded(findings: Iterable[Finding], document: str) -> list[Finding]:
    """Those whose quotation stands in the document, each rule once for each section, in order."""
    words = quoted_text(document)
    kept = {
        (each.rule, each.section): each
        for each in reversed(list(findings))
        if quoted(each.quote) and each.quote in words
    }
    return list(reversed(kept.values()))


def quoted_text(document: str) -> str:
    """The document as quotations are compared with it."""
    return " ".join(document.replace('"', "'").split())


def waived(words: str, findings: Sequence[Finding]) -> set[str]:
    """The rules of findings that a person waives: "waive over-budget"."""
    clauses = re.findall(r"\bwaive[ds]?\b([^.!?\n]*)", words, re.I)
    return {each.rule for each in findings if any(re.search(rf"\b{each.rule}\b", clause, re.I) for clause in clauses)}
