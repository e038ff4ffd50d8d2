"""Sealing: a stored value that was changed, moved, or never sealed is refused; everything else works as unsealed."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, Any, TypedDict

import aiosqlite
import pytest
from langchain_core.messages import AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, Checkpoint, empty_checkpoint
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, interrupt

from graphwright.runtime.keys import KeyRing, KeysError, new_key
from graphwright.runtime.sealed_saver import SealedSaver, sealed_saver
from graphwright.runtime.sealing import (
    PlaceUnknown,
    SealBroken,
    SealedSerializer,
    SealingUnavailable,
    SealKeyMissing,
    seal_keys,
)
from graphwright.runtime.serialization import StateDamaged, strict_serializer

KEYS = KeyRing({"k1": b"1" * 32})
NEWER = KeyRing({"k2": b"2" * 32, "k1": b"1" * 32})
SECRET = "the-word-that-nobody-reads"


def config(thread: str = "mine", namespace: str = "", **more: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": namespace, **more}}


def checkpoint(value: object = SECRET) -> Checkpoint:
    made = empty_checkpoint()
    made["channel_values"] = {"messages": [HumanMessage(str(value))], "value": value}
    made["channel_versions"] = {"messages": "1", "value": "1"}
    return made


class Store:
    """A database file with a sealed saver on it, and the attacker's way in."""

    def __init__(self, path: Path, connection: aiosqlite.Connection) -> None:
        self.path = path
        self.plain = AsyncSqliteSaver(connection, serde=strict_serializer())
        self.saver = self.sealed()

    def sealed(self, keys: KeyRing = KEYS, tenant: str = "acme") -> SealedSaver:
        return sealed_saver(self.plain, keys, tenant)

    async def put(self, thread: str = "mine", namespace: str = "", value: object = SECRET) -> RunnableConfig:
        written = await self.saver.aput(config(thread, namespace), checkpoint(value), {}, {})
        await self.saver.aput_writes(written, [("value", value), ("other", None)], "task")
        return written

    def attack(self, *statements: str) -> None:
        with sqlite3.connect(self.path) as connection:
            for statement in statements:
                assert connection.execute(statement).rowcount > 0
        connection.close()

    def rows(self, query: str) -> list[Any]:
        connection = sqlite3.connect(self.path)
        found = connection.execute(query).fetchall()
        connection.close()
        return found


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with aiosqlite.connect(tmp_path / "checkpoints.db") as connection:
        yield Store(tmp_path / "checkpoints.db", connection)


async def everything(saver: BaseCheckpointSaver[Any], thread: str | None = None) -> list[Any]:
    return [each async for each in saver.alist(None if thread is None else {"configurable": {"thread_id": thread}})]


MOVES = {
    "to another thread": ("UPDATE {table} SET thread_id = 'other'", "other", ""),
    "to another namespace": ("UPDATE {table} SET checkpoint_ns = 'sub:1'", "mine", "sub:1"),
}


@pytest.mark.parametrize("tables", [("checkpoints",), ("checkpoints", "writes")])
@pytest.mark.parametrize("move", MOVES)
async def test_a_moved_checkpoint_is_refused(store: Store, move: str, tables: tuple[str, ...]) -> None:
    statement, thread, namespace = MOVES[move]
    await store.put()

    store.attack(*(statement.format(table=table) for table in tables))

    with pytest.raises(SealBroken, match="sealed for another thread"):
        await store.saver.aget_tuple(config(thread, namespace))
    with pytest.raises(SealBroken, match="sealed for another"):
        await everything(store.saver, thread)
    with pytest.raises(SealBroken, match="a row was moved"):
        await everything(store.saver)


