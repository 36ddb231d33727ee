"""Statistics of scores over tasks and seeds, as Agarwal et al. (2021) and their library rliable define them.

Scores are normalised returns, an array (seeds,) for each task; tasks may differ in their number of seeds. Intervals are
percentile intervals of the bootstrap stratified by task: seeds are drawn anew within each task, tasks are kept.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy import stats

Scores = Sequence[np.ndarray]

RESAMPLES = 2000
CONFIDENCE = 0.95


def mean(scores: Scores) -> float:
    """Mean over tasks of the mean over seeds."""
    return float(np.mean([task.mean() for task in scores]))


def interquartile_mean(scores: Scores) -> float:
    """Mean of the middle half of all scores of all tasks together."""
    return float(stats.trim_mean(np.concatenate(scores), proportiontocut=0.25))


def performance_profile(scores: Scores, thresholds: np.ndarray) -> np.ndarray:
    """Share of runs that score above each of `thresholds` (n,), averaged over tasks: (n,)."""
    return np.mean([(task[:, None] > thresholds).mean(0) for task in scores], axis=0)


def probability_of_improvement(mine: Scores, other: Scores) -> float:
    """Probability that a run of `mine` beats a run of `other` on the same task, ties counted half, over tasks."""
    return float(
        np.mean(
            [
                (np.sign(a[:, None] - b[None, :]) / 2 + 0.5).mean()  # Mann and Whitney's U over its largest value
                for a, b in zip(mine, other, strict=True)
            ]
        )
    )


def resampled(scores: Scores, random: np.random.Generator) -> list[np.ndarray]:
    """Seeds drawn with replacement within each task."""
    return [random.choice(task, len(task)) for task in scores]


def interval(
    statistic: Callable[..., float | np.ndarray],
    *samples: Scores,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bound of `statistic(*samples)`, each sample drawn anew within its tasks."""
    random = np.random.default_rng(seed)
    drawn = [statistic(*(resampled(scores, random) for scores in samples)) for _ in range(resamples)]
    tail = (1 - confidence) / 2
    lower, upper = np.quantile(np.asarray(drawn), [tail, 1 - tail], axis=0)
    return lower, upper
