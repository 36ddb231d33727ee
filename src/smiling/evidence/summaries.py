"""Scores of every run as tables: each task, over the tasks that all methods share, pairs of methods, and profiles."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from smiling import methods
from smiling.evidence import figure_style, pages, statistics
from smiling.evidence.figure_style import task_label

BOUNDED = ("final_mean", "final_iqm", "area_mean")  # what is shown with its interval
THRESHOLDS = np.linspace(0.0, 1.2, 121)  # of the performance profiles
NOTHING_SHARED = "no task that all methods share"
NARROW = (
    "With few seeds the bootstrap's intervals are too narrow: with five they hold the truth in nine cases of ten "
    "(docs/statistics.md)."
)


def shared_tasks(scores: pd.DataFrame, not_normalised: Sequence[str]) -> list[str]:
    """Tasks over which an average means something: normalised, and run by all methods."""
    counts = scores.groupby("task", sort=False)["method"].nunique()
    return [
        task for task, count in counts.items() if count == scores["method"].nunique() and task not in not_normalised
    ]


def of_method(scores: pd.DataFrame, method: str, column: str = "final") -> list[np.ndarray]:
    """Scores of a method, an array of seeds for each task."""
    mine = scores[scores["method"] == method]
    return [rows[column].to_numpy() for _, rows in mine.groupby("task", sort=False)]


def row_of(scores: pd.DataFrame, method: str) -> dict[str, object]:
    """Mean and interquartile mean of a method over all tasks of `scores`, final score and area under the curve."""
    seeds = [len(task) for task in of_method(scores, method)]
    row: dict[str, object] = {"tasks": len(seeds), "fewest_seeds": min(seeds), "most_seeds": max(seeds)}
    for column in ("final", "area"):
        values = of_method(scores, method, column)
        row |= mean_of(scores, method, column)
        iqm = statistics.interquartile_mean
        row |= _named(f"{column}_iqm", iqm(values), statistics.bootstrap_interval(iqm, values))
    return row


def mean_of(scores: pd.DataFrame, method: str, column: str) -> dict[str, float]:
    """Mean of a method's column over all tasks of `scores` and its interval: {column}_mean, .._lower, .._upper."""
    values = of_method(scores, method, column)
    return _named(f"{column}_mean", statistics.mean(values), statistics.mean_over_tasks_interval(values))


def _named(name: str, value: float | np.ndarray, bounds: tuple[Any, Any]) -> dict[str, float]:
    values = map(float, (value, *bounds))
    return dict(zip((name, f"{name}_lower", f"{name}_upper"), values, strict=True))


def task_table(scores: pd.DataFrame, not_normalised: Sequence[str]) -> pd.DataFrame:
    """Each method on each task; `normalised` is false where returns are as they are, as final_return always is."""
    rows = []
    for (task, method), mine in scores.groupby(["task", "method"], sort=False):
        row = {"task": task, "method": method, "normalised": task not in not_normalised, **row_of(mine, method)}
        rows.append({**row, **mean_of(mine, method, "final_return")})
    return pd.DataFrame(rows).drop(columns="tasks")


def method_table(shared: pd.DataFrame) -> pd.DataFrame:
    """Each method over the shared tasks, which weigh alike."""
    return pd.DataFrame([{"method": method, **row_of(shared, method)} for method in shared["method"].unique()])


def difference_table(shared: pd.DataFrame) -> pd.DataFrame:
    """Of each pair, both ways round, the difference of their means.

    `p` is the two-sided p-value of a permutation test, by Holm's correction for all pairs.
    """
    values = {method: of_method(shared, method) for method in shared["method"].unique()}
    pairs = list(combinations(values, 2))
    tests = [statistics.permutation_test(values[mine], values[other]) for mine, other in pairs]
    rows = [
        {"method": mine, "other": other, "difference": sign * test.difference, "p": p}
        for pair, test, p in zip(pairs, tests, statistics.holm([test.either for test in tests]), strict=True)
        for sign, (mine, other) in ((1, pair), (-1, pair[::-1]))
    ]
    return pd.DataFrame(rows, columns=["method", "other", "difference", "p"])


