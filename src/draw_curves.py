"""Draw a figure of learning curves: normalised return against environment steps, a panel a task.

Figures 3 (state-only), 4 (state-action) and 5 (linear models): mean and 95 % interval over seeds (Student's t), and
each seed as a thin line. A method that takes no steps is a level, each seed a tick at the right. A curve that leaves
the view is marked where it does, with how far it goes.

Writes --out.png, .pdf, .csv (the numbers drawn) and .json (what they come from). A run that is missing is an error.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import seaborn
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from smiling import command, methods
from smiling.evidence import curves, figure_style, finished, statistics
from smiling.evidence.curve_figures import FIGURES, CurveFigure, figure
from smiling.evidence.figure_style import (
    EXPERT_COLOUR,
    PANEL_HEIGHT,
    SMALLEST,
    TEXT_WIDTH,
    colour,
    in_view,
    save,
    style,
    whole_view,
)
from smiling.evidence.finished import RunGroup
from smiling.experiment import ExperimentSettings, load_experiment
from smiling.runs.artefacts import named, whole, write_json
from smiling.settings import UserError

COLUMNS = 3
EXPERT_LABEL = r"$\pi^e$ (expert)"
PANEL_WIDTH = 2.0  # inches, of the narrowest panel, for its title
MARK_SPACE = 0.075  # of a panel's height, for a line of text
MOST_MARKS = 5  # named at each edge


def method_table(results: Path, settings: ExperimentSettings, group: RunGroup) -> pd.DataFrame:
    """What is drawn of a method on a task: columns env_step, mean, lower, upper, seeds, and a column for each seed.

    They are of normalised returns; those that begin with `return_` of returns as they are.
    """
    steps, values, returns = finished.played(results, settings, group)
    lower, upper = statistics.mean_interval(values)
    table = pd.DataFrame({"task": group.task, "method": group.method, "env_step": steps, "mean": values.mean(0)})
    table = table.assign(lower=lower, upper=upper, seeds=len(group.seeds))
    table = table.assign(**{f"seed{seed}": row for seed, row in zip(group.seeds, values, strict=True)})
    raw = {f"return_seed{seed}": row for seed, row in zip(group.seeds, returns, strict=True)}
    return table.assign(return_mean=returns.mean(0), **raw)


def figure_table(results: Path, settings: ExperimentSettings, groups: Sequence[RunGroup]) -> pd.DataFrame:
    """All panels' numbers, the best of each method's variants where several ran on a task."""
    rivals: dict[tuple[str, str], list[pd.DataFrame]] = {}
    for group in groups:
        rivals.setdefault((group.task, rival(group.method)), []).append(method_table(results, settings, group))
    best = [tables[0] if len(tables) == 1 else max(tables, key=final_mean) for tables in rivals.values()]
    return pd.concat(best, ignore_index=True)


def rival(method: str) -> str:
    """Methods of one name here compete, and the best is drawn: IQ-Learn's configurations, as in the paper."""
    return methods.base(method) if methods.base(method) == "iq_learn" else method


def final_mean(table: pd.DataFrame) -> float:
    """Mean over the last quarter of the steps."""
    return float(curves.last_quarter(table["env_step"].to_numpy(), table["mean"].to_numpy()[None])[0])


def draw(
    table: pd.DataFrame, settings: ExperimentSettings, drawn: CurveFigure, not_normalised: Sequence[str] = ()
) -> Figure:
    """The figure; panels of tasks that are `not_normalised` say so."""
    tasks = table["task"].unique()
    rows, columns = math.ceil(len(tasks) / COLUMNS), min(len(tasks), COLUMNS)
    width = TEXT_WIDTH * max(columns, 2) / COLUMNS
    image, axes = plt.subplots(
        rows, columns, figsize=(width, PANEL_HEIGHT * rows + 0.75), squeeze=False, layout="constrained"
    )
    alike = ~table["task"].isin(not_normalised)
    for axis, task in zip(axes.flat, tasks, strict=False):
        mine = table[table["task"] == task]
        normalised = task not in not_normalised
        limits = in_view(seeds_of(table[alike])["return"]) if normalised else whole_view(seeds_of(mine)["return"])
        draw_panel(axis, mine, task, limits, normalised)
        first = axis in axes[:, 0]
        axis.set_ylabel("Normalised return" * first if normalised else "Return")
    for axis in axes.flat[len(tasks) :]:
        axis.set_visible(False)
    handles: dict[str, Any] = {}
    for axis in axes.flat:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure_style.legend_below(image, handles)
    figure_style.title(image, f"{drawn.title}, {settings.named}: mean and 95 % interval over seeds")
    return image


def draw_panel(axis: Axes, table: pd.DataFrame, task: str, limits: tuple[float, float], normalised: bool) -> None:
    """One task."""
    most = table["env_step"].max()
    exponent = int(math.log10(most)) if most > 0 else 0
    table = table.assign(env_step=table["env_step"] / 10**exponent)
    if normalised:
        axis.axhline(1.0, color=EXPERT_COLOUR, linestyle="--", linewidth=1.0, label=EXPERT_LABEL)
    steps = [name for name in table["method"].unique() if methods.load(name).takes_steps]
    draw_steps(axis, seeds_of(table[table["method"].isin(steps)]), steps)
    for method, rows in table[~table["method"].isin(steps)].groupby("method", sort=False):
        draw_level(axis, method, rows)
    axis.set_xlim(0, most / 10**exponent if most > 0 else 1)
    axis.set_ylim(limits)
    mark_what_leaves(axis, table, limits)
    seeds = figure_style.seeds_label(table["seeds"].min(), table["seeds"].max())
    names = [f"{figure_style.task_label(task)} ({seeds})"] + ["not normalised: expert unknown or not above random"] * (
        not normalised
    )
    axis.set_title("\n".join(figure_style.wrapped(name, PANEL_WIDTH, 8) for name in names))
    axis.set_xlabel(rf"Environment steps ($\times 10^{exponent}$)")


