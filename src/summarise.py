"""Summarise the runs of a figure of curves: scores of every run, means and intervals, comparisons over tasks.

Writes into --out: scores.csv (every run), tasks.csv (each method on each task), methods.csv (each method over tasks),
improvement.csv (probability that one method beats another), profiles.csv with profiles.png and .pdf (share of runs
above a score), results.md and .html (all of it to read), results.json (what it comes from). Statistics as in rliable.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from smiling import command, methods
from smiling.evidence import finished, pages, statistics
from smiling.evidence.curve_figures import FIGURES, figure
from smiling.evidence.figure_style import COLUMN_WIDTH, colour, save, style
from smiling.experiment import ExperimentSettings, load_experiment
from smiling.runs.artefacts import whole, write_json

THRESHOLDS = np.linspace(0.0, 1.2, 121)  # of the performance profiles


def of_method(scores: pd.DataFrame, method: str, column: str = "final") -> list[np.ndarray]:
    """Scores of a method, an array of seeds for each task."""
    mine = scores[scores["method"] == method]
    return [rows[column].to_numpy() for _, rows in mine.groupby("task", sort=False)]


def with_interval(statistic: Callable[..., float], *samples: list[np.ndarray]) -> tuple[float, float, float]:
    """A statistic, and the bounds of its interval."""
    lower, upper = statistics.interval(statistic, *samples)
    return statistic(*samples), float(lower), float(upper)


def task_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean, interval and interquartile mean of each method on each task, final score and area under the curve."""
    rows = []
    for (task, method), mine in scores.groupby(["task", "method"], sort=False):
        row = {"task": task, "method": method, "seeds": len(mine)}
        for column in ("final", "area"):
            values = [mine[column].to_numpy()]
            row |= _named(column, "mean", with_interval(statistics.mean, values))
            row |= _named(column, "iqm", with_interval(statistics.interquartile_mean, values))
        rows.append(row)
    return pd.DataFrame(rows)


def method_table(scores: pd.DataFrame) -> pd.DataFrame:
    """The same of each method over all tasks."""
    rows = []
    for method in scores["method"].unique():
        row = {"method": method, "tasks": scores[scores["method"] == method]["task"].nunique()}
        for column in ("final", "area"):
            values = of_method(scores, method, column)
            row |= _named(column, "mean", with_interval(statistics.mean, values))
            row |= _named(column, "iqm", with_interval(statistics.interquartile_mean, values))
        rows.append(row)
    return pd.DataFrame(rows)


def _named(column: str, statistic: str, values: tuple[float, float, float]) -> dict[str, float]:
    return dict(zip((f"{column}_{statistic}{end}" for end in ("", "_lower", "_upper")), values, strict=True))


def improvement_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Probability that a run of one method ends above a run of another, for each pair."""
    rows = []
    names = list(scores["method"].unique())
    for mine in names:
        for other in names:
            if mine != other:
                samples = of_method(scores, mine), of_method(scores, other)
                rows.append((mine, other, *with_interval(statistics.probability_of_improvement, *samples)))
    return pd.DataFrame(rows, columns=["method", "other", "probability", "lower", "upper"])


def profile_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Share of runs whose final score is above each threshold, averaged over tasks."""
    tables = []
    for method in scores["method"].unique():
        mine = of_method(scores, method)

        def profile(sample: list[np.ndarray]) -> np.ndarray:
            return statistics.performance_profile(sample, THRESHOLDS)

        lower, upper = statistics.interval(profile, mine)
        columns = {"threshold": THRESHOLDS, "share": profile(mine), "lower": lower, "upper": upper}
        tables.append(pd.DataFrame({"method": method, **columns}))
    return pd.concat(tables, ignore_index=True)


def draw_profiles(table: pd.DataFrame, settings: ExperimentSettings) -> Figure:
    """The performance profiles."""
    image, axis = plt.subplots(figsize=(COLUMN_WIDTH, 2.4), layout="constrained")
    shown = tuple(methods.base(name) for name in table["method"].unique())
    for method, rows in table.groupby("method", sort=False):
        paint = colour(methods.base(method), shown)
        name = methods.label(method)
        axis.step(rows["threshold"], rows["share"], color=paint, label=name, where="post")
        axis.fill_between(rows["threshold"], rows["lower"], rows["upper"], color=paint, alpha=0.2, linewidth=0)
    axis.set_xlabel(r"Normalised return $\tau$ at the end")
    axis.set_ylabel(r"Share of runs above $\tau$")
    axis.set_xlim(THRESHOLDS[0], THRESHOLDS[-1])
    axis.set_ylim(-0.02, 1.02)
    axis.set_title(settings.named)
    image.legend(loc="outside lower center", ncols=2, frameon=False)
    return image


def text(tables: dict[str, pd.DataFrame], settings: ExperimentSettings, title: str, remarks: Sequence[str]) -> str:
    """All tables in Markdown, every seed listed, and what a reader should know of the runs."""

    def bounded(row: pd.Series, name: str) -> str:
        return f"{row[name]:.2f} [{row[f'{name}_lower']:.2f}, {row[f'{name}_upper']:.2f}]"

    scores, columns = tables["scores"], ("final_mean", "final_iqm", "area_mean")
    lines = [
        f"# Results: {title.lower()}, {settings.named}",
        "",
        "Normalised returns: the expert is 1, uniform random actions 0. The end is the last quarter of the steps; BC",
        f"is its best checkpoint. 95 % intervals of the stratified bootstrap, {statistics.RESAMPLES} resamples.",
        "",
        "| task | method | at the end | interquartile mean | area under the curve | seeds at the end |",
        "|---|---|---|---|---|---|",
    ]
    for _, row in tables["tasks"].iterrows():
        mine = scores[(scores["task"] == row["task"]) & (scores["method"] == row["method"])]
        seeds = ", ".join(f"{value:.2f}" for value in mine["final"])
        cells = [row["task"], methods.label(row["method"]), *(bounded(row, name) for name in columns), seeds]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "| over tasks | at the end | interquartile mean | area under the curve |", "|---|---|---|---|"]
    for _, row in tables["methods"].iterrows():
        cells = [methods.label(row["method"]), *(bounded(row, name) for name in columns)]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "| probability that | ends above | |", "|---|---|---|"]
    for _, row in tables["improvement"].iterrows():
        pair = f"{methods.label(row['method'])} | {methods.label(row['other'])}"
        lines.append(f"| {pair} | {row['probability']:.2f} [{row['lower']:.2f}, {row['upper']:.2f}] |")
    return "\n".join([*lines, "", *(f"Note: {remark}." for remark in remarks)]).rstrip() + "\n"


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--results", type=Path, required=True, help="results folder of the experiment")
    flags.add_argument("--figure", default="figure3", help=f"whose runs: {', '.join(FIGURES)} (default: figure3)")
    options = flags.parse_args()
    settings, drawn = load_experiment(options.scale, options.assignments), figure(options.figure)
    scores = finished.scores(options.results, settings, drawn)
    tables = {
        "scores": scores,
        "tasks": task_table(scores),
        "methods": method_table(scores),
        "improvement": improvement_table(scores),
        "profiles": profile_table(scores),
    }
    for name, table in tables.items():
        with whole(options.out / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False)
    with style():
        image = draw_profiles(tables["profiles"], settings)
        save(image, options.out / "profiles")
    record = finished.drawn_from(options.results, settings, finished.shown(options.results, settings, drawn))
    words = text(tables, settings, drawn.title, finished.remarks(record))
    pages.write(options.out / "results", words)
    write_json(options.out / "results.json", record)
    print(words)


if __name__ == "__main__":
    command.run(main)
