"""A prompt is filled exactly: nothing missing, nothing left over, and a value is never a template."""

from __future__ import annotations

import hashlib
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphwright.prompts import Prompt, PromptError, diff_prompts

FILE = """---
title: The planner
sent_by: planner
when: before anything is read
places:
  question: what the user asked
  today: the date
---
Plan an answer to {{ question }}. Today is {{today}}.
"""


def parse(content: str) -> Prompt:
    return Prompt.parse("research/planner", content)


def problems(content: str) -> tuple[str, ...]:
    with pytest.raises(PromptError) as caught:
        parse(content)
    return caught.value.problems


def test_a_file_is_read_with_header_and_text() -> None:
    found = parse(FILE)

    assert found.header.title == "The planner"
    assert found.header.places == {"question": "what the user asked", "today": "the date"}
    assert found.text == "Plan an answer to {{ question }}. Today is {{today}}.\n"
    assert found.render(question="why?", today="Monday") == "Plan an answer to why?. Today is Monday.\n"


def test_missing_and_unused_values_are_all_listed() -> None:
    with pytest.raises(PromptError) as caught:
        parse(FILE).render(qestion="x", color="y")

    assert caught.value.problems == (
        "'question' is not filled. It is: what the user asked.",
        "'today' is not filled. It is: the date.",
        "'color' fills no place. The places are: question, today.",
        "'qestion' fills no place. Did you mean 'question'? The places are: question, today.",
    )


def test_a_value_with_template_signs_is_inserted_as_it_is() -> None:
    evil = "{{ today }} {% for x in y %} {# #} {{ ''.__class__.__mro__ }} <b>&amp;"

    assert parse(FILE).render(question=evil, today="now") == f"Plan an answer to {evil}. Today is now.\n"


@given(st.text(), st.text())
def test_any_value_is_inserted_verbatim(question: str, today: str) -> None:
    assert parse(FILE).render(question=question, today=today) == f"Plan an answer to {question}. Today is {today}.\n"


def test_places_may_be_called_anything() -> None:
    found = Prompt.inline("{{ self_ }} {{ name }} {{ text }} {{ values }}")

    assert found.render(self_=1, name=2, text=3, values=4) == "1 2 3 4"


def test_the_version_is_the_hash_of_the_content_whatever_the_line_ends() -> None:
    wanted = hashlib.sha256(FILE.encode()).hexdigest()[:12]

    assert parse(FILE).version == wanted
    assert parse(FILE.replace("\n", "\r\n")).version == wanted
    assert parse("\ufeff" + FILE).version == wanted
    assert parse(FILE.replace("date", "day")).version != wanted


def test_everything_wrong_with_a_file_is_said_at_once() -> None:
    found = problems(
        """---
title: ""
sent-by: planner
when: 3
places: {quesiton: what was asked, "bad name": x, gone: nothing}
---
{{ question }} {{ today }}
"""
    )

    assert found == (
        "The header has an unknown key 'sent-by'. Did you mean 'sent_by'? It may have: title, sent_by, when, places.",
        "The header does not say 'title'.",
        "The header does not say 'sent_by'.",
        "'when' in the header must be text, not 3.",
        "The place 'bad name' in the header is not a name of letters, digits and _.",
        "The text has a place 'question' that the header does not declare. Did you mean 'quesiton'?",
        "The text has a place 'today' that the header does not declare.",
        "The header declares a place 'gone' that is not in the text.",
        "The header declares a place 'quesiton' that is not in the text. Did you mean 'question'?",
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("Just text.", "There is no header"),
        ("---\ntitle: x\nno end", "There is no header"),
        ("", "There is no header"),
        ("---\n- a\n- b\n---\nText", "must be keys and values"),
        ("---\ntitle: [\n---\nText", "The header is not YAML"),
        ("---\ntitle: t\nsent_by: a\nwhen: b\n---\n  \n", "There is no text below the header"),
        ("---\ntitle: t\nsent_by: a\nwhen: b\n---\n{% if %}", "The text is no template: line 1"),
        ("---\ntitle: t\nsent_by: a\nwhen: b\nplaces: 3\n---\nx", "'places' in the header must be lines"),
        ("---\ntitle: !!python/object/apply:os.system [ls]\n---\nx", "The header is not YAML"),
    ],
)
def test_a_broken_file_is_told_in_words(content: str, words: str) -> None:
    assert any(words in problem for problem in problems(content))


def test_places_can_be_a_plain_list_and_text_can_have_rules() -> None:
    found = parse(
        "---\ntitle: t\nsent_by: a\nwhen: b\nplaces: [xs]\n---\n---\n{% for x in xs %}\n- {{ x }}\n{% endfor %}\n"
    )

    assert found.render(xs=["{{ a }}", "b"]) == "---\n- {{ a }}\n- b\n"


@pytest.mark.parametrize(
    "text", ["{{ x.__class__.__mro__ }}", "{{ x.missing }}", "{{ x|nofilter }}", "{{ x() }}", "{{ range(9) }}{{ x }}"]
)
def test_a_template_cannot_reach_into_python(text: str) -> None:
    with pytest.raises(PromptError):
        Prompt.inline(text).render(x="a")


@pytest.mark.parametrize("name", ["self", "true", "None", "loop", "if"])
def test_a_word_of_the_template_language_is_no_place(name: str) -> None:
    with pytest.raises(PromptError, match=f"{name} means something else"):
        Prompt.inline("{{ " + name + " }}")


def test_an_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(PromptError("Prompt 'x'", ["a", "b"])))

    assert str(error) == "Prompt 'x':\n- a\n- b"


def test_an_inline_prompt_needs_no_header_and_is_just_as_strict() -> None:
    found = Prompt.inline("Hello {{ name }}", name="greeting")

    assert found.render(name="Ann") == "Hello Ann"
    assert found.version == hashlib.sha256(b"Hello {{ name }}").hexdigest()[:12]
    with pytest.raises(PromptError, match="'name' is not filled"):
        found.render()
    with pytest.raises(PromptError, match="no template"):
        Prompt.inline("{{ a b }}")


def test_two_versions_are_compared_readably() -> None:
    old, new = parse(FILE), parse(FILE.replace("Plan an answer", "Plan a short answer"))

    assert diff_prompts(old, new).split("\n") == [
        f"--- research/planner@{old.version}",
        f"+++ research/planner@{new.version}",
        "@@ -1 +1 @@",
        "-Plan an answer to {{ question }}. Today is {{today}}.",
        "+Plan a short answer to {{ question }}. Today is {{today}}.",
    ]
    assert diff_prompts("a\r\nb", "a\nb") == ""
    assert "+c" in diff_prompts("a", "a\nc")


def test_a_prompt_cannot_be_changed() -> None:
    found: Any = parse(FILE)

    with pytest.raises(AttributeError):
        found.text = "other"
    with pytest.raises(TypeError):
        found.header.places["question"] = "other"
