"""Draw what a step of training is spent on, and what accuracy of Eq. 4 costs, from the measurements of both.

Writes --out.png and .pdf.
"""

from pathlib import Path

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from smiling import command, methods
from smiling.evidence.figure_style import COLOURS, SPARE_COLOURS, TEXT_WIDTH, save, style

SHOWN_TASK = "cheetah_run"  # of every scale
SHOWN_SCALES = ("quick", "paper")
LEARNERS = ("expert", "smiling", "dac", "iq_learn")
GROUPS = {  # of the measured parts
    "environment": ("environment", "action"),
    "batch": ("batch",),
    "critics": ("critics", "targets"),
    "actor": ("actor",),
    "update in one piece": ("in one piece",),
    "learned reward": ("reward update", "reward"),
}
GROUP_COLOURS = dict(zip(GROUPS, ("#BBBBBB", "#E5D8BD", *SPARE_COLOURS[:3], COLOURS["smiling"]), strict=True))
FLOOR = 4e-3  # of the errors' axis: leaves room for its legend
TASK_MARKERS = {"ball_in_cup_catch": "o", "cheetah_run": "s", "humanoid_walk": "^"}
ESTIMATOR_COLOURS = {"grid": COLOURS["dac"], "tiled": COLOURS["bc"], "stein": COLOURS["smiling"]}


def draw_steps(axes: Axes, table: pd.DataFrame, scale: str) -> None:
    """Bars of a seed's step, by what it is spent on."""
    rows = table[(table["scale"] == scale) & (table["task"] == SHOWN_TASK)].set_index(["learner", "seeds"])
    bars = [(learner, seeds) for learner in LEARNERS for seeds in (1, 5) if (learner, seeds) in rows.index]
    left = pd.Series(0.0, index=range(len(bars)))
    for group, parts in GROUPS.items():
        here = [part for part in parts if part in rows]
        width = rows.loc[bars, here].sum(axis=1).set_axis(left.index)
        axes.barh(left.index, width, left=left, height=0.7, color=GROUP_COLOURS[group], label=group)
        left += width
    axes.set_yticks(left.index, [bar_label(*bar) for bar in bars])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_title(f"{SHOWN_TASK}, {scale}")
    axes.set_xlabel("ms for a seed's step")


def bar_label(learner: str, seeds: int) -> str:
    """Who learns, and how many seeds in one process."""
    name = "SAC" if learner == "expert" else methods.label(learner)
    return f"{name}, {seeds} seeds" if seeds > 1 else name


def draw_costs(axes: Axes, costs: pd.DataFrame) -> None:
    """Error against time of the estimators of Eq. 4."""
    for (estimator, task), rows in costs.groupby(["estimator", "task"], sort=False):
        look = {"color": ESTIMATOR_COLOURS[estimator], "marker": TASK_MARKERS[task], "markersize": 3.5, "linewidth": 1}
        axes.loglog(rows["microseconds"], rows["rmse"] / rows["spread"], **look)
    for estimator, shade in ESTIMATOR_COLOURS.items():
        axes.plot([], [], color=shade, label=estimator)
    for task, marker in TASK_MARKERS.items():
        axes.plot([], [], color="black", linestyle="", marker=marker, markersize=3.5, label=task)
    axes.set_ylim(bottom=FLOOR)
    axes.legend(fontsize=6, frameon=False, loc="lower left", ncols=2)
    axes.set_title("Estimators of Eq. 4")
    axes.set_xlabel("µs a state")
    axes.set_ylabel("rmse / spread of the cost")


def draw(table: pd.DataFrame, costs: pd.DataFrame) -> Figure:
    """The figure."""
    drawn, axes = plt.subplots(1, 3, figsize=(TEXT_WIDTH, 2.6), layout="constrained")
    for panel, scale in zip(axes, SHOWN_SCALES, strict=False):
        draw_steps(panel, table, scale)
    axes[1].set_yticklabels([])
    draw_costs(axes[2], costs)
    handles, labels = axes[0].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside lower left", ncols=len(labels), frameon=False, fontsize=7)
    return drawn


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--throughput", type=Path, required=True, help="the csv of src/measure/throughput.py")
    flags.add_argument("--costs", type=Path, required=True, help="the csv of src/measure/cost.py")
    options = flags.parse_args()
    with style():
        drawn = draw(pd.read_csv(options.throughput), pd.read_csv(options.costs))
        save(drawn, options.out)


if __name__ == "__main__":
    command.run(main)
