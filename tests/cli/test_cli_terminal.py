"""At a terminal a waiting run asks on the spot."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

Start = Callable[..., subprocess.Popen[bytes]]
MENU = "leave it waiting: "


class Terminal:
    """The other side of a pseudo terminal: a person who reads and types."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.seen = ""
        self._master = master
        self._read_to = 0

    def wait_for(self, words: str, seconds: float = 60) -> str:
        """Read until these words appear after what was read before."""
        end = time.monotonic() + seconds
        while (at := self.seen.find(words, self._read_to)) < 0:
            ready, _, _ = select.select([self._master], [], [], max(0, end - time.monotonic()))
            assert ready, f"{words!r} did not come; the screen shows: {self.seen[self._read_to :]}"
            self.seen += os.read(self._master, 65536).decode(errors="replace")
        self._read_to = at + len(words)
        return self.seen

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def end(self) -> int:
        """Read to the end; return the exit status."""
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError:  # Linux says EIO when the other side is closed
                break
            if not data:
                break
            self.seen += data.decode(errors="replace")
        return self.process.wait(60)


@pytest.fixture
def terminal(gw_process: Start, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")

    @contextmanager
    def start(*arguments: str, **environment: str) -> Iterator[Terminal]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        master, slave = pty.openpty()
        process = gw_process(*arguments, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        try:
            yield Terminal(master, process)
        finally:
            process.kill()
            process.wait()
            os.close(master)

    return start


def test_an_approval_is_asked_for_and_given(terminal: Any, project: Path) -> None:
    with terminal("run", "shop", "Pay back A-7") as person:
        screen = person.wait_for(MENU)
        for words in ("clerk wants to call refund", "Moves money.", "order_id: A-7", "[a]pprove, [e]dit, [r]eject"):
            assert words in screen
        person.type("a\n")

        assert person.end() == 0
    assert "The money is back." in person.seen
    assert (project / "refunds.txt").read_text() == "A-7 5\n"


def test_a_rejection_takes_a_reason(terminal: Any, project: Path) -> None:
    with terminal("run", "shop", "Pay back A-7") as person:
        person.wait_for(MENU)
        person.type("r\n")
        person.wait_for("Why")
        person.type("too much\n")

        assert person.end() == 0
    assert "The reason given: too much" in person.seen
    assert not (project / "refunds.txt").exists()


def test_arguments_are_edited_and_a_wrong_edit_is_asked_again(terminal: Any, project: Path) -> None:
    with terminal("run", "shop", "Pay back A-7", EDITOR="sed -i 's/A-7/7/'", VISUAL="") as person:
        person.wait_for(MENU)
        person.type("e\n")
        person.wait_for("the question is still open")
        person.wait_for(MENU)
        person.type("a\n")

        assert person.end() == 0
    assert (project / "refunds.txt").read_text() == "A-7 5\n"


def test_a_skipped_question_stays_open_and_the_commands_are_named(terminal: Any, project: Path) -> None:
    with terminal("run", "shop", "Pay back both") as person:
        person.wait_for(MENU)
        person.type("s\n")
        person.wait_for(MENU)
        person.type("a\n")

        assert person.end() == 3
    assert person.seen.count(MENU) == 2
    assert len(re.findall("graphwright approve appr_", person.seen)) == 1


def test_a_key_that_means_nothing_is_asked_again(terminal: Any) -> None:
    with terminal("run", "shop", "Pay back A-7") as person:
        person.wait_for(MENU)
        person.type("yes please\n")
        person.wait_for("Type one of: a, e, r, t, s.")
        person.wait_for(MENU)
        person.type("t\n")
        person.wait_for("Your answer: ")
        person.type("Paid by cheque.\n")

        assert person.end() == 0


def test_keys_hit_before_the_question_do_not_answer_it(terminal: Any, project: Path) -> None:
    with terminal("run", "shop", "Pay back A-7") as person:
        person.type("a\n")
        person.wait_for(MENU)
        person.type("s\n")

        assert person.end() == 3
    assert not (project / "refunds.txt").exists()


def test_nothing_is_asked_where_that_is_forbidden(terminal: Any) -> None:
    with terminal("run", "shop", "Pay back A-7", "--no-input") as person:
        assert person.end() == 3
    assert MENU not in person.seen


def test_no_color_is_honoured(terminal: Any) -> None:
    with terminal("run", "shpo", "x", NO_COLOR="1") as person:
        assert person.end() == 2
    assert "\x1b[3" not in person.seen


def test_a_chat_goes_on_with_its_thread(terminal: Any) -> None:
    with terminal("chat", "shop") as person:
        person.wait_for("you> ")
        person.type("Find A-7\n")
        person.wait_for("It was shipped.")
        person.wait_for("you> ")
        person.type("/exit\n")

        assert person.end() == 0
    assert "graphwright chat shop --thread thread_" in person.seen


def test_control_c_at_the_question_leaves_it_open(terminal: Any) -> None:
    with terminal("run", "shop", "Pay back A-7") as person:
        person.wait_for(MENU)
        os.kill(person.process.pid, 2)

        assert person.end() == 130
    assert "graphwright resume run_" in person.seen
