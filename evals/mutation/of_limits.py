"""A limit is raised: a constant of the graph's own modules, or how long its agents may go on."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from graphwright.graphs.parts import agents_of

from .ground import Ground
from .mutant import Breaking, Mutant

TIMES = 10
_LIMIT = re.compile(r"(?:^|_)(?:MAX|MAXIMUM|MOST|LIMIT|LARGEST|LONGEST|HIGHEST|AT_MOST)(?:_|$)")


def raise_limit(ground: Ground) -> Iterator[Mutant]:
    """A limit is ten times what it was."""
    for (name, value), modules in _constants(ground).items():
        yield Mutant(
            operator="raise_limit",
            target=f"{Path(modules[0].__file__ or '').stem}.{name}",
            mistake=f"{name} is {value * TIMES} instead of {value}.",
            touches=lambda lived: True,
            advice=f"Add a case just above {name}, and expect what happens there.",
            breaking=Breaking(counts=False),
            installed=_setting(modules, name, value * TIMES),
        )


def raise_turns(ground: Ground) -> Iterator[Mutant]:
    """The agents may take ten times as many turns and calls."""
    if agents_of(ground.graph):
        built: list[Any] = []
        yield Mutant(
            operator="raise_turns",
            target="agents",
            mistake="Every agent may take ten times as many turns and calls.",
            touches=lambda lived: True,
            advice="Add a case whose model calls tools without end (`replies`), and expect how it ends.",
            breaking=Breaking(counts=False),
            build=_noting(built),
            installed=_lengthening(built),
        )


def _constants(ground: Ground) -> dict[tuple[str, Any], list[ModuleType]]:
    """Limits of the graph's own modules that a function reads while it runs, and every module that has them."""
    modules = _own_modules(ground)
    found: dict[tuple[str, Any], list[ModuleType]] = {}
    for module in modules:
        for name, value in vars(module).items():
            if _LIMIT.search(name) and name.isupper() and _is_limit(value):
                found.setdefault((name, value), []).append(module)
    read = {name for module in modules for name in _read_in(module)}
    return {key: places for key, places in found.items() if key[0] in read}


def _own_modules(ground: Ground) -> list[ModuleType]:
    """The modules of the package in which the graph is declared; the one module if it is in none of its own."""
    home = ground.entry.build.__module__
    package = home.rpartition(".")[0]
    is_own = package.count(".") >= 2
    return [
        module
        for name, module in sorted(sys.modules.items())
        if isinstance(module, ModuleType) and (name == home or (is_own and name.startswith(f"{package}.")))
    ]


def _is_limit(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool) and value > 0


def _read_in(module: ModuleType) -> Iterator[str]:
    """The names that functions declared in a module read when they are called."""
    for value in list(vars(module).values()):
        if getattr(value, "__module__", None) != module.__name__:
            continue
        functions = vars(value).values() if isinstance(value, type) else [getattr(value, "function", value)]
        for each in functions:
            inner = getattr(each, "__wrapped__", each)
            code = getattr(getattr(inner, "fget", inner), "__code__", None)
            if isinstance(code, CodeType):
                yield from _names_of(code)


def _names_of(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_of(constant)


def _setting(modules: list[ModuleType], name: str, value: Any) -> Callable[[], AbstractContextManager[None]]:
    @contextmanager
    def installed() -> Iterator[None]:
        before = [(module, getattr(module, name)) for module in modules]
        try:
            for module, _ in before:
                setattr(module, name, value)
            yield
        finally:
            for module, old in before:
                setattr(module, name, old)

    return installed


def _noting(built: list[Any]) -> Callable[[Any], Any]:
    """Remembers the agents of the graph that is run: they may be made anew each time, or shared by the process."""

    def build(graph: Any) -> Any:
        built[:] = agents_of(graph)
        return graph

    return build


def _lengthening(agents: list[Any]) -> Callable[[], AbstractContextManager[None]]:
    @contextmanager
    def installed() -> Iterator[None]:
        with ExitStack() as stack:
            for agent in agents:
                for name in ("max_turns", "max_calls"):
                    # Declarations are frozen for whoever uses them; this one is broken on purpose, and mended.
                    stack.callback(object.__setattr__, agent, name, getattr(agent, name))
                    object.__setattr__(agent, name, getattr(agent, name) * TIMES)
            yield

    return installed
