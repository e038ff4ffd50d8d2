"""The mechanical check of the research example: what it finds, and what it leaves to a judge."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from graphwright.examples.research.citations import check_citations, cited_numbers, sentences
from graphwright.examples.research.state import Source

SOURCES = [
    Source(number=1, id="a", source="x.py", heading="Retry", text="A retry waits between attempts and then gives up."),
    Source(number=2, id="b", source="y.py", heading="Checkpoint", text="A checkpoint stores the state of a graph."),
]
PLAN = ["How does a retry wait?", "What does a checkpoint store?"]
GOOD = "A retry waits between attempts [1]. A checkpoint stores the state of the graph [2]."


def test_a_draft_whose_every_sentence_is_in_its_source_passes() -> None:
    assert check_citations(GOOD, SOURCES, PLAN) == []


def test_a_sentence_without_a_citation_is_named() -> None:
    (objection,) = check_citations(GOOD + " Every retry costs some money.", SOURCES, PLAN)

    assert objection == "This sentence cites no source: 'Every retry costs some money.'."


def test_a_made_up_source_is_named_with_the_numbers_there_are() -> None:
    (objection,) = check_citations(GOOD + " A retry waits longer each time [7].", SOURCES, PLAN)

    assert "There is no source 7" in objection
    assert "1 to 2" in objection


def test_a_sentence_that_its_source_does_not_say_is_named() -> None:
    (objection,) = check_citations(GOOD + " Penguins inhabit cold southern oceans [1].", SOURCES, PLAN)

    assert objection.startswith("Source [1] does not say this")


def test_a_sub_question_that_nothing_speaks_of_is_named() -> None:
    (objection,) = check_citations("A retry waits between attempts [1].", SOURCES, ["Where do penguins live?"])

    assert "'Where do penguins live?'" in objection


def test_saying_that_the_sources_do_not_answer_needs_no_citation() -> None:
    assert check_citations(GOOD + "\n\nThe sources do not answer the rest.", SOURCES, PLAN) == []


def test_a_draft_that_says_it_has_no_answer_need_not_speak_of_the_only_question() -> None:
    assert check_citations("The sources do not answer this.", [], ["Where do penguins live?"]) == []


def test_words_are_compared_without_their_endings_and_identifiers_by_their_parts() -> None:
    sources = [Source(number=1, id="a", source="x.py", heading="", text="Set `retry_limit` on a RetryPolicy.")]

    assert check_citations("Retries are limited by the retry policy [1].", sources, ["How are retries limited?"]) == []


def test_an_empty_draft_is_an_objection() -> None:
    assert check_citations("  \n", SOURCES, PLAN) == ["The draft is empty."]


def test_headings_code_and_quotations_are_no_sentences() -> None:
    draft = (
        "# A heading of several words\n\n```\nsome code that is long\n```\n> a quotation of several words\n\n" + GOOD
    )

    assert sentences(draft) == sentences(GOOD)


def test_numbers_are_cited_in_order_and_once() -> None:
    assert cited_numbers("One [2]. Two [1][2].") == [2, 1]


@given(st.text(max_size=2000))
def test_any_text_can_be_checked(draft: str) -> None:
    assert isinstance(check_citations(draft, SOURCES, PLAN), list)
