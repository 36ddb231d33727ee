"""Summarise the runs of a figure of curves: scores of every run, means and intervals, comparisons over tasks.

Writes into --out: scores.csv (every run), tasks.csv (each method on each task), methods.csv (each method over the
tasks that all methods have), improvement.csv with .png and .pdf (probability that one method beats another),
profiles.csv with .png and .pdf (share of runs above a score), results.md and .html (all of it to read), results.json
(what it comes from). Means have Student's t intervals; interquartile means, profiles and probabilities are rliable's,
with its bootstrap.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import seaborn
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from smiling import command, methods
from smiling.evidence import figure_style, finished, pages, statistics, summaries
from smiling.evidence.curve_figures import figure, runs_parser
from smiling.evidence.figure_style import COLUMN_WIDTH, SMALLEST, colour, save, style, task_label
from smiling.experiment import ExperimentSettings, load_experiment
from smiling.runs.artefacts import whole, write_json


def draw_profiles(table: pd.DataFrame, name: str) -> Figure:
    """The performance profiles."""
    image, axis = plt.subplots(figsize=(COLUMN_WIDTH, 2.7), layout="constrained")
    for method, rows in table.groupby("method", sort=False):
        look: dict[str, Any] = {"color": colour(method), "label": methods.label(method)}
        axis.step(rows["threshold"], rows["share"], where="post", linestyle=figure_style.line_style(method), **look)
        axis.fill_between(
            rows["threshold"], rows["lower"], rows["upper"], step="post", color=colour(method), alpha=0.12, linewidth=0
        )
    axis.set_xlabel(r"Normalised return $\tau$ at the end")
    axis.set_ylabel(r"Share of runs above $\tau$")
    axis.set_xlim(summaries.THRESHOLDS[0], summaries.THRESHOLDS[-1])
    axis.set_ylim(-0.02, 1.02)
    handles, labels = axis.get_legend_handles_labels()
    if labels:
        figure_style.legend_below(image, dict(zip(labels, handles, strict=True)))
    counted = over(table) if labels else summaries.NOTHING_SHARED
    figure_style.title(image, f"Performance profiles, {name}: {counted}, 95 % bootstrap interval")
    return image


def draw_improvement(table: pd.DataFrame, name: str) -> Figure:
    """A heat map: the probability that a run of the row's method ends above one of the column's."""
    names = list(dict.fromkeys(table["method"]))
    size = min(figure_style.TEXT_WIDTH, max(COLUMN_WIDTH, 0.45 * len(names) + 1.6))
    image, axis = plt.subplots(figsize=(size, 0.8 * size), layout="constrained")
    if names:
        labels = [methods.label(each) for each in names]
        square = table.pivot(index="method", columns="other", values="probability").loc[names, names]
        shown = {"annot": True, "fmt": ".2f", "annot_kws": {"size": SMALLEST}, "square": True, "linewidths": 0.5}
        limits = {"vmin": 0, "vmax": 1, "cmap": "vlag_r", "cbar": False}
        seaborn.heatmap(square, ax=axis, xticklabels=labels, yticklabels=labels, **shown, **limits)
        axis.tick_params(labelsize=SMALLEST, length=0)
        axis.set_xticks(axis.get_xticks(), labels, rotation=30, ha="right")
    axis.grid(False)
    axis.set_ylabel("A run of this method")
    axis.set_xlabel("ends above a run of this one")
    tasks = f"over {pages.counted(table['tasks'].max(), 'task')}" if names else summaries.NOTHING_SHARED
    figure_style.title(image, f"Probability of improvement, {name}: {tasks}")
    return image


def over(table: pd.DataFrame) -> str:
    """How many tasks and seeds a table is over."""
    return f"{pages.counted(table['tasks'].max(), 'task')}, {pages.counted(table['seeds'].min(), 'seed')} each"


def text(tables: dict[str, pd.DataFrame], settings: ExperimentSettings, title: str, remarks: Sequence[str]) -> str:
    """All tables in Markdown, every seed listed, and what a reader should know of the runs."""
    sections: list[tuple[str, Callable[[], pd.DataFrame]]] = [
        ("Each task", lambda: summaries.tasks_to_read(tables["tasks"], tables["scores"])),
        ("Over tasks", lambda: summaries.methods_to_read(tables["methods"])),
        ("Pairs", lambda: summaries.pairs_to_read(tables["improvement"])),
    ]
    lines = [
        f"# Results: {title.lower()}, {settings.named}",
        "",
        "Normalised returns: the expert is 1, uniform random actions 0. The end is the last quarter of the steps; BC",
        "is its best checkpoint. 95 % intervals over seeds: of means Student's t; of interquartile means and",
        f"probabilities of improvement the stratified bootstrap, {statistics.RESAMPLES} resamples. {summaries.NARROW}",
        "",
    ]
    for heading, made in sections:
        table = made()
        shown = (
            table.to_markdown(index=False, disable_numparse=True)
            if len(table)
            else f"None: {summaries.NOTHING_SHARED}."
        )
        lines += [f"## {heading}", "", shown, ""]
    return "\n".join([*lines, *(f"Note: {remark}.\n" for remark in remarks)]).rstrip() + "\n"


def main() -> None:
    options = runs_parser(__doc__).parse_args()
    settings, drawn = load_experiment(options.scale, options.assignments), figure(options.figure)
    scores = finished.scores(options.results, settings, drawn)
    record = finished.drawn_from(__file__, options.results, settings, finished.shown(options.results, settings, drawn))
    tasks = summaries.shared_tasks(scores, record["not_normalised"])
    shared = scores[scores["task"].isin(tasks)]
    tables = {
        "scores": scores,
        "tasks": summaries.task_table(scores, record["not_normalised"]),
        "methods": summaries.method_table(shared),
        "improvement": summaries.improvement_table(shared),
        "profiles": summaries.profile_table(shared),
    }
    for name, table in tables.items():
        with whole(options.out / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False)
    with style():
        save(draw_profiles(tables["profiles"], settings.named), options.out / "profiles")
        save(draw_improvement(tables["improvement"], settings.named), options.out / "improvement")
    left_out = [task_label(task) for task in scores["task"].unique() if task not in tasks]
    remarks = finished.remarks(record)
    if left_out:
        remarks.append(f"over tasks counts what is normalised and run by all methods; left out: {', '.join(left_out)}")
    words = text(tables, settings, drawn.title, remarks)
    pages.write(options.out / "results", words)
    write_json(options.out / "results.json", record | {"tasks_shared": tasks})
    print(words)


if __name__ == "__main__":
    command.run(main)
