"""The recommend example: events count once, sources may fail, rules hold, reasons are true, baselines are beaten."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphwright.evals import Plan, Project, load_suite, new_run, run_suite
from graphwright.examples.recommend.data import SPLIT, Item, dataset
from graphwright.examples.recommend.evaluation import evaluate, ndcg, paired_interval
from graphwright.examples.recommend.graph import recommend
from graphwright.examples.recommend.profile import Profile, profile_of
from graphwright.examples.recommend.reading import GUEST, events_of, wish_of
from graphwright.examples.recommend.rules import Limits, Ranked, choose
from graphwright.examples.recommend.shop import Shop, live_world
from graphwright.models import ModelRequestInvalid, ModelUnavailable, ScriptedModel
from graphwright.retrieval import Neighbours
from graphwright.retrieval.store import _give, _take
from graphwright.runtime import Run, Runtime, Settings

EXAMPLE = Path(__file__).parents[2] / "examples" / "recommend"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with the shop filled and the ranker trained."""
    state = tmp_path_factory.mktemp("shop")
    Shop.open(state).close()
    return state


@pytest.fixture
def state(trained: Path, tmp_path: Path) -> Path:
    """A copy of it, for one test."""
    return Path(shutil.copytree(trained, tmp_path / "state"))


@pytest.fixture
def shop(state: Path) -> Iterator[Shop]:
    opened = Shop.open(state)
    yield opened
    opened.close()


@asynccontextmanager
async def opened(state: Path) -> AsyncIterator[Runtime]:
    async with Runtime(Settings(project_dir=state, state_dir=state)) as runtime:
        recommend.provide(runtime.resources, state)
        yield runtime


async def driven(runtime: Runtime, run: Run, model: Any = "offline") -> Run:
    async for _ in runtime.drive(run.id, recommend.graph(), output=recommend.answer, model=model):
        pass
    return await runtime.runs.get(run.id)


async def answered(state: Path, text: str, model: Any = "offline") -> str:
    async with opened(state) as runtime:
        done = await driven(runtime, await runtime.start("recommend", recommend.values(text)), model)
    assert done.status == "done", done.error
    return done.output or ""


def shown(answer: str) -> list[str]:
    """The items of an answer, in order."""
    return [line.split()[1] for line in answer.splitlines() if line[:3].strip().rstrip(".").isdigit()]


async def test_every_case_of_the_suite_passes(tmp_path: Path) -> None:
    suite, project = load_suite(EXAMPLE / "suite.yaml"), Project(tmp_path)
    plan = Plan(detail=False)
    folder = new_run(suite, project, plan, tmp_path / "evals")

    await run_suite(suite, project, plan, folder)

    results = list(folder.results())
    assert {each.case: score.reason for each in results for score in each.scores if score.outcome != "pass"} == {}
    assert len(results) >= 20


async def test_an_event_counts_once_when_the_run_is_resumed_by_another_runtime(state: Path) -> None:
    async with opened(state) as first:
        run = await first.start("recommend", recommend.values("u-17 viewed i-203"))
        stopped = await driven(first, run, ScriptedModel([ModelUnavailable("The model is away.")]))
        assert stopped.status == "queued"
        assert live_world(state) == {"u-17": {"events": "viewed i-203", "last_seen": "i-203"}}

    async with opened(state) as second:
        done = await driven(second, run, ScriptedModel([{"lines": []}]))

    assert done.status == "done"
    assert live_world(state) == {"u-17": {"events": "viewed i-203", "last_seen": "i-203"}}
    assert "36 events known" in (done.output or "")


async def test_the_graph_shows_what_the_engine_recommends(state: Path, shop: Shop) -> None:
    expected = [each.item for each in shop.engine.recommend(shop.profile("u-3"), Limits())]
    shop.close()

    assert shown(await answered(state, "user u-3")) == expected


