"""Statistics against scipy's, rliable's published definitions, enumeration by hand, and their own promises."""

import math
from itertools import combinations, product

import coverage_and_power as measured
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import smiling
from smiling.evidence import statistics


def random_scores(seed: int, tasks: int = 3, seeds: int = 8) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).normal(size=(tasks, seeds)).round(1))  # rounded: some are equal


@pytest.mark.parametrize("seeds", [2, 5, 10])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_interval_of_a_mean_is_scipys(seeds, level):
    scores = np.random.default_rng(seeds).normal(size=(seeds, 4))
    low, high = smiling.mean_interval(scores, level=level)
    expected = stats.ttest_1samp(scores, 0).confidence_interval(level)
    np.testing.assert_allclose(low, expected.low, atol=1e-9)
    np.testing.assert_allclose(high, expected.high, atol=1e-9)
    np.testing.assert_allclose(smiling.mean_interval(scores[:, 0].tolist(), level), (low[0], high[0]), atol=1e-12)


def test_one_seed_has_no_interval():
    assert all(map(math.isnan, smiling.mean_interval([0.3])))
    assert all(map(math.isnan, statistics.mean_over_tasks_interval([np.ones(5), np.ones(1)])))
    assert all(map(math.isnan, statistics.difference_interval([np.ones(5)], [np.ones(1)])))
    assert all(map(math.isnan, statistics.bootstrap_interval(statistics.mean, [np.ones(1)])))


# At least: what Student's t reaches by simulation; on scores that are not normal as honest as any of the candidates.
COVERAGE = {
    "normal": {3: 0.93, 5: 0.93, 10: 0.93},
    "skewed (lognormal)": {3: 0.82, 5: 0.80, 10: 0.82},
    "bimodal, half fail": {3: 0.72, 5: 0.92, 10: 0.92},
    "all equal": {3: 1.0, 5: 1.0, 10: 1.0},
}


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("scores", COVERAGE)
def test_interval_of_a_mean_covers_as_its_docstring_says(scores, seeds):
    draw, truth = measured.SCORES[scores]
    values = draw(np.random.default_rng(0), (seeds, 20_000))
    covered = measured.covered(*smiling.mean_interval(values), truth)
    assert covered >= COVERAGE[scores][seeds]
    if scores == "normal":
        assert covered <= 0.96  # and no wider than it must be


def test_candidates_cover_normal_scores_less_or_no_better():
    values = np.random.default_rng(0).normal(size=(5, 1000))
    rates = {
        name: measured.covered(*of(values, np.random.default_rng(1)), 0.0) for name, of in measured.INTERVALS.items()
    }
    assert rates["Student's t"] > 0.93
    assert max(rates["percentile"], rates["BCa"]) < 0.88


def test_interval_over_one_task_is_the_interval_of_the_mean():
    scores = np.random.default_rng(2).normal(size=7)
    np.testing.assert_allclose(
        statistics.mean_over_tasks_interval([scores]), statistics.mean_interval(scores), atol=1e-12
    )


def test_interval_of_a_difference_is_welchs():
    mine, other = np.random.default_rng(3).normal(size=5), np.random.default_rng(4).normal(1, 3, size=8)
    expected = stats.ttest_ind(mine, other, equal_var=False).confidence_interval()
    np.testing.assert_allclose(statistics.difference_interval([mine], [other]), expected, atol=1e-9)


@pytest.mark.parametrize("tasks", [1, 6])
def test_interval_of_a_difference_covers(tasks):
    random, hits = np.random.default_rng(5), 0
    for _ in range(1000):
        mine, other = (list(random.normal(size=(tasks, 5))) for _ in range(2))
        low, high = statistics.difference_interval(mine, other)
        hits += low <= 0 <= high
    assert 0.93 < hits / 1000 < 0.98


