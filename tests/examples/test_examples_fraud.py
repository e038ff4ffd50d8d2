"""Fraud: each payment scored once, evidence before accusation, two people before a freeze, an alarm on drift."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphwright.evals.case_files import cases_of
from graphwright.evals.project import Project
from graphwright.evals.sandbox_run import Sandboxes
from graphwright.evals.scorers import verdict
from graphwright.examples.fraud import data, model
from graphwright.examples.fraud.drift import ALARM, ENOUGH, level_of, psi
from graphwright.examples.fraud.evaluation import average_precision, measure
from graphwright.examples.fraud.features import features_of
from graphwright.examples.fraud.graph import fraud
from graphwright.examples.fraud.ledger import FILE, ActionRefused, Ledger, fraud_world
from graphwright.models import ModelRequestInvalid, ScriptedModel
from graphwright.models.script import calls
from graphwright.runtime import Approve, NotAllowed, ReportsFolder, Run, Runtime, SamePersonTwice, Settings
from graphwright.tools import IdempotencyKey, Resources, ToolContext

Opener = Callable[[], Any]
DESK = frozenset({"fraud"})
FREEZE = {"pattern": "card testing", "recommendation": "freeze", "summary": "Seven payments in one hour."}


@pytest.fixture
def opened(tmp_path: Path) -> Opener:
    @asynccontextmanager
    async def opener() -> AsyncIterator[Runtime]:
        state, resources = tmp_path / "state", Resources()
        resources.provide(ReportsFolder, lambda: ReportsFolder(state / "reports"))
        fraud.provide(resources, state)
        async with Runtime(Settings(project_dir=tmp_path, state_dir=state), resources=resources) as runtime:
            yield runtime

    return opener


async def drive(runtime: Runtime, run: Run, using: Any = "offline") -> Run:
    async for _ in runtime.drive(run.id, fraud.graph(), output=fraud.answer, model=using):
        pass
    return await runtime.runs.get(run.id)


async def ask(runtime: Runtime, text: str, using: Any = "offline", **more: Any) -> Run:
    return await drive(runtime, await runtime.start("fraud", fraud.values(text), **more), using)


def world(tmp_path: Path) -> dict[str, Any]:
    return fraud_world(tmp_path / "state")


async def test_every_case_of_the_example_is_as_its_data_say(tmp_path: Path) -> None:
    cases = cases_of(fraud)
    sandboxes = Sandboxes(Project(tmp_path), fraud, fraud.graph(), tmp_path / "cases")

    scores = {case.id: verdict(case, await sandboxes.observe(case)) for case in cases}

    assert {name: score.reason for name, score in scores.items() if score.value != 1} == {}
    assert len(cases) >= 20


# Freezing


async def test_whoever_started_the_run_cannot_be_one_of_the_two_and_nobody_counts_twice(
    opened: Opener, tmp_path: Path
) -> None:
    async with opened() as runtime:
        await ask(runtime, "next 200")
        (approval,) = await runtime.approvals.pending()

        with pytest.raises(NotAllowed, match="started run"):
            await runtime.decide(approval.id, Approve(), by="local", roles=DESK)
        with pytest.raises(NotAllowed, match="fraud"):
            await runtime.decide(approval.id, Approve(), by="ann", roles=frozenset({"sales"}))
        await runtime.decide(approval.id, Approve(), by="ann", roles=DESK)
        with pytest.raises(SamePersonTwice):
            await runtime.decide(approval.id, Approve(), by="Ann", roles=DESK)

    assert "A-017" not in world(tmp_path)["accounts"]


async def test_an_approved_freeze_survives_a_restart_and_happens_once(opened: Opener, tmp_path: Path) -> None:
    async with opened() as runtime:
        run = await ask(runtime, "next 200")
        (approval,) = await runtime.approvals.pending()
        for name in ("ann", "bob"):
            await runtime.decide(approval.id, Approve(), by=name, roles=DESK)

    async with opened() as runtime:
        after = await drive(runtime, run, ScriptedModel())

    with sqlite3.connect(tmp_path / "state" / FILE) as db:
        actions = db.execute("SELECT status, decided_by FROM actions WHERE account = 'A-017'").fetchall()
    assert after.status == "done"
    assert actions == [("frozen", "ann and bob")]
    assert "A-017" in (tmp_path / "state" / "reports" / "fraud-window-1.md").read_text()


def test_the_probe_tells_a_freeze_that_happened_from_one_that_did_not(tmp_path: Path) -> None:
    from graphwright.examples.fraud.tools import freeze_account

    resources, ledger = Resources(), Ledger(tmp_path)
    resources.provide(Ledger, lambda: ledger)
    ledger.set_status("A-017", "frozen", by="ann and bob", why="", key="done")
    probe = freeze_account.labels.probe
    assert probe is not None

    answers = [
        probe(key, ToolContext(call_id="c", key=IdempotencyKey(key), resources=resources)) for key in ("done", "no")
    ]

    assert answers == [True, False]


def test_a_freeze_with_the_same_key_counts_once_and_a_second_one_is_refused(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for _ in range(2):
        ledger.set_status("A-017", "frozen", by="ann and bob", why="", key="k")

    with pytest.raises(ActionRefused, match="frozen already"):
        ledger.set_status("A-017", "frozen", by="cem and dan", why="", key="other")
    with pytest.raises(ActionRefused, match="no account"):
        ledger.set_status("A-999", "frozen", by="ann and bob", why="", key="third")


async def test_two_freezes_wait_for_their_people_apart(opened: Opener, tmp_path: Path) -> None:
    async with opened() as runtime:
        run = await ask(runtime, "next 800")
        pending = {each.arguments["account_id"]: each for each in await runtime.approvals.pending()}
        for name in ("ann", "bob"):
            await runtime.decide(pending["A-306"].id, Approve(), by=name, roles=DESK)
        after = await drive(runtime, run)

    assert after.status == "waiting"
    assert world(tmp_path)["accounts"]["A-306"]["status"] == "frozen"
    assert "A-092" not in world(tmp_path)["accounts"]


# The stream


async def test_windows_follow_each_other_and_no_payment_is_scored_twice(opened: Opener, tmp_path: Path) -> None:
    async with opened() as runtime:
        first = await ask(runtime, "next 60")
        await ask(runtime, "next 40", thread_id=first.thread_id)
        await ask(runtime, "next 20")

    with sqlite3.connect(tmp_path / "state" / FILE) as db:
        windows = db.execute("SELECT first, last FROM windows ORDER BY number").fetchall()
        scored = db.execute("SELECT count(*), min(payment), max(payment) FROM scores").fetchone()
    start = data.bank().stream[0].number
    assert windows == [(start, start + 59), (start + 60, start + 99), (start + 100, start + 119)]
    assert scored == (120, start, start + 119)


@settings(deadline=None, max_examples=30)
@given(counts=st.lists(st.tuples(st.integers(1, 900), st.sampled_from("abcdefgh")), max_size=8))
def test_whatever_is_taken_again_or_at_once_each_payment_is_in_one_window(counts: list[tuple[int, str]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        path.write_bytes(_filled())
        ledger = Ledger(Path(folder))

        taken = {key: ledger.take(count, key) for count, key in counts}

        spans = sorted({(each["first"], each["last"]) for each in taken.values() if each["number"]})
        numbers = [number for first, last in spans for number in range(first, last + 1)]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else not spans
        assert len(spans) == len({key for key, each in taken.items() if each["number"]})


async def test_runs_at_the_same_time_share_the_stream(opened: Opener, tmp_path: Path) -> None:
    async with opened() as runtime:
        runs = [await runtime.start("fraud", fraud.values("next 30")) for _ in range(3)]
        await asyncio.gather(*(drive(runtime, run) for run in runs))

    assert world(tmp_path)["stream"] == {"windows": 3, "scores": 90, "alarms": 0}


async def test_at_the_end_of_the_stream_nothing_is_taken(opened: Opener, tmp_path: Path) -> None:
    Ledger(tmp_path / "state").take(5000, "all of it")

    async with opened() as runtime:
        run = await ask(runtime, "next 10")

    assert "no payment is left" in str(run.output)
    assert not (tmp_path / "state" / "reports").exists()


# The investigator


async def test_what_the_agent_does_not_look_up_is_looked_up_all_the_same(opened: Opener) -> None:
    using = ScriptedModel([calls("payment_velocity", account_id="A-017"), FREEZE])

    async with opened() as runtime:
        run = await ask(runtime, "next 200", using)
        journal = await runtime.journal.of_run(run.id)
        (approval,) = await runtime.approvals.pending()

    looked = [each.name for each in journal if each.name in ("payment_velocity", "device_use", "linked_accounts")]
    assert sorted(looked) == ["device_use", "linked_accounts", "payment_velocity"]
    assert "Seven payments in one hour." in approval.reason
    assert "payments within an hour" in approval.reason


async def test_evidence_about_another_account_does_not_count(opened: Opener) -> None:
    using = ScriptedModel([calls("payment_velocity", account_id="A-002"), FREEZE])

    async with opened() as runtime:
        run = await ask(runtime, "next 200", using)
        journal = await runtime.journal.of_run(run.id)

    looked = [each.request["account_id"] for each in journal if each.name == "payment_velocity"]
    assert sorted(looked) == ["A-002", "A-017"]


async def test_an_investigator_that_fails_leaves_the_records_to_speak(opened: Opener) -> None:
    async with opened() as runtime:
        run = await ask(runtime, "next 200", ScriptedModel([ModelRequestInvalid("Too long.")]))
        (approval,) = await runtime.approvals.pending()

    assert run.status == "waiting"
    assert "payments within an hour" in approval.reason


async def test_the_investigator_cannot_freeze(opened: Opener, tmp_path: Path) -> None:
    using = ScriptedModel(
        [calls("freeze_account", account_id="A-017", why="I say so."), {**FREEZE, "recommendation": "watch"}]
    )

    async with opened() as runtime:
        run = await ask(runtime, "next 200", using)

    assert run.status == "done"
    assert "A-017" not in world(tmp_path)["accounts"]


# Data, model, drift


def test_features_of_a_payment_do_not_change_with_what_comes_after_it() -> None:
    bank = data.bank()
    some = bank.payments[:3000]

    whole = features_of(bank.accounts, bank.merchants, bank.payments)[:3000]

    assert features_of(bank.accounts, bank.merchants, some) == whole


def test_fraud_is_rare_has_every_pattern_before_and_after_training_and_the_new_one_only_late() -> None:
    bank = data.bank()
    early = {each.pattern for each in bank.payments if each.day < data.TRAIN_UNTIL}
    late = {each.pattern for each in bank.stream}

    assert 0.01 <= sum(bool(each.pattern) for each in bank.payments) / len(bank.payments) <= 0.02
    assert early == {"", "card_testing", "takeover", "mule_ring", "trickle"}
    assert late == {*early, "below_limit"}
    assert min(each.day for each in bank.payments if each.pattern == "below_limit") >= data.SHIFT


def test_the_data_follow_from_the_seed() -> None:
    assert data.bank.__wrapped__(3) == data.bank.__wrapped__(3)
    assert data.bank.__wrapped__(3) != data.bank.__wrapped__(4)


def test_the_model_beats_the_rules_by_far_and_loses_by_the_drift() -> None:
    held_out, before, after = measure()

    assert held_out.model > held_out.rules + 0.15
    assert held_out.rules > 5 * held_out.chance
    assert before.drift < ALARM / 2 < ALARM < after.drift
    assert after.model < before.model


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.1, 0.2, 0.5, 0.9])), min_size=1, max_size=40))
def test_average_precision_is_that_of_scikit_learn(ranked: list[tuple[bool, float]]) -> None:
    from sklearn.metrics import average_precision_score

    truth, scores = [hit for hit, _ in ranked] + [True], [score for _, score in ranked] + [0.3]

    assert average_precision(truth, scores) == pytest.approx(average_precision_score(truth, scores))


@given(st.lists(st.floats(0, 1), min_size=30, max_size=200))
def test_a_distribution_has_not_drifted_from_itself_and_drift_is_never_negative(scores: list[float]) -> None:
    assert psi(scores, scores) == pytest.approx(0.0, abs=1e-9)
    assert psi(scores, [1 - each for each in scores]) >= 0


def test_the_index_is_the_sum_over_the_bins_worked_out_by_hand() -> None:
    # Two bins of one half each; of what is measured, three quarters fall into the upper one.
    expected, actual = [0.1, 0.2, 0.8, 0.9], [0.1, 0.7, 0.8, 0.9]

    by_hand = (0.25 - 0.5) * -0.6931471805599453 + (0.75 - 0.5) * 0.4054651081081644

    assert psi(expected, actual, bins=2) == pytest.approx(by_hand)
    assert [level_of(index, 300) for index in (0.05, 0.1, 0.25)] == ["stable", "watch", "alarm"]


@given(seed=st.integers(0, 10_000))
def test_scores_that_have_not_changed_raise_no_alarm_by_chance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference, now = rng.beta(0.3, 9, 3_000), rng.beta(0.3, 9, ENOUGH)

    assert level_of(psi(list(reference), list(now)), ENOUGH) != "alarm"
    assert level_of(9.9, ENOUGH - 1) == "too few"


def test_the_index_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no scores"):
        psi([], [0.5])


async def test_without_scikit_learn_the_run_says_what_to_install(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> Any:
        raise model.MissingExtra("not installed: pip install 'graphwright[ml]'")

    monkeypatch.setattr(model, "_ensemble", missing)
    model.trained.cache_clear()

    async with opened() as runtime:
        run = await ask(runtime, "next 10")

    model.trained.cache_clear()
    assert run.status == "failed"
    assert "pip install 'graphwright[ml]'" in str(run.error)


_BYTES: list[bytes] = []


def _filled() -> bytes:
    """A database that is filled once and copied for each example."""
    import tempfile

    if not _BYTES:
        with tempfile.TemporaryDirectory() as folder:
            _BYTES.append(Ledger(Path(folder)).path.read_bytes())
    return _BYTES[0]
