"""The checkpointers that a runtime hands out are LangGraph's in every respect, and fenced."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import checkpointer_test, validate

from graphwright.runtime import Runtime, Settings
from graphwright.runtime.keys import new_key


@pytest.mark.parametrize("seal", [False, True], ids=["plain", "sealed"])
@pytest.mark.parametrize("durability", ["process", "power"])
async def test_the_checkpointer_of_a_runtime_passes_langgraphs_conformance_suite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seal: bool, durability: Any
) -> None:
    monkeypatch.setenv("GRAPHWRIGHT_SEAL_KEYS", new_key("a"))
    numbers = itertools.count()

    async def savers() -> AsyncIterator[BaseCheckpointSaver[Any]]:
        folder = tmp_path / str(next(numbers))
        async with Runtime(Settings(project_dir=folder, state_dir=folder, seal=seal, durability=durability)) as runtime:
            yield await runtime.checkpointer()

    report = await validate(checkpointer_test(name=f"runtime, sealed: {seal}")(savers))

    assert {kind: each.failures for kind, each in report.results.items() if each.failures} == {}
    assert report.passed_all_base()