async def test_a_moved_write_is_refused(store: Store) -> None:
    await store.put("mine", value="approved")
    target = await store.put("other", value="waiting")
    identity = target["configurable"]["checkpoint_id"]

    store.attack(
        "DELETE FROM writes WHERE thread_id = 'other'",
        f"UPDATE writes SET thread_id = 'other', checkpoint_id = '{identity}' WHERE thread_id = 'mine'",
    )

    with pytest.raises(SealBroken):
        await store.saver.aget_tuple(config("other"))
    with pytest.raises(SealBroken, match="a row was moved"):
        await everything(store.saver)


async def test_a_moved_row_whose_stated_place_was_rewritten_too_is_refused(store: Store) -> None:
    await store.put("mine")
    ((sealed,),) = store.rows("SELECT checkpoint FROM checkpoints")
    forged = sealed.replace(b'["mine",""]', b'["them",""]')
    assert forged != sealed

    store.attack(
        f"UPDATE checkpoints SET thread_id = 'them', checkpoint = x'{forged.hex()}'",
        "DELETE FROM writes",
    )

    for read in (store.saver.aget_tuple(config("them")), everything(store.saver)):
        with pytest.raises(SealBroken, match="not what was sealed"):
            await read


async def test_an_older_checkpoint_put_in_the_place_of_the_newest_is_refused(store: Store) -> None:
    old = await store.put(value="before the decision")
    new = await store.saver.aput(old, checkpoint("after the decision"), {}, {})
    old_id, new_id = (each["configurable"]["checkpoint_id"] for each in (old, new))

    store.attack(
        "UPDATE checkpoints SET checkpoint = (SELECT checkpoint FROM checkpoints "
        f"WHERE checkpoint_id = '{old_id}') WHERE checkpoint_id = '{new_id}'"
    )

    with pytest.raises(SealBroken, match="a row was moved"):
        await store.saver.aget_tuple(config())


async def test_a_row_of_another_tenant_is_refused(store: Store) -> None:
    await store.put()

    with pytest.raises(SealBroken, match="another tenant than 'rival'"):
        await store.sealed(tenant="rival").aget_tuple(config())


async def test_every_changed_byte_is_noticed(store: Store) -> None:
    written = await store.put(value="x")
    ((sealed, tag),) = store.rows("SELECT checkpoint, type FROM checkpoints")
    serializer = store.saver.serde
    assert isinstance(serializer, SealedSerializer)
    assert written["configurable"]["thread_id"] == "mine"

    with serializer.at("mine"):
        assert serializer.loads_typed((tag, sealed))["channel_values"]["value"] == "x"
        for at in range(len(sealed)):
            for changed in (sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], sealed[:at]):
                with pytest.raises(SealBroken):
                    serializer.loads_typed((tag, changed))
        with pytest.raises(SealBroken):
            serializer.loads_typed((tag, sealed + b"\0"))


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ("json+aes256gcm.k1", SealBroken),
        ("pickle+aes256gcm.k1", SealBroken),
        ("msgpack", SealBroken),
        ("msgpack+aes", SealBroken),
        ("msgpack+aes256gcm.k9", SealKeyMissing),
        ("msgpack+aes256gcm.k2", SealBroken),
        ("msgpack+aes256gcm.k1+aes256gcm.k1", SealBroken),
        ("", SealBroken),
    ],
)
async def test_a_changed_type_is_refused(store: Store, changed: str, error: type[Exception]) -> None:
    await store.put()

    store.attack(f"UPDATE checkpoints SET type = '{changed}'")

    with pytest.raises(error):
        await store.sealed(NEWER).aget_tuple(config())


@pytest.mark.parametrize("table", ["checkpoints", "writes"])
async def test_an_unsealed_row_is_refused(store: Store, table: str) -> None:
    written = await store.put()
    if table == "checkpoints":
        await store.plain.aput(written, checkpoint(), {}, {})
    else:
        await store.plain.aput_writes(written, [("approved", True)], "attacker")

    for read in (store.saver.aget_tuple(config()), everything(store.saver), everything(store.saver, "mine")):
        with pytest.raises(SealBroken, match="is not sealed"):
            await read


