"""Draw what the paper's choices do: how a method's runs end by what is chosen, a panel a task.

A choice is varied at a time, the rest is the experiment's (src/smiling/evidence/ablations.py says what is tried). Shown
are each seed, mean and 95 % interval (Student's t) of the normalised return over the last quarter of the steps; the
interval of the experiment's own choices is shaded throughout.

Writes --out.png and .pdf; --out.csv, the seeds drawn; --out_effects.md, .html, .tex and .csv, how far each value ends
above the experiment's own over the tasks; --out.json, what all come from. A run that is missing is an error.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from smiling import command, methods
from smiling.evidence import ablation_effects, ablations, figure_style, finished, pages, statistics, tables
from smiling.evidence.figure_style import EXPERT_COLOUR, TEXT_WIDTH, WIDEST, colour, save, style, whole_view
from smiling.experiment import ExperimentSettings, load_experiment
from smiling.runs.artefacts import named, whole, write_json
from smiling.settings import UserError

COLUMNS = 3
LINE_HEIGHT = 0.165  # inches, of a value
LABELS_WIDTH = 1.5  # inches, of the values' names
OWN_MARKER, OTHER_MARKER = "D", "o"


def lines(scores: pd.DataFrame) -> list[str]:
    """What stands at the left from top to bottom: each choice, and the values of it."""
    found: list[str] = []
    for choice, rows in scores.groupby("choice", sort=False):
        found += [str(choice), *dict.fromkeys(rows["line"])]
    return found


def draw(scores: pd.DataFrame, settings: ExperimentSettings, not_normalised: Sequence[str]) -> Figure:
    """The figure of `ablation_effects.scores`."""
    scores = scores.assign(line=scores["choice"] + "\n" + scores["value"])  # of two choices a value may be called alike
    order, tasks = lines(scores), list(scores["task"].unique())
    columns = min(len(tasks), COLUMNS)
    rows = math.ceil(len(tasks) / columns)
    width = LABELS_WIDTH + (TEXT_WIDTH - LABELS_WIDTH) * max(columns, 2) / COLUMNS
    image, axes = plt.subplots(
        *(rows, columns),
        figsize=(width, rows * (LINE_HEIGHT * len(order) + 0.7) + 0.6),
        squeeze=False,
        layout="constrained",
        sharey=True,
    )
    for axis, task in zip(axes.flat, tasks, strict=False):
        draw_panel(axis, scores[scores["task"] == task], task, order, task not in not_normalised)
    for axis in axes.flat[len(tasks) :]:
        axis.set_visible(False)
    for axis in axes[:, 0]:
        name_lines(axis, order)
    name = methods.label(ablations.METHOD)
    figure_style.title(image, f"{name} by what is chosen, {settings.named}: mean and 95 % interval")
    return image


def draw_panel(axis: Axes, scores: pd.DataFrame, task: str, order: Sequence[str], normalised: bool) -> None:
    """One task."""
    drawn = {"data": scores, "x": "final", "y": "line", "order": order, "orient": "h", "ax": axis}
    look = {"color": colour(ablations.METHOD), "legend": False}
    seaborn.stripplot(**drawn, **look, jitter=False, size=3, alpha=0.5)
    for own, marker in ((True, OWN_MARKER), (False, OTHER_MARKER)):
        mine = drawn | {"data": scores[scores["own"] == own]}
        seaborn.pointplot(
            **mine, **look, errorbar=statistics.mean_interval, linestyle="none", markers=marker, ms=4, err_kws={"lw": 1}
        )
    own_seeds = scores[scores["own"]].drop_duplicates("seed")["final"]
    lower, upper = statistics.mean_interval(own_seeds.to_numpy())
    axis.axvspan(float(lower), float(upper), color=EXPERT_COLOUR, alpha=0.07, linewidth=0)
    if normalised:
        axis.axvline(1.0, color=EXPERT_COLOUR, linestyle="--", linewidth=0.8)
    axis.set_xlim(view(scores, normalised))
    counts = scores.groupby("line")["seed"].nunique()
    axis.set_title(f"{figure_style.task_label(task)} ({figure_style.seeds_label(counts.min(), counts.max())})")
    axis.set_xlabel("Normalised return at the end" if normalised else "Return at the end")
    axis.set_ylabel("")


def view(scores: pd.DataFrame, normalised: bool) -> tuple[float, float]:
    """Limits that hold seeds and intervals; of normalised returns the expert too, and not much more than typical."""
    ends = [statistics.mean_interval(rows.to_numpy()) for _, rows in scores.groupby("line")["final"]]
    shown = pd.concat([scores["final"], pd.Series(np.ravel(ends)).dropna()])
    if not normalised:
        return whole_view(shown)
    return whole_view(pd.concat([shown.clip(*WIDEST), scores["final"], pd.Series([1.0])]))


def name_lines(axis: Axes, order: Sequence[str]) -> None:
    """At the left of a row of panels: choices in bold, and below each its values."""
    axis.set_yticks(range(len(order)), [line.partition("\n")[2] or line for line in order])
    axis.set_ylim(len(order) - 0.5, -0.5)
    for line, text in zip(order, axis.get_yticklabels(), strict=True):
        text.set_fontweight("normal" if "\n" in line else "bold")


def caption(settings: ExperimentSettings, effects: pd.DataFrame, left_out: Sequence[str]) -> str:
    """What the table of effects shows."""
    most, fewest = effects["tasks"].max(), effects["seeds"].min()
    over = (
        f"{pages.counted(most, 'task')}, at least {pages.counted(fewest, 'seed')} each" if len(effects) else "no task"
    )
    missing = f" No runs of: {', '.join(left_out)}." if left_out else ""
    return (
        f"How far runs of {methods.label(ablations.METHOD)} end above those with the experiment's own choices, "
        f"{settings.named}: normalised return over the last quarter of the steps, mean over {over}, 95 % interval "
        f"(Welch), two-sided p by permutation within tasks after Holm.{missing}"
    )


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--results", type=Path, required=True, help="results folder of the experiment")
    options = flags.parse_args()
    settings = load_experiment(options.scale, options.assignments)
    groups = finished.to_show(options.results, settings, ablations.planned(settings))
    scores = ablation_effects.scores(options.results, settings, groups)
    if not scores["own"].any():
        raise UserError(f"{options.results} has no finished run of {ablations.METHOD} as it is set, to compare with")
    record = finished.drawn_from(__file__, options.results, settings, groups)
    tasks = [task for task in settings.task_names() if task not in record["not_normalised"]]
    effects = ablation_effects.effects(scores, tasks)
    with style():
        save(draw(scores, settings, record["not_normalised"]), options.out)
    with whole(named(options.out, ".csv")) as temporary:
        scores.to_csv(temporary, index=False)
    words = caption(settings, effects, ablation_effects.left_out(scores, settings))
    tables.write(effects, named(options.out, "_effects"), words)
    write_json(named(options.out, ".json"), record)
    print(named(options.out, "_effects.md").read_text(), end="")
    finished.tell(record)


if __name__ == "__main__":
    command.run(main)
