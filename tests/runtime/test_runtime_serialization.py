"""What states may hold comes back as it was; what they may not is refused by name, and nothing of it is run."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sqlite3
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from uuid import UUID

import numpy
import ormsgpack
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage, SystemMessage, ToolMessage
from langgraph._internal._serde import collect_allowlist_from_schemas
from langgraph.checkpoint.serde._msgpack import SAFE_MSGPACK_TYPES
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Interrupt, Overwrite, Send
from pydantic import BaseModel
from typing_extensions import TypedDict, is_typeddict

import graphwright.examples
import graphwright.graphs
from graphwright.agents import Agent
from graphwright.graphs import Catalogue, agent_loop
from graphwright.graphs.calls import ToolTask
from graphwright.models import ScriptedModel
from graphwright.models.script import calls
from graphwright.runtime import (
    Approve,
    DamagedRow,
    Redactor,
    RunContext,
    Runtime,
    Settings,
    StateTypeRefused,
    register_state_type,
)
from graphwright.runtime.serialization import StateDamaged, StrictSerializer, strict_serializer
from graphwright.tools import tool

LOOSE = JsonPlusSerializer(allowed_msgpack_modules=None)
"""LangGraph's own, for what ours refuses to write."""


class Size(Enum):
    """Declared here and registered."""

    SMALL = "small"


class Parcel(BaseModel):
    """Declared here and registered."""

    number: int
    size: Size


@dataclass(frozen=True)
class Route:
    """Declared here and registered."""

    stops: list[str]


class Spot(NamedTuple):
    """Declared here and registered."""

    x: int
    y: int


class Stranger(BaseModel):
    """Declared here and registered by nobody."""

    number: int = 1


@dataclass
class Outsider:
    """Declared here and registered by nobody."""

    number: int = 1


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphwright.runtime.serialization._registered", set())
    for kind in (Size, Parcel, Route, Spot):
        register_state_type(kind)


def there_and_back(value: Any) -> Any:
    serializer = strict_serializer()
    return serializer.loads_typed(serializer.dumps_typed(value))


# What may be there.

CALL = {"name": "f", "args": {"a": [1, {"b": None}]}, "id": "1", "type": "tool_call"}
TASK = ToolTask(call=CALL, message="m1", notes={"todo": ["x"]})  # type: ignore[typeddict-item]  # a call as it is stored
ALLOWED = [
    None, True, 1, -1.5, "text", b"bytes", bytearray(b"more"), [1, [2]], {"a": {"b": []}}, {1, 2}, frozenset({3}),
    deque([1]), datetime(2026, 1, 2, tzinfo=UTC), date(2026, 1, 2), timedelta(hours=1), Decimal("1.10"),
    UUID(int=1), Path("a/b"),
    HumanMessage("hello", id="1"), SystemMessage("be kind"), RemoveMessage(id="1"),
    AIMessage("x", tool_calls=[CALL], usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}),
    ToolMessage("result", tool_call_id="1", artifact={"rows": [1]}), Document("text", metadata={"source": "a"}),
    Send("tools", TASK), Interrupt(value={"type": "tool_approval", "args": {}}, id="1"),
    Command(resume={"1": "yes"}, goto=[]),
    Overwrite([1]),
]  # fmt: skip


@pytest.mark.parametrize("value", ALLOWED, ids=lambda each: type(each).__name__)
def test_what_graphs_keep_comes_back_as_it_was(value: Any) -> None:
    assert there_and_back(value) == value
    assert type(there_and_back(value)) is type(value)
    assert there_and_back({"deep": [value, Send("n", {"x": value})]})["deep"][0] == value


def test_arrays_come_back_as_they_were() -> None:
    assert numpy.array_equal(there_and_back(numpy.arange(6).reshape(2, 3)), numpy.arange(6).reshape(2, 3))


