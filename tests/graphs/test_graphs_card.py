"""Cards and pictures: made of the code, valid Mermaid, and true."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import merman
import pytest
from langgraph.graph import END, START, StateGraph

from graphwright.agents import Agent
from graphwright.graphs import AgentState, Catalogue, GraphEntry, agent_loop, graph
from graphwright.graphs.card import card_of, card_path, card_text, stale_lines
from graphwright.graphs.drawing import mermaid
from graphwright.runtime import RunContext
from graphwright.tools import tool

SHIPPED = Catalogue.load().entries


@tool(effect="write", approval="Moves money.", critical=("order",), destructive=True)
def refund(order: str) -> str:
    """Pay one order back."""
    return order


def desk(*tools: Any) -> StateGraph[AgentState, RunContext]:
    return agent_loop(Agent(name="clerk", description="Looks after orders.", prompt="Be kind.", tools=tools))


@graph(description="Looks after orders.", owner="The billing team", data=["Orders of customers."])
def shop() -> StateGraph[AgentState, RunContext]:
    """One clerk."""
    return desk(refund)


def is_valid(picture: str) -> bool:
    return bool(merman.Merman().validate(picture, None).valid)


def rendered(picture: str) -> str:
    return str(merman.Merman().render_svg(picture, None))


@pytest.mark.parametrize("entry", SHIPPED.values(), ids=SHIPPED)
def test_the_picture_of_every_shipped_graph_can_be_rendered(entry: GraphEntry) -> None:
    built = entry.graph()

    svg = rendered(mermaid(built))

    assert svg.startswith("<svg")
    assert all(name in svg for name in built.nodes)


@pytest.mark.parametrize("entry", SHIPPED.values(), ids=SHIPPED)
def test_the_card_of_every_shipped_graph_is_up_to_date(entry: GraphEntry) -> None:
    assert stale_lines(entry, entry.graph()) == [], f"graphwright graphs card {entry.name} --write"


def test_a_reader_of_mermaid_refuses_a_broken_picture() -> None:
    assert not is_valid('flowchart TD\n    n0["open\n')


@pytest.mark.parametrize("name", ['say "hi"', "a<b>c", "x --> y", "end", "subgraph", "naïve ☃", "#1;", "a(b)[c]{d}"])
def test_names_that_mean_something_in_mermaid_are_only_names(name: str) -> None:
    flow = StateGraph(AgentState)
    flow.add_node(name, lambda state: {})
    flow.add_edge(START, name)
    flow.add_edge(name, END)

    assert is_valid(mermaid(flow))


def test_graphs_inside_graphs_are_boxes_inside_boxes() -> None:
    inner = StateGraph(AgentState)
    inner.add_node("clerk", desk().compile())
    inner.add_edge(START, "clerk")
    outer = StateGraph(AgentState)
    outer.add_node("team", inner.compile())
    outer.add_edge(START, "team")

    picture = mermaid(outer)

    assert 'subgraph g0["team"]' in picture
    assert 'subgraph g0_0["clerk"]' in picture
    assert picture.count("    end\n") >= 2
    assert is_valid(picture)


def test_a_card_names_owner_data_agents_tools_and_limits() -> None:
    text = card_text(card_of(shop, shop.graph()))

    assert "- owner: The billing team" in text
    assert "- data: Orders of customers." in text
    assert "- **clerk**: Looks after orders. Calls `refund`." in text
    assert "at most 12 turns and 40 calls" in text
    assert "| `refund` | write | always | once, destructive | order | Pay one order back. |" in text


def test_a_card_carries_the_schemas_of_input_and_state_as_data() -> None:
    card = card_of(shop, shop.graph())

    assert "messages" in card["input_schema"]["properties"]
    assert "notes" in card["state_schema"]["properties"]
    assert card["tools"][0]["schema"]["required"] == ["order"]


def entry_at(folder: Path, **changes: Any) -> GraphEntry:
    return replace(shop, source=f"{folder / 'shops.py'}:1", **changes)


def test_a_changed_label_makes_a_card_stale_and_says_what_changed(tmp_path: Path) -> None:
    entry = entry_at(tmp_path)
    card_path(entry).write_text(card_text(card_of(entry, entry.graph())))
    harmless = refund.function

    (gone, new) = stale_lines(entry, desk(tool(effect="write", critical=("order",))(harmless)))

    assert gone.startswith("-| `refund` | write | always |")
    assert new.startswith("+| `refund` | write | never |")


def test_results_of_evaluations_do_not_make_a_card_stale(tmp_path: Path) -> None:
    entry = entry_at(tmp_path)
    card_path(entry).write_text(card_text(card_of(entry, entry.graph()), ["verdict 0.93 of 30 cases"]))

    assert stale_lines(entry, entry.graph()) == []


def test_cards_of_two_graphs_in_one_folder_have_names_of_their_own(tmp_path: Path) -> None:
    assert card_path(entry_at(tmp_path)).name == "shop.card.md"
    assert card_path(entry_at(tmp_path / "shop")).name == "card.md"