async def test_the_explainers_sentence_stands_only_if_it_says_no_number_and_no_item_of_its_own(state: Path) -> None:
    items = shown(await answered(state, "user u-3"))
    lines = [
        {"item": items[0], "why": "It suits what you like."},
        {"item": items[1], "why": "Rated 4.9 by 2,000 people."},
        {"item": items[2], "why": "Goes well with i-77."},
        {"item": "i-1", "why": "Buy this one instead."},
    ]

    answer = await answered(state, "user u-3", ScriptedModel([{"lines": lines}]))

    assert "It suits what you like." in answer
    assert not any(each in answer for each in ("4.9", "i-77", "Buy this one"))
    assert shown(answer) == items


async def test_an_explainer_that_fails_leaves_the_facts(state: Path) -> None:
    answer = await answered(state, "user u-3", ScriptedModel([ModelRequestInvalid("No.")]))

    assert len(shown(answer)) == 10


async def test_an_id_that_the_reader_made_up_is_not_used(state: Path) -> None:
    reading = {"user": "u-4", "topic": "teapots"}

    answer = await answered(state, "Something with teapots", ScriptedModel([reading, {"lines": []}]))

    assert answer.startswith("For somebody new (nothing known but liking 'teapots')")


async def test_without_the_vectors_the_other_sources_carry_on(state: Path) -> None:
    folder = state / "recommend" / "vectors"
    lock = _take(folder)

    answer = await answered(state, "u-17 viewed i-203")
    _give(folder, lock)

    assert "nearest failed: The vectors are in use elsewhere" in answer
    assert len(shown(answer)) == 10


async def test_without_scikit_learn_it_says_what_to_install_and_the_event_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)

    answer = await answered(tmp_path, "u-17 viewed i-203")

    assert "pip install 'graphwright[ml]'" in answer
    assert "passes the rules" not in answer
    assert live_world(tmp_path)["u-17"]["events"] == "viewed i-203"


def test_the_same_key_adds_an_event_once_and_another_key_adds_another(shop: Shop, state: Path) -> None:
    assert [shop.add_event("u-5", "i-1", "viewed", key) for key in ("a", "a", "b")] == [1, 1, 2]

    shop.refresh("u-5")
    assert live_world(state)["u-5"] == {"events": "viewed i-1, viewed i-1", "last_seen": "i-1"}


def test_looking_at_the_world_makes_nothing(tmp_path: Path) -> None:
    assert live_world(tmp_path / "state") == {}
    assert not (tmp_path / "state").exists()


def test_a_shop_whose_filling_was_cut_off_is_filled_anew(tmp_path: Path) -> None:
    folder = tmp_path / "recommend"
    folder.mkdir()
    (folder / "shop.sqlite3").touch()

    assert len(Shop(tmp_path).items) == 480


@pytest.fixture(scope="module")
def measured(trained: Path) -> dict[str, Any]:
    shop = Shop.open(trained)
    engine = shop.engine
    assert engine.ranker is not None
    with Neighbours(trained / "recommend" / "vectors", "items") as vectors:
        found = evaluate(dataset(), engine.signals, engine.ranker, vectors.nearest)
    shop.close()
    return {each.name: each for each in found}


@pytest.mark.parametrize("baseline", ["popularity", "co-visitation alone", "nearest neighbours alone"])
def test_the_full_system_ranks_held_out_sessions_better_than(baseline: str, measured: dict[str, Any]) -> None:
    _, low, _ = paired_interval(measured["full system"].ndcg, measured[baseline].ndcg)

    assert low > 0
    assert mean(measured["full system"].recall) > mean(measured[baseline].recall)


def test_ndcg_is_one_for_the_best_order_and_counts_early_places_more() -> None:
    assert ndcg(["a", "b", "c"], {"a", "b"}) == 1.0
    assert 1.0 > ndcg(["a", "x", "b"], {"a", "b"}) > ndcg(["x", "a", "b"], {"a", "b"}) > 0.0
    assert ndcg(["x"], {"a"}) == 0.0


