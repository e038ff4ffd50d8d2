"""What models cost: found by name, corrected by the project, unknown where it is not known."""

from __future__ import annotations

from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata

from graphwright.models import ModelRequest
from graphwright.runtime.estimates import PER_ATTACHMENT, PromptSize, size_of
from graphwright.runtime.prices import Price, PriceError, PriceTable, Spent, load_prices

TABLE = PriceTable(
    {
        "gpt-9": Price(input=2, output=8, cached=0.5),
        "gpt-9-*": Price(input=1, output=4),
        "gpt-9-nano-*": Price(input=0.1, output=0.4),
        "*@http://gpu*": Price(input=0, output=0),
    }
)


@pytest.mark.parametrize(
    ("name", "price"),
    [
        ("gpt-9", 2),
        ("openai:gpt-9", 2),
        ("openai:gpt-9-2026-08-07", 2),
        ("langchain:ChatOpenAI:gpt-9-large", 1),
        ("openai:gpt-9-nano-x", 0.1),
        ("openai:gpt-9@http://gpu:8000/v1", 0),
    ],
)
def test_the_same_name_sets_the_price_else_the_longest_pattern_that_fits(name: str, price: float) -> None:
    found = TABLE.of(name)

    assert found is not None
    assert found.input == price


@pytest.mark.parametrize("name", ["gpt-99", "openai:gpt-9@https://elsewhere/v1", "gpt-9 or mystery", ""])
def test_a_model_that_is_not_in_the_table_has_no_price(name: str) -> None:
    assert TABLE.of(name) is None


def test_a_dated_name_costs_what_the_model_does() -> None:
    table = PriceTable({"gpt-9": Price(input=2, output=8)})

    assert table.of("openai:gpt-9-2026-08-07") == table.of("gpt-9-20260807") == table.of("gpt-9")


def test_a_chain_of_models_is_reserved_at_the_price_of_its_dearest() -> None:
    assert TABLE.of("gpt-9 or gpt-9-nano-x") == Price(input=2, output=8)


def used(sent: int, got: int, cached: int = 0, **metadata: object) -> AIMessage:
    usage = UsageMetadata(
        input_tokens=sent, output_tokens=got, total_tokens=sent + got, input_token_details={"cache_read": cached}
    )
    return AIMessage("", usage_metadata=usage, response_metadata=dict(metadata))


def test_an_answer_costs_its_tokens_and_less_for_those_the_provider_had() -> None:
    assert TABLE.spent("gpt-9", used(1_000, 100)) == Spent(1_000, 100, 2_800_000)
    assert TABLE.spent("gpt-9", used(1_000, 100, cached=800)) == Spent(1_000, 100, 1_600_000)


def test_the_journals_form_of_an_answer_costs_the_same() -> None:
    answer = used(1_000, 100, cached=800)

    assert TABLE.spent("gpt-9", answer.model_dump(mode="json")) == TABLE.spent("gpt-9", answer)


def test_the_model_that_answered_is_the_one_that_is_charged() -> None:
    assert TABLE.spent("gpt-9", used(1_000, 0, answered_by="gpt-9-nano-x")).cost == 100_000


def test_an_answer_from_our_own_cache_is_free() -> None:
    answer = used(1_000, 100)
    answer.response_metadata["cached"] = True

    assert TABLE.spent("gpt-9", answer) == Spent()


def test_an_unknown_price_is_told_as_unknown() -> None:
    assert TABLE.spent("mystery", used(10, 1)) == Spent(10, 1, None)


def test_a_project_corrects_the_shipped_prices(tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text(
        '[models]\n"gpt-5" = { input = 99, output = 1 }\n"own" = { input = 3, output = 4 }\n'
    )

    table = load_prices(tmp_path, {"own": Price(input=5, output=6)})

    assert table.of("openai:gpt-5") == Price(input=99, output=1)
    assert table.of("own") == Price(input=5, output=6)
    assert table.of("gpt-5-mini") == load_prices().of("gpt-5-mini")


def test_the_shipped_table_knows_well_known_models_and_what_runs_here_is_free() -> None:
    table = load_prices()

    assert table.of("openai:gpt-5-mini") is not None
    assert table.of("langchain:ChatAnthropic:claude-sonnet-4-5-20250929") is not None
    for name in ("offline", "scripted", "recorded:tests/a.json", "openai:any@http://localhost:11434/v1"):
        assert table.of(name) == Price(input=0, output=0)


def test_a_wrong_table_lists_every_problem(tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text('odd = 1\n[models]\n"a" = { input = -1, output = 1 }\n"b" = { input = 1 }\n')

    with pytest.raises(PriceError, match=r"unknown key 'odd'.*'a': input is -1.*'b': .*output"):
        load_prices(tmp_path)


def test_a_prompt_is_estimated_from_the_agents_last_answer_on() -> None:
    answer = used(900, 50)
    answer.name = "clerk"
    request = ModelRequest(
        messages=[HumanMessage("x" * 30_000), answer, ToolMessage("y" * 300, tool_call_id="1")],
        tools=({"type": "function", "function": {"name": "z" * 3_000}},),
    )

    mine, other = PromptSize().of(request, "clerk"), PromptSize().of(request, "another")

    assert 950 + 100 <= mine < 1_100
    assert other > 10_000 + 1_000


def test_other_scripts_and_pictures_are_counted_from_above() -> None:
    assert size_of(HumanMessage("漢" * 100)) >= 100
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}
    assert PER_ATTACHMENT <= size_of(HumanMessage([{"type": "text", "text": "look"}, picture])) < 2_000
