"""Files in one directory: what works inside it, and that nothing at all works outside."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphwright.tools import (
    Resources,
    Tool,
    ToolCancelled,
    ToolContext,
    ToolDeclarationError,
    ToolFailed,
    invoke_tool,
    with_timeout,
)
from graphwright.tools.builtin import FilesRoot, list_files, read_file, rooted, search_files, write_file
from graphwright.tools.builtin.rooted import steps_of

SECRET = "the secret outside"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a few files, and secrets around it."""
    inside = tmp_path / "inside"
    (inside / "notes").mkdir(parents=True)
    (inside / "notes" / "plan.md").write_text("# Plan\n\nBuy a Kettle.\nBuy tea.\n")
    (inside / "a.txt").write_text("one\r\ntwo\r\nthree")
    (inside / ".env").write_text(SECRET)
    (tmp_path / "secret.txt").write_text(SECRET)
    (tmp_path / "inside-too").mkdir()
    (tmp_path / "inside-too" / "secret.txt").write_text(SECRET)
    return inside


def context(root: Path, **options: Any) -> ToolContext:
    resources = Resources()
    resources.provide(FilesRoot, lambda: FilesRoot(root, **options))
    return ToolContext(call_id="c", resources=resources)


async def run(one: Tool, root: Path, **arguments: Any) -> Any:
    return await one.invoke(one.validate(arguments), context(root))


def outside(root: Path) -> dict[str, str]:
    """Everything around the root, with its content."""
    found = root.parent.rglob("*")
    return {str(p): p.read_text() for p in found if p.is_file() and not p.is_relative_to(root)}


async def test_a_folder_is_listed_sorted_without_hidden_names(root: Path) -> None:
    listing = await run(list_files, root)

    assert [(entry.name, entry.kind, entry.bytes) for entry in listing.entries] == [
        ("a.txt", "file", 15),
        ("notes", "folder", 0),
    ]
    assert [entry.name for entry in (await run(list_files, root, folder="notes/")).entries] == ["plan.md"]


async def test_lines_are_read_with_their_numbers(root: Path) -> None:
    whole = await run(read_file, root, path="notes/plan.md")
    part = await run(read_file, root, path="./notes//plan.md", first_line=3, last_line=99)

    assert (whole.text, whole.total_lines) == ("# Plan\n\nBuy a Kettle.\nBuy tea.", 4)
    assert (part.text, part.first_line, part.last_line) == ("Buy a Kettle.\nBuy tea.", 3, 4)
    assert (await run(read_file, root, path="a.txt")).text == "one\ntwo\nthree"


async def test_lines_that_are_not_there_are_told(root: Path) -> None:
    with pytest.raises(ToolFailed, match=r"'a\.txt' has the lines 1 to 3"):
        await run(read_file, root, path="a.txt", first_line=9)


async def test_a_search_finds_lines_whatever_their_capitals(root: Path) -> None:
    (root / "ünï").mkdir()
    (root / "ünï" / "größe.md").write_text("KETTLE größer\n")

    found = await run(search_files, root, text="kettle")

    assert [(hit.path, hit.line, hit.text) for hit in found.hits] == [
        ("notes/plan.md", 3, "Buy a Kettle."),
        ("ünï/größe.md", 1, "KETTLE größer"),
    ]
    assert found.complete
    assert (await run(search_files, root, text="kettle", names="*.txt")).hits == []
    assert (await run(search_files, root, text="secret")).hits == []
    assert (await run(search_files, root, text="buy", folder="notes")).files_searched == 1


async def test_a_search_with_too_many_hits_says_it_is_not_complete(root: Path) -> None:
    (root / "many.txt").write_text("hit\n" * 500)

    found = await run(search_files, root, text="hit")

    assert len(found.hits) == 100
    assert not found.complete


