"""The HTML pages in a real browser: nothing runs, nothing is asked for, everything can be read; and what they show."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from graphwright.evals.comparing import compare_runs
from graphwright.evals.pages import comparison_page, html_page
from graphwright.evals.pages.cases import MOST_BYTES
from graphwright.evals.pages.drawing import HERE, cut, visible
from graphwright.evals.pages.timeline import bars
from graphwright.evals.reporting import report_of
from graphwright.evals.results import Header, Result, RunFolder, Scored

EVIL = '</script></style></pre><img src="https://evil.example/x" onerror="document.title=1">\u202e\x1b[31m{{ 7 * 7 }}'
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OFFLINE = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --disable-extensions --hide-scrollbars --disable-dev-shm-usage"
).split()

NO_SCRIPTS = '{"profile": {"default_content_setting_values": {"javascript": 2}}}'


@dataclass(frozen=True)
class Seen:
    """What a browser made of a page."""

    dom: str
    hosts: frozenset[str]
    """That it tried to reach; the browser's own among them."""
    complaints: tuple[str, ...]
    """Of the console."""


class Browser:
    """Chromium without a window, whose names all lead nowhere."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._runs = 0

    def see(self, page: Path) -> Seen:
        """Open a page and look at its document, the network and the console."""
        log = self._folder / f"net-{self._runs}.json"
        done = self._run(page, "--dump-dom", f"--log-net-log={log}", "--enable-logging=stderr")
        text = log.read_text(encoding="utf-8", errors="replace").rstrip()
        told = json.loads(text if text.endswith("}") and '"events"' in text else text.rstrip(",") + "]}")
        addresses = [str((each.get("params") or {}).get("url", "")) for each in told["events"]]
        hosts = {urlsplit(each).hostname or "" for each in addresses if each.startswith("http")}
        said = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
        return Seen(done.stdout, frozenset(hosts), tuple(said))

    def picture(self, page: Path, *, scripts: bool = True) -> bytes:
        """A screenshot."""
        target = self._folder / f"{self._runs}.png"
        self._run(page, f"--screenshot={target}", "--window-size=1200,1600", scripts=scripts)
        return target.read_bytes()

    def _run(self, page: Path, *flags: str, scripts: bool = True) -> subprocess.CompletedProcess[str]:
        self._runs += 1
        profile = self._folder / f"profile-{self._runs}"
        (profile / "Default").mkdir(parents=True)
        if not scripts:
            (profile / "Default" / "Preferences").write_text(NO_SCRIPTS)
        nowhere = "--host-resolver-rules=MAP * ~NOTFOUND"
        command = [self._program, *OFFLINE, nowhere, f"--user-data-dir={profile}", *flags, page.as_uri()]
        return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=90, check=True)


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    """Chromium, where it is installed."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip("There is no Chromium here. Install it: apt install chromium")
    folder = tmp_path / "browser"
    folder.mkdir()
    return Browser(program, folder)


def run_of(folder: Path, results: Sequence[Result], **header: Any) -> RunFolder:
    told: dict[str, Any] = {
        "run": "desk-1", "suite": "desk", "target": "desk", "model": "offline", "epochs": 1, "cases": len(results),
        "scorers": ("verdict",), "gates": ({"at_least": 0.9},), "versions": {"python": "3"},
    }  # fmt: skip
    made = RunFolder.make(folder, Header(**{**told, **header}))
    with made:
        for each in results:
            made.add(each)
    return made


def result_of(case: str, outcome: Any = "pass", **told: Any) -> Result:
    value = None if outcome == "unmeasured" else float(outcome == "pass")
    reason = "" if outcome == "pass" else f"{case} went wrong."
    scores = (Scored("verdict", value, outcome, reason),)
    return Result(**{"case": case, "epoch": 1, "status": "done", "scores": scores, **told})


def detail_of(text: str) -> dict[str, Any]:
    """A drill-down that says the same everywhere."""
    return {
        "input": text,
        "messages": [
            {"role": text, "name": text, "text": text, "calls": [{"tool": text, "arguments": {text: text}}]},
            {"role": "tool", "name": "", "text": ""},
        ],
        "calls": [{"tool": text, "arguments": {text: text}, "effect": text, "status": text, "path": text}],
        "approvals": [{"tool": text, "arguments": {text: text}, "agent": text, "decision": text}],
        "route": [text, text],
        "changes": {text: text},
        "retrieved": [text],
        "timeline": [{"at": 0.0, "seconds": 0.1, "kind": "tool", "name": text, "path": text, "status": text}],
    }  # fmt: skip