def improvement_table(shared: pd.DataFrame) -> pd.DataFrame:
    """Of each pair the probability that a run of one ends above a run of the other, and how their means differ.

    `lowest` and `highest` are the probabilities on single tasks: 0 and 1 make a mean of 0.5 that tells nothing apart.
    """
    rows = []
    for row in difference_table(shared).to_dict("records"):
        mine, other = (of_method(shared, row[name]) for name in ("method", "other"))
        probability = statistics.probability_of_improvement
        bounds = statistics.bootstrap_interval(probability, mine, other)
        single = [float(probability([one], [another])) for one, another in zip(mine, other, strict=True)]
        extremes = {"lowest": min(single), "highest": max(single), "tasks": len(mine)}
        rows.append({**row, **_named("probability", probability(mine, other), bounds), **extremes})
    columns = {"probability_lower": "lower", "probability_upper": "upper"}
    return pd.DataFrame(rows, columns=list(rows[0]) if rows else ["method", "other"]).rename(columns=columns)


def profile_table(shared: pd.DataFrame) -> pd.DataFrame:
    """Share of runs whose final score is above each threshold, averaged over tasks."""

    def profile(sample: statistics.Scores) -> np.ndarray:
        return statistics.performance_profile(sample, THRESHOLDS)

    tables = []
    for method in shared["method"].unique():
        mine = of_method(shared, method)
        lower, upper = statistics.bootstrap_interval(profile, mine)
        columns = {"threshold": THRESHOLDS, "share": profile(mine), "lower": lower, "upper": upper}
        tables.append(pd.DataFrame({"method": method, **columns, "tasks": len(mine), "seeds": min(map(len, mine))}))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"method": []})


def bounded(row: pd.Series, name: str) -> str:
    """A number of a row with its interval, or without one where a seed is alone."""
    if np.isnan(row[f"{name}_lower"]):
        return f"{row[name]:.2f} ({statistics.NO_INTERVAL})"
    return f"{row[name]:.2f} [{row[f'{name}_lower']:.2f}, {row[f'{name}_upper']:.2f}]"


def tasks_to_read(table: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """`task_table` for people, every seed of `scores` listed."""
    rows = []
    for _, row in table.iterrows():
        mine = scores[(scores["task"] == row["task"]) & (scores["method"] == row["method"])]
        name = task_label(row["task"]) + ("" if row["normalised"] else " (not normalised)")
        named = {"task": name, "method": methods.label(row["method"])}
        seeds = ", ".join(f"{value:.2f}" for value in mine["final"])
        returns = {"return at the end": f"{row['final_return_mean']:.4g}"}
        rows.append({**named, **_shown(row), **returns, "seeds at the end": seeds})
    return pd.DataFrame(rows)


def methods_to_read(table: pd.DataFrame) -> pd.DataFrame:
    """`method_table` for people."""
    rows = []
    for _, row in table.iterrows():
        seeds = figure_style.seeds_label(row["fewest_seeds"], row["most_seeds"])
        rows.append(
            {
                "method": methods.label(row["method"]),
                **_shown(row),
                "over": f"{pages.counted(row['tasks'], 'task')}, {seeds}",
            }
        )
    return pd.DataFrame(rows)


def _shown(row: pd.Series) -> dict[str, str]:
    headings = ("at the end", "interquartile mean", "area under the curve")
    return dict(zip(headings, (bounded(row, name) for name in BOUNDED), strict=True))


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def pairs_to_read(table: pd.DataFrame) -> pd.DataFrame:
    """`improvement_table` for people."""
    rows = []
    for _, row in table.iterrows():
        pair = {"a run of": methods.label(row["method"]), "ends above one of": methods.label(row["other"])}
        named = row.rename({"lower": "probability_lower", "upper": "probability_upper"})
        tested = {
            "difference of means": f"{row['difference']:+.2f}",
            "p (Holm)": "< 0.001" if row["p"] < 0.001 else f"{row['p']:.3f}",
        }
        single = f"{row['lowest']:.2f} to {row['highest']:.2f}"
        rows.append({**pair, "with probability": bounded(named, "probability"), "on single tasks": single, **tested})
    return pd.DataFrame(rows)