async def test_files_are_created_replaced_and_appended(root: Path) -> None:
    assert (await run(write_file, root, path="deep/er/new.txt", text="ä")).bytes == 2
    assert (await run(write_file, root, path="deep/er/new.txt", text="bc", mode="append")).bytes == 4
    await run(write_file, root, path="notes/plan.md", text="new", mode="replace")

    assert (root / "deep/er/new.txt").read_text() == "äbc"
    assert (root / "notes/plan.md").read_text() == "new"
    assert [path.name for path in (root / "notes").iterdir()] == ["plan.md"]


async def test_nothing_is_overwritten_by_creating_and_nothing_created_by_replacing(root: Path) -> None:
    with pytest.raises(ToolFailed, match=r"'a\.txt' exists already"):
        await run(write_file, root, path="a.txt", text="x")
    for mode in ("replace", "append"):
        with pytest.raises(ToolFailed, match=r"There is no 'gone\.txt'"):
            await run(write_file, root, path="gone.txt", text="x", mode=mode)
    assert not (root / "gone.txt").exists()


@pytest.mark.parametrize("path", [".", "", "notes/", "notes"])
async def test_a_folder_is_not_a_file(root: Path, path: str) -> None:
    for one, more in ((read_file, {}), (write_file, {"text": "x"}), (write_file, {"text": "x", "mode": "replace"})):
        with pytest.raises(ToolFailed):
            await run(one, root, path=path, **more)


ESCAPES = [
    "..", "../secret.txt", "../../secret.txt", "notes/../../secret.txt", "./../secret.txt", "notes/..",
    "../inside/a.txt",
    "../inside-too/secret.txt", "/etc/passwd", "//etc/passwd", "~/secret.txt", "~root", "C:/secret.txt", "c:secret.txt",
    "..\\secret.txt", "notes\\..\\..\\secret.txt", "\\\\host\\share", "\x00", "a.txt\x00.md", "../secret.txt\x00",
    "a\n.txt", "\u202e../secret.txt", "\u200b..", "..\u200b/secret.txt", "\u2025/secret.txt", "\uff0e\uff0e/secret.txt",
    "\uff0e./secret.txt", "..\uff0fsecret.txt", "..\u2044secret.txt/x", "\u2024\u2024/secret.txt", "...", ". .", ".. ",
    " ..", "../", ".env", ".ENV", "\uff0eenv", ".git/config", "notes/.hidden", "a\udcff", "e\u0301.txt",
    "a.txt.", "a.txt ",
    "x" * 300, "ä" * 200, "x/" * 40 + "y", "a/" * 600, "%2e%2e/secret.txt/", "file:///etc/passwd", "link", "link/x",
    "linkdir/secret.txt", "linkdir", "linkup/secret.txt", "linkabs", "dangling", "loop", "notes/linkup/secret.txt",
]  # fmt: skip


async def told(one: Tool, root: Path, **arguments: Any) -> Any:
    """Return the answer or the error."""
    try:
        return await run(one, root, **arguments)
    except ToolFailed as error:
        return error


@pytest.mark.parametrize("path", ESCAPES)
async def test_no_spelling_of_a_path_leads_out(root: Path, path: str) -> None:
    (root / "link").symlink_to("../secret.txt")
    (root / "linkdir").symlink_to("../inside-too")
    (root / "linkup").symlink_to("..")
    (root / "notes" / "linkup").symlink_to("../..")
    (root / "linkabs").symlink_to("/etc/passwd")
    (root / "dangling").symlink_to("../created.txt")
    (root / "loop").symlink_to("loop")
    before = outside(root)

    answers = {
        "read": await told(read_file, root, path=path),
        "append": await told(write_file, root, path=path, text="overwritten", mode="append"),
        "replace": await told(write_file, root, path=path, text="overwritten", mode="replace"),
        "list": await told(list_files, root, folder=path),
        "create": await told(write_file, root, path=path, text="created"),
    }
    found = await told(search_files, root, text="secret", folder=path)

    assert all(isinstance(answer, ToolFailed) for answer in answers.values()), answers
    assert not any(word in str(answer) for answer in (*answers.values(), found) for word in (SECRET, str(root)))
    assert outside(root) == before


