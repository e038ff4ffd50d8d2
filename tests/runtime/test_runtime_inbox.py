"""The inbox page by page: the oldest first, nothing twice, and not by sorting everything that waits."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from graphwright.runtime import Approve, Runtime, Settings
from graphwright.runtime.questions import Question, request_digest
from graphwright.tools import ApprovalRules

COUNT = 25


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    async with Runtime(Settings(project_dir=tmp_path, state_dir=tmp_path)) as runtime:
        for number in range(COUNT):
            arguments, key = {"item": number}, f"key-{number}"
            digest = request_digest("local", "thread", key, "pay", arguments)
            rules = ApprovalRules("It pays.")
            asked = {"tool": "pay", "arguments": arguments, "rules": rules, "run_id": "run", "thread_id": "thread"}
            await runtime.approvals.record(Question(key=key, call_id=key, digest=digest, **asked))  # type: ignore[arg-type]  # one of each
        yield runtime


async def test_pages_of_the_inbox_hold_every_question_once_oldest_first(runtime: Runtime) -> None:
    pages = [await runtime.approvals.pending(limit=10, offset=at) for at in range(0, COUNT, 10)]

    assert [len(page) for page in pages] == [10, 10, 5]
    assert [each for page in pages for each in page] == await runtime.approvals.pending()


async def test_what_was_decided_does_not_count_as_waiting(runtime: Runtime) -> None:
    first = (await runtime.approvals.pending(limit=1))[0]
    await runtime.decide(first.id, Approve(), by="ann")

    assert await runtime.approvals.count_pending() == COUNT - 1
    assert first.id not in [each.id for each in await runtime.approvals.pending(limit=5)]


async def test_a_page_is_read_from_an_index_in_order(runtime: Runtime) -> None:
    query = "SELECT * FROM approvals WHERE status = 'pending' AND tenant = 'local' ORDER BY asked, id LIMIT 10"
    with sqlite3.connect(runtime.settings.database) as connection:
        plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}"))

    assert "approvals_inbox" in plan
    assert "TEMP B-TREE" not in plan
