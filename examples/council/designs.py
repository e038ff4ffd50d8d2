"""Where designs are: samples and the user's own, texts under review by their content, and what was published."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .data import design, samples
from .rules import unresolved

FOLDER = "council"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")


class DesignProblem(ValueError):
    """There is no such design, or it cannot be named so; the text is a sentence for whoever asked."""


class Designs:
    """Files below one folder. Everything written is written whole, under a name that follows from what it is."""

    def __init__(self, folder: Path) -> None:
        self._named, self._texts, self._published = folder / "designs", folder / "texts", folder / "published"
        for each in (self._named, self._texts, self._published):
            each.mkdir(parents=True, exist_ok=True)
        for name in samples():
            if not (self._named / f"{name}.md").exists():
                _write(self._named / f"{name}.md", design(name)[0])

    def names(self) -> list[str]:
        """The designs that can be named, in order."""
        return sorted(each.stem for each in self._named.glob("*.md"))

    def named(self, name: str) -> str:
        """The text of a design by its name. Raises DesignProblem."""
        if name not in self.names():
            raise DesignProblem(f"There is no design {name!r}. There are: {', '.join(self.names())}.")
        return (self._named / f"{name}.md").read_text(encoding="utf-8")

    def put(self, text: str) -> str:
        """Keep a text for the reviewers; the same text has the same number."""
        number = f"D-{int(hashlib.sha256(text.encode()).hexdigest()[:12], 16) % 10**8:08d}"
        _write(self._texts / f"{number}.md", text)
        return number

    def text(self, number: str) -> str:
        """A text by its number. Raises DesignProblem."""
        wanted = number.strip().upper()
        path = self._texts / f"{wanted}.md"
        if not re.fullmatch(r"D-\d{8}", wanted) or not path.is_file():
            raise DesignProblem(
                f"There is no design under review {number!r}. Its number is in the request, like D-12345678."
            )
        return path.read_text(encoding="utf-8")

    def publish(self, name: str, document: str, findings: Sequence[Mapping[str, Any]]) -> Path:
        """Write a revised design and its findings; an earlier one of the same name is replaced."""
        if not _NAME.fullmatch(name):
            raise DesignProblem(f"{name!r} is no name for a design. Use small letters, digits and '-'.")
        _write(
            self._published / f"{name}.json", json.dumps(list(findings), indent=1, sort_keys=True, ensure_ascii=False)
        )
        _write(self._published / f"{name}.md", document)
        return self._published / f"{name}.md"


def _write(path: Path, text: str) -> None:
    """Whole or not at all, also where the process is killed."""
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(text, encoding="utf-8", errors="replace")
    draft.replace(path)


def world(state: Path) -> dict[str, Any]:
    """What was published, by name: what became of each finding, and which rules the text still breaks."""
    published: dict[str, Any] = {}
    for path in sorted((state / FOLDER / "published").glob("*.md")):
        beside = path.with_suffix(".json")
        findings = json.loads(beside.read_text(encoding="utf-8")) if beside.exists() else []
        published[path.stem] = {
            "findings": {f"{each['rule']} in {each['section']}": each["status"] for each in findings},
            "left": sorted({each.rule for each in unresolved(path.read_text(encoding="utf-8"))}),
        }
    return {"published": published} if published else {}
