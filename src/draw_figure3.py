"""Draw Figure 3: normalised return against environment steps, a panel a task, mean and 95 % interval over seeds.

Writes --out.png, .pdf, .csv (the numbers drawn) and .json (what they come from). A run that is missing is an error.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from smiling import command, curves, experiment, methods
from smiling.artefacts import whole, write_json
from smiling.experiment import ExperimentSettings
from smiling.figure_style import EXPERT_COLOUR, PANEL_HEIGHT, TEXT_WIDTH, colour, style
from smiling.provenance import file_digest, provenance
from smiling.settings import UserError

HORIZONTAL = {"bc"}  # drawn as a line across at its best checkpoint: it takes no environment steps
COLUMNS = 3


def run_folder(results: Path, task: str, demos: str, method: str, seed: int) -> Path:
    """Where a run's artefacts are."""
    return results / task / demos / method / f"seed{seed}"


def method_table(results: Path, settings: ExperimentSettings, task: str, demos: str, method: str) -> pd.DataFrame:
    """What is drawn of a method on a task: columns env_step, mean, lower, upper, seeds, and a column for each seed."""
    seeds = settings.seeds_of(task)
    expert, random = curves.read_returns(results / task / "demonstrations", settings.expert.must_beat_random)
    runs = [curves.read_curve(run_folder(results, task, demos, method, seed)) for seed in seeds]
    steps, returns = curves.on_grid(runs)
    if methods.base(method) in HORIZONTAL:
        steps, returns = np.zeros(1, int), returns.max(1, keepdims=True)
    values = curves.normalise(returns, expert, random)
    lower, upper = curves.bootstrap_interval(values)
    table = pd.DataFrame({"task": task, "method": method, "env_step": steps, "mean": values.mean(0)})
    table = table.assign(lower=lower, upper=upper, seeds=len(seeds))
    return table.assign(**{f"seed{seed}": row for seed, row in zip(seeds, values, strict=True)})


def figure_table(results: Path, settings: ExperimentSettings, demos: str) -> pd.DataFrame:
    """All panels' numbers, the best of each method's variants where several ran on a task."""
    tables = []
    for task in settings.task_names():
        rivals: dict[str, list[pd.DataFrame]] = {}
        for method in settings.methods:
            table = method_table(results, settings, task, demos, method)
            rivals.setdefault(group(method), []).append(table)
        tables += [variants[0] if len(variants) == 1 else max(variants, key=final_mean) for variants in rivals.values()]
    return pd.concat(tables, ignore_index=True)


def group(method: str) -> str:
    """Methods of one group compete, and the best is drawn: IQ-Learn's configurations, as in the paper."""
    return methods.base(method) if methods.base(method) == "iq_learn" else method


def final_mean(table: pd.DataFrame) -> float:
    """Mean over the last quarter of the steps."""
    return float(curves.last_quarter(table["env_step"].to_numpy(), table["mean"].to_numpy()[None])[0])


def draw(table: pd.DataFrame, settings: ExperimentSettings) -> Figure:
    """The figure."""
    tasks = settings.task_names()
    rows, columns = math.ceil(len(tasks) / COLUMNS), min(len(tasks), COLUMNS)
    width = TEXT_WIDTH * max(columns, 2) / COLUMNS
    figure, axes = plt.subplots(
        rows, columns, figsize=(width, PANEL_HEIGHT * rows + 0.75), squeeze=False, layout="constrained", sharey=True
    )
    for axis, task in zip(axes.flat, tasks, strict=False):
        draw_panel(axis, table[table["task"] == task], settings, task)
    for axis in axes.flat[len(tasks) :]:
        axis.set_visible(False)
    for axis in axes[:, 0]:
        axis.set_ylabel("Normalised return")
    handles: dict[str, Any] = {}
    for axis in axes.flat:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=min(len(handles), 5), frameon=False
    )
    figure.suptitle(
        f"State-only demonstrations, scale '{settings.scale}': mean and 95 % interval over seeds", fontsize=8
    )
    return figure


def draw_panel(axis: Axes, table: pd.DataFrame, settings: ExperimentSettings, task: str) -> None:
    """One task."""
    exponent = int(math.log10(settings.task(task).env_steps))
    axis.axhline(1.0, color=EXPERT_COLOUR, linestyle="--", linewidth=1.0, label=r"$\pi^e$ (expert)")
    for method, rows in table.groupby("method", sort=False):
        paint = colour(methods.base(method), tuple(methods.base(name) for name in settings.methods))
        if methods.base(method) in HORIZONTAL:
            axis.axhline(rows["mean"].item(), color=paint, linestyle=":", linewidth=1.4, label=label(method))
            continue
        steps = rows["env_step"] / 10**exponent
        axis.plot(steps, rows["mean"], color=paint, linestyle="-." if "-" in method else "-", label=label(method))
        axis.fill_between(steps, rows["lower"], rows["upper"], color=paint, alpha=0.2, linewidth=0)
    seeds = len(settings.seeds_of(task))
    axis.set_title(f"{task} ({seeds} seed{'s' if seeds > 1 else ''})")
    axis.set_xlabel(rf"Environment steps ($\times 10^{exponent}$)")
    axis.set_xlim(0, settings.task(task).env_steps / 10**exponent)
    axis.set_ylim(-0.05, 1.15)


def label(method: str) -> str:
    """The legend's name of a method; a variant says which it is."""
    variant = method.partition("-")[2].replace("_", " ")
    return methods.load(method).label + (f" ({variant})" if variant else "")


def sources(results: Path, settings: ExperimentSettings, demos: str) -> dict[str, str]:
    """The curves that the figure is drawn from, with their hashes."""
    folders = [
        run_folder(results, task, demos, method, seed)
        for task in settings.task_names()
        for method in settings.methods
        for seed in settings.seeds_of(task)
    ]
    return {str(folder / "curve.csv"): file_digest(folder / "curve.csv") for folder in folders}


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--results", type=Path, required=True, help="results folder of the scale")
    flags.add_argument("--demos-kind", choices=experiment.DEMONSTRATION_KINDS, default="states")
    options = flags.parse_args()
    settings = experiment.load(options.scale, options.assignments)
    table = figure_table(options.results, settings, options.demos_kind)
    if table.empty:
        raise UserError("there is nothing to draw")
    with style():
        figure = draw(table, settings)
        for suffix in (".png", ".pdf"):
            with whole(options.out.with_suffix(suffix)) as temporary:
                figure.savefig(temporary)
    with whole(options.out.with_suffix(".csv")) as temporary:
        table.to_csv(temporary, index=False)
    record = {"settings": settings.model_dump(mode="json"), "provenance": provenance()}
    write_json(
        options.out.with_suffix(".json"), record | {"runs": sources(options.results, settings, options.demos_kind)}
    )
    print(f"drawn: {options.out}.png and .pdf; its numbers in .csv, what they come from in .json")


if __name__ == "__main__":
    command.run(main)
