"""What users install: built from the files of the repository, compared with them, run outside the checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

PACKAGE = "graphwright/"
_FILE = re.compile(r"^```python file=(\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
"""The three files of the README's own project."""


def _build(root: Path, tracked: list[Path], folder: Path, **further: str) -> Path:
    """Source archive, and from that the wheel, of a copy of the repository with further files; returns the wheel."""
    source = folder / "source"
    for path in tracked:
        if path.parts[0] not in {"tests", "benchmarks", "docs", ".typings"}:
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / path, source / path)
    for name, text in further.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text, encoding="utf-8")
    _run([sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", source], folder)
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


def _run(command: list[Any], folder: Path, **environment: str) -> str:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [str(each) for each in command],
        cwd=folder,
        env=inherited | {"HOME": str(folder)} | environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def _content(wheel: Path) -> set[str]:
    """The files of the package in the wheel, named as in the repository."""
    with zipfile.ZipFile(wheel) as archive:
        return {name.removeprefix(PACKAGE) for name in archive.namelist() if name.startswith(PACKAGE)}


@pytest.fixture(scope="module")
def wheel(root: Path, tracked: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    return _build(root, tracked, tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path, shipped: list[Path]) -> None:
    """A suffix that is missing here belongs in tool.setuptools.package-data."""
    content = _content(wheel)
    with zipfile.ZipFile(wheel) as archive:
        top = {name.split("/")[0] for name in archive.namelist()}

    assert content == {path.as_posix() for path in shipped}
    assert top == {"graphwright", wheel.name.removesuffix("-py3-none-any.whl") + ".dist-info"}


def test_a_nested_package_that_pyproject_does_not_name_is_missing_from_the_wheel(
    root: Path, tracked: list[Path], tmp_path: Path
) -> None:
    """The trap itself: should setuptools ever mend it, the list of packages in pyproject can go."""
    nested = {"tools/unnamed/__init__.py": '"""In no list."""\n', "tools/unnamed/notes.md": "# Found by its suffix\n"}
    content = _content(_build(root, tracked, tmp_path, **nested))

    assert "tools/unnamed/__init__.py" not in content
    assert "tools/unnamed/notes.md" in content


def test_the_installed_wheel_runs_a_users_project_outside_the_checkout(
    wheel: Path, root: Path, pyproject: dict[str, Any], tmp_path: Path
) -> None:
    """The dependencies come from this environment by a .pth file, which leaves its editable install behind."""
    _run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "new"], tmp_path)
    new = tmp_path / "new/bin"
    site = Path(
        _run([new / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], tmp_path).strip()
    )
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    _run(
        [sys.executable, "-m", "pip", "--python", new / "python", "install", "--no-deps", "--no-index", wheel], tmp_path
    )
    modules = [
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name in sorted(PACKAGE + each for each in _content(wheel))
        if name.endswith(".py") and not name.endswith("__main__.py")
    ]
    program = (
        "import importlib, sys\n"
        f"for name in {modules!r}:\n"
        "    module = importlib.import_module(name)\n"
        f"    assert module.__file__.startswith({str(site)!r}), module.__file__\n"
        "print(len(sys.modules))\n"
    )

    assert _run([new / "graphwright", "--version"], tmp_path).split()[-1] == pyproject["project"]["version"]
    assert "Commands" in _run([new / "gw", "--help"], tmp_path)
    assert int(_run([new / "python", "-c", program], tmp_path, PYTHONSAFEPATH="1")) > len(modules)
    for name, text in _FILE.findall((root / "README.md").read_text(encoding="utf-8")):
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_text(text, encoding="utf-8")
    question = "What is the status of order A-1042?"
    assert "delivered" in _run([new / "graphwright", "run", "desk", question], tmp_path / "mine")


def test_the_wheel_names_its_licence_and_types(wheel: Path, root: Path, folders: list[str]) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (about,) = (archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA"))
        licences = [name for name in archive.namelist() if name.endswith("/licenses/LICENSE")]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert f"License-Expression: {project['license']}" in about
    assert len(licences) == 1
    assert {f"{name}/py.typed" for name in folders} <= _content(wheel)
