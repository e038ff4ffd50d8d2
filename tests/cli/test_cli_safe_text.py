"""Nothing from a model, a tool or a document may command the terminal."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphwright.cli.safe_text import call_text, json_line, one_line, shown


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b2J", "\\x9b2J"),
        ("a\x07b\x08", "a\\x07b\\x08"),
        ("abc\rxyz", "abc\\rxyz"),
        ("a\r\nb", "a\nb"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2066x\u2069\u200f\u061c", "\\u2066x\\u2069\\u200f\\u061c"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("café 日本 👩‍💻\tx\n", "café 日本 👩‍💻\tx\n"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_as_an_escape(text: str, safe: str) -> None:
    assert shown(text) == safe


@given(st.text())
def test_shown_text_holds_no_control_character_and_is_stable(text: str) -> None:
    safe = shown(text)

    assert not [c for c in safe if (ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160]
    assert shown(safe) == safe
    safe.encode()


@given(st.text(), st.integers(5, 80))
def test_one_line_is_one_line_and_fits(text: str, width: int) -> None:
    line = one_line(text, width)

    assert "\n" not in line
    assert len(line) <= width


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_is_one_line_of_plain_ascii(value: object) -> None:
    line = json_line(value)

    assert all(32 <= ord(character) < 127 for character in line)
    json.loads(line)


def test_numbers_that_json_does_not_know_become_null() -> None:
    assert json.loads(json_line({"a": [math.nan, math.inf, 1.5]})) == {"a": [None, None, 1.5]}


def test_a_call_is_told_in_one_short_line() -> None:
    line = call_text("send", {"to": "ann", "text": "a\nb" + "x" * 500}, 60)

    assert line.startswith('send(to="ann", text="a\\nbxxx')
    assert len(line) <= 60


def test_a_long_value_of_a_call_does_not_hide_the_others() -> None:
    line = call_text("publish", {"report": "x" * 100_000, "title": "Kettles"})

    assert line.endswith('…", title="Kettles")')
