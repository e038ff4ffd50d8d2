"""The statistics agree with SciPy and statsmodels, and the intervals cover what they say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from graphwright.evals.statistics import (
    bootstrap_interval,
    compare_paired,
    holm,
    mcnemar,
    mean_estimate,
    minimum_detectable_effect,
    pass_all,
    pass_any,
    slice_gaps,
    wilson_interval,
)
from graphwright.evals.statistics.distributions import t_quantile, t_two_sided

EXACT = {"rel_tol": 1e-9, "abs_tol": 1e-12}
scores = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60)


@given(st.floats(-60, 60), st.floats(0.5, 1e5))
def test_students_t_agrees_with_scipy(t: float, degrees: float) -> None:
    expected = 2 * scipy.stats.t.sf(abs(t), degrees)

    assert math.isclose(t_two_sided(t, degrees), expected, rel_tol=1e-9, abs_tol=1e-14)


@given(st.floats(0.5, 0.9999), st.integers(1, 10_000))
def test_quantiles_of_t_agree_with_scipy(level: float, degrees: int) -> None:
    assert math.isclose(t_quantile(level, degrees), scipy.stats.t.ppf(level, degrees), rel_tol=1e-9, abs_tol=1e-9)


@given(scores)
def test_without_clusters_the_error_is_the_ordinary_one(values: list[float]) -> None:
    estimate = mean_estimate(values)

    assert math.isclose(estimate.mean, float(np.mean(values)), rel_tol=1e-9, abs_tol=1e-6)
    assert math.isclose(estimate.standard_error, scipy.stats.sem(values), rel_tol=1e-9, abs_tol=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(-10, 10), st.integers(0, 5)), min_size=4, max_size=60))
def test_the_clustered_error_agrees_with_statsmodels(pairs: list[tuple[float, int]]) -> None:
    import statsmodels.api as sm

    values, groups = [pair[0] for pair in pairs], np.array([pair[1] for pair in pairs])
    if len(set(groups)) < 2:
        return
    fitted: Any = sm.OLS(np.array(values), np.ones(len(values))).fit()
    robust = fitted.get_robustcov_results("cluster", groups=groups, use_correction=True)
    # statsmodels also multiplies by (n - 1) / (n - k); with a mean only, k = 1 and that is 1.
    assert math.isclose(mean_estimate(values, list(groups)).standard_error, float(robust.bse[0]), **EXACT)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_agrees_with_scipy(count: tuple[int, int]) -> None:
    expected = scipy.stats.binomtest(*count).proportion_ci(0.95, method="wilson")

    low, high = wilson_interval(*count)

    assert math.isclose(low, expected.low, **EXACT)
    assert math.isclose(high, expected.high, **EXACT)


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemars_test_agrees_with_statsmodels(only_base: int, only_new: int) -> None:
    from statsmodels.stats.contingency_tables import mcnemar as theirs

    expected = theirs([[5, only_base], [only_new, 5]], exact=True).pvalue

    assert math.isclose(mcnemar(only_base, only_new), expected, rel_tol=1e-9, abs_tol=1e-14)


def test_mcnemars_test_survives_counts_that_overflow_a_float() -> None:
    assert 0 < mcnemar(4_900, 5_100) < 0.05 < mcnemar(5_000, 5_000)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holms_correction_agrees_with_statsmodels(p_values: list[float]) -> None:
    from statsmodels.stats.multitest import multipletests

    assert np.allclose(holm(p_values), multipletests(p_values, method="holm")[1], rtol=1e-9, atol=1e-12)


@given(scores, st.integers(0, 1000))
def test_the_paired_test_agrees_with_scipy(base: list[float], shift: int) -> None:
    random = np.random.default_rng(shift)
    new = [each + random.normal(0.1, 1.0) for each in base]

    found = compare_paired(base, new, draws=100)

    expected = scipy.stats.ttest_rel(new, base)
    assert math.isclose(found.p, expected.pvalue, rel_tol=1e-5, abs_tol=1e-9)
    interval = expected.confidence_interval(0.95)
    assert math.isclose(found.low, interval.low, rel_tol=1e-6, abs_tol=1e-5)


def test_the_error_of_a_paired_comparison_is_exact_on_tame_numbers() -> None:
    random = np.random.default_rng(1)
    base, new = random.random(50), random.random(50)

    found = compare_paired(list(base), list(new), draws=100)

    expected = scipy.stats.ttest_rel(new, base)
    assert math.isclose(found.p, expected.pvalue, **EXACT)
    assert math.isclose(found.high, expected.confidence_interval(0.95).high, **EXACT)


def test_the_bootstrap_agrees_with_scipys_percentile_interval() -> None:
    values = np.random.default_rng(3).exponential(size=200)

    ours = bootstrap_interval(list(values), draws=20_000, seed=1)
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(2)
    ).confidence_interval

    assert np.allclose(ours, theirs, atol=0.01)


def test_the_bootstrap_is_the_same_for_the_same_seed_and_bounded_in_memory() -> None:
    values = list(np.random.default_rng(5).random(30_000))

    assert bootstrap_interval(values, draws=200, seed=7) == bootstrap_interval(values, draws=200, seed=7)


@pytest.mark.parametrize(("passed", "n", "k", "any_of", "all_of"), [
    (0, 5, 1, 0.0, 0.0), (5, 5, 5, 1.0, 1.0), (3, 5, 1, 0.6, 0.6), (3, 5, 2, 0.9, 0.3), (1, 4, 4, 1.0, 0.0),
])  # fmt: skip
def test_pass_at_k_and_pass_hat_k_have_their_known_values(
    passed: int, n: int, k: int, any_of: float, all_of: float
) -> None:
    assert math.isclose(pass_any(passed, n, k), any_of, abs_tol=1e-12)
    assert math.isclose(pass_all(passed, n, k), all_of, abs_tol=1e-12)


def test_both_are_unbiased_where_the_plug_in_is_not() -> None:
    p, n, k = 0.7, 6, 3
    weights = [math.comb(n, c) * p**c * (1 - p) ** (n - c) for c in range(n + 1)]

    assert math.isclose(sum(w * pass_all(c, n, k) for c, w in enumerate(weights)), p**k, **EXACT)
    assert math.isclose(sum(w * pass_any(c, n, k) for c, w in enumerate(weights)), 1 - (1 - p) ** k, **EXACT)
    assert sum(w * (c / n) ** k for c, w in enumerate(weights)) > p**k + 0.02


def test_fewer_runs_than_k_are_undefined_and_not_zero() -> None:
    with pytest.raises(ValueError, match="k = 4 needs at least 4 runs of the case and there are 3"):
        pass_all(3, 3, 4)


@pytest.mark.parametrize("clusters", [12, 40])
def test_the_clustered_interval_covers_what_it_says(clusters: int) -> None:
    """Simulated: 4 cases a cluster that share half of their variance; nominal 95 %, within 1.5 points."""
    random = np.random.default_rng(11)
    labels = [at // 4 for at in range(4 * clusters)]
    rounds, covered = 2_500, 0
    shared = np.repeat(random.normal(size=(rounds, clusters)), 4, axis=1)
    drawn = 3.0 + shared + random.normal(size=(rounds, 4 * clusters))

    for values in drawn:
        estimate = mean_estimate(values.tolist(), labels)
        covered += estimate.low <= 3.0 <= estimate.high

    assert abs(covered / rounds - 0.95) < 0.015


def test_an_error_that_ignores_clusters_would_not_cover() -> None:
    random = np.random.default_rng(11)
    labels = [at // 4 for at in range(160)]
    drawn = np.repeat(random.normal(size=(500, 40)), 4, axis=1) + random.normal(size=(500, 160))

    naive = [mean_estimate(values.tolist()) for values in drawn]
    right = [mean_estimate(values.tolist(), labels) for values in drawn]

    assert np.mean([each.low <= 0 <= each.high for each in naive]) < 0.85
    assert np.mean([each.low <= 0 <= each.high for each in right]) > 0.92


def test_the_bootstrap_interval_covers_what_it_says_with_many_clusters() -> None:
    random = np.random.default_rng(2)
    covered = 0
    for at in range(1_000):
        values = random.binomial(1, 0.7, size=200).tolist()
        low, high = bootstrap_interval(values, draws=400, seed=at)
        covered += low <= 0.7 <= high

    assert abs(covered / 1_000 - 0.95) < 0.03


def test_a_clear_gain_is_better_and_a_clear_loss_is_worse() -> None:
    base = [0.0, 1.0] * 30
    new = [1.0] * 60

    assert compare_paired(base, new).verdict == "better"
    assert compare_paired(new, base).verdict == "worse"


def test_too_few_cases_cannot_tell_and_say_what_they_could_have_seen() -> None:
    found = compare_paired([0, 1, 0, 1], [1, 1, 0, 1])

    assert found.verdict == "cannot tell"
    assert "A true difference of" in found.why


def test_one_cluster_cannot_tell_whatever_its_size() -> None:
    found = compare_paired([0.0] * 50, [1.0] * 50, ["same"] * 50)

    assert (found.verdict, found.clusters) == ("cannot tell", 1)
    assert "one cluster" in found.why


def test_no_change_at_all_is_said_so() -> None:
    found = compare_paired([1, 0, 1], [1, 0, 1])

    assert (found.verdict, found.p, found.why) == ("cannot tell", 1.0, "No case changed (3 clusters).")


def test_the_detectable_effect_is_found_in_8_of_10_tries() -> None:
    random, n, sigma = np.random.default_rng(4), 80, 0.5
    effect = minimum_detectable_effect(sigma / math.sqrt(n), n)
    rounds = 3_000

    found = [scipy.stats.ttest_1samp(random.normal(effect, sigma, n), 0).pvalue < 0.05 for _ in range(rounds)]

    assert abs(np.mean(found) - 0.8) < 0.03


@pytest.mark.parametrize("wrong", [[], [1.0, math.nan], [math.inf]])
def test_no_scores_and_scores_that_are_no_numbers_are_refused(wrong: list[float]) -> None:
    with pytest.raises(ValueError, match=r"no scores|not finite"):
        mean_estimate(wrong)


def test_a_slice_that_is_served_worse_is_found_and_a_small_one_is_not_judged() -> None:
    scored = [1.0, 1.0, 0.9, 1.0] * 10 + [0.0, 0.2, 0.1, 0.0] * 5 + [0.0, 0.1]
    slices = [{"language": "en"}] * 40 + [{"language": "de"}] * 20 + [{"language": "fr"}] * 2

    worst, *others = slice_gaps(scored, slices)

    assert (worst.value, worst.is_enough) == ("de", True)
    assert worst.gap < -0.8
    assert worst.p < 1e-6
    (french,) = [each for each in others if each.value == "fr"]
    assert not french.is_enough
    assert math.isnan(french.p)


def test_slice_gaps_agree_with_welchs_test_and_are_corrected_for_their_number() -> None:
    random = np.random.default_rng(8)
    values = random.random(90)
    slices = [{"size": ("s", "m", "l")[at % 3]} for at in range(90)]

    found = {each.value: each.p for each in slice_gaps(values.tolist(), slices)}

    expected = [
        scipy.stats.ttest_ind(
            [v for at, v in enumerate(values) if at % 3 == size],
            [v for at, v in enumerate(values) if at % 3 != size],
            equal_var=False,
        ).pvalue
        for size in range(3)
    ]
    assert np.allclose([found["s"], found["m"], found["l"]], holm(expected), rtol=1e-9)
