"""The pages do what they say: marked code blocks of README, CONTRIBUTING and docs/ are executed, page by page.

A page is a project of its own in an empty folder, its blocks are run in their order, offline. The words after the
language mark a block; others are not touched::

    ```python run               executed here; a page's blocks share their names, and may await
    ```python file=tools/a.py   written into the project (any language)
    ```console run              `$ graphwright ...`, `$ gw`, `$ python` or `$ pytest` lines; other lines are expected
    ```console run exit=3       the last command ends with this status    in the output, `...` standing for anything
"""

from __future__ import annotations

import ast
import asyncio
import importlib
import inspect
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md")), *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = {"graphwright", "gw", "python", "pytest"}
_FENCE = re.compile(r"^```(?P<language>\w+)(?P<words>[^\n`]*)\n(?P<text>.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A marked block of a page."""

    language: str
    text: str
    line: int
    """Where its text begins, counted from 1."""
    file: str = ""
    run: bool = False
    exit: int = 0


def blocks_of(page: str) -> list[Block]:
    """The marked blocks of a page, in their order. Raises ValueError for a mark that means nothing."""
    found = []
    for fence in _FENCE.finditer(page):
        marks = dict(word.partition("=")[::2] for word in fence["words"].split())
        line = page.count("\n", 0, fence.start("text")) + 1
        if unknown := set(marks) - {"run", "file", "exit"}:
            raise ValueError(f"Line {line - 1}: {', '.join(sorted(unknown))} marks nothing. Marks: run, file=, exit=.")
        if marks.keys() & {"run", "file"}:
            status = int(marks.get("exit", "0"))
            found.append(Block(fence["language"], fence["text"], line, marks.get("file", ""), "run" in marks, status))
    return found


class Project:
    """The empty folder in which a page comes true."""

    def __init__(self, folder: Path, page: str) -> None:
        self.folder = folder
        self.page = page
        self.names: dict[str, Any] = {"__name__": "__page__"}

    def follow(self, block: Block) -> None:
        """Do what one block says."""
        if block.file:
            path = self.folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        if block.run and block.language == "console":
            self._console(block)
        elif block.run:
            assert block.language == "python", f"{self.page}:{block.line}: only python and console blocks can be run"
            self._python(block)

    def _python(self, block: Block) -> None:
        lines = "\n" * (block.line - 1) + block.text
        code = compile(lines, self.page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        done = eval(code, self.names)
        if inspect.iscoroutine(done):
            asyncio.run(done)

    def _console(self, block: Block) -> None:
        *parts, last = list(commands_of(block.text))
        for command, expected in [*parts, last]:
            status = block.exit if command == last[0] else 0
            place = f"{self.page}:{block.line}: $ {command}"
            done = self._call(command, place)
            said = done.stdout
            assert done.returncode == status, f"{place}\nended with {done.returncode}, not {status}:\n{said}"
            for line in expected:
                assert re.search(re.escape(line).replace(r"\.\.\.", ".*?"), said), (
                    f"{place}\n{line!r} is not in:\n{said}"
                )

    def _call(self, command: str, place: str) -> subprocess.CompletedProcess[str]:
        name, *arguments = shlex.split(command, comments=True)
        assert name in COMMANDS, f"{place}: only {', '.join(sorted(COMMANDS))} can be run"
        inherited = {
            key: value for key, value in os.environ.items() if not key.startswith(("GRAPHWRIGHT_", "PYTEST_", "PYTHON"))
        }
        nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
        own = {"GRAPHWRIGHT_MODEL": "offline", "NO_COLOR": "1", "COLUMNS": "200", "HOME": str(self.folder)}
        return subprocess.run(
            [str(Path(sys.executable).parent / name), *arguments],
            cwd=self.folder,
            env=inherited | nowhere | own,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=100,
            check=False,
        )


def commands_of(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of a console block with the lines expected in its output."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *lines = part.replace("\\\n", " ").splitlines()
        yield command, [line.strip() for line in lines if line.strip() not in ("", "...")]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """An empty folder, current, importable and forgotten afterwards."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    _import_from(folder, monkeypatch)
    monkeypatch.setenv("GRAPHWRIGHT_MODEL", "offline")
    monkeypatch.setenv("GRAPHWRIGHT_STATE_DIR", ".graphwright")
    before = set(sys.modules)
    yield Project(folder, "page")
    for name in set(sys.modules) - before:
        if str(folder) in str(
            getattr(sys.modules[name], "__file__", None) or getattr(sys.modules[name], "__path__", "")
        ):
            del sys.modules[name]


def _import_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Imports look into this folder, and not into the checkout.

    `python -m pytest` puts the checkout on the path, and its `tools`, a package, would win over the page's folder.
    """
    monkeypatch.setattr(sys, "path", [str(folder), *(each for each in sys.path if Path(each or ".").resolve() != ROOT)])
    for name in [name for name in sys.modules if (ROOT / name.partition(".")[0]).is_dir()]:
        monkeypatch.delitem(sys.modules, name)
    importlib.invalidate_caches()


def test_a_checkout_on_the_path_does_not_hide_a_pages_folder(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    _import_from(project.folder, monkeypatch)

    project.follow(Block("python", "WHO = 'page'\n", line=1, file="tools/house_doc_tool.py"))
    project.follow(Block("python", "from tools.house_doc_tool import WHO\nassert WHO == 'page'\n", line=5, run=True))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_shows_is_true(page: Path, project: Project) -> None:
    project.page = page.relative_to(ROOT).as_posix()

    for block in blocks_of(page.read_text(encoding="utf-8")):
        project.follow(block)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_points_at_files_that_exist(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    links = re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", text)

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_only_marked_blocks_are_executed() -> None:
    page = "# A\n\n```python\n1 / 0\n```\n\n```python run\nx = 1\n```\n\n```console run exit=3\n$ gw\n```\n"

    assert blocks_of(page) == [
        Block("python", "x = 1\n", line=8, run=True),
        Block("console", "$ gw\n", line=12, run=True, exit=3),
    ]


def test_a_misspelt_mark_is_an_error() -> None:
    with pytest.raises(ValueError, match="Line 1: rum marks nothing"):
        blocks_of("```python rum\n```\n")


def test_blocks_of_a_page_share_files_names_and_awaits(project: Project) -> None:
    project.follow(Block("python", "import asyncio\nn = 2\nawait asyncio.sleep(0)\n", line=1, run=True))
    project.follow(Block("python", "def twice(n): return 2 * n\n", line=5, file="house_doc_sample.py"))
    project.follow(Block("python", "from house_doc_sample import twice\nassert twice(n) == 4\n", line=9, run=True))


def test_a_wrong_page_fails_with_its_line(project: Project) -> None:
    with pytest.raises(AssertionError, match=r"page:7: \$ graphwright --version\s+'graphwright 99' is not in"):
        project.follow(Block("console", "$ graphwright --version\ngraphwright 99\n", line=7, run=True))
    with pytest.raises(AssertionError, match="ended with 2, not 0"):
        project.follow(Block("console", "$ graphwright no-such-command\n", line=7, run=True))
    with pytest.raises(ZeroDivisionError) as raised:
        project.follow(Block("python", "1 / 0\n", line=7, run=True))
    assert raised.traceback[-1].lineno == 6


def test_the_output_of_a_command_is_compared_around_dots(project: Project) -> None:
    project.follow(Block("console", "$ graphwright --version\ngraph... 0...\n", line=1, run=True))
