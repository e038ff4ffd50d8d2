"""The catalogue finds graphs by name: shipped examples, the user's project, entry points.

A graph is a function that returns an uncompiled ``StateGraph``, declared by :func:`graph`. If it has a parameter
``tools``, it is given the tools that the user loaded. A file that cannot be imported is named with its error; the
others still load.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, ParamSpec

from langgraph.graph import StateGraph

from graphwright.tools import Resources, Tool

P = ParamSpec("P")

ENTRY_POINTS = "graphwright.graphs"
SHIPPED = ("research", "assistant", "recommend", "support", "council", "pipeline", "moderation", "fraud", "analyst")
_HERE = Path(__file__).parent


class GraphNotFound(LookupError):
    """No graph has this name. Names the nearest ones, and the files that could not be loaded."""


class GraphDeclarationError(ValueError):
    """A graph was declared wrongly. For the developer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphEntry:
    """A graph that can be run by its name."""

    name: str
    description: str
    build: Callable[..., StateGraph[Any, Any]]
    input: str = "messages"
    """The state key that takes the text of an input."""
    output: str = "messages"
    """The state key that holds the answer."""
    example: str = ""
    """The input to use where none is given."""
    knowledge: tuple[str, ...] = ()
    """Packages whose documentation the graph reads where the user has ingested nothing."""
    resources: Callable[[Resources, Path], None] | None = None
    """Provides what the graph's tools share; told the state folder."""
    world: Callable[[Path], dict[str, Any]] | None = None
    """Reads the end state of the graph's world from the state folder, as plain data."""
    owner: str = ""
    """Who answers for it."""
    data: tuple[str, ...] = ()
    """What data it touches, a sentence each."""
    source: str = ""
    """Where it is declared."""

    def provide(self, resources: Resources, state: Path) -> None:
        """Add what the graph's tools share; nothing is opened before a tool asks for it."""
        if self.resources is not None:
            self.resources(resources, state)

    def graph(self, tools: Sequence[Tool] = ()) -> StateGraph[Any, Any]:
        """The graph, uncompiled, with the user's tools if it takes any."""
        if "tools" in inspect.signature(self.build).parameters:
            return self.build(tools=tuple(tools))
        return self.build()

    def values(self, text: str) -> dict[str, Any]:
        """The graph's input for this text, as plain data."""
        if self.input == "messages":
            return {"messages": [{"role": "user", "content": text}]}
        return {self.input: text}

    def answer(self, state: Mapping[str, Any]) -> str:
        """What a person reads of a final state."""
        value = state.get(self.output)
        if self.output == "messages":
            return str(value[-1].text) if value else ""
        return value if isinstance(value, str) else "" if value is None else _json(value)


@dataclass(frozen=True, slots=True)
class BrokenGraph:
    """A file or entry point that could not be loaded."""

    source: str
    error: str


def graph(
    *,
    description: str,
    name: str = "",
    input: str = "messages",
    output: str = "messages",
    example: str = "",
    knowledge: Sequence[str] = (),
    resources: Callable[[Resources, Path], None] | None = None,
    world: Callable[[Path], dict[str, Any]] | None = None,
    owner: str = "",
    data: Sequence[str] = (),
) -> Callable[[Callable[..., StateGraph[Any, Any]]], GraphEntry]:
    """Declare a graph of the catalogue.

    Args:
        description: One sentence for lists and supervisors.
        name: What users type; the function's name if left out.
        input: The state key that takes the text of an input; ``messages`` adds it as a person's message.
        output: The state key that holds the answer; of ``messages`` the last one's text.
        example: The input to use where none is given.
        knowledge: Packages whose documentation is ingested at the first run if the knowledge base is empty.
        resources: Provides what the graph's tools share, given the state folder; make things in factories.
        world: Reads what the graph's effects have changed, from the state folder and without changing it: plain data
            without times and random ids, the end state that evals compare and `certify` checks.
        owner: Who answers for it, for its card.
        data: What data it touches, a sentence each, for its card.

    Raises:
        GraphDeclarationError: if the description is empty.
    """

    def declare(build: Callable[..., StateGraph[Any, Any]]) -> GraphEntry:
        if not description.strip():
            raise GraphDeclarationError(f"Graph {build.__name__!r} needs a description of one sentence.")
        code = build.__code__
        return GraphEntry(
            name=name or build.__name__,
            description=description,
            build=build,
            input=input,
            output=output,
            example=example,
            knowledge=tuple(knowledge),
            resources=resources,
            world=world,
            owner=owner,
            data=tuple(data),
            source=f"{code.co_filename}:{code.co_firstlineno}",
        )

    return declare