@pytest.mark.parametrize("seed", range(5))
def test_permutations_of_one_task_are_scipys(seed):
    (mine,), (other,) = random_scores(seed, 1, 5), random_scores(seed + 50, 1, 4)

    def difference(one, two, axis):
        return one.mean(axis) - two.mean(axis)

    found = statistics.permutation_test([mine], [other])
    for name, alternative in (("above", "greater"), ("below", "less"), ("either", "two-sided")):
        expected = stats.permutation_test((mine, other), difference, alternative=alternative, n_resamples=np.inf)
        assert getattr(found, name) == pytest.approx(expected.pvalue, abs=1e-9)
    assert (found.arrangements, found.drawn, found.how) == (126, 0, "permutations, all 126")


def by_hand(mine, other):
    """Share of the arrangements, seeds exchanged within their task, whose difference is at least the observed one."""
    tasks = []
    for a, b in zip(mine, other, strict=True):
        pooled, places = np.concatenate([a, b]), range(len(a) + len(b))
        tasks.append(
            [
                pooled[list(chosen)].mean() - pooled[[place for place in places if place not in chosen]].mean()
                for chosen in combinations(places, len(a))
            ]
        )
    null = np.array([np.mean(each) for each in product(*tasks)])
    return np.mean(null >= statistics.mean(mine) - statistics.mean(other) - 1e-12)


def test_stratified_permutations_are_counted_by_hand():
    mine, other = random_scores(1, 2, 3), random_scores(2, 2, 3)
    assert statistics.permutation_test(mine, other).above == pytest.approx(by_hand(mine, other), abs=1e-9)


def test_permutations_beyond_counting_are_drawn_and_said_to_be():
    mine, other = random_scores(3, 1, 12), [random_scores(4, 1, 12)[0] + 0.4]
    found = statistics.permutation_test(mine, other)
    assert found.drawn == statistics.DRAWN_ARRANGEMENTS
    assert found.how == "permutations, 19999 drawn of 2.7e+06"
    expected = stats.ttest_ind(mine[0], other[0]).pvalue  # near, for scores near normal
    assert found.either == pytest.approx(expected, abs=0.03)


def test_drawn_permutations_agree_with_all(monkeypatch):
    mine, other = random_scores(5, 2, 5), random_scores(6, 2, 5)
    exact = statistics.permutation_test(mine, other)
    monkeypatch.setattr(statistics, "MOST_ARRANGEMENTS", 1000)  # of both tasks together they are 63504
    drawn = statistics.permutation_test(mine, other)
    assert exact.drawn == 0 < drawn.drawn
    assert drawn.above == pytest.approx(exact.above, abs=0.015)
    monkeypatch.setattr(statistics, "MOST_ARRANGEMENTS", 100)  # also of each task
    assert statistics.permutation_test(mine, other).above == pytest.approx(exact.above, abs=0.015)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_methods_exchanged_exchange_above_and_below(seed):
    mine, other = random_scores(seed, 2, 4), random_scores(seed + 1, 2, 4)
    there, back = statistics.permutation_test(mine, other), statistics.permutation_test(other, mine)
    assert there.above == pytest.approx(back.below, abs=1e-12)
    assert there.difference == pytest.approx(-back.difference)


@pytest.mark.parametrize("scores", ["normal", "skewed (lognormal)", "bimodal, half fail", "all equal"])
def test_equal_methods_are_told_apart_as_rarely_as_is_asked(scores):
    draw, random = measured.SCORES[scores][0], np.random.default_rng(0)
    wrong = 0
    for _ in range(1500):
        mine, other = ([draw(random, (5,))] for _ in range(2))
        wrong += statistics.permutation_test(mine, other).either <= 0.05
    assert wrong / 1500 < 0.062  # two standard errors above 5 %


def test_signs_flipped_are_scipys():
    scores = np.random.default_rng(7).normal(0.3, 1, 8)
    expected = stats.permutation_test(
        (scores,), np.mean, permutation_type="samples", alternative="greater", n_resamples=np.inf
    )
    assert statistics.sign_flip_test([scores]).above == pytest.approx(expected.pvalue, abs=1e-9)
    drawn = statistics.sign_flip_test([scores, np.zeros(5), np.zeros(5)])  # 18 scores, of which ten have no sign
    assert drawn.drawn == statistics.DRAWN_ARRANGEMENTS
    assert drawn.above == pytest.approx(expected.pvalue, abs=0.015)


