"""Measure what the suite's statistics promise: coverage of intervals, errors of tests and claims, power.

Prints tables in Markdown; those of docs/statistics.md are of the default seed and number of simulations.
"""

import argparse
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from smiling import command
from smiling.evidence import paper_claims, statistics
from smiling.evidence.claims import Curves, Key

SEEDS = (3, 5, 10)
TASKS = (1, 2, 6)
RESAMPLES = 999
Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def modes(rare: float) -> Draw:
    """Runs that fail (about 0) or succeed (about 1), a share `rare` of them the former."""
    return lambda random, size: (random.random(size) >= rare) + random.normal(0, 0.05, size)


# How scores may be distributed, and their mean.
SCORES: dict[str, tuple[Draw, float]] = {
    "normal": (lambda random, size: random.normal(0, 1, size), 0.0),
    "skewed (lognormal)": (lambda random, size: random.lognormal(0, 1, size), math.exp(0.5)),
    "bimodal, half fail": (modes(0.5), 0.5),
    "bimodal, a tenth fails": (modes(0.1), 0.9),
    "all equal": (lambda random, size: np.ones(size), 1.0),
}


def bootstrap_t(values: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Efron's: quantiles of resampled t statistics in the place of Student's. (seeds, n) -> (n,), (n,)."""
    seeds, mean = len(values), values.mean(0)
    drawn = values[random.integers(seeds, size=(RESAMPLES, seeds))]
    error = drawn.std(1, ddof=1)
    studentised = np.where(error > 0, (drawn.mean(1) - mean) / np.where(error > 0, error, 1), 0.0)
    low, high = np.quantile(studentised, [0.025, 0.975], axis=0)
    return mean - high * values.std(0, ddof=1), mean - low * values.std(0, ddof=1)


def scipys(method: str) -> Callable[[np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]:
    """A bootstrap interval of scipy's."""

    def interval(values: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        with np.errstate(all="ignore"):  # BCa has no value where all scores are equal
            found = stats.bootstrap((values,), np.mean, axis=0, method=method, n_resamples=RESAMPLES, rng=random)
        return found.confidence_interval.low, found.confidence_interval.high

    return interval


INTERVALS: dict[str, Callable[[np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]] = {
    "Student's t": lambda values, random: statistics.mean_interval(values),
    "percentile": scipys("percentile"),
    "BCa": scipys("BCa"),
    "bootstrap-t": bootstrap_t,
}


def covered(low: np.ndarray, high: np.ndarray, truth: float) -> float:
    """Share of the intervals that hold the truth."""
    return float(np.mean((low <= truth + 1e-9) & (truth - 1e-9 <= high)))


def coverage_of_means(simulations: int, random: np.random.Generator) -> pd.DataFrame:
    """Intervals of a mean over seeds: coverage and median width."""
    rows = []
    for name, (draw, truth) in SCORES.items():
        for seeds in SEEDS:
            values = draw(random, (seeds, simulations))
            row: dict[str, object] = {"scores": name, "seeds": seeds}
            for interval, of in INTERVALS.items():
                low, high = of(values, random)
                row[interval] = f"{100 * covered(low, high, truth):.0f} ({np.nanmedian(high - low):.2f})"
            rows.append(row)
    return pd.DataFrame(rows)


def samples(draw: Draw, random: np.random.Generator, tasks: int, seeds: int) -> list[np.ndarray]:
    """Scores of a method."""
    return list(draw(random, (tasks, seeds)))


def coverage_over_tasks(simulations: int, random: np.random.Generator) -> pd.DataFrame:
    """Intervals over tasks, in per cent: of a difference of means, interquartile means, probabilities of
    improvement.
    """
    rows = []
    for name in ("normal", "bimodal, half fail", "skewed (lognormal)"):
        draw = SCORES[name][0]
        truth = float(statistics.interquartile_mean([draw(random, (1_000_000,))]))
        for tasks in TASKS:
            for seeds in SEEDS:
                hits = np.zeros(3)
                for _ in range(simulations):
                    mine, other = (samples(draw, random, tasks, seeds) for _ in range(2))
                    bootstrapped = (
                        statistics.bootstrap_interval(statistics.interquartile_mean, mine, resamples=RESAMPLES),
                        statistics.bootstrap_interval(
                            statistics.probability_of_improvement, mine, other, resamples=RESAMPLES
                        ),
                    )
                    found: tuple[tuple[Any, Any], ...] = (statistics.difference_interval(mine, other), *bootstrapped)
                    hits += [
                        bool(low <= value <= high) for (low, high), value in zip(found, (0.0, truth, 0.5), strict=True)
                    ]
                shares = (f"{100 * share:.0f}" for share in hits / simulations)
                rows.append((name, tasks, seeds, *shares))
    columns = ["scores", "tasks", "seeds", "difference of means", "interquartile mean", "probability of improvement"]
    return pd.DataFrame(rows, columns=columns)


def errors(simulations: int, random: np.random.Generator) -> pd.DataFrame:
    """How often tests at 5 % (2.5 % in each direction) tell apart what is equal, in per cent."""
    rows = []
    for name, (draw, truth) in SCORES.items():
        for tasks in (1, 6):
            for seeds in SEEDS:
                pairs = [[samples(draw, random, tasks, seeds) for _ in range(2)] for _ in range(simulations)]
                compared = [statistics.permutation_test(mine, other, drawn=1999) for mine, other in pairs]
                against = [statistics.sign_flip_test([task - truth for task in pair[0]], 1999) for pair in pairs]
                rates = [np.mean([test.either <= 2 * statistics.ERROR for test in compared])]
                rates += [
                    np.mean([getattr(test, way) <= statistics.ERROR for test in against]) for way in ("above", "below")
                ]
                rows.append((name, tasks, seeds, *(f"{100 * rate:.1f}" for rate in rates)))
    columns = ["scores", "tasks", "seeds", "permutations", "signs, above", "signs, below"]
    return pd.DataFrame(rows, columns=columns)


def power(simulations: int, random: np.random.Generator) -> pd.DataFrame:
    """The difference that 80 % power is promised for, in standard deviations over seeds, and how often it is found."""
    rows = []
    for tasks in TASKS:
        for seeds in (3, 5, 10, 20):
            difference = float(statistics.detectable([1.0] * tasks, seeds))
            if math.isinf(difference):
                rows.append((tasks, seeds, "none", "-"))
                continue
            found = 0
            for _ in range(simulations):
                mine, other = (list(random.normal(shift, 1, (tasks, seeds))) for shift in (difference, 0.0))
                found += statistics.permutation_test(mine, other, drawn=1999).above <= statistics.ERROR
            rows.append((tasks, seeds, f"{difference:.2f}", f"{100 * found / simulations:.0f} %"))
    return pd.DataFrame(rows, columns=["tasks", "seeds of each method", "difference", "found in"])


STEPS = np.arange(0, 101, 5)
METHODS = ("smiling", "dac", "iq_learn", "smiling-linear", "dac-linear")


def equal_methods(
    draw: Draw, truth: float, random: np.random.Generator, seeds: int = 5, ahead: float = 0.0
) -> dict[Key, Curves]:
    """Curves of methods that are alike on every task and end at 0.9, which is what claim 1 asks about.

    SMILING may be `ahead`; the spread over seeds is that of `draw`, a fifth of its scores.
    """

    def curve(height: np.ndarray) -> Curves:
        noise = random.normal(0, 0.02, (seeds, len(STEPS)))
        return Curves(STEPS, height[:, None] * np.minimum(STEPS / 20, 1) + noise)

    def heights(method: str) -> np.ndarray:
        return paper_claims.REACHED + 0.2 * (draw(random, (seeds,)) - truth) + ahead * (method == "smiling")

    kinds = (paper_claims.STATES, paper_claims.STATE_ACTIONS)
    found = {
        (kind, task, name): curve(heights(name)) for kind in kinds for task in paper_claims.TASKS for name in METHODS
    }
    levels = {
        (paper_claims.STATES, task, "bc"): Curves(np.zeros(1, int), heights("bc")[:, None])
        for task in paper_claims.TASKS
    }
    return found | levels


def verdicts(simulations: int, random: np.random.Generator) -> pd.DataFrame:
    """How often each claim gets a verdict, supported or contradicted, though the methods are equal: in per cent."""
    rows = []
    for name, (draw, truth) in SCORES.items():
        for seeds in SEEDS:
            wrong = np.zeros((2, len(paper_claims.CLAIMS)))
            for _ in range(simulations):
                found = paper_claims.examine(equal_methods(draw, truth, random, seeds), drawn=999)
                said = np.array([verdict.verdict for verdict in found])
                wrong += [said == "supported", said == "contradicted"]
            shares = 100 * wrong / simulations
            rows.append((name, seeds, *(f"{share:.1f}" for share in shares.sum(0))))
    return pd.DataFrame(rows, columns=["scores", "seeds", *(f"claim {number}" for number in range(1, 8))])


def show(title: str, table: pd.DataFrame) -> None:
    """Print a table under a title."""
    print(f"## {title}\n\n{table.to_markdown(index=False, disable_numparse=True)}\n", flush=True)


SECTIONS: dict[str, tuple[Callable[[int, np.random.Generator], pd.DataFrame], int]] = {
    "Coverage of intervals of a mean, in per cent (median width)": (coverage_of_means, 25),
    "Coverage over tasks": (coverage_over_tasks, 1),
    "Errors of tests between equals": (errors, 1),
    "Power": (power, 1),
    "Wrong verdicts on claims": (verdicts, 1),
}


def main(arguments: Sequence[str] | None = None) -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--simulations", type=int, default=400, help="of each row; more where they are cheap")
    flags.add_argument("--only", choices=range(len(SECTIONS)), type=int, nargs="*", help="sections, by number")
    flags.add_argument("--seed", type=int, default=0)
    options = flags.parse_args(arguments)
    for number, (title, (measure, times)) in enumerate(SECTIONS.items()):
        if options.only is not None and number not in options.only:
            continue
        show(title, measure(times * options.simulations, np.random.default_rng(options.seed)))


if __name__ == "__main__":
    command.run(main)