@pytest.mark.parametrize("value", [Size.SMALL, Parcel(number=1, size=Size.SMALL), Route(["a"]), Spot(1, 2)])
@pytest.mark.usefixtures("registered")
def test_registered_types_come_back_as_they_were(value: Any) -> None:
    assert there_and_back(value) == value
    assert type(there_and_back(Send("n", {"x": [value]})).arg["x"][0]) is type(value)


def test_a_type_may_be_registered_after_the_serializer_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphwright.runtime.serialization._registered", set())
    serializer = strict_serializer()

    register_state_type(Route)

    assert serializer.loads_typed(serializer.dumps_typed(Route(["a"]))) == Route(["a"])


def _modules(package: ModuleType) -> list[ModuleType]:
    found = pkgutil.walk_packages(package.__path__, package.__name__ + ".")
    return [importlib.import_module(each.name) for each in found if not each.name.endswith("__main__")]


def test_every_state_of_ours_holds_only_what_comes_back() -> None:
    ours = [*_modules(graphwright.graphs), *_modules(graphwright.examples)]
    states = {value for module in ours for value in vars(module).values() if is_typeddict(value)}
    built = [entry.graph() for entry in Catalogue.load().entries.values()]
    states |= {schema for graph in built for schema in graph.schemas}
    channels = {f"{at}.{name}": each for at, graph in enumerate(built) for name, each in graph.channels.items()}

    held = collect_allowlist_from_schemas(schemas=list(states), channels=channels)
    held -= {("typing", "Any"), ("typing_extensions", "Any")}

    assert len(states) > 3
    assert held - SAFE_MSGPACK_TYPES - StrictSerializer()._known == set()


# What may not.


@pytest.mark.parametrize("value", [Stranger(), Outsider()])
@pytest.mark.parametrize(
    "around",
    [lambda each: each, lambda each: {"a": [each]}, lambda each: Send("n", {"a": each})],
    ids=["bare", "nested", "sent"],
)
def test_an_unregistered_type_is_refused_by_name_however_deep(value: Any, around: Any) -> None:
    with pytest.raises(StateTypeRefused, match=f"{type(value).__name__}.*register_state_type"):
        strict_serializer().dumps_typed(around(value))


def test_every_unregistered_type_is_named() -> None:
    with pytest.raises(StateTypeRefused, match=r"Outsider, .*Stranger, which are not registered"):
        strict_serializer().dumps_typed([Stranger(), Outsider(), Stranger()])


def test_what_cannot_be_stored_at_all_is_refused() -> None:
    with pytest.raises(StateTypeRefused, match="cannot be kept in a state"):
        strict_serializer().dumps_typed({"a": object()})


def test_only_types_that_can_be_found_again_are_registered() -> None:
    @dataclass
    class Hidden:
        number: int = 1

    with pytest.raises(StateTypeRefused, match="top of its module"):
        register_state_type(Hidden)
    with pytest.raises(StateTypeRefused, match="no pydantic model"):
        register_state_type(os.PathLike)


def test_a_type_that_is_registered_no_more_is_no_silent_dictionary() -> None:
    stored = LOOSE.dumps_typed({"a": [Stranger()]})

    with pytest.raises(StateDamaged, match="Stranger, which no state here holds"):
        strict_serializer().loads_typed(stored)


# Rows that somebody wrote.


def ext(code: int, *parts: Any) -> bytes:
    inner = ormsgpack.packb(list(parts), option=ormsgpack.OPT_NON_STR_KEYS)
    return ormsgpack.packb({"messages": [ormsgpack.Ext(code, inner)]})


