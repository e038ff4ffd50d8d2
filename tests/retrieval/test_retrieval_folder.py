"""A folder of knowledge bases: one owner, tenants apart, damage told and nothing lost."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from graphwright.retrieval import (
    EmbedderFailed,
    EmbedderMismatch,
    FolderNotWritable,
    IndexDamaged,
    KnowledgeBase,
    KnowledgeBaseBusy,
    KnowledgeBaseClosed,
    KnowledgeBaseMissing,
    UnknownEmbedder,
)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for n in range(40):
        (folder / f"{n:02}.md").write_text(f"# Note {n}\n\nNote about topic{n % 5} and thing{n}.")
    return folder


def filled(folder: Path, docs: Path) -> Path:
    with KnowledgeBase.open(folder) as base:
        base.ingest([docs])
    return folder


HOLD = """
import sys, time
from pathlib import Path
from graphwright.retrieval import KnowledgeBase
base = KnowledgeBase.open(Path(sys.argv[1]))
print("open", flush=True)
time.sleep(60)
"""


def test_a_second_process_is_refused_and_told_who_owns_the_folder(tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "kb")], stdout=subprocess.PIPE, text=True)
    try:
        assert owner.stdout is not None
        assert owner.stdout.readline().strip() == "open"

        with pytest.raises(KnowledgeBaseBusy, match=f"in use by process {owner.pid} on .* since"):
            KnowledgeBase.open(tmp_path / "kb")
    finally:
        owner.kill()
        owner.communicate()

    KnowledgeBase.open(tmp_path / "kb").close()


def test_one_process_may_open_a_folder_several_times(tmp_path: Path, docs: Path) -> None:
    with KnowledgeBase.open(tmp_path / "kb") as one, KnowledgeBase.open(tmp_path / "kb") as two:
        one.ingest([docs])

        assert two.count() == one.count() == 40
        assert two.search("thing7", 1) == one.search("thing7", 1)


def test_tenants_and_names_are_apart(tmp_path: Path, docs: Path) -> None:
    with (
        KnowledgeBase.open(tmp_path / "kb", tenant="a") as ours,
        KnowledgeBase.open(tmp_path / "kb", tenant="b") as theirs,
        KnowledgeBase.open(tmp_path / "kb", "other", tenant="a") as other,
    ):
        ours.ingest([docs])

        assert ours.search("thing7")
        assert (theirs.count(), theirs.search("thing7"), other.search("thing7")) == (0, [], [])
        assert ours.search("thing7")[0].chunk.owner == "a"


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "", "x" * 500, "naïve 名", "a\0b"])
def test_any_name_is_safe_because_it_never_becomes_a_path(tmp_path: Path, name: str) -> None:
    with KnowledgeBase.open(tmp_path / "kb", name, tenant=name) as base:
        base.ingest([])

        assert base.count() == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kb"]


def test_a_closed_knowledge_base_says_so(tmp_path: Path) -> None:
    base = KnowledgeBase.open(tmp_path / "kb")
    base.close()
    base.close()

    with pytest.raises(KnowledgeBaseClosed, match="'default' is closed"):
        base.search("x")


def test_a_missing_knowledge_base_is_not_made_unless_asked(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeBaseMissing, match="graphwright ingest"):
        KnowledgeBase.open(tmp_path / "kb", create=False)
    assert not (tmp_path / "kb").exists()


def test_another_embedder_is_refused(tmp_path: Path, docs: Path) -> None:
    filled(tmp_path / "kb", docs)

    with pytest.raises(EmbedderMismatch, match=r"built with embedder='lsa', not 'openai:text-embedding-3-small'"):
        KnowledgeBase.open(tmp_path / "kb", embedder="openai:text-embedding-3-small")
    with pytest.raises(UnknownEmbedder, match="lsa, openai:MODEL, chroma:minilm"):
        KnowledgeBase.open(tmp_path / "kb2", embedder="word2vec")


def test_without_a_key_the_openai_embedder_fails_clearly_and_keeps_the_text(tmp_path: Path, docs: Path) -> None:
    with KnowledgeBase.open(tmp_path / "kb", embedder="openai:text-embedding-3-small") as base:
        with pytest.raises(EmbedderFailed, match="Nothing was lost"):
            base.ingest([docs])

        assert base.search("thing7", 1)[0].lexical_rank == 1


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(FolderNotWritable, match="make it writable, or copy it"):
        KnowledgeBase.open(tmp_path / "file" / "kb")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder_is_one_clear_error(tmp_path: Path, docs: Path) -> None:
    folder = filled(tmp_path / "kb", docs)
    folder.chmod(0o500)

    try:
        with pytest.raises(FolderNotWritable):
            KnowledgeBase.open(folder)
    finally:
        folder.chmod(0o700)


def overwrite(path: Path) -> None:
    path.write_bytes(b"garbage!" * 512)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])


@pytest.mark.parametrize("damage", [overwrite, cut])
@pytest.mark.parametrize("which", ["kb-*.sqlite", "chroma/chroma.sqlite3", "chroma"])
def test_damage_is_one_clear_error_and_a_rebuild_loses_nothing(
    tmp_path: Path, docs: Path, which: str, damage: object
) -> None:
    folder = filled(tmp_path / "kb", docs)
    [path] = folder.glob(which)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        assert callable(damage)
        damage(path)
        for rest in folder.glob(f"{which}-*"):
            rest.unlink()

    with pytest.raises(IndexDamaged, match=r"graphwright ingest --rebuild") as caught:
        KnowledgeBase.open(folder).search("thing7")

    assert str(folder) in str(caught.value)
    with KnowledgeBase.rebuild(folder) as base:
        base.ingest([docs])
        assert base.search("thing7", 1)[0].chunk.source == "docs/07.md"
    assert list(folder.glob("damaged-*/kb-*.sqlite"))


def test_a_rebuild_of_one_gives_the_others_of_the_folder_their_vectors_back(tmp_path: Path, docs: Path) -> None:
    folder = filled(tmp_path / "kb", docs)
    with KnowledgeBase.open(folder, "other") as base:
        base.ingest([docs])
    KnowledgeBase.rebuild(folder).close()

    with KnowledgeBase.open(folder, "other") as base:
        hit = base.search("thing7", 1)[0]

    assert (hit.lexical_rank, hit.dense_rank) == (1, 1)


def test_files_of_dropped_collections_are_swept_when_the_folder_is_opened(tmp_path: Path, docs: Path) -> None:
    folder = filled(tmp_path / "kb", docs)
    for n in range(40, 80):
        (docs / f"{n}.md").write_text(f"Note about topic{n % 5} and thing{n}.")
    filled(folder, docs)

    KnowledgeBase.open(folder).close()

    assert len([p for p in (folder / "chroma").iterdir() if p.is_dir()]) <= 1


def test_a_collection_names_no_model_that_a_reader_could_be_made_to_load(tmp_path: Path, docs: Path) -> None:
    folder = filled(tmp_path / "kb", docs)

    with closing(sqlite3.connect(folder / "chroma" / "chroma.sqlite3")) as db:
        [(name, stored)] = db.execute("SELECT name, config_json_str FROM collections").fetchall()

    assert name.startswith("kb-")
    assert json.loads(stored).get("embedding_function") in (None, {"type": "legacy"})


INGEST = """
import sys
from pathlib import Path
from graphwright.retrieval import KnowledgeBase, ingest, spaces
ingest._BATCH = spaces._BATCH = 20
ingest._PATIENCE = 0.0
with KnowledgeBase.open(Path(sys.argv[1])) as base:
    base.ingest([Path(sys.argv[2])], on_progress=lambda *step: print(*step, flush=True))
"""


@pytest.mark.parametrize("after", [3, 30, 41, 43, 44])
def test_an_ingest_killed_at_any_step_is_finished_by_the_next(tmp_path: Path, docs: Path, after: int) -> None:
    command = [sys.executable, "-c", INGEST, str(tmp_path / "kb"), str(docs)]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    for _ in range(after):
        run.stdout.readline()
    time.sleep(0.002 * (after % 4))
    run.kill()
    run.communicate()

    with KnowledgeBase.open(tmp_path / "kb") as base, KnowledgeBase.open(tmp_path / "clean") as clean:
        base.ingest([docs])
        clean.ingest([docs])

        assert base.count() == clean.count() == 40
        for n in range(40):
            ours, theirs = base.search(f"thing{n}", 1)[0], clean.search(f"thing{n}", 1)[0]
            assert (ours.chunk, ours.dense_rank) == (theirs.chunk, theirs.dense_rank)
            assert ours.chunk.source == f"docs/{n:02}.md"
