"""Plug-ins: found in folders, files and installed packages; a broken one is named and holds up nobody."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

from graphwright.tools import ToolDeclarationError, load_tools, loading, tool

GOOD = '''
from __future__ import annotations
from dataclasses import dataclass
from graphwright.tools import tool

@dataclass
class Answer:
    text: str

@tool(effect="read")
def {name}(city: str) -> Answer:
    """Tell something about a city."""
    return Answer(city)
'''


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_every_python_file_of_a_folder_is_loaded_except_private_ones(tmp_path: Path) -> None:
    write(tmp_path, "weather.py", GOOD.format(name="weather"))
    write(tmp_path, "news.py", GOOD.format(name="news"))
    write(tmp_path, "_helper.py", "raise RuntimeError('never run')")
    write(tmp_path, "notes.txt", "not Python")

    loaded = load_tools(tmp_path, installed=False)

    assert [one.name for one in loaded.tools] == ["news", "weather"]
    assert loaded.broken == []
    assert loaded.tools[0].source == f"{tmp_path / 'news.py'}:10"


def test_broken_files_are_named_with_file_and_line_and_the_others_load(tmp_path: Path) -> None:
    write(tmp_path, "a_syntax.py", "x = 1\ndef broken(:\n    pass\n")
    write(tmp_path, "b_import.py", "\nimport no_such_module_anywhere\n")
    write(tmp_path, "c_exit.py", "import sys\nsys.exit(3)\n")
    write(tmp_path, "d_label.py", "from graphwright.tools import tool\n@tool(effect='read')\ndef f(x): ...\n")
    write(tmp_path, "e_good.py", GOOD.format(name="good"))

    loaded = load_tools(tmp_path, files=[tmp_path / "gone.py"], installed=False)
    errors = {Path(one.path).name: one.error for one in loaded.broken}

    assert [one.name for one in loaded.tools] == ["good"]
    assert errors["a_syntax.py"].startswith(f"{tmp_path / 'a_syntax.py'}:2: SyntaxError")
    assert errors["b_import.py"] == (
        f"{tmp_path / 'b_import.py'}:2: ModuleNotFoundError: No module named 'no_such_module_anywhere'"
    )
    assert errors["c_exit.py"] == f"{tmp_path / 'c_exit.py'}:2: SystemExit: 3"
    assert f"{tmp_path / 'd_label.py'}:2: ToolDeclarationError" in errors["d_label.py"]
    assert "It has no docstring" in errors["d_label.py"]
    assert "'x': has no type" in errors["d_label.py"]
    assert "There is no file" in errors["gone.py"]


def test_a_broken_file_leaves_no_module_behind(tmp_path: Path) -> None:
    before = set(sys.modules)
    write(tmp_path, "bad.py", "raise ValueError('no')")

    load_tools(tmp_path, installed=False)

    assert not {name for name in set(sys.modules) - before if "bad" in name}


def test_two_tools_with_one_name_name_both_files(tmp_path: Path) -> None:
    one = write(tmp_path, "one.py", GOOD.format(name="same"))
    two = write(tmp_path, "two.py", GOOD.format(name="same"))

    with pytest.raises(ToolDeclarationError, match=rf"called 'same': {one}:10 and {two}:10"):
        load_tools(tmp_path, installed=False)


def test_a_file_in_the_folder_and_named_again_is_loaded_once(tmp_path: Path) -> None:
    path = write(tmp_path, "one.py", GOOD.format(name="one"))

    assert len(load_tools(tmp_path, files=[path], installed=False).tools) == 1


def test_tools_that_a_file_only_imports_are_not_its_own_unless_it_lists_them(tmp_path: Path) -> None:
    use = "from graphwright.tools.builtin import calculate\n"
    write(tmp_path, "uses.py", use + GOOD.format(name="mine").replace("from __future__ import annotations", ""))
    write(tmp_path, "offers.py", use + "TOOLS = [calculate]\n")

    assert [one.name for one in load_tools(tmp_path, installed=False).tools] == ["calculate", "mine"]


def test_langchain_tools_in_a_file_are_found(tmp_path: Path) -> None:
    text = (
        "from langchain_core.tools import tool\n@tool\ndef foreign(x: int) -> int:\n    'Give x again.'\n    return x\n"
    )
    write(tmp_path, "foreign.py", text)

    found = load_tools(tmp_path, installed=False).tools

    assert [(one.name, one.labels.effect) for one in found] == [("foreign", "egress")]


def test_a_missing_folder_is_no_error(tmp_path: Path) -> None:
    assert load_tools(tmp_path / "tools", installed=False).tools == []


def test_an_entry_point_gives_a_tool_a_list_or_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    @tool(effect="read")
    def alone(x: int) -> int:
        """Stand alone."""
        return x

    module = ModuleType("acme_tools")
    many, shelf = ModuleType("acme_many"), ModuleType("acme_shelf")
    module.alone = alone  # type: ignore[attr-defined]  # made here
    many.TOOLS = [alone]  # type: ignore[attr-defined]  # made here
    for one in (module, many, shelf):
        monkeypatch.setitem(sys.modules, one.__name__, one)
    exec(GOOD.format(name="inside"), vars(shelf))
    points = [
        EntryPoint("a", "acme_tools:alone", loading.GROUP),
        EntryPoint("b", "acme_many:TOOLS", loading.GROUP),
        EntryPoint("c", "acme_shelf", loading.GROUP),
        EntryPoint("d", "acme_gone:x", loading.GROUP),
    ]
    monkeypatch.setattr(loading, "entry_points", lambda group: points)

    loaded = load_tools()

    assert [one.name for one in loaded.tools] == ["alone", "inside"]
    assert [one.path for one in loaded.broken] == ["entry point d = acme_gone:x"]
    assert "No module named 'acme_gone'" in loaded.broken[0].error


def test_importing_the_tools_imports_no_heavy_library() -> None:
    program = """
import sys
import graphwright.tools, graphwright.tools.builtin, graphwright.prompts
graphwright.prompts.Prompt.inline("Hello {{ name }}")
heavy = ("langchain_core", "langgraph", "openai", "chromadb", "numpy", "jinja2", "yaml", "tenacity")
print([name for name in heavy if name in sys.modules])
from graphwright.tools import check_tools, load_tools, with_limits, Finding
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split("\n")[:2] == ["[]", "[]"]