async def test_a_sealed_row_is_useless_to_a_saver_without_keys(store: Store) -> None:
    await store.put()

    with pytest.raises(StateDamaged, match="aes256gcm"):
        await store.plain.aget_tuple(config())


async def test_nothing_that_a_state_holds_is_readable_in_the_file(store: Store) -> None:
    await store.put()

    files = [path.read_bytes() for path in store.path.parent.iterdir()]

    assert any(b"aes256gcm.k1" in each for each in files)
    assert not any(SECRET.encode() in each for each in files)


async def test_equal_values_are_sealed_differently() -> None:
    serializer = SealedSerializer(strict_serializer(), KEYS, tenant="acme")

    with serializer.at("mine"):
        sealed = {serializer.dumps_typed("yes")[1] for _ in range(100)}

    assert len(sealed) == 100


async def test_thread_and_namespace_cannot_be_confused() -> None:
    serializer = SealedSerializer(strict_serializer(), KEYS, tenant="acme")
    with serializer.at("a", "b|c"):
        sealed = serializer.dumps_typed("x")

    for place in (("a|b", "c"), ("ab|c", ""), ("", "ab|c"), ('a","b|c', "")):
        with serializer.at(*place), pytest.raises(SealBroken):
            serializer.loads_typed(sealed)


def test_a_serializer_that_knows_no_place_neither_seals_nor_opens() -> None:
    serializer = SealedSerializer(strict_serializer(), KEYS, tenant="acme")
    with serializer.at("mine"):
        sealed = serializer.dumps_typed("x")

    with pytest.raises(PlaceUnknown):
        serializer.dumps_typed("x")
    with pytest.raises(PlaceUnknown):
        serializer.loads_typed(sealed)


@pytest.mark.parametrize("value", [None, 1, "text", b"bytes", [1, {"a": None}], HumanMessage("hello")])
def test_what_was_sealed_comes_back(value: object) -> None:
    serializer = SealedSerializer(strict_serializer(), KEYS, tenant="acme")

    with serializer.at("mine", "sub:1"):
        tag, sealed = serializer.dumps_typed(value)

        assert tag.endswith("+aes256gcm.k1")
        assert serializer.loads_typed((tag, sealed)) == value


async def test_the_newest_key_seals_and_all_open(store: Store) -> None:
    await store.put("old")
    rotated = store.sealed(NEWER)
    await rotated.aput(config("new"), checkpoint(), {}, {})

    assert {each.config["configurable"]["thread_id"] for each in await everything(rotated)} == {"old", "new"}
    with pytest.raises(SealKeyMissing, match=r"key 'k2', which is not given \(there is: k1\)"):
        await store.saver.aget_tuple(config("new"))


async def test_another_key_under_the_same_id_opens_nothing(store: Store) -> None:
    await store.put()

    with pytest.raises(SealBroken, match="another value under the same id"):
        await store.sealed(KeyRing({"k1": b"x" * 32})).aget_tuple(config())


def test_keys_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert seal_keys() is None
    monkeypatch.setenv("GRAPHWRIGHT_SEAL_KEYS", f"{new_key('b')},{new_key('a')}")

    keys = seal_keys()

    assert keys is not None
    assert (keys.newest, list(keys.keys)) == ("b", ["b", "a"])

    monkeypatch.setenv("GRAPHWRIGHT_SEAL_KEYS", "b:AAAA")
    with pytest.raises(KeysError, match="GRAPHWRIGHT_SEAL_KEYS cannot be used: key 'b' is 3 bytes, not 32 bytes"):
        seal_keys()


def test_without_the_library_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)

    with pytest.raises(SealingUnavailable, match=r"pip install 'graphwright\[seal\]'"):
        sealed_saver(InMemorySaver(), KEYS, "acme")


async def test_a_sealed_sqlite_saver_passes_langgraphs_conformance_suite(tmp_path: Path) -> None:
    numbers = itertools.count()

    async def savers() -> AsyncIterator[BaseCheckpointSaver[Any]]:
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / f"{next(numbers)}.db")) as saver:
            yield sealed_saver(saver, KEYS, "acme")

    await _conforms("sealed sqlite", savers)


