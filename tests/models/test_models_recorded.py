"""Recordings repeat a conversation, keep no secrets, and say what changed when they cannot."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from graphwright.models import CassetteMiss, ModelRequest, RecordedModel, Recording, ScriptedModel, calls


def _history(output: str = '{"t": 21}', prompt: str = "Be brief.", call_id: str = "c1") -> list[Any]:
    said = AIMessage("", tool_calls=[{"name": "lookup", "args": {"city": "Paris"}, "id": call_id}])
    return [SystemMessage(prompt), HumanMessage("Weather?"), said, ToolMessage(output, tool_call_id=call_id)]


@pytest.fixture
async def tape(tmp_path: Path) -> Path:
    path = tmp_path / "tapes" / "weather.json"
    recording = Recording(ScriptedModel([calls("lookup", city="Paris"), "It is sunny."]), path)
    await recording.respond(ModelRequest(_history()[:2]))
    await recording.respond(ModelRequest(_history()))
    return path


async def test_a_conversation_is_repeated_with_new_ids(tape: Path) -> None:
    model = RecordedModel(tape)
    heard: list[str] = []

    first = await model.respond(ModelRequest(_history()[:2]))
    second = await model.respond(ModelRequest(_history()), on_delta=lambda delta: heard.append(delta.text))
    again = await model.respond(ModelRequest(_history()))

    assert first.tool_calls[0]["name"] == "lookup"
    assert second.content == "".join(heard) == again.content == "It is sunny."
    assert second.id != again.id
    assert second.usage_metadata is not None


async def test_ids_of_calls_do_not_matter(tape: Path) -> None:
    message = await RecordedModel(tape).respond(ModelRequest(_history(call_id="another")))

    assert message.content == "It is sunny."


async def test_the_same_request_twice_gets_both_answers(tmp_path: Path, ask: Any) -> None:
    recording = Recording(ScriptedModel(["heads", "tails"]), tmp_path / "coin.json")
    for _ in range(2):
        await recording.respond(ask("Toss."))
    model = RecordedModel(tmp_path / "coin.json")

    said = [(await model.respond(ask("Toss."))).content for _ in range(3)]

    assert said == ["heads", "tails", "tails"]


async def test_recording_again_replaces_and_keeps_the_rest(tape: Path) -> None:
    await Recording(ScriptedModel(["It rains."]), tape).respond(ModelRequest(_history()))

    model = RecordedModel(tape)

    assert (await model.respond(ModelRequest(_history()))).content == "It rains."
    assert (await model.respond(ModelRequest(_history()[:2]))).tool_calls


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (ModelRequest(_history(output='{"temp": 21}')), r"tool output, at \$\.messages\[3\]\.content → \$\.t\n"),
        (ModelRequest(_history(prompt="Be long.")), r"prompt, at \$\.messages\[0\]\.content\n.*Be brief.*\n.*Be long"),
        (ModelRequest([*_history()[1::-1], *_history()[2:]]), r"order, at \$\.messages\[0\]"),
        (ModelRequest(_history(), output={"title": "W"}), r"schema, at \$\.output\n"),
        (ModelRequest(_history(), params={"seed": 1}), r"parameters, at \$\.params\.seed\n"),
        (ModelRequest([*_history(), HumanMessage("And Rome?")]), r"number 2 of 2.*length, at \$\.messages\[4\]"),
    ],
    ids=["tool output", "prompt", "order", "schema", "parameters", "length"],
)
async def test_a_miss_names_the_first_difference(tape: Path, request_: ModelRequest, said: str) -> None:
    with pytest.raises(CassetteMiss, match=said):
        await RecordedModel(tape).respond(request_)


async def test_secrets_are_never_written(
    tmp_path: Path, server: Any, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "environment-key")
    path = tmp_path / "tape.json"
    server.will(server.text("You sent own-secret-key, environment-key and my-password."))
    recording = Recording(server.model(api_key="own-secret-key"), path, secrets=("my-password",))

    message = await recording.respond(ask("own-secret-key sk-proj-abcdefghijklmnopqrst environment-key my-password"))

    written = path.read_text()  # a test may block
    for secret in ("own-secret-key", "abcdefghijklmnopqrst", "environment-key", "my-password"):
        assert secret not in written
    assert "my-password" in message.content


async def test_no_half_cassette_is_left_behind(tape: Path, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = await asyncio.to_thread(tape.read_bytes)
    monkeypatch.setattr("os.fsync", lambda file: (_ for _ in ()).throw(OSError("disk full")))

    with pytest.raises(OSError, match="disk full"):
        await Recording(ScriptedModel(["x"]), tape).respond(ask("new"))

    assert await asyncio.to_thread(tape.read_bytes) == before
    assert os.listdir(tape.parent) == [tape.name]  # noqa: PTH208  # iterdir is no better here


@pytest.mark.parametrize("data", ["no json", "{}", '{"version": 9}', json.dumps([1])])
def test_a_file_that_is_no_cassette_is_said_so(tmp_path: Path, data: str) -> None:
    (tmp_path / "bad.json").write_text(data)

    with pytest.raises(ValueError, match=r"bad\.json' is not a cassette"):
        RecordedModel(tmp_path / "bad.json")
