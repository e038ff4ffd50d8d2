"""The pipeline example: every planted defect is found, a person approves, versions switch whole, bad ones go back."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphwright.evals import Plan, Project, load_suite, new_run, run_suite
from graphwright.examples.pipeline import data, models
from graphwright.examples.pipeline.card import says_nothing_new
from graphwright.examples.pipeline.checks import find_problems
from graphwright.examples.pipeline.data import DELIVERIES, NUMBERS
from graphwright.examples.pipeline.evaluating import evaluate
from graphwright.examples.pipeline.graph import NAMES, SETTINGS, pipeline
from graphwright.examples.pipeline.measures import auc, log_loss, stability
from graphwright.examples.pipeline.plant import Plant
from graphwright.examples.pipeline.registry import Outdated, Registry, RegistryDamaged, UnknownVersion, world_of
from graphwright.examples.pipeline.tables import Rows, Unreadable, encode, outcome, read
from graphwright.models import ModelRequestInvalid, ModelUnavailable, ScriptedModel
from graphwright.runtime import Approve, NotAllowed, Reject, Run, Runtime, Settings

EXAMPLE = Path(__file__).parents[2] / "examples" / "pipeline"
BEFORE = {"current": "v1", "versions": {"v1": "scorecard"}}
CONTINUE = {"action": "continue", "explanation": "Fine."}
SUMMARY = {"summary": "It is better than the baseline."}


@asynccontextmanager
async def opened(state: Path) -> AsyncIterator[Runtime]:
    async with Runtime(Settings(project_dir=state, state_dir=state)) as runtime:
        pipeline.provide(runtime.resources, state)
        yield runtime


async def driven(runtime: Runtime, run: Run, model: Any = "offline") -> Run:
    async for _ in runtime.drive(run.id, pipeline.graph(), output=pipeline.answer, model=model):
        pass
    return await runtime.runs.get(run.id)


async def started(runtime: Runtime, delivery: str, model: Any = "offline") -> Run:
    return await driven(runtime, await runtime.start("pipeline", pipeline.values(f"Train on {delivery}")), model)


async def test_every_case_of_the_suite_passes(tmp_path: Path) -> None:
    suite, project = load_suite(EXAMPLE / "suite.yaml"), Project(tmp_path)
    plan = Plan(detail=False)
    folder = new_run(suite, project, plan, tmp_path / "evals")

    await run_suite(suite, project, plan, folder)

    results = list(folder.results())
    assert {each.case: score.reason for each in results for score in each.scores if score.outcome != "pass"} == {}
    assert len(results) >= 20


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    return Plant.open(tmp_path_factory.mktemp("plant"))


@pytest.mark.parametrize("name", [*DELIVERIES])
def test_the_checks_find_exactly_what_was_planted(name: str, plant: Plant) -> None:
    tables = {part: plant.table(name, part) for part in ("train", "test")}

    found = {each["code"] for each in find_problems(tables, plant.reference())}

    assert found == DELIVERIES[name].planted


def test_no_problem_repeats_a_word_of_the_delivery(plant: Plant) -> None:
    tables = {part: plant.table("odd-words", part) for part in ("train", "test")}

    told = " ".join(each["text"] for each in find_problems(tables, plant.reference()))

    assert "SYSTEM" not in told
    assert "5 values of region" in told


def test_the_graph_knows_every_delivery_and_every_setting() -> None:
    assert set(NAMES) == set(DELIVERIES)
    assert set(SETTINGS) == set(models.CONFIGS)


async def test_the_card_is_the_reason_and_an_argument_of_the_approval_and_only_an_ml_lead_may_give_it(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as runtime:
        run = await started(runtime, "weak-slice")
        (approval,) = await runtime.approvals.pending()

        with pytest.raises(NotAllowed, match="ml-lead"):
            await runtime.decide(approval.id, Approve(), by="bob", roles=["analyst"])
        assert world_of(tmp_path) == BEFORE
        await runtime.decide(approval.id, Approve(), by="ann", roles=["ml-lead"])
        done = await driven(runtime, run)

    assert "AUC" in approval.reason
    assert "region west is weak" in approval.arguments["card"]
    assert "| base rate for everybody | 0.500 | baseline |" in approval.arguments["card"]
    assert done.status == "done"
    assert world_of(tmp_path)["current"] == "v2"


async def test_a_rejected_model_leaves_the_registry_as_it_was(tmp_path: Path) -> None:
    async with opened(tmp_path) as runtime:
        run = await started(runtime, "clean")
        (approval,) = await runtime.approvals.pending()
        await runtime.decide(approval.id, Reject("Not now."), by="ann", roles=["ml-lead"])
        done = await driven(runtime, run)

    assert "Nothing was deployed: " in (done.output or "")
    assert world_of(tmp_path) == BEFORE


async def test_an_approval_given_later_is_carried_out_by_another_runtime_and_a_bad_version_goes_back_unasked(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as first:
        run = await started(first, "decays")
        (approval,) = await first.approvals.pending()

    async with opened(tmp_path) as second:
        await second.decide(approval.id, Approve(), by="ann", roles=["ml-lead"])
        done = await driven(second, run)
        assert await second.approvals.pending() == []

    assert "v1 is in use again" in (done.output or "")
    assert world_of(tmp_path) == {"current": "v1", "versions": {"v1": "scorecard", "v2": "decays"}}


async def test_a_card_that_compares_with_a_version_no_longer_in_use_is_not_deployed(tmp_path: Path) -> None:
    async with opened(tmp_path) as runtime:
        early, late = await started(runtime, "clean"), await started(runtime, "few-blanks")
        for run in (late, early):
            (approval,) = await runtime.approvals.pending(run_id=run.id)
            await runtime.decide(approval.id, Approve(), by="ann", roles=["ml-lead"])
            done = await driven(runtime, run)

    assert "v2 is in use by now, not v1" in (done.output or "")
    assert world_of(tmp_path) == {"current": "v2", "versions": {"v1": "scorecard", "v2": "few-blanks"}}


async def test_a_steward_cannot_let_a_blocked_delivery_pass(tmp_path: Path) -> None:
    async with opened(tmp_path) as runtime:
        done = await started(runtime, "leak", ScriptedModel([CONTINUE]))

    assert "It is in quarantine. Fine." in (done.output or "")
    assert world_of(tmp_path) == {**BEFORE, "quarantined": {"leak": "extra_column, leak"}}


async def test_a_steward_may_be_stricter_about_warnings_but_not_about_nothing(tmp_path: Path) -> None:
    strict = {"action": "quarantine", "explanation": "Too many blanks for me."}
    async with opened(tmp_path) as runtime:
        warned = await started(runtime, "few-blanks", ScriptedModel([strict]))
        clean = await started(runtime, "clean", ScriptedModel([strict, SUMMARY]))

    assert "Too many blanks for me." in (warned.output or "")
    assert clean.status == "waiting"


async def test_a_steward_and_a_reviewer_that_fail_leave_the_rules_and_the_facts(tmp_path: Path) -> None:
    broken = ScriptedModel([ModelRequestInvalid("No."), ModelRequestInvalid("No.")])
    async with opened(tmp_path) as runtime:
        run = await started(runtime, "clean", broken)
        (approval,) = await runtime.approvals.pending(run_id=run.id)

    assert "On 600 test customers the model" in approval.arguments["card"]


async def test_a_reviewers_number_that_no_table_has_does_not_reach_the_card(tmp_path: Path) -> None:
    invented = {"summary": "It saves 1,200,000 euros a year."}
    async with opened(tmp_path) as runtime:
        await started(runtime, "clean", ScriptedModel([CONTINUE, invented]))
        (approval,) = await runtime.approvals.pending()

    assert "1,200,000" not in approval.arguments["card"]
    assert not says_nothing_new("AUC 0.9", "AUC 0.8")
    assert says_nothing_new("AUC 0.8, and good.", "AUC 0.8")


async def test_a_model_that_is_away_stops_the_run_and_nothing_is_trained_twice(tmp_path: Path) -> None:
    async with opened(tmp_path) as runtime:
        away = ScriptedModel([CONTINUE, ModelUnavailable("Away.")])
        run = await started(runtime, "clean", away)
        assert run.status == "queued"

        run = await driven(runtime, run, ScriptedModel([SUMMARY]))
        made = [each for each in await runtime.journal.of_run(run.id) if each.name == "train_candidate"]

    assert run.status == "waiting"
    assert len(made) == 5


async def test_without_scikit_learn_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sklearn.linear_model", "sklearn.ensemble"):
        monkeypatch.setitem(sys.modules, name, None)

    async with opened(tmp_path) as runtime:
        done = await started(runtime, "clean")

    assert "pip install 'graphwright[ml]'" in (done.output or "")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    made = Registry(tmp_path / "registry")
    made.prepare(models.SCORECARD)
    made.keep_candidate("c1", {"kind": "one"})
    made.keep_candidate("c2", {"kind": "two"})
    return made


def deployed(registry: Registry, candidate: str = "c1", key: str = "k1", replaces: str = "v1") -> str:
    return registry.deploy(candidate, "# Card", source="clean", replaces=replaces, key=key)


def test_the_same_key_deploys_once(registry: Registry) -> None:
    assert [deployed(registry), deployed(registry)] == ["v2", "v2"]
    assert registry.versions() == ["v1", "v2"]


def test_a_late_repetition_does_not_bring_a_version_back_that_was_taken_out(registry: Registry) -> None:
    deployed(registry)
    registry.roll_back("v2", "v1")

    assert deployed(registry) == "v2"
    assert registry.current() == "v1"


def test_a_crash_between_version_and_pointer_is_mended_by_the_repetition(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(self: Registry, version: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Registry, "_point_to", dies)
        with pytest.raises(KeyboardInterrupt):
            deployed(registry)
    assert registry.current() == "v1"

    assert deployed(registry) == "v2"
    assert registry.current() == "v2"


def test_of_many_that_deploy_at_once_one_does_and_the_others_are_told(registry: Registry) -> None:
    done: list[str] = []

    def one(number: int) -> None:
        try:
            done.append(deployed(registry, key=f"key-{number}"))
        except Outdated:
            done.append("outdated")

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert sorted(done) == ["outdated"] * 7 + ["v2"]


def test_rolling_back_what_is_no_longer_in_use_changes_nothing(registry: Registry) -> None:
    deployed(registry)
    deployed(registry, "c2", "k2", replaces="v2")

    assert registry.roll_back("v2", "v1") is False
    assert registry.current() == "v3"


def test_a_version_whose_files_were_changed_is_refused(registry: Registry, tmp_path: Path) -> None:
    deployed(registry)
    (tmp_path / "registry/versions/v2/model.json").write_text(json.dumps({"kind": "other"}))

    with pytest.raises(RegistryDamaged, match=r"model\.json of version v2 is not what its manifest says"):
        registry.model("v2")
    with pytest.raises(UnknownVersion, match="There are: v1, v2"):
        registry.manifest("v9")


def test_looking_at_the_world_makes_nothing(tmp_path: Path) -> None:
    assert world_of(tmp_path / "state") == BEFORE
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("config", [*models.CONFIGS])
def test_a_model_as_plain_data_scores_as_scikit_learn_does_and_is_the_same_when_trained_again(
    config: str, plant: Plant
) -> None:
    train = plant.table("clean", "train")
    model = json.loads(json.dumps(models.fit(config, train)))
    settings = {name: value for name, value in models.CONFIGS[config].items() if name != "kind"}
    inputs = encode(train, model["scaling"])
    if model["kind"] == "logistic":
        from sklearn.linear_model import LogisticRegression

        known = LogisticRegression(max_iter=500, **settings).fit(inputs, outcome(train))
    else:
        from sklearn.ensemble import GradientBoostingClassifier

        known = GradientBoostingClassifier(random_state=models.SEED, **settings).fit(inputs, outcome(train))

    assert np.allclose(models.score(model, train), known.predict_proba(inputs)[:, 1], atol=1e-3)
    assert models.fingerprint(models.fit(config, train)) == models.fingerprint(model)


def test_the_weak_slice_is_named_and_a_model_of_noise_is_refused(plant: Plant) -> None:
    found = {}
    for name in ("weak-slice", "noise"):
        model = models.fit("logistic", plant.table(name, "train"))
        found[name] = evaluate(model, models.SCORECARD, plant.table(name, "test"))

    assert [each.split(" is weak")[0] for each in found["weak-slice"]["warnings"]] == ["region west"]
    assert not found["weak-slice"]["refused"]
    assert any("below 0.65" in each for each in found["noise"]["refused"])


SCORED = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=2, max_size=40)


@settings(max_examples=60, deadline=None)
@given(rows=SCORED)
def test_the_auc_is_that_of_counting_pairs(rows: list[tuple[int, int]]) -> None:
    left = [score for gone, score in rows if gone]
    stayed = [score for gone, score in rows if not gone]
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a in left for b in stayed]

    found = auc(np.array([gone for gone, _ in rows], float), np.array([score for _, score in rows], float))

    assert found == pytest.approx(sum(pairs) / len(pairs) if pairs else 0.5)


def test_drift_of_a_column_from_itself_is_nothing_and_surprise_at_certainty_is_finite() -> None:
    assert stability(np.array([0, 1, 2]), np.array([0, 1, 2]), 3) == 0.0
    assert stability(np.array([0] * 99), np.array([2] * 99), 3) > 1.0
    assert np.isfinite(log_loss(np.array([1.0]), np.array([0.0])))


def test_blanks_and_what_is_no_number_are_filled_with_the_median_when_scored() -> None:
    rows = Rows((*NUMBERS, "region", "plan", "contract"), (("", "x", "nan", "inf", "1", "north", "pro", "year"),))

    assert np.isfinite(models.score(models.SCORECARD, rows)).all()


def test_a_table_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("a,b\n1\n")

    for name, why in (("none.csv", "missing"), ("odd.csv", "differ in length")):
        with pytest.raises(Unreadable, match=why):
            read(tmp_path / name)


def test_deliveries_are_the_same_each_time_they_are_written(tmp_path: Path) -> None:
    data.write("decays", tmp_path / "one")
    data.write("decays", tmp_path / "two")

    for part in ("train", "test", "later"):
        assert (tmp_path / f"one/{part}.csv").read_bytes() == (tmp_path / f"two/{part}.csv").read_bytes()
