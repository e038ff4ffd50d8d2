"""`--help` is quick and complete."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import click
import pytest

from graphwright.cli.app import _COMMANDS, root

HEAVY = (
    "langgraph", "langchain_core", "chromadb", "openai", "pydantic", "numpy", "sqlalchemy", "rich", "asyncio"
)  # fmt: skip

PROBE = f"""
import sys, time
from graphwright.cli.app import run
status = run(["--help"])
used = time.process_time()
loaded = [name for name in {HEAVY!r} if name in sys.modules]
print("PROBE", status, used, *loaded, file=sys.stderr)
"""


def probe() -> list[str]:
    done = subprocess.run([sys.executable, "-P", "-c", PROBE], capture_output=True, text=True, check=True)
    return done.stderr.split("PROBE")[1].split()


def test_help_imports_nothing_heavy() -> None:
    status, _, *loaded = probe()

    assert (status, loaded) == ("0", [])


def test_help_takes_less_than_a_fifth_of_a_second_of_cpu() -> None:
    assert min(float(probe()[1]) for _ in range(5)) < 0.2


@pytest.mark.parametrize("name", list(_COMMANDS))
def test_every_command_of_the_list_exists_and_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = import_module(f"graphwright.cli.{_COMMANDS[name][0]}").COMMANDS[name]

    assert isinstance(command, click.Command)
    assert command.name == name
    assert command.help
    options = {option for parameter in command.params for option in parameter.opts}
    assert {"--json", "--state", "--project", "--debug"} <= options


def test_the_root_lists_every_command() -> None:
    assert root.list_commands(click.Context(root)) == list(_COMMANDS)


def test_no_command_at_all_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    from graphwright.cli.app import run

    status = run([])

    said = capsys.readouterr()
    assert "ingest" in said.out + said.err
    assert status == 2