@dataclass
class Catalogue:
    """Graphs by name. The project's win over entry points, and those over the shipped ones.

    A shipped graph is imported when it is asked for: to run one must not cost the import of all.
    """

    project: Path | None = None
    broken: list[BrokenGraph] = field(default_factory=list)
    _found: dict[str, GraphEntry] = field(default_factory=dict)
    """Of the project and of installed packages: their names are known once they are imported."""

    @classmethod
    def load(cls, project: Path | None = None) -> Catalogue:
        """Find every graph; nothing is built yet."""
        found = cls(project)
        for point in entry_points(group=ENTRY_POINTS):
            found._found.update(found._try(f"entry point {point.name} = {point.value}", _from_entry_point, point))
        for path in _project_files(project):
            found._found.update(found._try(str(path), load_file, path, project))
        return found

    @cached_property
    def entries(self) -> dict[str, GraphEntry]:
        """All of them by name."""
        shipped = {name: entry for each in SHIPPED for name, entry in self._ship(each).items()}
        return {**shipped, **self._found}

    def get(self, name: str) -> GraphEntry:
        """The graph of this name.

        Raises:
            GraphNotFound: with the names that come near, and what could not be loaded.
        """
        if name in self._found:
            return self._found[name]
        if name in SHIPPED and name in (shipped := self._ship(name)):
            return shipped[name]
        near = get_close_matches(name, self.entries, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        broken = "".join(f" {each.source} could not be loaded: {each.error}." for each in self.broken)
        raise GraphNotFound(f"There is no graph {name!r}.{hint} There are: {', '.join(sorted(self.entries))}.{broken}")

    def _ship(self, name: str) -> dict[str, GraphEntry]:
        module = f"graphwright.examples.{name}.graph"
        return self._try(module, importlib.import_module, module)

    def _try(
        self, source: str, load: Callable[P, ModuleType | GraphEntry], *args: P.args, **named: P.kwargs
    ) -> dict[str, GraphEntry]:
        try:
            loaded = load(*args, **named)
            entries = [loaded] if isinstance(loaded, GraphEntry) else list(_entries_of(loaded))
        except (Exception, SystemExit) as error:
            if all(each.source != source for each in self.broken):
                self.broken.append(BrokenGraph(source, _where(error)))
            return {}
        return {each.name: each for each in entries}


def load_file(path: Path, project: Path | None = None) -> ModuleType:
    """Import one file of a project, with the project's folder first on the import path."""
    root = str(project or path.parent)
    if root not in sys.path:
        sys.path.insert(0, root)
    name = f"graphwright_project_graphs_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    # A tool that says `from graphs.shop import Shop` must get this module, not run the file a second time.
    sys.modules[f"{path.parent.name}.{path.stem}"] = module
    return module


def _from_entry_point(point: EntryPoint) -> ModuleType | GraphEntry:
    loaded = point.load()
    if not isinstance(loaded, ModuleType | GraphEntry):
        raise GraphDeclarationError(f"It gives a {type(loaded).__name__}, neither a module nor a graph.")
    return loaded


def _project_files(project: Path | None) -> list[Path]:
    folder = (project / "graphs") if project else None
    if folder is None or not folder.is_dir() or folder.resolve() == _HERE.resolve():
        return []
    return sorted(path for path in folder.glob("*.py") if not path.name.startswith("_"))


def _entries_of(module: ModuleType) -> Iterator[GraphEntry]:
    for value in vars(module).values():
        if isinstance(value, GraphEntry):
            yield value


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    if isinstance(error, SyntaxError) and error.filename:
        place = f" ({error.filename}:{error.lineno})"
    return f"{type(error).__name__}: {error}{place}"


def _json(value: Any) -> str:
    import orjson

    return orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode()
