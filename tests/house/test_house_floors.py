"""The import contracts of pyproject.toml: each is broken on purpose in a small tree and must say so by name."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import pytest

FLOORS = [
    ["prompts", "models", "tools"],
    ["retrieval", "agents"],
    ["runtime"],
    ["graphs"],
    ["evals"],
    ["cli"],
    ["examples"],
]
SIDE_BY_SIDE = [(a, b) for floor in FLOORS for a in floor for b in floor if a != b]
UPWARDS = [(low[0], high[0]) for low, high in pairwise(FLOORS)]
LIBRARIES = {
    "jinja2": ("jinja2", ["prompts", "evals/pages/drawing"]),
    "openai": ("openai", ["models", "retrieval/embedders"]),
    "http": ("httpx2", ["models", "tools/builtin/fetching", "tools/mcp/http"]),
    "tenacity": ("tenacity", ["models", "tools"]),
    "chromadb": ("chromadb", ["retrieval"]),
    "database": ("sqlalchemy", ["runtime"]),
    "langgraph": ("langgraph", ["runtime", "graphs", "examples"]),
    "terminal": ("click", ["cli"]),
    "mcp": ("mcp", ["tools"]),
}
"""Contract: (a library of it, the places that may import it)."""


@pytest.fixture
def lint(tmp_path: Path, root: Path, pyproject: dict[str, Any]) -> Any:
    """A tree of empty folders with our contracts; returns what the linter says of further files."""
    for folder in chain.from_iterable(FLOORS):
        _write(tmp_path / "graphwright" / folder / "__init__.py", "")
    names = {each["id"]: each["name"] for each in pyproject["tool"]["importlinter"]["contracts"]}

    def run(files: dict[str, str]) -> list[str]:
        """The ids of the broken contracts."""
        for path, code in files.items():
            _write(tmp_path / "graphwright" / path, code)
        done = subprocess.run(
            [
                Path(sys.executable).parent / "lint-imports",
                "--no-cache",
                "--no-logo",
                "--config",
                root / "pyproject.toml",
            ],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path), "COLUMNS": "300"},
            capture_output=True,
            text=True,
            check=False,
        )
        broken = [id for id, name in names.items() if f"{name} BROKEN" in done.stdout]
        assert done.returncode == (1 if broken else 0), done.stdout + done.stderr
        assert f"{len(broken)} broken." in done.stdout, done.stdout
        return broken

    return run


def _write(path: Path, code: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(code, encoding="utf-8")


def test_a_tree_that_imports_downwards_keeps_every_contract(lint: Any) -> None:
    inside = {f"{place}/inside.py": f"import {name}\n" for name, places in LIBRARIES.values() for place in places[:1]}

    assert lint({**inside, "cli/run.py": "from graphwright.graphs import x\nfrom graphwright.prompts import y\n"}) == []


@pytest.mark.parametrize(("low", "high"), UPWARDS)
def test_an_import_upwards_breaks_the_floors(lint: Any, low: str, high: str) -> None:
    assert lint({f"{low}/offending.py": f"def f():\n    from graphwright.{high} import x\n"}) == ["floors"]


def test_an_import_beside_breaks_the_floors(lint: Any) -> None:
    last: dict[str, str] = {}
    for one, other in SIDE_BY_SIDE:
        files = {f"{one}/offending.py": f"import graphwright.{other}\n"}

        assert lint(dict.fromkeys(last, "") | files) == ["floors"], (one, other)
        last = files


def test_a_folder_without_a_floor_breaks_the_floors(lint: Any) -> None:
    assert lint({"cellar/__init__.py": ""}) == ["floors"]


def test_modules_that_import_each_other_in_a_circle_are_found(lint: Any) -> None:
    circle = {
        "tools/one.py": "from .two import b\n",
        "tools/two.py": "from .three import c\n",
        "tools/three.py": "from . import one\n",
    }

    assert lint(circle) == ["cycles"]


@pytest.mark.parametrize("contract", LIBRARIES)
def test_a_library_behind_its_door_may_not_be_imported_elsewhere(lint: Any, contract: str) -> None:
    library, places = LIBRARIES[contract]
    doors = {f"{place}{'' if '/' in place else '/inside'}.py": f"import {library}\n" for place in places}
    elsewhere = next(folder for folder in ("agents", "graphs", "prompts") if folder not in places)

    assert lint(doors) == []
    assert lint({f"{elsewhere}/offending.py": f"def f():\n    from {library}.part import x\n"}) == [contract]


def test_every_library_contract_is_broken_by_a_test(pyproject: dict[str, Any]) -> None:
    contracts = {each["id"] for each in pyproject["tool"]["importlinter"]["contracts"]}

    assert contracts == {"floors", "cycles", *LIBRARIES}
