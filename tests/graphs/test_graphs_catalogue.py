"""The catalogue: graphs found by name, broken files named, a project's own graphs first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from graphwright.graphs import Catalogue, GraphNotFound, graph
from graphwright.graphs.catalogue import SHIPPED, GraphDeclarationError, GraphEntry
from graphwright.tools import tool

GRAPH = '''
from graphwright.agents import Agent
from graphwright.graphs import agent_loop, graph


@graph(description="{description}")
def {name}({parameters}):
    """A desk."""
    return agent_loop(Agent(name="desk", description="Answers.", prompt="Answer.", tools={tools}))
'''


def project(folder: Path, **files: str) -> Path:
    (folder / "graphs").mkdir()
    for name, text in files.items():
        (folder / "graphs" / f"{name}.py").write_text(text)
    return folder


def source(name: str, description: str = "A desk.", parameters: str = "", tools: str = "[]") -> str:
    return GRAPH.format(name=name, description=description, parameters=parameters, tools=tools)


def test_the_shipped_graphs_are_found_and_can_be_built() -> None:
    catalogue = Catalogue.load()

    assert {"research", "assistant"} <= set(catalogue.entries)
    assert not catalogue.broken
    for entry in catalogue.entries.values():
        entry.graph().compile()


def test_a_graph_of_the_project_is_found_by_its_functions_name(tmp_path: Path) -> None:
    catalogue = Catalogue.load(project(tmp_path, desk=source("front_desk")))

    entry = catalogue.get("front_desk")
    assert entry.description == "A desk."
    assert entry.source.endswith("desk.py:6")


def test_a_graph_of_the_project_wins_over_a_shipped_one(tmp_path: Path) -> None:
    catalogue = Catalogue.load(project(tmp_path, mine=source("research", description="Mine.")))

    assert catalogue.get("research").description == "Mine."


def test_a_broken_file_is_named_with_its_line_and_the_others_load(tmp_path: Path) -> None:
    catalogue = Catalogue.load(project(tmp_path, bad="import no_such_module_here\n", good=source("good")))

    (broken,) = catalogue.broken
    assert broken.source.endswith("bad.py")
    assert "no_such_module_here" in broken.error
    assert "bad.py:1" in broken.error
    assert "good" in catalogue.entries


def test_a_syntax_error_is_named_with_its_line(tmp_path: Path) -> None:
    catalogue = Catalogue.load(project(tmp_path, bad="x = 1\ndef broken(:\n"))

    assert "bad.py:2" in catalogue.broken[0].error


def test_a_file_that_ends_the_process_is_a_broken_file(tmp_path: Path) -> None:
    catalogue = Catalogue.load(project(tmp_path, bad="raise SystemExit(3)\n", good=source("good")))

    assert "SystemExit" in catalogue.broken[0].error
    assert "good" in catalogue.entries


def test_an_unknown_name_is_answered_with_the_near_one_and_all_there_are() -> None:
    with pytest.raises(GraphNotFound, match=r"There is no graph 'reserch'\. Did you mean 'research'\?.*assistant"):
        Catalogue.load().get("reserch")


def test_files_that_begin_with_an_underscore_are_left_alone(tmp_path: Path) -> None:
    catalogue = Catalogue.load(project(tmp_path, _helper="raise ValueError('not to be imported')"))

    assert not catalogue.broken


def test_a_graph_that_takes_tools_is_given_the_users(tmp_path: Path) -> None:
    @tool(effect="read")
    async def shout(text: str) -> str:
        """Say it loud."""
        return text.upper()

    file = source("desk", parameters="tools=()", tools="list(tools)")
    entry = Catalogue.load(project(tmp_path, desk=file)).get("desk")

    loop = entry.graph([shout])
    assert loop.nodes["tools"].runnable.afunc.__self__.agent.toolbox.names == ("shout",)


def test_input_and_output_follow_the_declaration() -> None:
    @graph(description="Echo.", input="question", output="report")
    def echo() -> None:  # type: ignore[return]
        """Never built here."""

    assert isinstance(echo, GraphEntry)
    assert echo.values("why?") == {"question": "why?"}
    assert echo.answer({"report": "because"}) == "because"
    assert echo.answer({"report": {"a": 1}}) == '{\n  "a": 1\n}'
    assert echo.answer({}) == ""


def test_a_graph_without_a_description_is_refused() -> None:
    with pytest.raises(GraphDeclarationError, match="needs a description"):
        graph(description=" ")(lambda: None)  # type: ignore[arg-type,return-value]


def test_asking_for_one_shipped_graph_imports_no_other() -> None:
    code = (
        "import sys; from graphwright.graphs import Catalogue; "
        "assert Catalogue.load().get('assistant').name == 'assistant'; "
        "print([each for each in sys.modules if each.startswith('graphwright.examples.') and each.endswith('.graph')])"
    )

    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "['graphwright.examples.assistant.graph']"


def test_every_shipped_name_is_that_of_a_graph_in_its_folder() -> None:
    assert {name: Catalogue.load().get(name).name for name in SHIPPED} == {name: name for name in SHIPPED}


def test_a_graph_of_the_project_wins_over_a_shipped_one_of_the_same_name(tmp_path: Path) -> None:
    catalogue = Catalogue.load(project(tmp_path, mine=source("assistant", "Mine.")))

    assert catalogue.get("assistant").description == "Mine."
    assert catalogue.entries["assistant"].description == "Mine."
