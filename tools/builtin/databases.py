"""The databases that agents may read, by name, and how much of them one question may cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ToolDeclarationError, ToolFailed
from ..words import did_you_mean, listed

_POSTGRES = ("postgresql://", "postgres://")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLimits:
    """What one question to a database may cost."""

    seconds: float = 5.0
    rows: int = 200
    bytes: int = 16_000
    """Of the answer as JSON; the rows beyond are left out."""
    value_bytes: int = 200_000
    """Of one value anywhere in a query; a longer one is an error."""
    memory_bytes: int = 128_000_000
    """Of SQLite's heap."""
    temporary_bytes: int = 256_000_000
    """Of one temporary file, for sorting and the like."""


@dataclass(frozen=True, slots=True)
class Database:
    """One database that is only read."""

    place: Path | str
    """The file of a SQLite database, or the `postgresql://` URL of a server."""
    description: str = ""
    """What is in it, for whoever asks for its tables."""
    hidden: frozenset[str] = frozenset()
    """Tables, and columns as `table.column`, that nobody may read; of SQLite only (Postgres has roles)."""
    limits: ReadLimits = field(default_factory=ReadLimits)

    @property
    def is_postgres(self) -> bool:
        """Whether it is a server; else it is a file."""
        return str(self.place).startswith(_POSTGRES)

    @property
    def dialect(self) -> str:
        """The SQL it speaks."""
        return "PostgreSQL" if self.is_postgres else "SQLite"


class Databases(Mapping[str, Database]):
    """Databases by name, a resource: `resources.provide(Databases, lambda: Databases({"shop": path}))`."""

    def __init__(self, by_name: Mapping[str, Database | Path | str]) -> None:
        self._by_name = {name: each if isinstance(each, Database) else Database(each) for name, each in by_name.items()}
        if problems := list(_problems(self._by_name)):
            raise ToolDeclarationError("Databases", problems)

    def __getitem__(self, name: str) -> Database:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def chosen(self, name: str) -> Database:
        """The database of this name; the only one may go without. Raises ToolFailed, with what there is."""
        if not name and len(self._by_name) == 1:
            return next(iter(self._by_name.values()))
        if name not in self._by_name:
            said = f"There is no database {name!r}." if name else "Say which database is meant."
            raise ToolFailed(f"{said}{did_you_mean(name, self._by_name)} There are: {listed(self._by_name)}.")
        return self._by_name[name]


def _problems(by_name: Mapping[str, Database]) -> Iterator[str]:
    if not by_name:
        yield "There is none. Give each a name: Databases({'shop': Path('shop.db')})."
    for name, each in by_name.items():
        if "://" in str(each.place) and not each.is_postgres:
            yield f"{name!r} is neither a file nor a postgresql:// URL."
        if each.is_postgres and each.hidden:
            yield f"{name!r} hides tables, which is for SQLite. Give the server's role fewer rights instead."