async def test_a_sealed_saver_in_memory_passes_langgraphs_conformance_suite() -> None:
    async def savers() -> AsyncIterator[BaseCheckpointSaver[Any]]:
        yield sealed_saver(InMemorySaver(), KEYS, "acme")

    await _conforms("sealed memory", savers)


async def _conforms(name: str, savers: Callable[[], AsyncIterator[BaseCheckpointSaver[Any]]]) -> None:
    report = await validate(checkpointer_test(name=name)(savers))

    failures = {kind: each.failures for kind, each in report.results.items() if each.failures}
    assert failures == {}
    assert report.passed_all_base()
    assert sum(each.tests_passed for each in report.results.values()) >= 58


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    answer: str


def desk(saver: BaseCheckpointSaver[Any]) -> Any:
    """A graph with a subgraph that asks, so that there are two namespaces and pending writes."""

    def ask(state: State) -> dict[str, Any]:
        return {"answer": interrupt(f"about {state['messages'][-1].text}")}

    def greet(state: State) -> dict[str, Any]:
        return {"messages": [HumanMessage(f"{state['messages'][-1].text}!")]}

    inner = StateGraph(State)
    inner.add_node("ask", ask)
    inner.add_edge(START, "ask")
    inner.add_edge("ask", END)
    outer = StateGraph(State)
    outer.add_node("greet", greet)
    outer.add_node("inner", inner.compile(checkpointer=True))
    outer.add_edge(START, "greet")
    outer.add_edge("greet", "inner")
    outer.add_edge("inner", END)
    return outer.compile(checkpointer=saver)


async def test_a_graph_pauses_and_is_resumed_through_another_saver(store: Store) -> None:
    paused = await desk(store.saver).ainvoke({"messages": [HumanMessage(SECRET)]}, config(), durability="sync")
    assert paused["__interrupt__"][0].value == f"about {SECRET}!"

    other = desk(store.sealed(NEWER))
    done = await other.ainvoke(Command(resume="yes"), config(), durability="sync")

    assert (done["answer"], len(done["messages"])) == ("yes", 2)
    history = [each async for each in other.aget_state_history(config())]
    assert history[0].values["answer"] == "yes"
    assert {row[0] for row in store.rows("SELECT checkpoint_ns FROM checkpoints")} == {"", "inner"}
    assert not any(SECRET.encode() in path.read_bytes() for path in store.path.parent.iterdir())


async def test_a_fork_reads_and_writes_in_its_own_place(store: Store) -> None:
    graph = desk(store.saver)
    await graph.ainvoke({"messages": [HumanMessage("a")]}, config(), durability="sync")
    history = [each async for each in graph.aget_state_history(config())]

    forked = await graph.aupdate_state(history[-1].config, {"messages": [HumanMessage("b")]}, as_node="greet")

    assert [each.text for each in (await graph.aget_state(forked)).values["messages"]] == ["b"]


def test_the_synchronous_side_is_sealed_too(tmp_path: Path) -> None:
    path = tmp_path / "sync.db"
    with SqliteSaver.from_conn_string(str(path)) as plain:
        saver = sealed_saver(plain, KEYS, "acme")
        desk(saver).invoke({"messages": [HumanMessage(SECRET)]}, config())
        done = desk(saver).invoke(Command(resume="yes"), config())

        assert done["answer"] == "yes"
        assert len(list(saver.list(None))) > len(list(saver.list(config()))) > 0
        assert not any(SECRET.encode() in each.read_bytes() for each in tmp_path.iterdir())

        plain.conn.execute("UPDATE checkpoints SET thread_id = 'other'")
        with pytest.raises(SealBroken):
            saver.get_tuple(config("other"))
        with pytest.raises(SealBroken):
            list(saver.list(None))

        saver.delete_thread("other")
        assert list(saver.list(None)) == []


