"""The documentation that is already here: docstrings and descriptions of installed packages, never imported."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath

from .blocks import markdown_blocks, pack
from .chunk import Passage, Quarantined
from .python_reader import docstring_passages
from .readers import LARGEST_FILE, Unreadable, decode
from .sources import Document

DEFAULT_PACKAGES = (
    "langgraph",
    "langgraph-checkpoint",
    "langgraph-checkpoint-sqlite",
    "langgraph-prebuilt",
    "langchain-core",
    "chromadb",
    "pydantic",
    "pydantic-core",
    "pydantic-settings",
    "tenacity",
    "openai",
    "click",
    "jinja2",
    "rich",
    "orjson",
    "filelock",
    "snowballstemmer",
    "numpy",
    "sqlalchemy",
    "aiosqlite",
    "alembic",
)
"""What Graphwright itself is made of; those not installed are left out."""

DESCRIPTION_ONLY = frozenset({"openai", "numpy", "sqlalchemy", "alembic"})
"""Of these the default set takes the description only: their docstrings alone would double the time of a first run."""


@dataclass(frozen=True, slots=True)
class PackageDocs:
    """Docstrings and descriptions of installed packages, as a source to ingest."""

    names: Sequence[str] | None = None
    """Names as pip knows them; None = `DEFAULT_PACKAGES` as far as installed, large ones by description only."""

    def documents(self) -> Iterator[Document | Quarantined]:
        """One document per module, and one per description."""
        for name in self.names if self.names is not None else DEFAULT_PACKAGES:
            try:
                package = metadata.distribution(name)
            except (metadata.PackageNotFoundError, ValueError):
                if self.names is not None:
                    yield Quarantined(name, "not installed")
                continue
            yield from _description(package)
            if self.names is not None or _canonical(name) not in DESCRIPTION_ONLY:
                yield from _modules(package)

    def covers(self, origin: str) -> bool:
        """Documents of the packages named, and of those alone."""
        names = self.names if self.names is not None else DEFAULT_PACKAGES
        return origin.split(":", 2)[:2] in [["package", _canonical(name)] for name in names]


def _description(package: metadata.Distribution) -> Iterator[Document]:
    data = package.metadata
    text = data.json.get("description", "")
    if isinstance(text, str) and text.strip():
        name = _canonical(data["Name"])
        title = f"{data['Name']} {package.version}"
        summary = data["Summary"] or ""
        whole = f"{summary}\n\n{text}" if summary and summary not in text else text
        yield Document(
            origin=f"package:{name}:description",
            label=f"{name}: package description",
            stamp=f"{package.version}:{len(text)}",
            read=lambda: whole.encode("utf-8", "replace"),
            passages=lambda content: _described(content, title),
        )


def _described(content: bytes, title: str) -> Iterator[Passage]:
    for part in pack(markdown_blocks(content.decode())):
        yield Passage(part.text, title, part.heading, part.start, part.end, kind="description")


def _modules(package: metadata.Distribution) -> Iterator[Document | Quarantined]:
    name = _canonical(package.metadata["Name"])
    title = f"{package.metadata['Name']} {package.version}"
    for file in sorted(package.files or [], key=str):
        if not _public(PurePosixPath(file)):
            continue
        path = Path(str(file.locate()))
        try:
            stat = path.stat()
        except OSError:
            continue
        if stat.st_size > LARGEST_FILE:
            yield Quarantined(file.as_posix(), f"too large: {stat.st_size:,} bytes, the limit is {LARGEST_FILE:,}")
            continue
        yield Document(
            origin=f"package:{name}:{file.as_posix()}",
            label=file.as_posix(),
            stamp=f"{package.version}:{stat.st_size}:{stat.st_mtime_ns}",
            read=path.read_bytes,
            passages=_reader(file.as_posix(), title),
        )


def _reader(name: str, title: str) -> Callable[[bytes], Iterator[Passage]]:
    module = ".".join(PurePosixPath(name).with_suffix("").parts).removesuffix(".__init__")

    def read(data: bytes) -> Iterator[Passage]:
        if not data.strip():
            return
        try:
            yield from list(docstring_passages(decode(data), module, title))
        except (SyntaxError, ValueError, RecursionError) as error:
            raise Unreadable(f"not Python that this version reads: {error}") from None

    return read


def _public(path: PurePosixPath) -> bool:
    inner = [part for part in path.with_suffix("").parts if part != "__init__"]
    hidden = any(part.startswith((".", "_")) or part in ("tests", "test", "testing") for part in inner)
    return path.suffix == ".py" and not hidden


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