def page_of(folder: RunFolder) -> str:
    return "".join(html_page([report_of(folder)], [folder]))


def written(folder: Path, text: str, name: str = "page.html") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def hostile(tmp_path: Path) -> RunFolder:
    """A run in which every text was written by somebody who wants to be run."""
    scored = (Scored("verdict", 0.0, "fail", EVIL), Scored(EVIL, 0.5, "fail", EVIL))
    told: dict[str, Any] = {"answer": EVIL, "error": EVIL, "trouble": EVIL, "source": EVIL, "detail": detail_of(EVIL)}
    result = result_of(EVIL, status=EVIL, scores=scored, slices={EVIL: EVIL}, **told)
    return run_of(
        tmp_path / "hostile",
        [result, result_of("fine", slices={EVIL: "other"})],
        run=EVIL, suite=EVIL, target=EVIL, model=EVIL, signature=EVIL, source=EVIL, versions={EVIL: EVIL},
        gates=({"scorer": EVIL, "at_least": 0.9},), floors={"verdict": {"null": 0.0, "oracle": 1.0}}, heuristic=EVIL,
        cluster=EVIL,
    )  # fmt: skip


# --- what a browser does with it


def test_a_browser_runs_nothing_asks_nobody_and_has_no_complaint(
    browser: Browser, hostile: RunFolder, tmp_path: Path
) -> None:
    other = run_of(tmp_path / "other", [result_of(EVIL), result_of("fine")], suite=EVIL, run=EVIL)
    for text in (page_of(hostile), "".join(comparison_page(compare_runs(other, hostile), (other, hostile)))):
        empty = browser.see(written(tmp_path, "<!doctype html><title>e</title>", "empty.html"))
        seen = browser.see(written(tmp_path, text))

        assert seen.hosts - empty.hosts == frozenset()
        assert seen.complaints == ()
        assert "<img" not in seen.dom
        assert "<script" not in seen.dom
        assert "&lt;img src=" in seen.dom


def test_what_would_be_asked_for_and_run_is_noticed_and_refused_by_the_policy(
    browser: Browser, hostile: RunFolder, tmp_path: Path
) -> None:
    bait = '<img src="https://evil.example/x"><script>document.title="ran"</script><p style="color:red">x</p>'
    bare = browser.see(written(tmp_path, f"<!doctype html>{bait}", "bare.html"))
    seen = browser.see(written(tmp_path, page_of(hostile).replace("</main>", f"{bait}</main>")))

    assert "evil.example" in bare.hosts
    assert "<title>ran</title>" in bare.dom
    assert "evil.example" not in seen.hosts
    assert "<title>ran</title>" not in seen.dom
    assert len(seen.complaints) == 3


def test_it_looks_the_same_without_scripts(browser: Browser, hostile: RunFolder, tmp_path: Path) -> None:
    page = written(tmp_path, page_of(hostile))
    moved = written(tmp_path, "<!doctype html>yes<script>document.body.textContent = 'no'</script>", "moved.html")

    assert browser.picture(moved) != browser.picture(moved, scripts=False), "scripts are really off"
    assert browser.picture(page) == browser.picture(page, scripts=False)


FRAME = """<!doctype html><iframe id=f width={width} height=900 srcdoc="{page}"></iframe><pre id=told></pre>
<script>f.onload = () => {{
    const d = f.contentDocument, w = f.contentWindow
    told.textContent = JSON.stringify(({asked})())
}}</script>"""


@pytest.fixture
def asked(browser: Browser, tmp_path: Path) -> Callable[..., Any]:
    """Asks a page, without its policy, something in JavaScript: ``d`` is its document, ``w`` its window."""

    def ask(text: str, question: str, width: int = 1200) -> Any:
        open_to_us = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
        framed = FRAME.format(width=width, page=escape(open_to_us), asked=question)
        seen = browser.see(written(tmp_path, framed, "frame.html"))
        return json.loads(seen.dom.rpartition('<pre id="told">')[2].partition("</pre>")[0])

    return ask


