"""What guardrails look for, and what checking comes to: pure, bounded, closed when in doubt."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from graphwright.runtime import Redactor, Settings
from graphwright.runtime.guardrails import (
    Found,
    Guardrail,
    GuardrailError,
    GuardrailSettings,
    check,
    guardrails_of,
    length,
    pii,
    secrets,
    shape,
)

Action = Literal["block", "redact", "flag"]


def rail(look: Any, do: Action = "redact", **more: Any) -> Guardrail:
    return Guardrail(name="rail", look=look, at=frozenset({"input"}), do=do, **more)


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("card", "4111 1111 1111 1111", "4111 1111 1111 1112"),
        ("iban", "BE71 0961 2345 6769", "BE71 0961 2345 6768"),
        ("us-ssn", "536-90-4399", "000-90-4399"),
        ("be-national-number", "85.07.30-033.28", "85.07.30-033.29"),
        ("be-national-number", "00.01.25-567.77", "00.01.25-567.78"),
        ("es-dni", "12345678Z", "12345678A"),
        ("es-dni", "X1234567L", "X1234567M"),
        ("fr-nir", "2 55 08 14 168 025 38", "2 55 08 14 168 025 39"),
        ("uk-nhs", "943 476 5919", "943 476 5918"),
        ("email", "ann@example.org", "ann at example.org"),
        ("phone", "+32 470 12 34 56", "32 470 12 34 56"),
    ],
)
def test_a_number_of_a_person_is_told_from_another_by_its_check_digits(kind: str, right: str, wrong: str) -> None:
    look = pii([kind])

    assert look(f"It is {right}, she said.") == Found(f"It holds {kind}.", f"It is [redacted:{kind}], she said.")
    assert look(f"It is {wrong}, she said.") is None


@given(st.text(max_size=300))
def test_what_was_redacted_is_not_found_again(text: str) -> None:
    look = pii()
    found = look({"text": text + " ann@example.org"})

    assert found is not None
    assert look(found.clean) is None


@pytest.mark.parametrize(
    "text", ["a" * 200_000, "1 " * 100_000, "1" * 200_000, "1-" * 100_000, "a@" * 100_000, "1." * 9**5]
)
def test_hostile_text_costs_linear_time(text: str) -> None:
    # Generous: a quadratic expression takes minutes on these.
    begun = time.process_time()
    pii()(text)
    assert time.process_time() - begun < 10


def test_own_secrets_are_found_exactly_wherever_they_stand() -> None:
    found = secrets(Redactor({"STORE_KEY": "hunter2-and-more"}))({"body": ["key: hunter2-and-more"]})

    assert found == Found("It holds STORE_KEY.", {"body": ["key: [redacted:STORE_KEY]"]})


def test_a_sentence_about_a_finding_does_not_repeat_it() -> None:
    class Bill(BaseModel):
        total: int

    sentences = [pii()("ann@example.org"), shape(Bill)('{"total": "ann@example.org"}')]

    assert all(each is not None and "ann@" not in each.sentence for each in sentences)


def test_a_text_that_is_too_long_is_cut_to_what_may_pass() -> None:
    found = length(10)({"title": "short", "body": ["x" * 50]})

    assert found is not None
    assert found.clean == {"title": "short", "body": ["xxxxxxxx …"]}
    assert length(10)(found.clean) is None
    assert length(1)("xy") == Found("A text has 2 characters; 1 may pass.", " ")


def test_a_shape_is_checked_in_data_and_in_text() -> None:
    look = shape(dict[str, int])

    assert look({"a": 1}) is None
    assert look('{"a": 1}') is None
    assert look("no JSON") is not None
    assert look({"a": "b"}) is not None


def test_guardrails_look_one_after_the_other_and_the_first_that_blocks_ends_it() -> None:
    seen: list[Any] = []
    rails = [
        rail(pii(["email"])),
        rail(lambda value: seen.append(value)),
        rail(length(5), "block"),
        rail(pii(), "flag"),
    ]

    checked = check(rails, "input", "ann@example.org")

    assert seen == ["[redacted:email]"]
    assert [each.did for each in checked.noticed] == ["redact", "block"]
    assert checked.blocked is not None


def test_a_value_that_nothing_was_found_in_is_the_same_object() -> None:
    value = {"a": ["b"]}

    assert check([rail(pii()), rail(length(9))], "input", value).value is value


def test_a_guardrail_that_fails_or_says_nonsense_blocks_unless_it_only_flags() -> None:
    def broken(_value: Any) -> Found | None:
        raise ValueError("no")

    blocked = check([rail(broken, "redact")], "input", "x").blocked

    assert blocked is not None
    assert blocked.sentence == "It failed (ValueError: no)."
    assert check([rail(lambda value: "maybe", "block")], "input", "x").blocked is not None
    assert check([rail(broken, "flag")], "input", "x").blocked is None


def test_a_redaction_that_leaves_something_behind_blocks() -> None:
    stubborn = rail(lambda value: Found("It says x.", value) if "x" in value else None)
    without = rail(lambda value: Found("It says x."))

    assert check([stubborn], "input", "x").blocked is not None
    assert check([without], "input", "x").blocked is not None


def test_a_guardrail_looks_only_at_its_places_and_tools() -> None:
    only = Guardrail(name="r", look=lambda _: Found("no"), at=frozenset({"call"}), do="block", tools=frozenset({"pay"}))

    assert check([only], "call", {}, "pay").blocked is not None
    assert check([only], "call", {}, "read").blocked is None
    assert check([only], "input", {}).blocked is None


def test_whoever_asks_a_model_may_only_flag_and_holds_nothing_up() -> None:
    async def detector(_value: Any) -> Found | None:
        return Found("It looks like an injection.")

    with pytest.raises(GuardrailError, match="not certain enough"):
        rail(detector, "block")

    assert check([rail(detector, "flag")], "input", "x").noticed == ()


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"look_for": "magic"}, "none of secrets, pii, length, shape"),
        ({"look_for": "length"}, "most says how long"),
        ({"look_for": "pii", "most": 3}, "most says how long"),
        ({"look_for": "shape", "type": "m:T", "do": "redact"}, "block or flag it"),
        ({"look_for": "secrets", "kinds": ["email"]}, "kinds belongs to"),
        ({"look_for": "pii", "at": []}, "at least 1"),
        ({"look_for": "pii", "at": ["door"]}, "'input', 'call', 'result' or 'output'"),
    ],
)
def test_settings_say_what_is_wrong_with_a_guardrail(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        GuardrailSettings.model_validate({"at": ["input"], "do": "block", **wrong})


def test_every_guardrail_that_cannot_be_found_is_named_at_once(tmp_path: Path) -> None:
    written = [
        GuardrailSettings(look_for="nowhere:look", at=("input",), do="block"),
        GuardrailSettings(look_for="pii", kinds=("shoe",), at=("input",), do="block", name="shoes"),
    ]

    with pytest.raises(GuardrailError, match=r"'nowhere:look'.*ModuleNotFoundError.*'shoes'.*no kind 'shoe'"):
        guardrails_of(written, tmp_path)


def test_settings_make_guardrails_with_functions_and_types_of_the_project(tmp_path: Path) -> None:
    tmp_path.joinpath("house_rails.py").write_text(
        "from graphwright.runtime.guardrails import Found\n"
        "def no_shouting(value): return Found('It shouts.') if str(value).isupper() else None\n"
        "Bill = dict[str, int]\n"
    )
    written = [
        GuardrailSettings(look_for="house_rails:no_shouting", at=("output",), do="block"),
        GuardrailSettings(look_for="shape", type="house_rails:Bill", at=("output",), do="flag"),
    ]

    loud, bill = guardrails_of(written, tmp_path)

    assert (loud.name, bill.name) == ("no_shouting", "shape")
    assert check([loud], "output", "LOUD").blocked is not None
    assert check([bill], "output", '{"a": 1}').noticed == ()
    assert Settings.model_fields["guardrails"].default == ()
