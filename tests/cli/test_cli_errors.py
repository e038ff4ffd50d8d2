"""Every error is one message and an exit status; no traceback unless it was asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from graphwright.cli.errors import USAGE_ERRORS

Cli = Callable[..., Any]


@pytest.mark.parametrize(
    ("folder", "name"), [(folder, name) for folder, names in USAGE_ERRORS.items() for name in names]
)
def test_every_error_that_is_known_by_name_exists(folder: str, name: str) -> None:
    assert issubclass(getattr(import_module(folder), name), Exception)


def test_a_damaged_database_is_named_and_not_touched(gw: Cli, tmp_path: Path) -> None:
    database = tmp_path / ".graphwright" / "graphwright.db"
    database.parent.mkdir()
    database.write_bytes(b"not a database at all" * 500)

    for command in (["runs"], ["inbox"], ["run", "shop"]):
        done = gw(*command)
        assert (done.status, done.out) == (1, "")
        assert str(database) in done.err
        assert "Traceback" not in done.err
    assert database.read_bytes() == b"not a database at all" * 500


def test_a_state_folder_that_cannot_be_made_is_named_with_what_to_do(gw: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    done = gw("run", "shop", "--state", str(tmp_path / "file" / "state"))

    assert done.status == 1
    assert "--state DIR" in done.err


def test_debug_shows_the_traceback(gw: Cli) -> None:
    assert "Traceback" in gw("run", "unbuildable", "x", "--debug").err
    assert "Traceback" in gw("--debug", "run", "unbuildable", "x").err


def test_an_error_of_our_own_making_says_how_to_see_more(gw: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from graphwright.cli import session

    def fail(*_: object, **__: object) -> None:
        raise KeyError("surprise")

    monkeypatch.setattr(session, "settings_of", fail)
    done = gw("runs")

    assert done.status == 1
    assert done.err.startswith("error: Unexpected KeyError: 'surprise' (at ")
    assert "--debug" in done.err


def test_an_error_message_cannot_command_the_terminal(gw: Cli) -> None:
    done = gw("run", "\x1b[2Jshop", "x")

    assert done.status == 2
    assert "\x1b" not in done.err