def test_holm_is_holms():
    assert statistics.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert statistics.holm([0.01, 0.04], parts=4) == pytest.approx([0.04, 0.12])
    assert statistics.holm([0.9, 0.8]) == [1.0, 1.0]
    assert statistics.holm([]) == []


@pytest.mark.parametrize(("tasks", "seeds"), [(1, 5), (1, 10), (2, 5), (6, 5)])
def test_a_difference_said_to_be_detectable_is_found_in_four_of_five_experiments(tasks, seeds):
    random, found = np.random.default_rng(0), 0
    difference = float(statistics.detectable([1.0] * tasks, seeds))
    for _ in range(400):
        mine, other = (list(random.normal(shift, 1, (tasks, seeds))) for shift in (difference, 0))
        found += statistics.permutation_test(mine, other, drawn=999).above <= statistics.ERROR
    assert 0.73 < found / 400 < 0.87


def test_three_seeds_of_one_task_see_nothing_and_more_see_more():
    seen = statistics.detectable([0.5], np.array([3, 5, 10, 20]))
    assert math.isinf(seen[0])
    assert np.all(np.diff(seen[1:]) < 0)
    needed = statistics.seeds_needed([0.5], seen[2])
    assert needed == 10
    assert statistics.seeds_needed([0.5], 0.0) is None
    assert statistics.seeds_needed([0.5], 1e-6) is None


@pytest.mark.parametrize("seed", range(10))
def test_point_estimates_are_rliables(seed):
    """rliable.metrics works on a matrix (seeds, tasks): its formulas, as its source gives them."""
    matrix = np.stack(random_scores(seed)).T
    scores = list(matrix.T)
    assert statistics.mean(scores) == pytest.approx(np.mean(np.mean(matrix, axis=0)), abs=1e-9)
    iqm = stats.trim_mean(matrix, proportiontocut=0.25, axis=None)
    assert statistics.interquartile_mean(scores) == pytest.approx(iqm, abs=1e-9)
    thresholds = np.linspace(-1, 1, 5)
    profile = [np.mean(np.mean(matrix > threshold, axis=0)) for threshold in thresholds]
    np.testing.assert_allclose(statistics.performance_profile(scores, thresholds), profile, atol=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_probability_of_improvement_is_mann_and_whitneys(seed):
    mine, other = random_scores(seed), random_scores(seed + 100, seeds=5)
    expected = [
        stats.mannwhitneyu(a, b, alternative="greater").statistic / (len(a) * len(b))
        for a, b in zip(mine, other, strict=True)
    ]
    assert statistics.probability_of_improvement(mine, other) == pytest.approx(np.mean(expected), abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000))
def test_one_improves_on_the_other_or_the_other_on_it(seed):
    mine, other = random_scores(seed), random_scores(seed + 1)
    there, back = (statistics.probability_of_improvement(*pair) for pair in ((mine, other), (other, mine)))
    assert there + back == pytest.approx(1)
    assert statistics.probability_of_improvement(mine, mine) == pytest.approx(0.5)


def test_bootstrap_interval_is_scipys():
    scores = np.random.default_rng(3).normal(size=8)
    found = statistics.bootstrap_interval(statistics.interquartile_mean, [scores], resamples=20_000)

    def iqm(sample, axis):
        return stats.trim_mean(sample, 0.25, axis=axis)

    expected = stats.bootstrap((scores,), iqm, method="percentile", n_resamples=20_000, rng=0).confidence_interval
    np.testing.assert_allclose(found, expected, atol=0.05)


def test_bootstrap_keeps_tasks_apart():
    """Between two tasks without spread of their own nothing is left to vary."""
    scores = [np.zeros(5), np.ones(5)]
    assert statistics.bootstrap_interval(statistics.mean, scores) == (0.5, 0.5)