@pytest.mark.parametrize("width", [360, 800])
def test_no_page_is_wider_than_its_screen(asked: Callable[..., Any], hostile: RunFolder, width: int) -> None:
    wide = replace(next(hostile.results()), case="w" * 300, answer="x" * 3_000)
    with hostile:
        hostile.add(wide)

    told = asked(page_of(hostile), "() => [d.documentElement.scrollWidth, d.documentElement.clientWidth]", width)

    assert told[0] <= told[1] <= width


def test_outcomes_can_be_hidden_with_the_keyboard_and_without_scripts(
    asked: Callable[..., Any], tmp_path: Path
) -> None:
    folder = run_of(tmp_path / "run", [result_of("good"), result_of("bad", "fail"), result_of("odd", "unmeasured")])
    question = """() => {
        const shown = () => [...d.querySelectorAll('.case')].filter(e => w.getComputedStyle(e).display != 'none')
            .map(e => e.querySelector('.name').textContent)
        const before = shown(); d.querySelector('input.show-pass').click()
        return [before, shown(), [...d.querySelectorAll('input, summary, a')].every(e => e.tabIndex >= 0)]
    }"""

    assert asked(page_of(folder), question) == [["bad", "odd", "good"], ["bad", "odd"], True]


def test_landmarks_headings_and_table_headers_are_there_for_those_who_listen(
    asked: Callable[..., Any], hostile: RunFolder
) -> None:
    question = """() => ({
        landmarks: ['header', 'main', 'footer'].every(e => d.querySelectorAll(e).length == 1),
        h1: d.querySelectorAll('h1').length,
        lang: d.documentElement.lang,
        skip: d.querySelector(d.querySelector('.skip').getAttribute('href')) != null,
        headless: [...d.querySelectorAll('table')].filter(t => !t.querySelector('thead th[scope=col]')).length,
        unnamed: [...d.querySelectorAll('[role=region], section')]
            .filter(e => !e.ariaLabel && !d.getElementById(e.getAttribute('aria-labelledby'))).length,
        twice: [...d.querySelectorAll('[id]')].length - new Set([...d.querySelectorAll('[id]')].map(e => e.id)).size,
        levels: [...d.querySelectorAll('h1,h2,h3,h4')].map(e => +e.tagName[1])
            .every((level, at, all) => at == 0 || level <= all[at - 1] + 1),
    })"""

    assert asked(page_of(hostile), question) == {
        "landmarks": True, "h1": 1, "lang": "en", "skip": True, "headless": 0, "unnamed": 0, "twice": 0, "levels": True,
    }  # fmt: skip


# --- what it shows


def test_what_failed_comes_first_and_the_first_of_it_is_open(tmp_path: Path) -> None:
    outcomes = {"a": "pass", "b": "unmeasured", "c": "fail", "d": "pass", "e": "fail"}
    text = page_of(run_of(tmp_path / "run", [result_of(case, outcome) for case, outcome in outcomes.items()]))

    assert re.findall(r'<b class="name">(.)</b>', text) == ["c", "e", "b", "a", "d"]
    assert re.findall(r'<details class="case (\w+)" open>', text) == ["fail"]


def test_a_page_of_5000_cases_stays_small_enough_to_open(tmp_path: Path) -> None:
    detail = detail_of("word " * 400)
    results = [result_of(f"case-{at}", "fail" if at % 100 == 7 else "pass", detail=detail) for at in range(5_000)]
    text = page_of(run_of(tmp_path / "run", results))

    assert text.count('<details class="case') == 5_000
    assert len(text) < 1.5 * MOST_BYTES
    assert 0 < text.count("There was no room for what it did") < 5_000
    assert "There was no room" not in text[: text.index('<details class="case pass"')]


def test_more_runs_than_a_page_lists_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphwright.evals.pages.run_page.MOST_LISTED", 3)

    text = page_of(run_of(tmp_path / "run", [result_of(str(at)) for at in range(10)]))

    assert text.count('<details class="case') == 3
    assert "7 more runs are in results.jsonl" in text


def test_slices_have_intervals_and_those_served_worse_come_first(tmp_path: Path) -> None:
    results = [
        result_of(f"{at}", "fail" if at % 2 else "pass", slices={"side": "odd" if at % 2 else "even", "all": "yes"})
        for at in range(60)
    ]
    text = page_of(run_of(tmp_path / "run", results))

    rows = re.findall(r'<th scope="row"><span class="dim">(\w+)</span> (\w+)</th>', text)
    assert rows == [("side", "odd"), ("all", "yes"), ("side", "even")]
    assert "0.000 to 0.114" in text
    assert "&lt; 0.001" in text


