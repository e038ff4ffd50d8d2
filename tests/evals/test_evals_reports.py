"""Reports: a page that asks nobody for anything and runs nothing, XML for any reader, lines that read back."""

from __future__ import annotations

import asyncio
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import orjson
import pytest

from graphwright.evals import Case, Gate, Observed, Plan, Project, RunFolder, Score, Suite, new_run, run_suite
from graphwright.evals.comparing import compare_runs
from graphwright.evals.junit import junit_xml
from graphwright.evals.pages import comparison_page, html_page
from graphwright.evals.report_files import write_reports
from graphwright.evals.reporting import Report, report_of
from graphwright.evals.results import read_result

HOSTILE = "<script>alert('x')</script>\x00\x1b[31m & \"quoted\" \ud800 ü"


def hostile(text: str) -> str:
    return HOSTILE.encode("utf-8", "replace").decode() if text == "hostile" else text


def is_good(case: Case, observed: Observed) -> Score:
    if case.id == "unsure":
        return Score(None, "unmeasured", "Nobody knows.")
    return Score(1.0, "pass") if case.id == "good" else Score(0.0, "fail", f"It says {observed.answer!r}.")


def ran(tmp_path: Path, name: str = "s", scorer: object = is_good) -> tuple[Report, RunFolder]:
    cases = [Case(id=each, input=each, slices={"kind": each}) for each in ("good", "hostile", "unsure")]
    gates = (Gate(scorer="is_good", at_least=0.9),)
    suite = Suite(name=name, cases=cases, function=hostile, scorers=(scorer,), gates=gates)  # type: ignore[arg-type]  # a scorer
    folder = new_run(suite, Project(tmp_path), Plan(), tmp_path / "runs")
    progress = asyncio.run(run_suite(suite, Project(tmp_path), Plan(), folder))
    return report_of(folder, suite.gates, total=progress.total), folder


class Page(HTMLParser):
    """Notes tags, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.said = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "br", "input"):
            self.open.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "srcset")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said += data


def test_the_page_is_whole_runs_nothing_and_asks_nobody(tmp_path: Path) -> None:
    report, folder = ran(tmp_path)

    text = "".join(html_page([report], [folder]))
    page = Page(text)

    assert page.open == []
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert all(each.startswith("#") for each in page.addresses)
    assert not re.search(r"url\(|@import|https?://", text)
    assert "default-src &#39;none&#39;" in text
    assert "<script>alert('x')</script>" in page.said
    assert "Nobody knows." in page.said


def test_the_page_drills_down_to_messages_calls_and_approvals(project: Path, tmp_path: Path) -> None:
    case = Case.model_validate({"id": "paid", "input": "A-1", "people": [{"tool": "refund", "decide": "approve"}]})
    suite = Suite(name="shop", cases=[case], graph="sound")
    folder = new_run(suite, Project(project), Plan(), tmp_path / "runs")
    asyncio.run(run_suite(suite, Project(project), Plan(), folder))

    said = Page("".join(html_page([report_of(folder)], [folder]))).said

    for expected in ("Tool calls", "refund", "Approvals", "approve", "Changes of the world", "book.0.0", "hold → pay"):
        assert expected in said


def test_two_runs_are_shown_side_by_side(tmp_path: Path) -> None:
    def all_good(case: Case, observed: Observed) -> Score:
        return Score(1.0, "pass")

    all_good.__name__ = "is_good"
    (_, base), (_, new) = ran(tmp_path), ran(tmp_path, scorer=all_good)

    page = Page("".join(comparison_page(compare_runs(base, new), (base, new))))

    assert page.open == []
    assert "cannot tell" in page.said
    assert "hostile" in page.said


def test_junit_counts_failures_errors_and_gates(tmp_path: Path) -> None:
    report, folder = ran(tmp_path)

    root = ElementTree.fromstring(junit_xml([report], [folder]))

    suite = root.find("testsuite")
    assert suite is not None
    assert {name: suite.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "4", "failures": "2", "errors": "1",
    }  # fmt: skip
    by_name = {each.get("name"): each for each in suite.iter("testcase")}
    assert by_name["good"].find("failure") is None
    assert by_name["unsure"].find("error") is not None
    failure = by_name["hostile"].find("failure")
    assert failure is not None
    assert "<script>" in str(failure.get("message"))


def test_lines_are_written_and_read_back_the_same(tmp_path: Path) -> None:
    report, folder = ran(tmp_path)
    target = tmp_path / "all.jsonl"

    assert write_reports([report], lines=target) == [target]

    lines = target.read_bytes().splitlines(keepends=True)
    assert [read_result(each) for each in lines] == list(folder.results())
    assert {"case", "epoch", "status", "scores", "answer", "slices"} <= orjson.loads(lines[0]).keys()


def test_the_report_tells_what_did_not_pass_and_why(tmp_path: Path) -> None:
    report, _ = ran(tmp_path)

    assert report.verdict == "cannot tell"
    assert [(each.case, each.outcome) for each in report.bad] == [("hostile", "fail"), ("unsure", "unmeasured")]
    assert report.scorers[0].mean == 0.5
    assert "2 of 3 runs were measured" in report.gates[0].why


@pytest.mark.parametrize("value", ["a" * 200_000, "\x00" * 10, "\u2028 \u0085", "💥" * 5000])
def test_any_answer_can_be_reported(tmp_path: Path, value: str) -> None:
    suite = Suite(name="any", cases=[Case(id="a", input="x")], function=lambda _text: value)
    folder = new_run(suite, Project(tmp_path), Plan(), tmp_path / "runs")
    asyncio.run(run_suite(suite, Project(tmp_path), Plan(), folder))
    report = report_of(folder)

    assert next(folder.results()).answer == value
    assert Page("".join(html_page([report], [folder]))).open == []
    ElementTree.fromstring(junit_xml([report], [folder]))
