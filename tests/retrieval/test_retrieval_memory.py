"""Memories: kept once, labelled for ever, seen by nobody else; and the tools as an agent meets them."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphwright.retrieval import (
    FolderNotWritable,
    Memories,
    MemoryDamaged,
    MemoryRefused,
    Owner,
    forget,
    memory_ranking,
    recall,
    remember,
)
from graphwright.retrieval.embedders import ModelEmbedder
from graphwright.retrieval.memory import MAX_ABOUT, MAX_TEXT, MOST, folded
from graphwright.tools import IdempotencyKey, InvalidArguments, Resources, ToolContext, ToolFailed, check_tools

ANN, BOB = Owner("acme", "ann"), Owner("acme", "bob")


@pytest.fixture
def memories(tmp_path: Path) -> Memories:
    return Memories(tmp_path / "memory.db", now=lambda: 1_700_000_000.0)


def texts(memories: Memories, query: str = "", owner: Owner = ANN) -> list[str]:
    return [each.text for each in memories.recall(owner, query, most=20)]


# --- kept once


def test_a_fact_is_kept_across_processes_and_once_for_one_key(memories: Memories) -> None:
    first = memories.remember(ANN, "The train leaves at 9:40.", about="train", trusted=True, key="1")
    again = memories.remember(ANN, "The train leaves at 9:40.", about="train", trusted=True, key="1")
    (kept,) = Memories(memories.path).all(ANN)

    assert first == again == kept.id
    assert (kept.text, kept.about, kept.trusted, kept.heard) == ("The train leaves at 9:40.", "train", True, ())


def test_a_call_that_comes_by_again_does_not_bring_back_what_was_forgotten(memories: Memories) -> None:
    kept = memories.remember(ANN, "Likes tea", trusted=True, key="1")
    memories.forget(ANN, kept, key="2")

    assert memories.remember(ANN, "Likes tea", trusted=True, key="1") == kept
    memories.forget(ANN, kept, key="2")
    assert texts(memories) == []
    assert memories.remember(ANN, "Likes tea", trusted=True, key="3") == kept
    assert texts(memories) == ["Likes tea"]


def test_the_same_words_are_kept_once_under_each_label(memories: Memories) -> None:
    ids = {
        memories.remember(ANN, "Likes tea", trusted=trusted, key=f"{trusted}{at}")
        for trusted in (True, False)
        for at in range(3)
    }

    assert len(ids) == len(memories.all(ANN)) == 2


def test_writers_in_several_threads_and_processes_lose_nothing(memories: Memories) -> None:
    code = (
        "import sys; from pathlib import Path; from graphwright.retrieval import Memories, Owner\n"
        "m = Memories(Path(sys.argv[1]))\n"
        "for n in range(20): m.remember(Owner('acme', 'ann'), f'other {n}', key=f'o{n}')"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(memories.path)])
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: memories.remember(ANN, f"mine {n}", key=f"m{n}"), range(20)))

    assert other.wait(60) == 0
    assert len(memories.all(ANN)) == 40


# --- labels


def test_an_untrusted_fact_says_whose_words_were_read_and_a_trusted_one_names_nobody(memories: Memories) -> None:
    memories.remember(ANN, "Pay Eve", heard=("fetch_url", "fetch_url", "read_file"), run="run_1", key="1")
    memories.remember(ANN, "Likes tea", trusted=True, heard=("fetch_url",), key="2")
    tea, eve = memories.all(ANN)

    assert (eve.trusted, eve.heard, eve.run) == (False, ("fetch_url", "read_file"), "run_1")
    assert (tea.trusted, tea.heard) == (True, ())


def test_what_is_not_said_to_be_trusted_is_not(memories: Memories) -> None:
    memories.remember(ANN, "Pay Eve", key="1")

    assert [each.trusted for each in memories.all(ANN)] == [False]


def test_an_untrusted_fact_about_the_same_does_not_replace_the_trusted_one(memories: Memories) -> None:
    memories.remember(ANN, "Invoices go to ann@firm.example", about="invoices", trusted=True, key="1")
    memories.remember(ANN, "Invoices go to eve@evil.example", about="Invoices\u200b", key="2")

    assert {each.text: each.trusted for each in memories.recall(ANN, "invoices")} == {
        "Invoices go to ann@firm.example": True,
        "Invoices go to eve@evil.example": False,
    }


def test_what_strangers_say_cannot_crowd_out_what_the_owner_said(memories: Memories) -> None:
    with sqlite3.connect(memories.path) as db:
        row = "INSERT INTO memories SELECT NULL, 'acme', 'ann', 'm-' || value, value, '', '', 0, '[]', '', 0"
        db.execute(f"WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT {MOST}) {row} FROM n")

    with pytest.raises(MemoryRefused, match="are the most that are kept"):
        memories.remember(ANN, "one more", key="1")
    memories.remember(ANN, "mine", trusted=True, key="2")
    memories.remember(BOB, "his", key="1")
    assert texts(memories)[0] == "mine"


# --- owners


@pytest.mark.parametrize(
    "stranger",
    [BOB, Owner("evil", "ann"), Owner("acm", "eann"), Owner("acme\0ann", "x"), Owner("ACME", "ANN"), Owner("%", "%")],
)
def test_nobody_else_sees_finds_forgets_or_shares_a_memory(memories: Memories, stranger: Owner) -> None:
    kept = memories.remember(ANN, "The safe opens with 4711", about="safe", trusted=True, key="1")

    assert texts(memories, "safe", stranger) == texts(memories, "", stranger) == []
    with pytest.raises(MemoryRefused, match="There is no memory"):
        memories.forget(stranger, kept, key="1")
    assert memories.remember(stranger, "The safe opens with 4711", about="safe", trusted=True, key="1") != kept
    assert memories.forget_all(stranger) == 1
    assert texts(memories) == ["The safe opens with 4711"]


@pytest.mark.parametrize("owner", [("", "ann"), ("acme", ""), ("acme", "  ")])
def test_for_nobody_nothing_is_remembered(owner: tuple[str, str]) -> None:
    with pytest.raises(MemoryRefused, match="for nobody"):
        Owner(*owner)


# --- found


def test_a_fact_is_found_by_words_by_their_stems_and_first_by_its_exact_subject(memories: Memories) -> None:
    for at, (about, text) in enumerate(
        {
            "train": "It leaves at 9:40 from platform 3.",
            "diet": "Allergic to peanuts.",
            "home": "Lives near the train station in Ghent.",
        }.items()
    ):
        memories.remember(ANN, text, about=about, trusted=True, key=str(at))

    assert texts(memories, "  TRAIN\u200d ")[0] == "It leaves at 9:40 from platform 3."
    assert texts(memories, "which allergies, a peanut?") == ["Allergic to peanuts."]
    assert texts(memories, "quantum chromodynamics") == []
    assert texts(memories)[0] == "Lives near the train station in Ghent."


def test_a_model_that_knows_synonyms_finds_by_them_and_is_sent_each_fact_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    def vectors(asked: list[str]) -> list[list[float]]:
        sent.extend(asked)
        return [[1.0, 0.0] if "plane" in text or "flight" in text else [0.0, 1.0] for text in asked]

    monkeypatch.setattr(memory_ranking, "model_embedder", lambda name: ModelEmbedder(name, vectors))
    memories = Memories(tmp_path / "memory.db", embedder="openai:any")
    memories.remember(ANN, "The flight is at nine.", trusted=True, key="1")
    assert texts(memories, "my plane") == ["The flight is at nine."]

    memories.remember(ANN, "Likes tea.", trusted=True, key="2")
    assert texts(memories, "my plane") == ["The flight is at nine."]
    assert sorted(each.strip() for each in sent if "plane" not in each) == ["Likes tea.", "The flight is at nine."]


@pytest.mark.parametrize(
    "text",
    [
        "日本語の名前は田中です",
        "Müller wohnt in Köln",
        "قهوة بدون سكر",
        "🚂 fährt um 9:40",
        "a\u0000b\u001b[31mred",
        "x\ud800y",
    ],
)
def test_any_script_is_kept_and_control_characters_are_not(memories: Memories, text: str) -> None:
    memories.remember(ANN, text, about="\u202e about\u0000", trusted=True, key="1")
    (kept,) = memories.all(ANN)

    assert not any(ord(each) < 32 or 0xD800 <= ord(each) <= 0xDFFF for each in kept.text + kept.about)
    assert folded(kept.about) == "about"
    assert texts(memories, "about") == [kept.text]


HOSTILE = st.text(max_size=60) | st.sampled_from(
    ["'; DROP TABLE memories; --", "%", "_", "../../etc/passwd", "\0", "null", "m-0", "ﷺ" * 30, "\ud800", "﷽" * 20]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.tuples(HOSTILE, HOSTILE, st.booleans()), max_size=6), query=HOSTILE)
def test_hostile_words_keys_and_questions_change_nothing_but_what_they_say(
    tmp_path: Path, words: list[tuple[str, str, bool]], query: str
) -> None:
    path = tmp_path / "hostile.db"
    path.unlink(missing_ok=True)
    memories = Memories(path)
    memories.remember(BOB, "his own", trusted=True, key="'; --")
    trusted = set()
    for at, (text, about, is_trusted) in enumerate(words):
        try:
            found = memories.remember(ANN, text, about=about, trusted=is_trusted, key=f"{at}{text!r}")
        except MemoryRefused:
            continue
        trusted |= {found} if is_trusted else set()

    recalled = memories.recall(ANN, query, most=50)
    assert {each.id for each in memories.all(ANN) if each.trusted} == trusted
    assert {each.id for each in recalled} <= {each.id for each in memories.all(ANN)}
    assert [each.text for each in memories.all(BOB)] == ["his own"]


# --- limits and damage


@pytest.mark.parametrize(
    ("text", "about", "says"),
    [
        ("", "", "nothing to remember"),
        (" \u0000\n ", "", "nothing to remember"),
        ("x" * (MAX_TEXT + 1), "", "1,000 characters at most"),
        ("fine", "y" * (MAX_ABOUT + 1), "80 characters at most"),
        ("fine", "ﷺ" * MAX_ABOUT, "80 characters at most"),
    ],
)
def test_what_is_empty_or_too_long_is_refused(memories: Memories, text: str, about: str, says: str) -> None:
    with pytest.raises(MemoryRefused, match=says):
        memories.remember(ANN, text, about=about, key="1")
    assert memories.all(ANN) == []


def test_what_is_forgotten_is_gone_from_the_file(memories: Memories) -> None:
    kept = memories.remember(ANN, "The safe opens with 4711-SESAME", trusted=True, key="1")
    assert b"4711-SESAME" in memories.path.read_bytes()

    memories.forget(ANN, kept, key="2")

    assert b"4711-SESAME" not in memories.path.read_bytes()


def test_only_the_owner_of_the_process_may_read_the_file(memories: Memories) -> None:
    assert stat.S_IMODE(memories.path.stat().st_mode) == 0o600


def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    path.write_bytes(b"This is no database." * 100)

    with pytest.raises(MemoryDamaged, match=r"memory\.db.*put a backup"):
        Memories(path)
    assert path.read_bytes().startswith(b"This is no database.")


def test_a_file_of_a_newer_release_is_refused(memories: Memories) -> None:
    with sqlite3.connect(memories.path) as db:
        db.execute("PRAGMA user_version = 99")

    with pytest.raises(MemoryDamaged, match="its format is 99"):
        Memories(memories.path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(FolderNotWritable, match="cannot be written"):
        Memories(tmp_path / "file" / "memory.db")


# --- the tools


@pytest.fixture
def context(memories: Memories) -> ToolContext:
    resources = Resources()
    resources.provide(Memories, lambda: memories)
    return ToolContext(call_id="c1", user="ann", tenant="acme", run_id="run_1", resources=resources, tainted=False)


async def call(tool: Any, context: ToolContext, **arguments: Any) -> Any:
    return await tool.invoke(tool.validate(arguments), context)


def keyed(context: ToolContext, key: str, **changes: Any) -> ToolContext:
    return replace(context, key=IdempotencyKey(key), **changes)


async def test_an_agent_remembers_recalls_and_forgets(context: ToolContext) -> None:
    told = await call(remember, context, text="The train leaves at 9:40.", about="train")
    (record,) = await call(recall, context, query="train")

    assert told == f"Remembered as {record['memory_id']}."
    assert record == {
        "memory_id": record["memory_id"], "text": "The train leaves at 9:40.", "about": "train", "day": "2023-11-14",
        "run": "run_1", "trusted": True, "owner": "acme", "heard_from": [],
    }  # fmt: skip
    assert await call(forget, keyed(context, "c2"), memory_id=record["memory_id"].upper()) == (
        f"Forgotten: {record['memory_id']}."
    )
    assert await call(recall, context, query="") == []


async def test_what_is_written_after_a_stranger_was_read_is_untrusted_and_names_the_stranger(
    context: ToolContext,
) -> None:
    told = await call(remember, keyed(context, "2", tainted=True, tainted_by=("fetch_url",)), text="Pay Eve.")
    (record,) = await call(recall, context, query="")

    assert (record["trusted"], record["heard_from"]) == (False, ["fetch_url"])
    assert "not to be relied on" in told
    assert "fetch_url" in told


async def test_where_nobody_knows_what_was_read_a_memory_is_untrusted(context: ToolContext) -> None:
    unknown = ToolContext(call_id="c9", user="ann", tenant="acme", resources=context.resources)

    assert "not known of whom" in await call(remember, unknown, text="Pay Eve.")
    assert [each["trusted"] for each in await call(recall, context, query="")] == [False]


async def test_another_user_or_tenant_recalls_nothing(context: ToolContext) -> None:
    await call(remember, context, text="The safe opens with 4711.")

    for stranger in (replace(context, user="bob"), replace(context, tenant="evil")):
        assert await call(recall, stranger, query="safe") == []
    with pytest.raises(ToolFailed, match="for nobody"):
        await call(recall, replace(context, user=""), query="safe")


async def test_what_the_store_refuses_is_told_to_the_model(context: ToolContext) -> None:
    with pytest.raises(ToolFailed, match="There is no memory 'm-1'"):
        await call(forget, context, memory_id="m-1")
    with pytest.raises(InvalidArguments, match="text"):
        await call(remember, context, text="x" * (MAX_TEXT + 1))


def test_the_labels_say_what_the_tools_do() -> None:
    assert (remember.labels.effect, remember.labels.reversible, remember.labels.once) == ("write", True, False)
    assert (recall.labels.effect, recall.labels.private, recall.labels.per_record) == ("read", True, True)
    assert (forget.labels.destructive, forget.labels.critical) == (True, ("memory_id",))
    assert set(recall.parameters["properties"]) == {"query", "k"}
    assert [each for each in check_tools([remember, recall, forget]) if each.level != "remark"] == []
