"""`make` from nothing: with an interpreter that only pretends to install, so that each case takes a moment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_PYTHON = f"""#!/bin/sh
# Pretends to be an interpreter: makes a .venv/ with itself and a uv in it, and writes down what it was asked.
echo "python $*" >>log
case "$*" in
    "-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    "-m pip "*) printf '#!/bin/sh\\necho uv $* >>log\\ntest ! -e no-network\\n' >.venv/bin/uv; chmod +x .venv/bin/uv ;;
    *) exec "{sys.executable}" "$@" ;;
esac
"""


class Machine:
    """A checkout of nothing but the Makefile, and what was asked of its tools."""

    def __init__(self, folder: Path, makefile: Path) -> None:
        self.folder = folder
        folder.mkdir()
        shutil.copy(makefile, folder / "Makefile")
        for name in ("pyproject.toml", "uv.lock"):
            (folder / name).touch()
        self.python = folder / "python-of-the-machine"
        self.python.write_text(_PYTHON)
        self.python.chmod(0o755)

    def make(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Call make; the log begins anew."""
        (self.folder / "log").write_text("")
        clean = {
            key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "UV_", "PIP_", "MFLAGS"))
        }
        return subprocess.run(
            ["make", f"PYTHON={self.python}", *arguments],
            cwd=self.folder,
            env=clean | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def log(self) -> str:
        """The calls since the last make, but the questions about versions."""
        lines = (self.folder / "log").read_text().splitlines()
        return "\n".join(
            line for line in lines if not line.startswith(("python -c", "python --version", "uv --version"))
        )


@pytest.fixture
def machine(tmp_path: Path, root: Path) -> Machine:
    """A machine on which nothing has been made."""
    if shutil.which("make") is None:
        pytest.skip("make is not on this machine")
    return Machine(tmp_path / "checkout", root / "Makefile")


def test_make_alone_lists_the_verbs(machine: Machine) -> None:
    said = machine.make()

    assert said.returncode == 0
    for verb in ("run", "test", "check", "attacks", "bench", "soak", "clean", "lock"):
        assert f"make {verb} " in said.stdout


def test_the_first_call_makes_the_environment_and_the_second_does_nothing(machine: Machine) -> None:
    first = machine.make(".venv/.dev")

    assert first.returncode == 0, first.stderr
    assert [line.split()[:3] for line in machine.log.splitlines()] == [
        ["python", "-m", "venv"],
        ["python", "-m", "pip"],
        ["uv", "sync", "--quiet"],
    ]

    machine.make(".venv/.dev")
    machine.make(".venv/.run")

    assert machine.log == ""


def test_running_needs_no_tools_for_development(machine: Machine) -> None:
    machine.make(".venv/.run")

    assert machine.log.endswith("--no-dev --extra ml"), "and everything that the examples need"
    assert "--locked" in machine.log


def test_a_changed_lock_is_installed(machine: Machine) -> None:
    machine.make(".venv/.dev")
    later = (machine.folder / ".venv/.dev").stat().st_mtime + 5
    os.utime(machine.folder / "uv.lock", (later, later))

    machine.make(".venv/.dev")

    assert machine.log.startswith("uv sync")


@pytest.mark.parametrize("damage", ["killed during an install", "the checkout was moved", "its interpreter is gone"])
def test_a_damaged_environment_is_made_anew(machine: Machine, damage: str) -> None:
    machine.make(".venv/.dev")
    if damage == "killed during an install":
        (machine.folder / ".venv/.half").touch()
    elif damage == "the checkout was moved":
        machine.folder = machine.folder.rename(machine.folder.with_name("elsewhere"))
        machine.python = machine.folder / machine.python.name
    else:
        (machine.folder / ".venv/bin/python").unlink()

    again = machine.make(".venv/.dev")

    assert again.returncode == 0, again.stderr
    assert "python -m venv .venv" in machine.log
    assert machine.log.splitlines()[-1].startswith("uv sync")


def test_an_environment_that_was_made_by_hand_is_kept(machine: Machine) -> None:
    subprocess.run([machine.python, "-m", "venv", ".venv"], cwd=machine.folder, check=True)
    (machine.folder / ".venv/mine").touch()

    machine.make(".venv/.run")

    assert (machine.folder / ".venv/mine").exists()
    assert "-m venv" not in machine.log


def test_an_install_that_failed_is_tried_again_without_losing_the_environment(machine: Machine) -> None:
    (machine.folder / "no-network").touch()
    assert machine.make(".venv/.dev").returncode != 0
    (machine.folder / "no-network").unlink()

    assert machine.make(".venv/.dev").returncode == 0
    assert machine.log.splitlines()[-1].startswith("uv sync")
    assert "-m venv" not in machine.log


def test_a_registry_of_ones_own_gives_the_locked_versions_by_hash(machine: Machine) -> None:
    machine.make(".venv/.run", PIP_INDEX_URL="https://packages.example/simple")

    assert "uv export --quiet --frozen" in machine.log
    assert "--require-hashes" in machine.log
    assert "uv sync" not in machine.log


def test_a_python_that_is_too_old_gets_one_sentence(machine: Machine) -> None:
    old = machine.folder / "old"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)

    said = machine.make("run", f"PYTHON={old}")

    assert said.returncode != 0
    assert "needs Python 3.11 or newer" in said.stderr
    assert "Traceback" not in said.stderr
    assert not (machine.folder / ".venv").exists()


@pytest.mark.parametrize(("status", "expected"), [(0, 0), (3, 0), (1, 2)])
def test_a_run_that_waits_for_an_approval_is_a_success(machine: Machine, status: int, expected: int) -> None:
    machine.make(".venv/.run")
    command = machine.folder / ".venv/bin/graphwright"
    command.write_text(f"#!/bin/sh\necho $* >>log\nexit {status}\n")
    command.chmod(0o755)

    said = machine.make("run")

    assert machine.log == "run research"
    assert said.returncode == expected
    assert ("inbox" in said.stderr) == (status == 3)
