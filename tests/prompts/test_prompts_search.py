"""Where a prompt is found: added folders first, then the project, the caller's package, and what is shipped."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from graphwright.prompts import PromptError, add_prompt_folder, folders, list_prompts, prompt

HEAD = "---\ntitle: t\nsent_by: a\nwhen: b\n"


def write(path: Path, text: str, places: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEAD}{places}---\n{text}\n")
    return path


@pytest.fixture(autouse=True)
def _own_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "_added", [])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that is the current folder, with a folder below."""
    (tmp_path / "project" / "data").mkdir(parents=True)
    (tmp_path / "project" / "graphwright.toml").write_text("")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def call_from(package: Path, name: str) -> str:
    """Ask for a prompt from code in a file of this package."""
    file = package / "agents.py"
    scope = {"__file__": str(file), "prompt": prompt}
    exec(compile(f"found = prompt({name!r})", str(file), "exec"), scope)
    return scope["found"].text.strip()  # type: ignore[attr-defined]  # set by exec


def test_added_folders_come_first_then_the_project_then_the_callers_package(project: Path, tmp_path: Path) -> None:
    package = tmp_path / "desk"
    write(package / "prompts" / "billing.md", "from the package")
    (package / "__init__.py").write_text("")

    assert call_from(package, "desk/billing") == "from the package"
    assert call_from(package, "billing") == "from the package"
    write(project / "prompts" / "desk" / "billing.md", "from the project")
    assert call_from(package, "desk/billing") == "from the project"
    write(tmp_path / "more" / "desk" / "billing.md", "from an added folder")
    add_prompt_folder(tmp_path / "more")
    assert call_from(package, "desk/billing") == "from an added folder"


def test_code_in_a_deeper_package_finds_the_prompts_of_the_package_around_it(tmp_path: Path) -> None:
    inner = tmp_path / "desk" / "people"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent):
        (folder / "__init__.py").write_text("")
    write(tmp_path / "desk" / "prompts" / "ann.md", "for Ann")
    write(tmp_path / "prompts" / "bob.md", "beyond the package")

    assert call_from(inner, "desk/ann") == "for Ann"
    assert call_from(inner, "bob") == "beyond the package"


def test_a_folder_called_prompts_is_no_project_without_the_project_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "prompts" / "planner.md", "from a stranger's folder")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(PromptError, match="There is no prompt 'planner'"):
        prompt("planner")


def test_a_project_above_the_current_folder_is_not_looked_at(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project / "prompts" / "planner.md", "from above")
    monkeypatch.chdir(project / "data")

    with pytest.raises(PromptError, match="There is no prompt 'planner'"):
        prompt("planner")


def test_an_unknown_prompt_names_the_near_one_and_where_it_was_looked_for(project: Path) -> None:
    write(project / "prompts" / "planner.md", "text")

    with pytest.raises(PromptError) as caught:
        prompt("planer")

    assert "There is no prompt 'planer'. Did you mean 'planner'?" in str(caught.value)
    assert f"Looked in {project / 'prompts'}" in caught.value.problems


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a//b", "a/", "", "a.md", "a\\b", "a\x00b", "é", "a b"])
def test_a_name_is_never_a_path(project: Path, name: str) -> None:
    write(project / "secret.md", "secret")

    with pytest.raises(PromptError, match="A name is words"):
        prompt(name)


def test_defaults_fill_places_and_can_be_overridden(project: Path) -> None:
    write(project / "prompts" / "hi.md", "{{ tone }} {{ name }}", "places: [tone, name]\n")

    found = prompt("hi", tone="Dear")

    assert found.render(name="Ann") == "Dear Ann\n"
    assert found.render(name="Ann", tone="Yo") == "Yo Ann\n"
    with pytest.raises(PromptError, match=r"'tune' fills no place\. Did you mean 'tone'\?"):
        prompt("hi", tune="x")


def test_an_edited_file_counts_at_once(project: Path) -> None:
    write(project / "prompts" / "hello.md", "Hello {{ name }}.", "places: {name: who}\n")
    before = prompt("hello").render(name="Ann")
    write(project / "prompts" / "hello.md", "Good day, {{ guest }}.", "places: {guest: who comes}\n")
    after = prompt("hello")

    assert (before, after.render(guest="Ann")) == ("Hello Ann.\n", "Good day, Ann.\n")
    assert after.header.places == {"guest": "who comes"}


def test_a_wrong_header_is_told_each_time(project: Path) -> None:
    write(project / "prompts" / "hello.md", "Hello {{ name }}.")

    told = []
    for _ in range(2):
        with pytest.raises(PromptError) as problem:
            prompt("hello")
        told.append(str(problem.value))

    assert told[0] == told[1]


def test_the_prompts_are_listed_with_the_file_that_would_be_used(project: Path, tmp_path: Path) -> None:
    mine = write(tmp_path / "more" / "desk" / "billing.md", "mine")
    write(project / "prompts" / "desk" / "billing.md", "shadowed")
    more = write(tmp_path / "more" / "other.md", "more")
    write(tmp_path / "more" / "not a name.md", "left out")
    add_prompt_folder(tmp_path / "more")

    found = {one.name: one.path for one in list_prompts()}

    assert (found["desk/billing"], found["other"]) == (mine, more)
    assert "not a name" not in found


def test_a_caller_elsewhere_can_be_named_for_the_list(tmp_path: Path) -> None:
    path = write(tmp_path / "desk" / "prompts" / "ann.md", "for Ann")

    assert path in {one.path for one in list_prompts(tmp_path / "desk")}


def test_every_shipped_prompt_can_be_loaded_by_its_name() -> None:
    for one in list_prompts():
        assert prompt(one.name).path == one.path


def test_a_file_that_is_not_utf8_is_told(project: Path) -> None:
    (project / "prompts").mkdir()
    (project / "prompts" / "bad.md").write_bytes(b"\xff\xfe")

    with pytest.raises(PromptError, match="not UTF-8"):
        prompt("bad")


def test_an_added_folder_must_exist(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="There is no folder"):
        add_prompt_folder(tmp_path / "gone")


def test_loading_a_simple_prompt_does_not_import_jinja2(project: Path) -> None:
    write(project / "prompts" / "hi.md", "Hello {{ name }}", "places: [name]\n")
    program = """
import sys
from graphwright.prompts import prompt
found = prompt("hi")
print("jinja2" in sys.modules, found.render(name="Ann").strip(), "jinja2" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=project)

    assert done.stdout.strip() == "False Hello Ann True"
