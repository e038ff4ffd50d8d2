"""The message history: the reducer's laws, which LangGraph's delta channel relies on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, RemoveMessage

from graphwright.graphs.history import merge_messages

ids = st.sampled_from(["a", "b", "c", "d"])
messages = st.one_of(
    st.builds(lambda id, text: AIMessage(text, id=id), ids, st.text(max_size=3)),
    st.builds(lambda id: RemoveMessage(id=id), ids),
    st.builds(lambda text: HumanMessage(text), st.text(max_size=3)),
)
writes = st.lists(st.one_of(messages, st.lists(messages, max_size=3)), max_size=6)


def contents(history: list[BaseMessage]) -> list[tuple[str, str | None, str]]:
    return [(each.type, each.id, each.text) for each in history]


@given(writes, st.integers(0, 6))
def test_writes_may_be_applied_in_any_batches(all_writes: list[object], cut: int) -> None:
    at_once = merge_messages([], all_writes)
    in_two = merge_messages(merge_messages([], all_writes[:cut]), all_writes[cut:])

    assert contents(at_once) == contents(in_two)


@given(writes)
def test_no_two_messages_have_one_id(all_writes: list[object]) -> None:
    known = [each.id for each in merge_messages([], all_writes) if each.id]

    assert len(known) == len(set(known))


def test_a_message_with_a_known_id_takes_the_place_of_the_earlier_one() -> None:
    history = merge_messages([], [AIMessage("one", id="a"), AIMessage("two", id="b")])

    assert contents(merge_messages(history, [AIMessage("new", id="a")])) == [("ai", "a", "new"), ("ai", "b", "two")]


def test_the_shorthands_of_langchain_are_understood() -> None:
    written = [("user", "hello"), {"role": "assistant", "content": "hi"}, [("user", "bye")], "text"]

    assert [(each.type, each.text) for each in merge_messages([], written)] == [
        ("human", "hello"),
        ("ai", "hi"),
        ("human", "bye"),
        ("human", "text"),
    ]


def test_the_history_given_is_not_changed() -> None:
    history: list[BaseMessage] = [AIMessage("one", id="a")]

    merge_messages(history, [RemoveMessage(id="a"), AIMessage("two", id="b")])

    assert contents(history) == [("ai", "a", "one")]
