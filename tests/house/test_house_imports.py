"""What an import costs is part of the interface: a fresh interpreter shows what came along."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

HEAVY = {"chromadb", "openai", "langgraph", "langchain_core", "sqlalchemy", "numpy", "rich"}


def _loaded_after(statement: str) -> set[str]:
    """The top-level modules in memory after ``statement`` in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONSAFEPATH": "1"},
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_declaring_agents_loads_neither_the_vector_store_nor_a_model_client() -> None:
    assert not _loaded_after("import graphwright.agents") & {"chromadb", "openai", "langgraph", "sqlalchemy"}


@pytest.mark.parametrize("folder", ["cli", "prompts", "tools", "runtime"])
def test_importing_a_low_floor_loads_no_library_that_only_its_depths_need(folder: str) -> None:
    loaded = _loaded_after(f"import graphwright.{folder}")

    assert not loaded & HEAVY - ({"langchain_core"} if folder == "tools" else set())


def test_an_agent_is_declared_without_network_or_key() -> None:
    declare = (
        "import socket; socket.socket.connect = None; from graphwright.agents import Agent; "
        "Agent(name='a', description='Answers.', prompt='Answer.', model='openai:some-model')"
    )

    assert "graphwright" in _loaded_after(declare)
