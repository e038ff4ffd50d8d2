"""What an ingest does to the index: incremental, complete, and never undone by one bad file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from graphwright.retrieval import EmptyQuery, KnowledgeBase, UnknownChunk


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "cats.md").write_text("# Cats\n\nCats purr when they are content.\n\n## Food\n\nThey eat fish.\n")
    (folder / "dogs.txt").write_text("Dogs bark at strangers.\n\nThey fetch sticks.\n")
    return folder


@pytest.fixture
def base(tmp_path: Path) -> Iterator[KnowledgeBase]:
    with KnowledgeBase.open(tmp_path / "kb") as opened:
        yield opened


def vectors(base: KnowledgeBase) -> set[str]:
    index = base._open
    return set(index._store.vectors.ids(index._spaces._collection(index._spaces.active)))


def ids(base: KnowledgeBase) -> set[str]:
    return {i for (i,) in base._open.ledger.rows("SELECT id FROM chunks")}


def test_a_second_ingest_of_the_same_files_changes_nothing(base: KnowledgeBase, docs: Path) -> None:
    first = base.ingest([docs])
    before = ids(base)

    again = base.ingest([docs])

    assert first.added == base.count() == again.unchanged > 0
    assert (again.added, again.removed, again.documents_unchanged) == (0, 0, 2)
    assert ids(base) == before == vectors(base)


def test_a_touched_file_with_the_same_content_is_not_indexed_again(base: KnowledgeBase, docs: Path) -> None:
    base.ingest([docs])
    os.utime(docs / "cats.md", (1, 1))

    report = base.ingest([docs])

    assert (report.added, report.removed, report.documents_unchanged) == (0, 0, 2)


def test_a_changed_paragraph_replaces_its_chunk_and_leaves_the_others_alone(
    base: KnowledgeBase, tmp_path: Path
) -> None:
    paragraphs = [f"## Part {n}\n\n" + f"Sentence about subject{n}. " * 50 for n in range(5)]
    file = tmp_path / "long.md"
    file.write_text("\n\n".join(paragraphs))
    base.ingest([file])
    before = ids(base)
    paragraphs[2] = "## Part 2\n\n" + "Now about zebras instead. " * 50

    file.write_text("\n\n".join(paragraphs))
    report = base.ingest([file])

    assert report.added == report.removed < len(before)
    assert len(ids(base) & before) == len(before) - report.removed
    assert "zebras" in base.search("zebras", 1)[0].chunk.text
    assert not any("subject2" in hit.chunk.text for hit in base.search("subject2", 10))
    assert vectors(base) == ids(base)


def test_lines_are_kept_right_when_text_is_put_in_front(base: KnowledgeBase, tmp_path: Path) -> None:
    file = tmp_path / "notes.md"
    file.write_text("# A\n\n" + "Alpha is first. " * 70 + "\n\n# B\n\nBeta is second.\n" + "More of beta. " * 60)
    base.ingest([file])
    line = base.search("beta", 1)[0].chunk.start_line

    file.write_text("# New\n\n" + "New words here. " * 80 + "\n\n" + file.read_text())
    base.ingest([file])

    assert base.search("beta", 1)[0].chunk.start_line == line + 4


def test_deleted_files_are_removed_and_their_chunks_unknown(base: KnowledgeBase, docs: Path) -> None:
    base.ingest([docs])
    gone = base.search("dogs bark", 1)[0].chunk

    (docs / "dogs.txt").unlink()
    report = base.ingest([docs])

    assert (report.documents_removed, base.documents()) == (1, ["docs/cats.md"])
    with pytest.raises(UnknownChunk, match=gone.id):
        base.get(gone.id)
    assert vectors(base) == ids(base)


def test_a_folder_that_vanished_as_a_whole_removes_nothing(base: KnowledgeBase, docs: Path) -> None:
    base.ingest([docs])
    docs.rename(docs.with_name("elsewhere"))

    report = base.ingest([docs])

    assert report.removed == 0 < base.count()
    assert "does not exist" in str(report.quarantined[0])


def test_ingesting_one_folder_does_not_remove_another(base: KnowledgeBase, docs: Path, tmp_path: Path) -> None:
    other = tmp_path / "docs-2"
    other.mkdir()
    (other / "birds.md").write_text("Birds sing.")
    base.ingest([docs])

    base.ingest([other])

    assert base.documents() == ["docs-2/birds.md", "docs/cats.md", "docs/dogs.txt"]


def test_two_folders_of_the_same_name_keep_their_files_apart(base: KnowledgeBase, tmp_path: Path) -> None:
    for parent, text in (("a", "Apples are red."), ("b", "Bananas are yellow.")):
        (tmp_path / parent / "docs").mkdir(parents=True)
        (tmp_path / parent / "docs" / "same.md").write_text(text)

    base.ingest([tmp_path / "a" / "docs", tmp_path / "b" / "docs"])

    assert len({hit.chunk.source for hit in base.search("apples bananas", 5)}) == base.count() == 2


def test_the_same_text_twice_in_one_source_is_one_chunk(base: KnowledgeBase, tmp_path: Path) -> None:
    file = tmp_path / "twice.jsonl"
    file.write_text('{"id": "a", "text": "Same words."}\n{"id": "a", "text": "Same words."}\n')

    report = base.ingest([file])

    assert (report.added, report.duplicates, base.count()) == (1, 1, 1)


def test_bad_files_are_quarantined_with_a_reason_and_the_rest_is_indexed(
    base: KnowledgeBase, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphwright.retrieval.readers.LARGEST_FILE", 1_000)
    (docs / "binary.dat").write_bytes(b"\x00\x01\x02")
    (docs / "latin.txt").write_bytes("café".encode("latin-1"))
    (docs / "empty.md").write_text(" \n")
    (docs / "large.txt").write_text("x " * 1_000)
    (docs / "paper.pdf").write_bytes(b"%PDF-1.7")
    (docs / "broken.md").symlink_to(docs / "nowhere")
    os.mkfifo(docs / "pipe.txt")

    report = base.ingest([docs])

    reasons = {Path(q.source).name: q.reason for q in report.quarantined}
    assert reasons["binary.dat"] == "binary"
    assert reasons["latin.txt"].startswith("not utf-8: bad byte at 3")
    assert reasons["empty.md"] == "empty"
    assert reasons["large.txt"] == "too large: 2,000 bytes, the limit is 1,000"
    assert reasons["paper.pdf"].startswith("PDF")
    assert (reasons["broken.md"], reasons["pipe.txt"]) == ("broken link", "not a regular file")
    assert len(reasons) == 7
    assert base.documents() == ["docs/cats.md", "docs/dogs.txt"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_quarantined(base: KnowledgeBase, docs: Path) -> None:
    (docs / "cats.md").chmod(0)

    report = base.ingest([docs])

    assert "cannot be read: Permission denied" in str(report.quarantined[0])


def test_a_file_that_became_unreadable_as_text_loses_its_chunks(base: KnowledgeBase, docs: Path) -> None:
    base.ingest([docs])

    (docs / "dogs.txt").write_bytes(b"\0\0\0")
    base.ingest([docs])

    assert base.documents() == ["docs/cats.md"]


def test_link_loops_end_and_hidden_and_generated_folders_are_skipped(base: KnowledgeBase, docs: Path) -> None:
    (docs / "inner").mkdir()
    (docs / "inner" / "loop").symlink_to(docs)
    (docs / "inner" / "fish.md").write_text("Fish swim.")
    for name in (".git", ".venv", "node_modules", "__pycache__"):
        (docs / name).mkdir()
        (docs / name / "noise.md").write_text("Noise.")

    base.ingest([docs])

    assert base.documents() == ["docs/cats.md", "docs/dogs.txt", "docs/inner/fish.md"]


def test_a_bad_line_of_jsonl_costs_that_line_only(base: KnowledgeBase, tmp_path: Path) -> None:
    file = tmp_path / "faq.jsonl"
    lines = ['{"id": 1, "text": "Cards are blue."}', "{oops", "[1]", '{"id": 4}', '{"id": "x", "body": "Loans cost."}']
    file.write_text("\n".join(lines))

    report = base.ingest([file])

    assert [q.source for q in report.quarantined] == ["faq.jsonl:2", "faq.jsonl:3", "faq.jsonl:4"]
    assert base.search("loans", 1)[0].chunk.source == "faq.jsonl#x"


def test_a_reader_that_fails_is_a_quarantine_line(
    base: KnowledgeBase, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(text: str) -> Iterator[object]:
        raise RuntimeError("boom")

    monkeypatch.setattr("graphwright.retrieval.readers.markdown_blocks", broken)

    report = base.ingest([docs])

    assert "RuntimeError: boom" in str(report.quarantined[0])
    assert base.documents() == ["docs/dogs.txt"]


def test_progress_counts_documents_and_then_vectors(base: KnowledgeBase, docs: Path) -> None:
    told: list[tuple[int, int, str]] = []

    base.ingest([docs], on_progress=lambda *step: told.append(step))

    assert told[:3] == [(0, 2, "docs/cats.md"), (1, 2, "docs/dogs.txt"), (2, 2, "documents")]
    assert told[-1] == (base.count(), base.count(), "vectors")


def test_a_grown_corpus_is_refitted_and_the_old_space_dropped(base: KnowledgeBase, tmp_path: Path) -> None:
    folder = tmp_path / "grow"
    folder.mkdir()
    spaces = set()
    for step in range(3):
        for n in range(30):
            (folder / f"{step}-{n}.txt").write_text(f"Word{step}x{n} meets topic{n % 7} and animal{step}.")
        base.ingest([folder])
        spaces.add(base._open._spaces.active)

        assert vectors(base) == ids(base)
        assert base._open._store.vectors.names(base._open._spaces._key) == [
            base._open._spaces._collection(base._open._spaces.active)
        ]
    assert len(spaces) == 3


def test_chunk_ids_do_not_depend_on_the_knowledge_base(docs: Path, tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        with KnowledgeBase.open(tmp_path / name) as base:
            base.ingest([docs])
            found.append(ids(base))

    assert found[0] == found[1]


def test_an_emptied_folder_leaves_an_empty_knowledge_base_that_still_answers(base: KnowledgeBase, docs: Path) -> None:
    base.ingest([docs])
    for file in docs.iterdir():
        file.unlink()

    base.ingest([docs])

    assert base.count() == 0
    assert base.search("cats") == []
    with pytest.raises(EmptyQuery, match="at least one word"):
        base.search("  \n")


def test_a_record_with_lone_surrogates_is_indexed(base: KnowledgeBase, tmp_path: Path) -> None:
    file = tmp_path / "odd.jsonl"
    file.write_text(json.dumps({"id": "s", "title": "\ud800", "text": "broken \ud800 text"}))

    base.ingest([file])

    assert base.search("broken", 1)[0].chunk.text == "broken ? text"
