"""How documents become passages: structure kept, fences whole, lines right, nothing lost."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphwright.retrieval import KnowledgeBase, PackageDocs, Passage, Quarantined
from graphwright.retrieval.blocks import TARGET, markdown_blocks, pack, text_blocks
from graphwright.retrieval.readers import read_passages
from graphwright.retrieval.terms import terms


def passages(name: str, text: str) -> list[Passage]:
    found = list(read_passages(name, text.encode()))
    assert not any(isinstance(one, Quarantined) for one in found)
    return [one for one in found if isinstance(one, Passage)]


def test_headings_become_a_path() -> None:
    text = "# Guide\n\n" + "Intro text. " * 80 + "\n\n## Install\n\n### Linux\n\n" + "Use the package. " * 60

    last = passages("guide.md", text)[-1]

    assert (last.title, last.heading) == ("Guide", "Guide > Install > Linux")
    assert last.text.startswith("## Install")


def test_a_hash_inside_a_fence_is_no_heading_and_a_fence_is_never_cut() -> None:
    code = "```bash\n# not a heading\n" + "echo line\n" * 150 + "```"
    text = f"# Run\n\n{'Before. ' * 100}\n\n{code}\n\n{'After. ' * 200}"

    found = passages("run.md", text)

    assert any(code in one.text for one in found)
    assert {one.heading for one in found} == {"Run"}


def test_a_fence_that_is_never_closed_ends_with_the_file() -> None:
    assert "print(1)" in passages("a.md", "text\n\n```python\nprint(1)\n")[0].text


def test_long_paragraphs_are_cut_between_sentences() -> None:
    text = " ".join(f"Sentence number {n} ends here." for n in range(200))

    found = passages("long.txt", text)

    assert len(found) > 3
    assert all(one.text.startswith("Sentence") and one.text.endswith("here.") for one in found)
    assert all(len(one.text) <= TARGET * 3 // 2 for one in found)


def test_small_sections_are_packed_together() -> None:
    text = "\n\n".join(f"## Part {n}\n\nShort text {n}." for n in range(6))

    assert len(passages("small.md", text)) == 1


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.sampled_from("ab .\n#`-é"), max_size=900), max_size=6))
def test_packing_loses_no_word_and_keeps_lines_in_order(parts: list[str]) -> None:
    text = "\n".join(parts)

    for blocks in (markdown_blocks, text_blocks):
        found = list(pack(blocks(text)))

        words = "".join(re.findall(r"[abé]", " ".join(one.text for one in found)))
        assert words == "".join(re.findall(r"[abé]", text))
        assert all(1 <= one.start <= one.end <= text.count("\n") + 1 for one in found)


def test_python_is_read_by_symbols_with_their_lines() -> None:
    text = '"""Doc."""\nimport os\n\n'
    text += 'class A:\n    """A."""\n\n    @property\n    def x(self):\n        return 1\n\nZ = 1\n'

    found = {one.heading: one for one in passages("pkg/mod.py", text)}

    assert {"pkg.mod", "pkg.mod.A", "pkg.mod.A.x"} == set(found)
    assert (found["pkg.mod.A.x"].start_line, found["pkg.mod.A.x"].end_line) == (7, 9)
    assert "@property" in found["pkg.mod.A.x"].text


def test_python_that_does_not_parse_is_read_by_lines() -> None:
    [one] = passages("old.py", "print 'hello'\n")

    assert (one.kind, one.start_line) == ("code", 1)


def test_lines_without_end_are_cut() -> None:
    found = passages("bundle.js", "x" * 100_000)

    assert max(len(one.text) for one in found) <= 3_000
    assert sum(len(one.text) for one in found) == 100_000


def test_html_gives_title_headings_lists_and_code() -> None:
    html = (
        "<title>T</title><h1>Top</h1><ul><li>one<li>two</ul><h2>In <b>bold</b></h2><pre>a\n  b</pre><p>tail &amp; end"
    )

    [one] = passages("page.html", html)

    assert (one.title, one.heading) == ("T", "Top")
    assert "- one\n\n- two" in one.text
    assert "```\na\n  b\n```" in one.text
    assert "tail & end" in one.text


def test_utf_16_with_its_mark_is_text() -> None:
    [one] = list(read_passages("a.txt", "grün".encode("utf-16")))

    assert isinstance(one, Passage)
    assert one.text == "grün"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("StateGraph.add_node", ["state", "graph", "stategraph", "add", "node", "add_node"]),
        ("HTTPServer", ["http", "server", "httpserver"]),
        ("customers' customer's don't", ["custom", "custom"]),
        ("Crème Brûlée", ["creme", "brule"]),
        ("to be or not to be", ["to", "be", "or", "not", "to", "be"]),
        ("東京都", ["東京", "京都"]),
        ("", []),
    ],
)
def test_terms_are_folded_split_and_stemmed(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> KnowledgeBase:
    base = KnowledgeBase.open(tmp_path_factory.mktemp("packages"))
    base.ingest([PackageDocs(["tenacity", "filelock", "no-such-package"])])
    return base


def test_docstrings_of_installed_packages_are_found_by_symbol(packaged: KnowledgeBase) -> None:
    hit = packaged.search("wait strategy with exponential backoff and jitter")[0]

    assert hit.chunk.heading.startswith("tenacity.wait.")
    assert (hit.chunk.source, hit.chunk.kind) == ("tenacity/wait.py", "docstring")
    assert hit.chunk.title.startswith("tenacity ")
    assert hit.chunk.start_line > 1


def test_reading_a_package_does_not_import_it(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from graphwright.retrieval import PackageDocs\n"
        "found = [p for d in PackageDocs(['tenacity']).documents() for p in d.passages(d.read())]\n"
        "print(len(found) > 20, 'tenacity' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["True", "False"]


def test_a_package_that_is_not_installed_is_told_if_it_was_named(packaged: KnowledgeBase) -> None:
    report = packaged.ingest([PackageDocs(["tenacity", "no-such-package"])])

    assert [str(q) for q in report.quarantined] == ["no-such-package: not installed"]
    assert report.added == report.removed == 0
    assert "filelock/asyncio.py" in packaged.documents()