async def test_the_synchronous_face_of_an_asynchronous_saver_knows_its_place(store: Store) -> None:
    """It hands the work to the loop's thread; the place must go along."""
    written = await asyncio.to_thread(store.saver.put, config(), checkpoint(), {}, {})
    await asyncio.to_thread(store.saver.put_writes, written, [("value", 1)], "task")

    found = await asyncio.to_thread(store.saver.get_tuple, config())
    listed = await asyncio.to_thread(lambda: list(store.saver.list(None)))

    assert found is not None
    assert found.pending_writes == [("task", "value", 1)]
    assert len(listed) == 1


async def test_threads_at_the_same_time_keep_their_places_apart(store: Store) -> None:
    async def run(thread: str) -> str:
        graph = desk(store.saver)
        await graph.ainvoke({"messages": [HumanMessage(thread)]}, config(thread), durability="sync")
        listed = await everything(store.saver, thread)
        assert {each.config["configurable"]["thread_id"] for each in listed} == {thread}
        done = await graph.ainvoke(Command(resume=thread), config(thread), durability="sync")
        return str(done["answer"])

    threads = [f"thread-{number}" for number in range(20)]

    assert await asyncio.gather(*map(run, threads)) == threads
    assert len({each.config["configurable"]["thread_id"] for each in await everything(store.saver)}) == 20


async def test_a_list_left_half_way_blocks_nobody_and_changes_no_place(store: Store) -> None:
    for number in range(3):
        await store.put(f"thread-{number}")

    listing = store.saver.alist(None)
    first = await anext(listing)
    await listing.aclose()  # type: ignore[attr-defined]  # it is an async generator

    assert first.checkpoint["channel_values"]["value"] == SECRET
    assert await asyncio.wait_for(store.saver.aget_tuple(config("thread-1")), 5) is not None
    with pytest.raises(PlaceUnknown):
        store.saver.serde.dumps_typed("x")


async def test_delta_channel_history_is_opened_in_its_place(store: Store) -> None:
    first = await store.put(value="seed")
    second = await store.saver.aput(first, checkpoint("later"), {}, {})

    history = await store.saver.aget_delta_channel_history(config=second, channels=["value"])

    assert history["value"]["seed"] == "seed"
    assert history["value"]["writes"] == [("task", "value", "seed")]


async def test_the_wrapped_saver_is_left_as_it_was_and_its_attributes_are_reached(store: Store) -> None:
    serializer = store.plain.serde

    assert not isinstance(serializer, SealedSerializer)
    assert store.saver.conn is store.plain.conn
    assert store.saver.get_next_version(None, None).startswith("0000")
    await store.saver.setup()
    await store.put()
    await store.saver.adelete_thread("mine")
    assert await everything(store.saver) == []


async def test_types_that_langgraph_allows_later_are_allowed_inside_the_seal(store: Store) -> None:
    allowing = store.saver.with_allowlist([("some.module", "Type")])

    assert allowing is not store.saver
    assert isinstance(allowing.serde, SealedSerializer)
    assert allowing.inner.serde is allowing.serde
    await store.put()
    assert await allowing.aget_tuple(config()) is not None


async def test_optional_methods_are_there_exactly_where_the_wrapped_saver_has_them() -> None:
    class Pruning(InMemorySaver):
        async def aprune(self, thread_ids: Any, *, strategy: str = "keep_latest") -> None:
            for each in thread_ids:
                await self.adelete_thread(each)

    saver = sealed_saver(Pruning(), KEYS, "acme")
    await saver.aput(config(), checkpoint(), {}, {})
    await saver.aprune(["mine"], strategy="delete")

    assert await everything(saver) == []
    assert type(saver).aprune is not BaseCheckpointSaver.aprune
    assert type(saver).acopy_thread is BaseCheckpointSaver.acopy_thread
    assert type(sealed_saver(InMemorySaver(), KEYS, "acme")).aprune is BaseCheckpointSaver.aprune