NAMES = st.sampled_from(
    ["..", ".", "", "a", "notes", "plan.md", "link", "~", "\\", "C:", "\x00", "\u2025", "\uff0f", " "]
)
PATHS = st.lists(NAMES | st.text(max_size=4), max_size=6).map("/".join) | st.text(max_size=30)


@given(PATHS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
def test_any_path_is_refused_or_stays_below_the_root(tmp_path: Path, path: str) -> None:
    try:
        names = steps_of(FilesRoot(tmp_path), path)
    except ToolFailed:
        return
    found = Path(os.path.normpath(tmp_path.joinpath(*names)))

    assert found == tmp_path.joinpath(*names)
    assert found.is_relative_to(tmp_path)
    assert not any(name in ("", ".", "..") or "/" in name or "\x00" in name for name in names)


async def test_links_are_shown_but_never_followed(root: Path) -> None:
    (root / "link.md").symlink_to("notes/plan.md")

    listing = await run(list_files, root)
    found = await run(search_files, root, text="kettle")

    assert {entry.name: entry.kind for entry in listing.entries}["link.md"] == "other"
    assert [hit.path for hit in found.hits] == ["notes/plan.md"]
    with pytest.raises(ToolFailed, match="not a regular file"):
        await run(read_file, root, path="link.md")


async def test_pipes_sockets_and_directories_do_not_block_or_break(root: Path) -> None:
    os.mkfifo(root / "pipe")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(root / "sock"))

    for name in ("pipe", "sock", "notes"):
        with pytest.raises(ToolFailed):
            await asyncio.wait_for(run(read_file, root, path=name), 5)
        with pytest.raises(ToolFailed):
            await asyncio.wait_for(run(write_file, root, path=name, text="x", mode="append"), 5)
    assert (await run(search_files, root, text="kettle")).files_searched == 2
    server.close()


async def test_a_folder_swapped_for_a_link_in_the_middle_of_a_walk_leads_nowhere(root: Path) -> None:
    """The race itself: one thread swaps a folder and a link as fast as it can while files are read and written."""
    (root / "swap").mkdir()
    (root / "swap" / "secret.txt").write_text("harmless")
    (root.parent / "target").mkdir()
    (root.parent / "target" / "secret.txt").write_text(SECRET)
    stop = threading.Event()
    thread = threading.Thread(target=_swap, args=(root, stop))
    thread.start()
    answers = []
    for number in range(300):
        answers.append(await told(read_file, root, path="swap/secret.txt"))
        await told(write_file, root, path="swap/secret.txt", text="!", mode="append")
        await told(write_file, root, path=f"swap/new{number}.txt", text="new")
    stop.set()
    thread.join()

    read = sum("harmless" in str(answer) for answer in answers)
    refused = sum(isinstance(answer, ToolFailed) for answer in answers)
    assert min(read, refused) > 0, "The race did not happen."
    assert not any(SECRET in str(answer) for answer in answers)
    assert sorted(path.name for path in (root.parent / "target").iterdir()) == ["secret.txt"]
    assert (root.parent / "target" / "secret.txt").read_text() == SECRET


