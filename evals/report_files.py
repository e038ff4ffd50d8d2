"""Reports in files: an HTML page, JUnit XML, lines of JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .junit import junit_xml
from .pages import html_page
from .reporting import Report
from .results import RunFolder


def write_reports(
    reports: Sequence[Report], *, html: Path | None = None, junit: Path | None = None, lines: Path | None = None
) -> list[Path]:
    """Write reports of runs to files; returns those written."""
    folders = [RunFolder.find(Path(each.folder)) for each in reports]
    if html is not None:
        with html.open("w", encoding="utf-8") as file:
            for piece in html_page(reports, folders):
                file.write(piece)
    if junit is not None:
        junit.write_text(junit_xml(reports, folders), encoding="utf-8")
    if lines is not None:
        with lines.open("wb") as out:
            for folder in folders:
                if folder.file.exists():
                    with folder.file.open("rb") as written:
                        while piece_of := written.read(1 << 20):
                            out.write(piece_of)
    return [path for path in (html, junit, lines) if path is not None]
