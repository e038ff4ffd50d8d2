"""Ctrl-C leaves a run that can be resumed; a reader who leaves is no error."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

Cli = Callable[..., Any]
Start = Callable[..., subprocess.Popen[bytes]]


def read_until(stream: Any, words: bytes) -> bytes:
    seen = b""
    while words not in seen:
        line = stream.readline()
        assert line, seen
        seen += line
    return seen


def test_an_interrupted_run_ends_with_130_and_can_be_resumed(gw: Cli, gw_process: Start, project: Path) -> None:
    process = gw_process("run", "shop", "Wait")
    read_until(process.stderr, b"wait_long")

    process.send_signal(signal.SIGINT)

    out, err = process.communicate(timeout=30)
    run = gw("runs", "--json").objects[0]
    assert (process.returncode, out, run["status"]) == (130, b"", "queued")
    assert f"graphwright resume {run['id']}".encode() in err
    assert b"Traceback" not in err
    (project / "hurry").touch()
    assert gw("resume", run["id"]).out == "It took a while.\n"


def test_a_run_cancelled_elsewhere_stops_and_says_so(gw: Cli, gw_process: Start) -> None:
    process = gw_process("run", "shop", "Wait")
    read_until(process.stderr, b"wait_long")

    assert gw("runs", "cancel", gw("runs", "--json").objects[0]["id"]).status == 0

    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert b"was cancelled" in err
    assert b"Traceback" not in err


def test_a_second_process_cannot_move_a_run_that_is_being_moved(gw: Cli, gw_process: Start) -> None:
    process = gw_process("run", "shop", "Wait")
    read_until(process.stderr, b"wait_long")

    done = gw("resume", gw("runs", "--json").objects[0]["id"])

    process.kill()
    process.communicate()
    assert done.status == 1
    assert "is being moved by" in done.err


def test_a_killed_run_is_resumed(gw: Cli, gw_process: Start, project: Path) -> None:
    process = gw_process("run", "shop", "Wait")
    read_until(process.stderr, b"wait_long")
    process.kill()
    process.communicate()
    (project / "hurry").touch()

    assert gw("resume", gw("runs", "--json").objects[0]["id"]).out == "It took a while.\n"


def test_a_reader_who_leaves_is_met_with_silence(gw: Cli, gw_process: Start) -> None:
    read, write = os.pipe()
    process = gw_process("run", "shop", "--json", stdout=write)
    os.close(write)
    os.close(read)

    _, err = process.communicate(timeout=60)
    assert process.returncode == 141
    assert b"BrokenPipe" not in err
    assert b"Traceback" not in err
    assert gw("runs", "--json").objects[0]["status"] in ("queued", "running")


def test_a_chat_in_a_pipe_answers_line_by_line(gw: Cli) -> None:
    done = gw("chat", "shop", stdin=b"Find A-7\n\nHello\n/exit\nFind A-7\n")

    assert (done.status, done.out) == (0, "It was shipped.\nHello.\n")
    assert "--thread thread_" in done.err


def test_a_chat_goes_on_with_a_thread_and_refuses_an_unknown_one(gw: Cli) -> None:
    gw("chat", "shop", stdin=b"Find A-7\n")
    thread = json.loads(gw("threads", "--json").out)["id"]

    assert gw("chat", "shop", "--thread", thread, stdin=b"Hello\n").out == "Hello.\n"
    assert json.loads(gw("threads", "--json").out)["runs"] == 2
    assert gw("chat", "shop", "--thread", "t", stdin=b"Hello\n").status == 2


def test_a_chat_in_a_pipe_ends_with_3_where_a_person_is_asked(gw: Cli) -> None:
    assert gw("chat", "shop", stdin=b"Pay back A-7\nHello\n").status == 3
