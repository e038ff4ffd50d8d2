"""Moderation: who judges, who decides, who may not decide again, and what is kept of it."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphwright.evals.case_files import cases_of
from graphwright.evals.project import Project
from graphwright.evals.sandbox_run import Sandboxes
from graphwright.evals.scorers import verdict
from graphwright.examples.moderation import classifier, data
from graphwright.examples.moderation.desk import FILE, CaseRefused, Desk, moderation_world
from graphwright.examples.moderation.evaluation import measure
from graphwright.examples.moderation.graph import moderation
from graphwright.examples.moderation.panel import weigh
from graphwright.examples.moderation.rules import by_rules, speaks_about
from graphwright.examples.moderation.spelling import plain_spelling, tricks
from graphwright.models import ModelRequestInvalid, ScriptedModel
from graphwright.models.script import calls
from graphwright.runtime import Approve, Edit, NotAllowed, Reject, Run, Runtime, Settings
from graphwright.tools import Resources

Opener = Callable[[], Any]
MODERATOR = frozenset({"moderator"})
POSTS = {post.id: post for post in data.queue()}


@pytest.fixture
def opened(tmp_path: Path) -> Opener:
    @asynccontextmanager
    async def opener() -> AsyncIterator[Runtime]:
        state, resources = tmp_path / "state", Resources()
        moderation.provide(resources, state)
        async with Runtime(Settings(project_dir=tmp_path, state_dir=state), resources=resources) as runtime:
            yield runtime

    return opener


async def drive(runtime: Runtime, run: Run, model: Any = "offline") -> Run:
    async for _ in runtime.drive(run.id, moderation.graph(), output=moderation.answer, model=model):
        pass
    return await runtime.runs.get(run.id)


async def ask(runtime: Runtime, text: str, model: Any = "offline", **more: Any) -> Run:
    return await drive(runtime, await runtime.start("moderation", moderation.values(text), **more), model)


def case_of(tmp_path: Path, post_id: str) -> Any:
    return moderation_world(tmp_path / "state")["cases"].get(post_id)


async def test_every_case_of_the_example_is_as_its_data_say(tmp_path: Path) -> None:
    cases = cases_of(moderation)
    sandboxes = Sandboxes(Project(tmp_path), moderation, moderation.graph(), tmp_path / "cases")

    scores = {case.id: verdict(case, await sandboxes.observe(case)) for case in cases}

    assert {name: score.reason for name, score in scores.items() if score.value != 1} == {}
    assert len(cases) >= 20


# The panel


@given(st.lists(st.tuples(st.sampled_from(["", *data.LABELS]), st.booleans()), min_size=3, max_size=3))
def test_a_post_is_taken_down_unasked_only_if_two_who_agree_are_sure_and_nobody_sure_objects(
    opinions: list[tuple[str, bool]],
) -> None:
    results = {
        str(place): {
            "participant": str(place),
            "status": "done" if label else "error",
            "output": {"label": label} if label else None,
            "warning": "" if sure else "not sure",
        }
        for place, (label, sure) in enumerate(opinions)
    }
    labels = [label for label, _ in opinions]
    agreed = next((label for label in data.LABELS if labels.count(label) >= 2), "")

    proposal = weigh(results, agreed)

    sure = [label for label, is_sure in opinions if is_sure and label]
    if proposal["is_clear"]:
        assert labels.count(proposal["label"]) >= 2
        assert sure.count(proposal["label"]) >= (1 if proposal["label"] == "ok" else 2)
        assert set(sure) <= {proposal["label"]}
    assert proposal["label"] in data.LABELS


async def test_a_real_model_that_is_sure_and_disagrees_brings_a_person_in(opened: Opener) -> None:
    model = ScriptedModel([{"label": "ok", "sure": True, "reason": "A joke among friends."}])

    async with opened() as runtime:
        run = await ask(runtime, "Review p-022", model)
        (approval,) = await runtime.approvals.pending()

    assert run.status == "waiting"
    assert approval.tool == "decide_case"
    assert "A joke among friends" in approval.reason


async def test_the_agent_hears_only_the_post_and_may_look_at_the_policy(opened: Opener) -> None:
    model = ScriptedModel(
        [calls("read_policy", label="scam"), {"label": "scam", "sure": True, "reason": "It asks for a password."}]
    )

    async with opened() as runtime:
        run = await ask(runtime, "Review p-022", model)

    heard = "\n".join(each.text for each in model.requests[0].messages[1:])
    assert run.status == "done"
    assert POSTS["p-022"].text in heard
    assert "classifier" not in heard
    assert "A scam tries to get money" in model.requests[1].messages[-1].text


async def test_a_reviewer_that_fails_does_not_stop_the_two_others(opened: Opener, tmp_path: Path) -> None:
    async with opened() as runtime:
        run = await ask(runtime, "Review p-022", ScriptedModel([ModelRequestInvalid("Too long.")]))

    assert "failed" in str(run.output)
    assert case_of(tmp_path, "p-022") == {"outcome": "removed: scam", "stage": "review", "by": "the panel"}


async def test_without_scikit_learn_the_classifier_says_what_to_install_and_the_others_go_on(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> Any:
        raise classifier.MissingExtra("not installed: pip install 'graphwright[ml]'")

    monkeypatch.setattr(classifier, "_sklearn", missing)
    classifier.trained.cache_clear()

    async with opened() as runtime:
        await ask(runtime, "Review p-022")
        (approval,) = await runtime.approvals.pending()

    classifier.trained.cache_clear()
    assert "pip install 'graphwright[ml]'" in approval.arguments["opinions"]
    assert approval.arguments["label"] == "scam"


def test_a_missing_scikit_learn_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, *_: Any) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(classifier.importlib, "import_module", refuse)

    with pytest.raises(classifier.MissingExtra, match=r"pip install 'graphwright\[ml\]'"):
        classifier._sklearn("pipeline")


# People


async def test_nobody_without_the_role_decides_a_borderline_case(opened: Opener, tmp_path: Path) -> None:
    async with opened() as runtime:
        await ask(runtime, "Review p-015")
        (approval,) = await runtime.approvals.pending()

        with pytest.raises(NotAllowed, match="moderator"):
            await runtime.decide(approval.id, Approve(), by="eve", roles=frozenset({"author"}))

    assert case_of(tmp_path, "p-015") is None


async def test_a_rejected_proposal_leaves_the_case_open_and_it_can_be_reviewed_again(opened: Opener) -> None:
    async with opened() as runtime:
        run = await ask(runtime, "Review p-015")
        (approval,) = await runtime.approvals.pending()
        await runtime.decide(approval.id, Reject("Not like that."), by="ann", roles=MODERATOR)
        after = await drive(runtime, run)
        again = await ask(runtime, "Review p-015", thread_id=run.thread_id)

    assert "Not decided" in str(after.output)
    assert again.status == "waiting"


async def test_an_appeal_on_the_thread_goes_to_other_reviewers_and_never_to_whoever_decided(
    opened: Opener, tmp_path: Path
) -> None:
    async with opened() as runtime:
        run = await ask(runtime, "Review p-009")
        (approval,) = await runtime.approvals.pending()
        edited = Edit({**approval.arguments, "label": "spam"})
        await runtime.decide(approval.id, edited, by="ann", roles=MODERATOR)
        await drive(runtime, run)

        appealed = await ask(runtime, "Appeal: I reported that spam!", thread_id=run.thread_id)
        (approval,) = await runtime.approvals.pending()
        with pytest.raises(NotAllowed, match="ann is excluded"):
            await runtime.decide(approval.id, Approve(), by="ann", roles=MODERATOR)
        await runtime.decide(approval.id, Edit({**approval.arguments, "label": "ok"}), by="bob", roles=MODERATOR)
        after = await drive(runtime, appealed)

    assert approval.arguments["statement"] == "I reported that spam!"
    assert [name for name in ("precedents", "circumstances", "advocate") if name in approval.reason] != []
    assert "classifier:" not in approval.reason
    assert case_of(tmp_path, "p-009") == {"outcome": "kept", "stage": "appeal", "by": "bob"}
    assert "1. review: removed: spam, by ann\n  2. appeal: kept, by bob" in str(after.output)


async def test_whoever_decided_cannot_get_back_in_by_an_edit_of_those_excluded(opened: Opener, tmp_path: Path) -> None:
    async with opened() as runtime:
        run = await ask(runtime, "Appeal p-072: please")
        (approval,) = await runtime.approvals.pending()
        opening = Edit({**approval.arguments, "excluded": []})
        await runtime.decide(approval.id, opening, by="ann", roles=MODERATOR)
        await drive(runtime, run)
        (again,) = await runtime.approvals.pending()
        await runtime.decide(again.id, Approve(), by="cem", roles=MODERATOR, digest=again.digest)
        after = await drive(runtime, run)

    assert "cem decided about post p-072 before" in str(after.output)
    assert case_of(tmp_path, "p-072")["stage"] == "review"


async def test_a_second_appeal_is_refused(opened: Opener) -> None:
    async with opened() as runtime:
        run = await ask(runtime, "Appeal p-072: please")
        (approval,) = await runtime.approvals.pending()
        await runtime.decide(approval.id, Approve(), by="bob", roles=MODERATOR)
        await drive(runtime, run)
        again = await ask(runtime, "Appeal: once more", thread_id=run.thread_id)

    assert "that is final" in str(again.output)


async def test_a_case_waits_over_a_restart_and_is_decided_once(opened: Opener, tmp_path: Path) -> None:
    async with opened() as runtime:
        run = await ask(runtime, "Review p-008")
        (approval,) = await runtime.approvals.pending()
        await runtime.decide(approval.id, Approve(), by="ann", roles=MODERATOR)

    async with opened() as runtime:
        after = await drive(runtime, run, ScriptedModel())

    with sqlite3.connect(tmp_path / "state" / FILE) as db:
        trail = db.execute("SELECT label, decided_by FROM trail WHERE post = 'p-008'").fetchall()
    assert after.status == "done"
    assert trail == [("scam", "ann")]


# The desk


def test_the_same_decision_again_changes_nothing_and_another_one_is_refused(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.decide("p-001", "review", "ok", by="ann", why="", key="k")

    desk.decide("p-001", "review", "ok", by="ann", why="", key="k")
    with pytest.raises(CaseRefused, match="decided before"):
        desk.decide("p-001", "review", "spam", by="bob", why="", key="other")

    case = desk.case("p-001")
    assert case is not None
    assert len(case["trail"]) == 1


def test_looking_at_the_world_is_the_same_before_and_after_the_desk_is_opened(tmp_path: Path) -> None:
    before = moderation_world(tmp_path / "one")
    Desk(tmp_path / "two").post("p-001")

    assert moderation_world(tmp_path / "two") == before
    assert len(before["cases"]) == data.EARLIER


# Words


@pytest.mark.parametrize(
    "disguised",
    ["f r e e shipping t o d a y", "fr\u200bee shipping to\u200bday", "fr33 shipping t0d4y", "frее shipping toooday"],
)
def test_disguised_words_are_read_all_the_same(disguised: str) -> None:
    assert plain_spelling(disguised).split() == ["free", "shipping", "today"]


@pytest.mark.parametrize("plain", ["The fuse is 5 amps.", "I paid 100 euros for 2 boards", "Ein schöner Tag"])
def test_honest_numbers_and_letters_are_no_tricks(plain: str) -> None:
    assert tricks(plain) == []


def test_rules_do_not_take_a_report_for_the_abuse_that_it_quotes() -> None:
    abuse = "You are a worthless idiot and everybody here knows it."

    assert by_rules(abuse).label == "harassment"
    assert by_rules(f'Somebody wrote me "{abuse}". How do I report that?').label == "ok"
    assert not speaks_about(abuse)


# Data and figures


def test_the_data_follow_from_the_seed_and_training_has_wordings_of_its_own() -> None:
    assert data.queue(1) == data.queue(1)
    assert data.queue(1) != data.queue(2)
    assert not {each.text for each in data.training_posts()} >= {each.text for each in data.held_out_posts()}


def test_the_classifier_beats_the_rules_on_posts_that_it_never_saw() -> None:
    rules, learned = measure()

    assert learned.macro > rules.macro + 0.02
    assert learned.macro > 0.78
    assert learned.accuracy["hard"] > rules.accuracy["hard"]
    assert 0.5 < rules.macro < 0.9


def test_f1_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import f1_score

    posts = data.held_out_posts()
    rules = measure()[0]

    expected = f1_score([p.label for p in posts], [by_rules(p.text).label for p in posts], average="macro")

    assert rules.macro == pytest.approx(expected)


def test_importing_the_graph_does_not_import_scikit_learn() -> None:
    import subprocess
    import sys

    code = "import sys, graphwright.examples.moderation.graph, graphwright.examples.fraud.graph as _;"
    done = subprocess.run(
        [sys.executable, "-c", code + "print([m for m in ('sklearn', 'matplotlib') if m in sys.modules])"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout.strip() == "[]"
