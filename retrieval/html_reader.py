"""HTML into blocks, by the standard library's parser."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

from .blocks import Block

_SKIPPED = frozenset({"script", "style", "template", "noscript", "svg", "nav", "iframe", "select"})
_BREAKING = """
p div section article main header footer aside ul ol li dl dt dd table tr blockquote pre figure figcaption form
fieldset address details summary hr h1 h2 h3 h4 h5 h6 title body
"""
_BREAKS = frozenset(_BREAKING.split())


def html_blocks(text: str) -> tuple[str, list[Block]]:
    """Title and blocks of a page; scripts, styles and navigation left out."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    reader.flush()
    return " ".join(reader.title.split()), reader.blocks


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self.blocks: list[Block] = []
        self._path: dict[int, str] = {}
        self._held: list[str] = []
        self._start = 1
        self._skipping = 0
        self._pre = 0
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SKIPPED:
            self._skipping += 1
        elif tag in _BREAKS:
            self.flush()
            self._inside = tag
            self._pre += tag == "pre"
            if tag == "li":
                self._held.append("- ")
        elif tag in ("br", "td", "th"):
            self._held.append("\n" if tag == "br" else " ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SKIPPED:
            self._skipping = max(0, self._skipping - 1)
        elif tag in _BREAKS:
            self.flush(closing=tag)
            self._inside = ""
            self._pre = max(0, self._pre - (tag == "pre"))

    def handle_data(self, data: str) -> None:
        if self._skipping:
            return
        if self._inside == "title":
            self.title += data
            return
        if not "".join(self._held).strip(" -"):
            self._start = self.getpos()[0]
        self._held.append(data)

    def flush(self, closing: str = "") -> None:
        """End the block that is open, if it holds anything."""
        raw = "".join(self._held)
        self._held.clear()
        text = raw.strip("\n") if self._pre else "\n".join(_lines(raw))
        if not text.strip(" -\n"):
            return
        if closing[:1] == "h" and closing[1:].isdigit():
            self._head(int(closing[1:]), text)
        elif self._pre:
            text = f"```\n{text}\n```"
        self.blocks.append(Block(text, self._start, self.getpos()[0], tuple(self._path.values()), bool(self._pre)))

    def _head(self, level: int, text: str) -> None:
        self._path = {k: v for k, v in self._path.items() if k < level} | {level: " ".join(text.split())}


def _lines(raw: str) -> Iterator[str]:
    for line in raw.replace("\r", "").split("\n"):
        if line.strip():
            yield ("- " if line.startswith("- ") else "") + " ".join(line.removeprefix("- ").split())