@pytest.mark.parametrize("kind", ["link", "pipe"])
@pytest.mark.parametrize("mode", ["read", "append"])
async def test_a_file_swapped_after_it_was_looked_at_is_refused(
    root: Path, kind: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, target = os.lstat, root / "a.txt"

    def look_and_swap(*args: Any, **kwargs: Any) -> os.stat_result:
        found = look(*args, **kwargs)
        target.unlink(missing_ok=True)
        if kind == "link":
            target.symlink_to("../secret.txt")
        else:
            os.mkfifo(target)
            kept.append(os.open(target, os.O_RDWR))  # so that a writer could open it
        return found

    kept: list[int] = []
    monkeypatch.setattr(rooted.os, "lstat", look_and_swap)
    arguments = {"path": "a.txt"} if mode == "read" else {"path": "a.txt", "text": "x", "mode": "append"}
    answer = await asyncio.wait_for(told(read_file if mode == "read" else write_file, root, **arguments), 5)
    monkeypatch.undo()
    for one in kept:
        os.close(one)

    assert isinstance(answer, ToolFailed)
    assert SECRET not in str(answer)
    assert (root.parent / "secret.txt").read_text() == SECRET


def _swap(root: Path, stop: threading.Event) -> None:
    folder, away = root / "swap", root / "away"
    while not stop.is_set():
        with contextlib.suppress(OSError):  # a writer made the folder anew in between
            folder.rename(away)
            folder.symlink_to(root.parent / "target")
        stop.wait(0.0002)
        while away.exists():
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(OSError):
                folder.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                away.rename(folder)
        stop.wait(0.0002)


async def test_a_file_with_a_second_name_outside_is_not_appended_to(root: Path) -> None:
    os.link(root.parent / "secret.txt", root / "hard.txt")

    with pytest.raises(ToolFailed, match="second name"):
        await run(write_file, root, path="hard.txt", text="x", mode="append")
    await run(write_file, root, path="hard.txt", text="mine", mode="replace")

    assert (root.parent / "secret.txt").read_text() == SECRET


async def test_sizes_are_limited_and_binary_files_are_not_text(root: Path) -> None:
    (root / "big.txt").write_text("x" * 200)
    (root / "bin.dat").write_bytes(b"\xff\xfe\x00")
    small = context(root, largest_read=100, largest_write=10)

    for one, arguments, words in (
        (read_file, {"path": "big.txt"}, "200 bytes; at most 100 can be read"),
        (read_file, {"path": "bin.dat"}, "not a text file"),
        (write_file, {"path": "new.txt", "text": "x" * 11}, "11 bytes; at most 10 can be written"),
        (write_file, {"path": "a.txt", "text": "x", "mode": "append"}, "would grow over 10 bytes"),
        (write_file, {"path": "new.txt", "text": "\udcff"}, "cannot be written"),
    ):
        with pytest.raises(ToolFailed, match=words):
            await one.invoke(one.validate(arguments), small)
    assert not (root / "new.txt").exists()


async def test_hidden_names_can_be_allowed_by_the_operator(root: Path) -> None:
    open_root = context(root, hidden=True)

    passage = await read_file.invoke(read_file.validate({"path": ".env"}), open_root)

    assert passage.text == SECRET


async def test_a_caller_who_has_given_up_gets_nothing_written(root: Path) -> None:
    about = context(root)
    about.cancelled.set()

    with pytest.raises(ToolCancelled):
        await write_file.invoke(write_file.validate({"path": "late/new.txt", "text": "x"}), about)
    assert not (root / "late").exists()


async def test_many_writers_create_one_file_once(root: Path) -> None:
    call = with_timeout(invoke_tool)
    arguments = [write_file.validate({"path": "same.txt", "text": f"writer {n:02}"}) for n in range(20)]

    answers = await asyncio.gather(*(call(write_file, one, context(root)) for one in arguments), return_exceptions=True)

    assert sum(not isinstance(answer, Exception) for answer in answers) == 1
    assert (root / "same.txt").read_text().startswith("writer")


def test_a_root_that_is_no_directory_is_the_operators_mistake(tmp_path: Path) -> None:
    with pytest.raises(ToolDeclarationError, match="Make it first"):
        FilesRoot(tmp_path / "gone")


async def test_a_root_reached_through_a_link_is_the_operators_choice(root: Path) -> None:
    (root.parent / "alias").symlink_to(root)

    assert (await run(read_file, root.parent / "alias", path="a.txt")).total_lines == 3


async def test_no_descriptor_is_left_open(root: Path) -> None:
    await run(read_file, root, path="a.txt")
    before = psutil.Process().num_fds()

    for path in ("a.txt", "gone", "notes/gone", "gone/gone", "../x", "notes") * 5:
        await told(read_file, root, path=path)

    assert psutil.Process().num_fds() <= before + 1