COMMAND = "touch ran"
ATTACKS = {
    "single": ext(0, "os", "system", COMMAND),
    "positional": ext(1, "os", "system", [COMMAND]),
    "named": ext(2, "os", "system", {"command": COMMAND}),
    "method": ext(3, "os", "path", COMMAND, "system"),
    "method of a safe type": ext(3, "pathlib", "Path", "ran", "touch"),
    "pydantic 1": ext(4, "os", "system", {"command": COMMAND}),
    "pydantic 2": ext(5, "os", "system", {"command": COMMAND}),
    "inside of a safe type": ext(
        1, "langgraph.types", "Send", ["n", ormsgpack.Ext(0, ormsgpack.packb(["os", "system", COMMAND]))]
    ),
    "inside of a snapshot": ormsgpack.packb(
        ormsgpack.Ext(7, ormsgpack.packb(ormsgpack.Ext(0, ormsgpack.packb(["os", "system", COMMAND]))))
    ),
    "unknown kind": ext(42, "os", "system", COMMAND),
    "no name": ext(0),
    "a name that is no text": ext(0, 1, [2], 3),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_row_that_names_what_no_state_holds_runs_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(StateDamaged, match="Nothing of it was run"):
        strict_serializer().loads_typed(("msgpack", ATTACKS[name]))

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("tag", ["json", "pickle", "yaml", "", "msgpack+aes"])
def test_other_kinds_of_bytes_are_refused(tag: str) -> None:
    with pytest.raises(StateDamaged, match="which nobody writes here"):
        strict_serializer().loads_typed((tag, b'{"lc": 1, "type": "constructor", "id": ["os", "system"]}'))


@given(st.binary(max_size=64))
@hypothesis_settings(max_examples=300, deadline=None)
def test_noise_is_a_value_or_refused(noise: bytes) -> None:
    with suppress(StateDamaged):
        strict_serializer().loads_typed(("msgpack", noise))


def test_a_secret_of_ours_is_stored_as_a_mark_wherever_it_hides() -> None:
    key = "sk-own-1234567890"
    serializer = strict_serializer(own=Redactor({"KEY": key}, ()))
    value = {"a": key, key: (1, {"b": [AIMessage(key), Send("n", key)]}), "bytes": key.encode(), "n": 5}

    stored = serializer.dumps_typed(value)

    assert key.encode() not in stored[1]
    mark = "[redacted:KEY]"
    assert serializer.loads_typed(stored) == {
        "a": mark, mark: [1, {"b": [AIMessage(mark), Send("n", mark)]}], "bytes": mark.encode(), "n": 5
    }  # fmt: skip
    assert serializer.loads_typed(serializer.dumps_typed(key.encode())) == mark.encode()


# In a run.


class Keeps(TypedDict, total=False):
    """A state of somebody's own."""

    kept: Any


def keeping(value: Any) -> StateGraph[Any, Any]:
    async def node(_state: Keeps) -> Keeps:
        return {"kept": value}

    graph = StateGraph(Keeps, context_schema=RunContext)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    graph.add_edge("node", END)
    return graph


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    async with Runtime(Settings(project_dir=tmp_path, state_dir=tmp_path / "state")) as opened:
        yield opened


async def drive(runtime: Runtime, run_id: str, graph: Any) -> tuple[str, str]:
    async for _ in runtime.drive(run_id, graph, output=lambda _state: "done"):
        pass
    run = await runtime.runs.get(run_id)
    return run.status, run.error or ""


async def test_a_run_whose_state_holds_a_stranger_fails_with_its_name(runtime: Runtime) -> None:
    run = await runtime.start("keeps", {"kept": 1})

    status, error = await drive(runtime, run.id, keeping(Stranger()))

    assert status == "failed"
    assert "test_runtime_serialization.Stranger" in error
    assert "register_state_type" in error


@pytest.mark.usefixtures("registered")
async def test_a_run_keeps_a_registered_type(runtime: Runtime) -> None:
    graph = keeping(Parcel(number=1, size=Size.SMALL))
    run = await runtime.start("keeps", {"kept": 1})

    assert (await drive(runtime, run.id, graph))[0] == "done"

    assert (await runtime.state_of(run, graph))["kept"] == Parcel(number=1, size=Size.SMALL)


PAID: list[int] = []


@tool(effect="write", approval="Moves money.")
async def pay(amount: int) -> str:
    """Pay an amount."""
    PAID.append(amount)
    return "paid"


def clerk(*script: Any) -> StateGraph[Any, Any]:
    model = ScriptedModel(script)
    return agent_loop(Agent(name="clerk", description="Pays.", prompt="Pay.", tools=[pay], model=model))


async def waiting(runtime: Runtime) -> str:
    """A run that waits for an approval of 5."""
    PAID.clear()
    run = await runtime.start("clerk", {"messages": [{"role": "user", "content": "go"}]})
    assert (await drive(runtime, run.id, clerk(calls("pay", amount=5))))[0] == "waiting"
    return run.id


def attack(runtime: Runtime, statement: str, *values: Any) -> None:
    connection = sqlite3.connect(runtime.settings.database)
    with connection:
        assert connection.execute(statement, values).rowcount > 0
    connection.close()


@pytest.mark.parametrize(("table", "column"), [("checkpoints", "checkpoint"), ("writes", "value")])
@pytest.mark.parametrize("name", ["single", "named", "pydantic 2", "inside of a snapshot", "unknown kind"])
async def test_a_tampered_state_runs_nothing_and_the_run_can_be_restored(
    runtime: Runtime, table: str, column: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = await waiting(runtime)
    (approval,) = await runtime.approvals.pending()
    await runtime.decide(approval.id, Approve(), by="ann")
    monkeypatch.chdir(tmp_path)
    connection = sqlite3.connect(runtime.settings.database)
    kept = connection.execute(f"SELECT rowid, type, {column} FROM {table}").fetchall()
    connection.close()
    attack(runtime, f"UPDATE {table} SET type = 'msgpack', {column} = ?", ATTACKS[name])

    status, error = await drive(runtime, run_id, clerk("never"))

    assert status == "queued"
    assert "Nothing of it was run" in error
    assert not PAID
    assert not (tmp_path / "ran").exists()
    for place, tag, value in kept:
        attack(runtime, f"UPDATE {table} SET type = ?, {column} = ? WHERE rowid = ?", tag, value, place)
    assert (await drive(runtime, run_id, clerk("done")))[0] == "done"
    assert PAID == [5]


EDITS = {
    "bad JSON in the question": "UPDATE approvals SET arguments = '{\"amount\": 5'",
    "another type in the question": "UPDATE approvals SET arguments = '[5]'",
    "another amount in the question": "UPDATE approvals SET arguments = '{\"amount\": 5000}'",
    "another digest of the question": "UPDATE approvals SET digest = 'abc'",
    "bad JSON in the decision": "UPDATE decisions SET wire = '{'",
    "another type of decision": "UPDATE decisions SET wire = '[\"approve\"]'",
    "an unknown decision": 'UPDATE decisions SET wire = \'{"type": "os.system"}\'',
    "bad JSON in the journal": "UPDATE journal SET outcome = '{' WHERE kind = 'model'",
    "another type in the journal": "UPDATE journal SET outcome = '[1]' WHERE kind = 'model'",
    "another request in the journal": "UPDATE journal SET request = '{}' WHERE kind = 'model'",
    "bad JSON in the input": "UPDATE runs SET input = '{'",
}


@pytest.mark.parametrize("what", EDITS)
async def test_a_row_that_was_edited_by_hand_is_told_and_pays_nothing(runtime: Runtime, what: str) -> None:
    run_id = await waiting(runtime)
    (approval,) = await runtime.approvals.pending()
    await runtime.decide(approval.id, Approve(), by="ann")
    attack(runtime, EDITS[what])

    told = ""
    try:
        _status, told = await drive(runtime, run_id, clerk("never"))
    except DamagedRow as damaged:
        told = str(damaged)

    assert told, "it is said what is wrong"
    assert "Traceback" not in told
    assert not PAID
