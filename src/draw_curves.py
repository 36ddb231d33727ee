"""Draw a figure of learning curves: normalised return against environment steps, a panel a task.

Figures 3 (state-only), 4 (state-action) and 5 (linear models): mean and 95 % interval over seeds.

Writes --out.png, .pdf, .csv (the numbers drawn) and .json (what they come from). A run that is missing is an error.
"""

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from smiling import command, methods
from smiling.evidence import curves, finished
from smiling.evidence.curve_figures import FIGURES, CurveFigure, figure
from smiling.evidence.figure_style import EXPERT_COLOUR, PANEL_HEIGHT, TEXT_WIDTH, colour, save, style
from smiling.evidence.finished import RunGroup
from smiling.experiment import ExperimentSettings, load_experiment
from smiling.runs.artefacts import named, whole, write_json
from smiling.settings import UserError

COLUMNS = 3
TYPICAL, WIDEST = (-0.05, 1.15), (-0.5, 1.5)  # normalised returns that are always in view, and that can be
CHARACTERS_PER_INCH = 18  # of a title
NOTE: dict[str, Any] = {"fontsize": 6, "ha": "right"}


def method_table(results: Path, settings: ExperimentSettings, group: RunGroup) -> pd.DataFrame:
    """What is drawn of a method on a task: columns env_step, mean, lower, upper, seeds, and a column for each seed."""
    steps, values = finished.normalised(results, settings, group)
    lower, upper = curves.bootstrap_interval(values)
    table = pd.DataFrame({"task": group.task, "method": group.method, "env_step": steps, "mean": values.mean(0)})
    table = table.assign(lower=lower, upper=upper, seeds=len(group.seeds))
    return table.assign(**{f"seed{seed}": row for seed, row in zip(group.seeds, values, strict=True)})


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
        rows, columns, figsize=(width, PANEL_HEIGHT * rows + 0.75), squeeze=False, layout="constrained", sharey=True
    )
    for axis, task in zip(axes.flat, tasks, strict=False):
        draw_panel(axis, table[table["task"] == task], task, task not in not_normalised)
        axis.set_ylim(in_view(table["mean"]))
        name_what_is_out_of_view(axis, table[table["task"] == task], in_view(table["mean"]))
    for axis in axes.flat[len(tasks) :]:
        axis.set_visible(False)
    for axis in axes[:, 0]:
        axis.set_ylabel("Normalised return")
    handles: dict[str, Any] = {}
    for axis in axes.flat:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    image.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=min(len(handles), 5), frameon=False
    )
    title = f"{drawn.title}, {settings.named}: mean and 95 % interval over seeds"
    image.suptitle(textwrap.fill(title, int(CHARACTERS_PER_INCH * width)), fontsize=8)
    return image


def draw_panel(axis: Axes, table: pd.DataFrame, task: str, normalised: bool) -> None:
    """One task."""
    shown = tuple(methods.base(name) for name in table["method"].unique())
    steps = max(table["env_step"].max(), 1)  # 0 where no method takes any
    exponent = int(math.log10(steps))
    if normalised:
        axis.axhline(1.0, color=EXPERT_COLOUR, linestyle="--", linewidth=1.0, label=r"$\pi^e$ (expert)")
    else:
        axis.text(0.98, 0.02, "not normalised: expert no better than random", **NOTE, transform=axis.transAxes)
    for method, rows in table.groupby("method", sort=False):
        paint = colour(methods.base(method), shown)
        if not methods.load(method).takes_steps:
            axis.axhline(rows["mean"].item(), color=paint, linestyle=":", linewidth=1.4, label=methods.label(method))
            continue
        scaled = rows["env_step"] / 10**exponent
        axis.plot(
            scaled, rows["mean"], color=paint, linestyle="-." if "-" in method else "-", label=methods.label(method)
        )
        axis.fill_between(scaled, rows["lower"], rows["upper"], color=paint, alpha=0.2, linewidth=0)
    axis.set_title(f"{task} ({number_of_seeds(table)})")
    axis.set_xlabel(rf"Environment steps ($\times 10^{exponent}$)")
    axis.set_xlim(0, steps / 10**exponent)


def in_view(values: pd.Series) -> tuple[float, float]:
    """Limits of the vertical axis: wide enough for `values`, within bounds."""
    margin = 0.05
    low = min(TYPICAL[0], max(WIDEST[0], values.min() - margin))
    return low, max(TYPICAL[1], min(WIDEST[1], values.max() + margin))


def name_what_is_out_of_view(axis: Axes, table: pd.DataFrame, limits: tuple[float, float]) -> None:
    """Write in the panel which methods are nowhere in it."""
    ends = table.groupby("method", sort=False)["mean"].agg(["min", "max"])
    for where, gone, place in (("below", ends["max"] < limits[0], 0.02), ("above", ends["min"] > limits[1], 0.9)):
        if gone.any():
            names = ", ".join(methods.label(method) for method in ends.index[gone])
            axis.text(0.02, place, f"{where}: {names}", transform=axis.transAxes, fontsize=6)


def number_of_seeds(table: pd.DataFrame) -> str:
    """How many seeds the curves of a task have, fewest to most where they differ."""
    fewest, most = table["seeds"].min(), table["seeds"].max()
    return f"{most} seed{'s' if most > 1 else ''}" if fewest == most else f"{fewest} to {most} seeds"


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
    record = finished.drawn_from(options.results, settings, groups)
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