def seeds_of(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each evaluation of each seed: columns method, env_step, seed, return."""
    columns = [name for name in table if name.removeprefix("seed").isdigit()]
    return table.melt(["method", "env_step"], columns, var_name="seed", value_name="return").dropna()


def draw_steps(axis: Axes, table: pd.DataFrame, names: Sequence[str]) -> None:
    """Methods that learn in steps: mean, interval and seeds."""
    if table.empty:
        return
    drawn = {"data": table, "x": "env_step", "y": "return", "hue": "method", "style": "method", "ax": axis}
    drawn |= {"legend": False, **figure_style.looks(names)}
    faint = {"linewidth": 0.5, "alpha": 0.5 if len(names) <= COLUMNS else 0.3}
    seaborn.lineplot(**drawn, units="seed", estimator=None, **faint)
    seaborn.lineplot(**drawn, errorbar=statistics.mean_interval, err_kws={"alpha": 0.12, "linewidth": 0})
    for name in names:
        look = {"color": colour(name), "linestyle": figure_style.line_style(name)}
        axis.plot([], [], label=methods.label(name), **look)


def draw_level(axis: Axes, method: str, table: pd.DataFrame) -> None:
    """A method that takes no steps: its mean, its interval, and a tick for each seed."""
    look: dict[str, Any] = {"color": colour(method)}
    row, seeds = table.iloc[0], seeds_of(table)["return"]
    axis.axhline(
        row["mean"], linestyle=figure_style.line_style(method), linewidth=1.4, label=methods.label(method), **look
    )
    if np.isfinite(row["lower"]):
        axis.axhspan(row["lower"], row["upper"], alpha=0.08, linewidth=0, **look)
    axis.plot(np.ones(len(seeds)), seeds, "_", ms=6, transform=axis.get_yaxis_transform(), **look)


def mark_what_leaves(axis: Axes, table: pd.DataFrame, limits: tuple[float, float]) -> None:
    """Where a mean leaves the view, a triangle at its edge; which it is and how far it goes, in its colour."""
    for side, edge, marker in ((-1, limits[0], "v"), (1, limits[1], "^")):
        gone: list[tuple[float, str]] = []
        for method, rows in table.groupby("method", sort=False):
            steps, beyond = rows["env_step"].to_numpy(), side * (rows["mean"].to_numpy() - edge)
            if beyond.max() > 0:
                look: dict[str, Any] = {"color": colour(str(method)), "zorder": 5, "clip_on": False}
                axis.plot(first_crossing(steps, beyond), edge, marker, ms=5, **look)
                gone.append((beyond.max(), str(method)))
        _name_what_left(axis, sorted(gone, reverse=True), edge, side)


def _name_what_left(axis: Axes, gone: Sequence[tuple[float, str]], edge: float, side: int) -> None:
    """Lines of text at an edge: methods, and the values that they reach, farthest first; not too many."""
    lines = [(f"{methods.label(name)}: to {edge + side * beyond:.3g}", colour(name)) for beyond, name in gone]
    if len(lines) > MOST_MARKS:
        lines = [*lines[: MOST_MARKS - 1], (f"and {len(lines) - MOST_MARKS + 1} more", EXPERT_COLOUR)]
    behind = {"facecolor": "white", "alpha": 0.9, "linewidth": 0, "pad": 0.5}
    for place, (words, paint) in enumerate(lines):
        height = MARK_SPACE * (place + 0.7) if side < 0 else 1 - MARK_SPACE * (place + 0.9)
        where: dict[str, Any] = {"transform": axis.transAxes, "va": "center", "fontsize": SMALLEST, "zorder": 6}
        axis.text(0.08, height, words, color=paint, bbox=behind, **where)


def first_crossing(steps: np.ndarray, beyond: np.ndarray) -> float:
    """The step at which a curve, straight between evaluations, is first `beyond` an edge of the view, above zero."""
    after = int(np.argmax(beyond > 0))
    if after == 0:
        return float(steps[0])
    share = beyond[after - 1] / (beyond[after - 1] - beyond[after])
    return float(steps[after - 1] + share * (steps[after] - steps[after - 1]))


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--results", type=Path, required=True, help="results folder of the experiment")
    flags.add_argument("--figure", required=True, help=", ".join(FIGURES))
    options = flags.parse_args()
    settings, drawn = load_experiment(options.scale, options.assignments), figure(options.figure)
    if not drawn.tasks_of(settings):
        raise UserError(
            f"{options.figure} is of {', '.join(drawn.tasks or ())}, which is not among the tasks asked for"
        )
    groups = finished.shown(options.results, settings, drawn)
    table = figure_table(options.results, settings, groups)
    record = finished.drawn_from(__file__, options.results, settings, groups)
    with style():
        image = draw(table, settings, drawn, record["not_normalised"])
        save(image, options.out)
    with whole(named(options.out, ".csv")) as temporary:
        table.to_csv(temporary, index=False)
    write_json(named(options.out, ".json"), record)
    print(f"drawn: {options.out}.png and .pdf; its numbers in .csv, what they come from in .json")
    finished.tell(record)


if __name__ == "__main__":
    command.run(main)