def test_what_features_add_sums_up_to_the_score_and_reasons_name_only_what_the_user_did(shop: Shop) -> None:
    from graphwright.examples.recommend.reasons import reasons_for

    profile = shop.profile("u-40")
    ranked = shop.engine.rank(profile, [f"i-{number}" for number in range(1, 200)])

    for each in ranked:
        assert sum(each.parts.values()) == pytest.approx(each.score, abs=0.001)
        for reason in reasons_for(each, shop.engine, profile):
            mentioned = [word.strip(",;") for word in reason.split() if word.startswith("i-")]
            assert set(mentioned) <= set(profile["recent"])


def test_the_ranker_never_saw_a_held_out_session_and_sold_out_items_are_not_in_them() -> None:
    data = dataset()
    gone = {each.id for each in data.items if not each.stock}

    assert gone
    assert not [each for each in data.events if each.at >= SPLIT and each.item in gone and each.at - SPLIT > 0.1]


def test_the_generator_gives_the_same_shop_for_the_same_seed_and_another_for_another() -> None:
    assert dataset.__wrapped__(3) == dataset.__wrapped__(3)
    assert dataset.__wrapped__(3).events != dataset.__wrapped__(4).events


def test_older_events_count_less_and_the_newest_session_comes_first() -> None:
    from graphwright.examples.recommend.data import Event

    old, new = Event("u-1", "i-1", "viewed", 1, 0.0), Event("u-1", "i-2", "bought", 2, 20.0)

    profile = profile_of("u-1", [old, new])

    assert profile["history"] == {"i-1": 0.5, "i-2": 3.0}
    assert (profile["recent"], profile["bought"]) == (["i-2"], ["i-2"])


def _item(number: int, category: str, brand: str, price: float, stock: int, sponsored: bool) -> Item:
    return Item(f"i-{number}", f"Thing {number}", "", category, "", brand, price, stock, sponsored)


THINGS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.floats(1, 90), st.integers(0, 2), st.booleans()),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(things=THINGS, cap=st.none() | st.floats(1, 90), count=st.integers(1, 12))
def test_no_list_breaks_a_rule_and_every_item_left_out_has_its_reason(
    things: list[Any], cap: float | None, count: int
) -> None:
    items = {f"i-{at}": _item(at, *each) for at, each in enumerate(things)}
    profile = Profile(user="u-1", recent=["i-0"], history={}, bought=["i-1"], events=2)
    limits = Limits(count=count, max_price=cap, category=4, brand=3, sponsored=1)

    choice = choose([Ranked(each, 0.0) for each in items], items, profile, limits)
    kept = [items[each.item] for each in choice.kept]

    assert len(kept) <= count
    assert not {"i-0", "i-1"} & {each.id for each in kept}
    assert all(each.stock and (cap is None or each.price <= cap) for each in kept)
    assert all(sum(a.category == b.category for b in kept) <= 4 for a in kept)
    assert all(sum(a.brand == b.brand for b in kept) <= 3 for a in kept)
    assert sum(each.sponsored for each in kept) <= 1
    if len(kept) < count:
        assert len(kept) + len(choice.dropped) == len(items)


def test_events_and_wishes_are_read_from_the_words_that_people_use() -> None:
    assert events_of("U-4 bought i-1, i-2 and i-3") == [
        {"user": "u-4", "kind": "bought", "item": f"i-{number}"} for number in (1, 2, 3)
    ]
    assert events_of("user u-4 under 40") == []
    assert wish_of("top 5 for u-4, up to €12.50") == {"user": "u-4", "count": 5, "max_price": 12.5, "liking": ""}
    assert wish_of("a new customer into birch trays under 30 euros") == {
        "user": GUEST,
        "count": 10,
        "max_price": 30.0,
        "liking": "birch trays",
    }
    assert wish_of("hello") is None


def test_signals_are_the_same_after_they_were_written_and_read(shop: Shop, state: Path) -> None:
    again = Shop.open(state)

    assert np.array_equal(again.engine.signals.vectors, shop.engine.signals.vectors)
    assert again.engine.rank(again.profile("u-9"), ["i-1", "i-2"]) == shop.engine.rank(
        shop.profile("u-9"), ["i-1", "i-2"]
    )
    again.close()
