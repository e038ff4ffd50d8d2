"""The shape of the repository: names, sizes, places, words."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path
from typing import Any

LONGEST = 400
"""Lines of a file; STYLE calls it a smell, this makes it a wall."""
_MACHINE = re.compile(r"(?<![\w.}*-])/(?:work|root|home|opt|Users)/\w")
_UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XXX|HACK)\b")
_NOT_WORDS_OF_OURS = {"uv.lock", "LICENSE"}


def _text(path: Path) -> str:
    data = path.read_bytes()
    return "" if b"\0" in data else data.decode("utf-8")


def test_every_package_folder_and_only_those_is_a_package_in_pyproject(
    pyproject: dict[str, Any], tracked: list[Path]
) -> None:
    """A folder left out works in the checkout and is missing from the wheel."""
    setuptools = pyproject["tool"]["setuptools"]
    outside = {"tests", "benchmarks", "docs"}
    in_tree = {
        "graphwright." + ".".join(path.parent.parts): path.parent.as_posix()
        for path in tracked
        if path.name == "__init__.py" and path.parts[0] not in outside and not path.parts[0].startswith(".")
    }

    assert sorted(setuptools["packages"]) == sorted(in_tree)
    assert setuptools["package-dir"] == in_tree


def test_every_folder_with_python_is_a_package(shipped: list[Path], root: Path) -> None:
    without = {
        path.parent for path in shipped if path.suffix == ".py" and not (root / path.parent / "__init__.py").exists()
    }

    assert not without


def test_the_namespace_has_no_root_package(root: Path) -> None:
    assert not (root / "__init__.py").exists()
    assert not (root / "graphwright").exists()


def test_type_checkers_find_every_folder_by_a_relative_link(root: Path, folders: list[str]) -> None:
    links = {link.name: link for link in (root / ".typings/graphwright").iterdir()}

    assert sorted(links) == folders
    for name, link in links.items():
        assert link.is_symlink(), link
        assert link.readlink() == Path("../..") / name


def test_every_folder_says_that_it_is_typed(root: Path, folders: list[str]) -> None:
    assert [name for name in folders if not (root / name / "py.typed").exists()] == []


def test_no_module_is_called_core_common_or_utils(tracked: list[Path]) -> None:
    banned = {"core", "common", "utils", "util", "helpers", "misc"}

    assert [path for path in tracked if banned & {*path.parts, path.stem}] == []


def test_packages_are_two_folders_deep(shipped: list[Path]) -> None:
    assert [path for path in shipped if path.suffix == ".py" and len(path.parts) > 3] == []


def test_no_file_of_the_package_is_too_long(shipped: list[Path], root: Path) -> None:
    lengths = {path.as_posix(): len(_text(root / path).splitlines()) for path in shipped if path.suffix == ".py"}

    assert {path: lines for path, lines in lengths.items() if lines > LONGEST} == {}


def test_no_file_names_a_place_on_somebodys_machine(tracked: list[Path], root: Path) -> None:
    found = [
        f"{path}:{number}: {line.strip()[:80]}"
        for path in tracked
        if path.name not in _NOT_WORDS_OF_OURS and path.name != Path(__file__).name
        for number, line in enumerate(_text(root / path).splitlines(), 1)
        if _MACHINE.search(line)
    ]

    assert found == []


def test_nothing_is_left_unfinished(shipped: list[Path], root: Path) -> None:
    assert [path for path in shipped if _UNFINISHED.search(_text(root / path))] == []


def test_every_module_begins_with_a_docstring(shipped: list[Path], root: Path) -> None:
    silent = [
        path
        for path in shipped
        if path.suffix == ".py" and not (ast.get_docstring(ast.parse(_text(root / path))) or "").strip()
    ]

    assert silent == []


def test_every_public_name_of_a_package_exists(pyproject: dict[str, Any]) -> None:
    missing = []
    for name in pyproject["tool"]["setuptools"]["packages"]:
        package = importlib.import_module(name)
        missing += [f"{name}.{public}" for public in getattr(package, "__all__", ()) if not hasattr(package, public)]

    assert missing == []


def test_test_files_have_unique_names_and_no_packages(tracked: list[Path]) -> None:
    """pytest imports them by name (importlib mode); two of one name hide each other in reports."""
    tests = [path for path in tracked if path.parts[0] == "tests"]
    names = [path.name for path in tests if path.name.startswith("test_")]

    assert sorted(names) == sorted(set(names))
    assert [path for path in tests if path.name == "__init__.py"] == []
