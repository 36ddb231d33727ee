"""Statistics against rliable's published definitions, written out, and intervals against their promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from smiling.evidence import statistics


def random_scores(seed: int, tasks: int = 3, seeds: int = 8) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).normal(size=(tasks, seeds)).round(1))  # rounded: some are equal


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


@pytest.mark.long
def test_interval_covers_at_the_nominal_rate():
    """The mean of 20 normal scores in each of two tasks: 95 % intervals hold the truth about as often."""
    random = np.random.default_rng(0)
    covered = 0
    for trial in range(400):
        scores = [random.normal(1.0, 1.0, 20), random.normal(3.0, 2.0, 20)]
        lower, upper = statistics.interval(statistics.mean, scores, resamples=400, seed=trial)
        covered += lower <= 2.0 <= upper
    assert 0.90 < covered / 400 < 0.98  # percentile intervals of 20 are a little narrow: 0.93 or so


def test_interval_keeps_tasks_apart():
    """Between two tasks without spread of their own nothing is left to vary."""
    scores = [np.zeros(5), np.ones(5)]
    assert statistics.interval(statistics.mean, scores) == (0.5, 0.5)