def test_floors_stand_beside_the_scores(tmp_path: Path) -> None:
    floors = {"verdict": {"null": 0.25, "echo": 0.375, "heuristic": None, "oracle": 1.0}}
    results = [result_of(str(at)) for at in range(4)]
    text = page_of(run_of(tmp_path / "run", results, floors=floors, floor_cases=4))

    assert ">Null</th>" in text
    assert ">0.250</td>" in text
    assert ">0.375</td>" in text
    assert ">Heuristic</th>" not in text
    assert ">Null</th>" not in page_of(run_of(tmp_path / "bare", results))


def test_suites_stand_side_by_side_before_their_cases(tmp_path: Path) -> None:
    folders = [run_of(tmp_path / name, [result_of("a")], suite=name) for name in ("one", "two")]
    text = "".join(html_page([report_of(each) for each in folders], folders))

    assert [f'href="#suite-{at}"' in text and f'id="suite-{at}"' in text for at in (1, 2)] == [True, True]
    assert "<h1>2 suites</h1>" in text


def test_a_comparison_shows_both_runs_of_each_case_that_changed_the_worst_first(tmp_path: Path) -> None:
    slices = {"a": {"kind": "x"}, "b": {"kind": "x"}, "c": {"kind": "y"}}
    before = {"a": "fail", "b": "pass", "c": "pass"}
    after = {"a": "pass", "b": "fail", "c": "pass"}
    base, new = (
        run_of(tmp_path / name, [result_of(case, outcome, slices=slices[case]) for case, outcome in told.items()])
        for name, told in (("base", before), ("new", after))
    )

    text = "".join(comparison_page(compare_runs(base, new), (base, new)))

    assert "Cases that changed (2)" in text
    pairs = re.findall(r'<article class="pair">\n<h3>\s*<span class="badge (\w+)">\w+</span> (\w)</h3>', text)
    assert pairs == [("worse", "b"), ("better", "a")]
    assert text.count('<details class="case') == 4
    assert re.findall(r'<span class="dim">kind</span> (\w)</th>', text) == ["x", "y"]


def test_a_timeline_has_its_bars_in_order_and_leaves_the_waiting_for_people_out() -> None:
    def moment(kind: str, at: float, seconds: float = 0.0, name: str = "n", path: str = "p") -> dict[str, Any]:
        return {"kind": kind, "at": at, "seconds": seconds, "name": name, "path": path, "status": ""}

    told = bars(
        [
            moment("model", 1.0),
            moment("step", 1.0),
            moment("approval", 1.0, 7200.0),
            moment("tool", 7201.0, 2.0, path="q"),
            moment("step", 7204.0, path="r"),
        ]
    )

    assert [each.kind for each in told] == ["model", "approval", "tool", "step"], "the end of the model's node is none"
    assert [(each.left, each.width) for each in told] == [(0.0, 25.0), (25.0, 0.6), (25.0, 50.0), (75.0, 25.0)]
    assert all(0 <= each.left <= each.left + each.width <= 100 for each in told)


def test_a_long_text_is_cut_and_says_so_and_what_is_hidden_is_made_visible() -> None:
    assert cut("a" * 9_000).endswith("aaa … (9,000 characters; all are in results.jsonl)")
    assert cut({"a": ["ü"]}) == '{"a": ["ü"]}'
    assert visible("a\u202eb\x00c\r\nd\te\n") == "a‹U+202E›b‹U+0000›c\nd\te\n"


def test_every_colour_of_text_can_be_told_from_its_ground() -> None:
    """WCAG 2.2, 1.4.3: at least 4.5 to 1."""
    style = (HERE / "report.css").read_text(encoding="utf-8")
    schemes = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", part)) for part in style.split("@media", 2)[:2]]
    own = {"good": "good-ground", "bad": "bad-ground", "warn": "warn-ground", "ink": "plain-ground"}
    pairs = [
        (name, ground)
        for name in ("ink", "dim", "link", "good", "bad", "warn")
        for ground in ("ground", "raised", own.get(name, "ground"))
    ]

    assert len(schemes) == 2
    for colours in schemes:
        assert [pair for pair in pairs if _contrast(*(colours[each] for each in pair)) < 4.5] == []


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(each * 2 for each in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
