"""What the house tests look at: the checkout, its files, its pyproject.toml."""

from __future__ import annotations

import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
_NEVER = {".venv", ".git", ".graphwright", "__pycache__", "build", "dist"}


def _files() -> list[Path]:
    """Every file that is or would be committed, relative to the checkout; where there is no git, every file."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        if listed.returncode == 0:
            return sorted(Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [each for each in folders if each not in _NEVER and not each.endswith((".egg-info", "_cache"))]
        found += [(Path(folder) / name).relative_to(ROOT) for name in names]
    return sorted(found)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    """The files of the repository, relative to :func:`root`."""
    return _files()


@pytest.fixture(scope="session")
def pyproject() -> dict[str, Any]:
    """The parsed pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def folders(pyproject: dict[str, Any]) -> list[str]:
    """The top-level folders that are packages: ``agents``, ``tools``, ..."""
    names = {name.split(".")[1] for name in pyproject["tool"]["setuptools"]["packages"]}
    return sorted(names)


@pytest.fixture(scope="session")
def shipped(tracked: list[Path], folders: list[str]) -> list[Path]:
    """The files of the package folders."""
    return [path for path in tracked if path.parts[0] in folders]
