"""Charts as files: the same figures give the same bytes, and a call made again replaces the same file."""

from __future__ import annotations

import hashlib
import io
import json
import re
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any, Literal

from graphwright.tools import ToolFailed

_drawing = threading.Lock()
"""Matplotlib's settings are those of the process."""
_SETTINGS: Any = {"svg.hashsalt": "graphwright", "svg.fonttype": "path", "font.family": "DejaVu Sans"}
_NAME = re.compile(r"chart-(?P<slug>[a-z0-9-]+)-[0-9a-f]{8}\.(?:svg|png)")


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of named figures."""

    title: str
    unit: str
    names: tuple[str, ...]
    values: tuple[float | int, ...]
    kind: Literal["bar", "line"]
    form: Literal["SVG", "PNG"]

    @property
    def slug(self) -> str:
        """Its title, as part of a file's name."""
        return "-".join(re.findall(r"[a-z0-9]+", self.title.lower()))[:80]

    @property
    def data(self) -> dict[str, Any]:
        """What it shows; it stands in the file as well."""
        points = {name: round(value, 2) for name, value in zip(self.names, self.values, strict=True)}
        return {"title": self.title, "kind": self.kind, "points": points}


def written(chart: Chart, folder: Path, key: str) -> Path:
    """Write a chart into a folder, under a name that follows from its title and the key of the call.

    Raises:
        ToolFailed: if matplotlib is not installed.
    """
    picture = drawn(chart)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"chart-{chart.slug}-{hashlib.sha256(key.encode()).hexdigest()[:8]}.{chart.form.lower()}"
    part = folder / f".{path.name}.part"
    part.write_bytes(picture)
    part.replace(path)
    return path


def drawn(chart: Chart) -> bytes:
    """The picture, without anything of the time, the machine or the program's version in it."""
    try:
        import matplotlib  # takes a second
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ToolFailed("Charts need matplotlib: pip install 'graphwright[ml]'. Tell whoever runs this.") from error
    with _drawing, matplotlib.rc_context(_SETTINGS):
        figure = Figure(figsize=(8, 4.5), dpi=100, layout="constrained")
        FigureCanvasAgg(figure)
        _plot(figure.add_subplot(), chart)
        out = io.BytesIO()
        figure.savefig(out, format=chart.form.lower(), metadata=_metadata(chart))
    return out.getvalue()


def _plot(axes: Any, chart: Chart) -> None:
    places = range(len(chart.names))
    if chart.kind == "line":
        axes.plot(places, chart.values, marker="o", color="#2b6cb0")
    else:
        axes.bar(places, chart.values, color="#2b6cb0")
    slanted = len(chart.names) > 6 or max(map(len, chart.names)) > 9
    axes.set_xticks(places, chart.names, rotation=45 if slanted else 0, ha="right" if slanted else "center")
    axes.set_ylim(bottom=min(0, *chart.values))
    axes.set_ylabel(chart.unit or "number")
    axes.set_title(chart.title)
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _metadata(chart: Chart) -> dict[str, str | None]:
    data = json.dumps(chart.data, sort_keys=True)
    return {"Date": None, "Creator": None, "Description": data} if chart.form == "SVG" else {
        "Software": None, "Description": data,
    }  # fmt: skip


def charts_in(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Slug and bytes of each chart in a folder, in the order of their names."""
    for path in sorted(folder.glob("chart-*")) if folder.is_dir() else ():
        if named := _NAME.fullmatch(path.name):
            yield named["slug"], path.read_bytes()


def data_in(picture: bytes) -> dict[str, Any]:
    """What a chart says it shows; empty if it does not say."""
    if picture.startswith(b"\x89PNG"):
        text = _described(picture)
    else:
        found = re.search(rb"<dc:description>(.*?)</dc:description>", picture, re.S)
        text = unescape(found[1].decode()) if found else "{}"
    data: dict[str, Any] = json.loads(text)
    return data


def _described(png: bytes) -> str:
    """The description among the parts of a PNG: each has a length, a kind, its content and a checksum."""
    at = 8
    while at + 8 <= len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        content = png[at + 8 : at + 8 + length]
        if kind == b"tEXt" and content.startswith(b"Description\0"):
            return content.partition(b"\0")[2].decode("latin-1")
        at += 12 + length
    return "{}"
