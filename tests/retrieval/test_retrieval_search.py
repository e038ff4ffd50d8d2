"""What a search returns, whatever it is asked."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphwright.retrieval import Hit, KnowledgeBase, UnknownField

CARDS = """# Cards

## Fees

The Gold card costs 95 dollars a year. Foreign purchases are free of charge.

## Lost cards

Call us at once when a card is stolen; we block it. Use `freeze_card(card_id)` or the FreezeCard screen.
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    folder = tmp_path_factory.mktemp("search")
    docs = folder / "bank"
    docs.mkdir()
    (docs / "cards.md").write_text(CARDS)
    (docs / "café.txt").write_text("Le café résumé coûte deux euros. Ein Fräulein trinkt Öl.")
    (docs / "東京.txt").write_text("東京の銀行は日本で一番大きいです。")
    (docs / "loans.html").write_text(
        "<html><head><title>Loans</title><style>p{}</style></head><body><h1>Loans</h1>"
        "<p>A mortgage is paid back over years.</p><script>var hidden</script><h2>Early</h2><p>Repay early.</p></body>"
    )
    (docs / "ledger.py").write_text(
        '"""Book keeping."""\n\n\ndef post(entry):\n    """Write one entry."""\n    return 1\n'
    )
    for n in range(20):
        (docs / f"filler{n}.txt").write_text(f"Filler text number{n} about weather and gardens.")
    with KnowledgeBase.open(folder / "kb") as opened:
        opened.ingest([docs])
        yield opened


@pytest.mark.parametrize(
    ("query", "source"),
    [
        ("annual fee of the gold card", "bank/cards.md"),
        ("stolen", "bank/cards.md"),
        ("freeze card", "bank/cards.md"),
        ("freeze_card", "bank/cards.md"),
        ("resume cafe", "bank/café.txt"),
        ("RÉSUMÉ", "bank/café.txt"),
        ("日本の銀行", "bank/東京.txt"),
        ("mortgages", "bank/loans.html"),
        ("ledger.post", "bank/ledger.py"),
    ],
)
def test_the_right_document_comes_first(base: KnowledgeBase, query: str, source: str) -> None:
    assert base.search(query)[0].chunk.source == source


def test_a_hit_says_where_it_is_from_and_why_it_was_found(base: KnowledgeBase) -> None:
    hit = base.search("Book keeping entry")[0]

    chunk = hit.chunk
    assert (chunk.source, chunk.kind, chunk.owner, chunk.trusted) == ("bank/ledger.py", "code", "local", False)
    assert chunk.heading.startswith("bank.ledger")
    assert 0 < hit.score <= 1
    assert hit.lexical_rank == 1
    assert base.get(chunk.id) == chunk


def test_scripts_and_styles_of_a_page_are_not_indexed(base: KnowledgeBase) -> None:
    assert not any("hidden" in hit.chunk.text for hit in base.search("hidden", 30))


def test_results_are_the_same_every_time(base: KnowledgeBase) -> None:
    first = base.search("weather and gardens", 15)

    assert all(base.search("weather and gardens", 15) == first for _ in range(5))
    assert [hit.score for hit in first] == sorted((hit.score for hit in first), reverse=True)


def test_more_hits_begin_with_the_same_hits(base: KnowledgeBase) -> None:
    assert base.search("weather", 10)[:3] == base.search("weather", 3)


@pytest.mark.parametrize("query", ["???", "🙂", "- OR NEAR( *", '" unbalanced', "a:b^2 {x} NOT", "the of and", "\x00"])
def test_punctuation_breaks_nothing(base: KnowledgeBase, query: str) -> None:
    assert isinstance(base.search(query), list)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text(st.characters(), min_size=1), k=st.integers(1, 50))
def test_any_text_can_be_asked(base: KnowledgeBase, query: str, k: int) -> None:
    if query.strip():
        hits = base.search(query, k)

        assert len(hits) <= k
        assert len({hit.chunk.id for hit in hits}) == len(hits)


def test_a_query_of_a_megabyte_is_capped_and_answered(base: KnowledgeBase) -> None:
    started = time.perf_counter()

    hits = base.search("mortgage " + "stolen card word " * 60_000)

    assert hits
    assert time.perf_counter() - started < 20


def test_a_filter_holds_for_words_and_vectors(base: KnowledgeBase) -> None:
    hits = base.search("card mortgage weather", 30, where={"kind": ["html", "code"]})

    assert {hit.chunk.kind for hit in hits} <= {"html", "code"}
    assert base.search("card", where={"source": "bank/cards.md"})[0].chunk.source == "bank/cards.md"
    assert base.search("card", where={"owner": "someone else"}) == []


def test_a_filter_on_an_unknown_field_is_refused(base: KnowledgeBase) -> None:
    with pytest.raises(UnknownField, match=r"'text; DROP TABLE chunks'.*source, title"):
        base.search("card", where={"text; DROP TABLE chunks": 1})


def test_many_threads_may_search_at_once(base: KnowledgeBase) -> None:
    expected = base.search("stolen card")

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: base.search("stolen card"), range(64)))

    assert all(hits == expected for hits in found)


def test_searches_during_an_ingest_that_replaces_the_vectors_all_succeed(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    with KnowledgeBase.open(tmp_path / "kb") as base, ThreadPoolExecutor(4) as pool:
        found = []
        for step in range(6):
            for n in range(20):
                (docs / f"{step}-{n}.txt").write_text(f"Lighthouse{step} number{n} shines on topic{n % 3}.")
            asked = [pool.submit(base.search, f"lighthouse0 number{n % 20}") for n in range(60)]
            base.ingest([docs])
            found += [answer.result() for answer in asked]

    assert len(found) == 360
    assert first_source(found[-1]) == "docs/0-19.txt"


def first_source(hits: list[Hit]) -> str:
    return hits[0].chunk.source


def test_as_many_hits_as_there_are_may_be_asked_for(base: KnowledgeBase) -> None:
    assert len(base.search("weather gardens", 1_000_000)) <= base.count()
    assert base.search("weather", 0) == []


def test_importing_the_folder_loads_neither_chromadb_nor_numpy() -> None:
    code = (
        "import sys; from graphwright.retrieval import KnowledgeBase, PackageDocs; "
        "print([m for m in ('chromadb', 'numpy', 'openai', 'onnxruntime') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
