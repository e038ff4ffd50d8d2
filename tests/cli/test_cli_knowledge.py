"""`graphwright ingest` and `search`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]


@pytest.fixture
def documents(project: Path) -> Path:
    folder = project / "handbook"
    folder.mkdir()
    (folder / "returns.md").write_text("# Returns\n\nA kettle may be returned within thirty days.\n")
    (folder / "photo.bin").write_bytes(bytes(range(256)) * 40)
    return folder


def test_documents_are_read_and_found_with_their_source(gw: Cli, documents: Path) -> None:
    done = gw("ingest", "handbook")

    assert done.status == 0
    assert "1 passages added" in done.out
    assert "Left out: handbook/photo.bin" in done.err
    found = gw("search", "return a kettle", "-k", "1")
    assert "handbook/returns.md" in found.out
    assert "thirty days" in found.out


def test_a_second_time_nothing_is_read_again(gw: Cli, documents: Path) -> None:
    gw("ingest", "handbook")

    report = gw("ingest", "handbook", "--json").objects[0]

    assert (report["added"], report["unchanged"]) == (0, 1)


def test_a_rebuilt_index_starts_empty(gw: Cli, documents: Path) -> None:
    gw("ingest", "handbook")
    (documents / "returns.md").write_text("# Returns\n\nA toaster too.\n")

    assert gw("ingest", "--rebuild", "handbook", "--json").objects[0]["chunks"] == 1


def test_documentation_of_an_installed_package_can_be_read(gw: Cli) -> None:
    done = gw("ingest", "--package", "filelock", "--json")

    assert done.status == 0
    assert done.objects[0]["added"] > 5


def test_nothing_readable_at_all_fails(gw: Cli, documents: Path) -> None:
    done = gw("ingest", "handbook/photo.bin")

    assert done.status == 1
    assert "photo.bin" in done.err
    assert "Nothing could be read" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ingest"], "Nothing was named"),
        (["ingest", "absent", "handbook"], "There is no 'absent'"),
        (["search", " "], "The query is empty"),
        (["search", "kettle"], "There is no knowledge base"),
        (["search", "x", "-k", "0"], "-k"),
    ],
)
def test_a_mistake_is_a_usage_error_and_reads_nothing(
    gw: Cli, documents: Path, arguments: list[str], words: str
) -> None:
    done = gw(*arguments)

    assert (done.status, done.out) == (2, "")
    assert words in done.err


def test_a_search_that_finds_nothing_is_no_error(gw: Cli, documents: Path) -> None:
    gw("ingest", "handbook")

    done = gw("search", "zzzzqqqq", "--json")

    assert (done.status, done.out) == (0, "")
    assert "Nothing was found" in done.err


def test_documents_cannot_command_the_terminal(gw: Cli, documents: Path) -> None:
    (documents / "evil\x1b[2J.md").write_text("# Kettle\n\nA kettle \u202e and \x1b]0;title\x07 more.\n")
    gw("ingest", "handbook")

    done = gw("search", "kettle")

    assert "\x1b" not in done.out + done.err
    assert "\u202e" not in done.out


def test_the_first_run_of_a_graph_reads_the_packages_it_names(gw: Cli, project: Path) -> None:
    graphs = project / "graphs" / "shop.py"
    graphs.write_text(graphs.read_text().replace('example="Find A-7"', 'example="Find A-7", knowledge=["filelock"]'))

    first = gw("run", "shop")
    second = gw("run", "shop")

    assert first.out == second.out == "It was shipped.\n"
    assert "documentation of filelock (first run only)" in first.err
    assert "first run only" not in second.err
