"""Dependencies: none older than its last security fix, none undeclared, none with a licence that binds our users."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, metadata, packages_distributions, version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from graphwright.runtime.versions import MINIMUM

PERMISSIVE = r"MIT|BSD|0BSD|Apache|ISC|PSF|Python Software Foundation|Zlib|CC0|Unlicense"
BINDING = r"GPL|SSPL|MPL|Elastic|BUSL|Commons Clause|proprietary"
EXCEPTIONS = {
    "orjson": "MPL-2.0 for one part: it asks for changes to its own files back, and we change none",
    "hypothesis": "MPL-2.0, for development only",
}


def _names(requirements: list[str]) -> list[str]:
    return [canonicalize_name(Requirement(each).name) for each in requirements]


def _direct(pyproject: dict[str, Any]) -> list[str]:
    development = [each for each in pyproject["dependency-groups"]["dev"] if isinstance(each, str)]
    return _names([*_of_users(pyproject), *development])


def _of_users(pyproject: dict[str, Any]) -> list[str]:
    """What users install: the base and every extra."""
    extras = pyproject["project"].get("optional-dependencies", {})
    return [*pyproject["project"]["dependencies"], *(each for extra in extras.values() for each in extra)]


@pytest.fixture(scope="module")
def locked(root: Path) -> dict[str, list[Version]]:
    """Name: every version that uv.lock may install."""
    found: dict[str, list[Version]] = {}
    for package in tomllib.loads((root / "uv.lock").read_text(encoding="utf-8"))["package"]:
        if "version" in package:
            found.setdefault(package["name"], []).append(Version(package["version"]))
    return found


@pytest.mark.parametrize("name", MINIMUM)
def test_no_version_with_a_known_hole_is_installed_locked_or_allowed(
    name: str, locked: dict[str, list[Version]], pyproject: dict[str, Any]
) -> None:
    oldest = Version(MINIMUM[name])
    declared = [Requirement(each) for each in _of_users(pyproject)]
    bounds = [
        Version(each.version)
        for one in declared
        if canonicalize_name(one.name) == name
        for each in one.specifier
        if each.operator == ">="
    ]

    assert [found for found in locked.get(name, []) if found < oldest] == []
    assert [bound for bound in bounds if bound < oldest] == []
    try:
        assert Version(version(name)) >= oldest
    except PackageNotFoundError:
        assert name not in locked, f"{name} is locked and not installed: make test"


def test_the_minimum_versions_concern_something(locked: dict[str, list[Version]]) -> None:
    assert {
        "langgraph",
        "langgraph-checkpoint",
        "langgraph-checkpoint-sqlite",
        "langgraph-sdk",
        "langchain-core",
    } <= set(locked)


def test_every_dependency_has_a_lower_bound(pyproject: dict[str, Any]) -> None:
    loose = [each for each in pyproject["project"]["dependencies"] if not re.search(r">=|==|~=", each)]

    assert loose == []


def test_the_lock_holds_every_direct_dependency(pyproject: dict[str, Any], locked: dict[str, list[Version]]) -> None:
    assert [name for name in _direct(pyproject) if name not in locked] == []


def test_direct_dependencies_have_licences_that_bind_nobody(pyproject: dict[str, Any]) -> None:
    unclear = {}
    for name in sorted(set(_direct(pyproject)) - set(EXCEPTIONS)):
        try:
            about = metadata(name)
        except PackageNotFoundError:
            continue  # an extra that is not installed here
        classifiers = [each for each in about.get_all("Classifier") or [] if each.startswith("License ::")]
        ways = (about.get_all("License-Expression"), classifiers, about.get_all("License"))
        said = "; ".join(next((way for way in ways if way), ["nothing"]))
        if not re.search(PERMISSIVE, said) or re.search(BINDING, said, re.IGNORECASE):
            unclear[name] = said
    assert unclear == {}


def test_every_imported_library_is_a_declared_dependency(
    shipped: list[Path], root: Path, pyproject: dict[str, Any]
) -> None:
    """What only comes along with another package goes away when that one changes its mind."""
    declared = set(_names(_of_users(pyproject)))
    owners = packages_distributions()
    part_of = {"pydantic_core": "pydantic", "pydantic_monty": "pydantic-monty"}
    undeclared = {}
    for path in (each for each in shipped if each.suffix == ".py"):
        for name in _imported(root / path) - set(sys.stdlib_module_names) - {"graphwright"}:
            homes = {canonicalize_name(home) for home in owners.get(name, [name])} | {part_of.get(name, name)}
            if not homes & declared:
                undeclared[name] = path.as_posix()

    assert undeclared == {}


def _imported(path: Path) -> set[str]:
    """The top-level names that a file imports absolutely."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {each.name.split(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names
