"""Draw Figure 1: time-lapses of expert, SMILING and DAC on crawl and pole, and every method's normalised return.

At a scale without these tasks its first two are drawn. Another method's film is shown if there is one in the folder
of films. Bars are what results.md calls the end: the mean over the last quarter of the steps, BC's best checkpoint;
means and 95 % intervals over seeds, a point for each seed. A film is one episode of the first seed: beside it stand
that episode's return and the mean.

Writes --out.png, .pdf, .csv (the bars) and .json. The films are in a folder of --out's name, by src/film.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import seaborn
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from smiling import command, methods
from smiling.evidence import curves, figure_style, films, finished, statistics
from smiling.evidence.curve_figures import figure
from smiling.evidence.figure_style import EXPERT_COLOUR, SMALLEST, TEXT_WIDTH, colour, save, style, task_label
from smiling.experiment import ExperimentSettings, load_experiment
from smiling.runs.artefacts import named, whole, write_json
from smiling.runs.provenance import file_digest

ROW_HEIGHT = 0.85  # inches, of a time-lapse


@dataclass(frozen=True)
class TimeLapse:
    """A time-lapse (height, width, 3), when its frames are, and its episode's return on the scale of the bars."""

    picture: np.ndarray
    seconds: Sequence[float]
    episode_return: float


def bars(results: Path, settings: ExperimentSettings) -> pd.DataFrame:
    """Columns task, method, return_mean; mean, lower, upper of the final normalised return, and each seed's."""
    scores = finished.scores(results, settings, figure("figure3"))
    rows = []
    for (task, method), mine in scores[scores["task"].isin(films.tasks_of(settings))].groupby(
        ["task", "method"], sort=False
    ):
        lower, upper = statistics.mean_interval(mine["final"])
        row = {"task": task, "method": method, "mean": mine["final"].mean(), "lower": lower, "upper": upper}
        row |= {"return_mean": mine["final_return"].mean()}
        rows.append(row | {f"seed{seed}": value for seed, value in zip(mine["seed"], mine["final"], strict=True)})
    return pd.DataFrame(rows)


def time_lapse(stem: Path, task: str, policy: Path, expert: float | None, random: float) -> TimeLapse:
    """What was filmed of a policy on a task, with the returns by which it is normalised.

    Raises:
        UserError: naming the file that is missing, was written by an older version, or is of another policy or task.
    """
    record = films.recorded(stem, task, policy)
    episode = float(curves.normalise(np.array(record["return"]), expert, random))
    return TimeLapse(plt.imread(films.part(stem, ".png")), record["seconds"], episode)


Block = dict[str, TimeLapse]  # by actor


def filmed(results: Path, settings: ExperimentSettings, task: str, folder: Path) -> Block:
    """What was filmed on a task, in `folder`."""
    returns = finished.scale(results, settings, task)
    actors = {
        actor: films.policy_file(results, settings, task, actor) for actor in films.shown_actors(settings, task, folder)
    }
    return {actor: time_lapse(folder / f"{task}_{actor}", task, policy, *returns) for actor, policy in actors.items()}


def draw(table: pd.DataFrame, blocks: dict[str, Block], name: str, not_normalised: Sequence[str] = ()) -> Figure:
    """A block for each task: time-lapses beside bars."""
    height = sum(max(2, len(block)) * ROW_HEIGHT + 0.35 for block in blocks.values())
    image = plt.figure(figsize=(TEXT_WIDTH, height), layout="constrained")
    ratios = [max(2, len(block)) for block in blocks.values()]
    parts = image.subfigures(len(blocks), 1, squeeze=False, height_ratios=ratios)[:, 0]
    for part, (task, block) in zip(parts, blocks.items(), strict=True):
        left, right = part.subfigures(1, 2, width_ratios=(films.MOMENTS * ROW_HEIGHT + 0.2, 1.9))
        mine = table[table["task"] == task].set_index("method")
        for axis, (actor, shown) in zip(left.subplots(len(block), 1, squeeze=False)[:, 0], block.items(), strict=True):
            mean = 1.0 if actor == "expert" and task not in not_normalised else mine["mean"].get(actor)
            draw_film(axis, actor, shown, mean)
        draw_bars(right.subplots(), mine.reset_index(), task not in not_normalised)
        part.suptitle(figure_style.wrapped(f"{task_label(task)}, {name}", TEXT_WIDTH, 8), fontsize=8)
    return image


def draw_film(axis: Axes, actor: str, shown: TimeLapse, mean: float | None) -> None:
    """A time-lapse with its name, times and returns."""
    axis.imshow(shown.picture, interpolation="lanczos")
    axis.set_yticks([])
    axis.grid(False)
    axis.spines[:].set_visible(False)
    wide = shown.picture.shape[1] / len(shown.seconds)
    middles = [(place + 0.5) * wide for place in range(len(shown.seconds))]
    axis.set_xticks(middles, [f"{second:.3g} s" for second in shown.seconds], fontsize=SMALLEST)
    axis.tick_params(length=0, pad=1)
    told = f"{films.label(actor)}\nepisode {shown.episode_return:.2f}" + ("" if mean is None else f"\nmean {mean:.2f}")
    axis.set_ylabel(told, rotation=0, ha="right", va="center", fontsize=SMALLEST)


def draw_bars(axis: Axes, table: pd.DataFrame, normalised: bool) -> None:
    """Returns at the end; a point for each seed."""
    columns = [name for name in table if str(name).removeprefix("seed").isdigit()]
    seeds = table.melt("method", columns, value_name="return").dropna()
    names = list(table["method"])
    drawn: dict[str, Any] = {"data": seeds, "x": "method", "y": "return", "order": names, "hue": "method", "ax": axis}
    drawn |= {"hue_order": names, "legend": False}
    paints = {name: colour(name) for name in names}
    look: dict[str, Any] = {"errorbar": statistics.mean_interval, "err_kws": {"linewidth": 1.0}, "saturation": 1}
    seaborn.barplot(**drawn, palette=paints, **look)
    seaborn.stripplot(**drawn, palette=dict.fromkeys(names, "black"), size=2.2, alpha=0.6, jitter=False)
    if normalised:
        axis.axhline(1.0, color=EXPERT_COLOUR, linestyle="--", linewidth=1.0)
    axis.set_xticks(range(len(names)), [methods.label(name) for name in names], rotation=40, ha="right")
    axis.tick_params(labelsize=SMALLEST)
    axis.grid(False, axis="x")
    axis.set_xlabel("")
    axis.set_ylabel("Normalised return" if normalised else "Return", fontsize=SMALLEST + 1)
    most = int(table[columns].notna().sum(axis=1).max())
    if most == 1:
        axis.set_title(statistics.NO_INTERVAL, fontsize=SMALLEST)


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--results", type=Path, required=True, help="results folder of the experiment")
    options = flags.parse_args()
    settings = load_experiment(options.scale, options.assignments)
    films.require(settings)
    groups = finished.shown(options.results, settings, figure("figure3"))
    table, record = bars(options.results, settings), finished.drawn_from(__file__, options.results, settings, groups)
    blocks = {task: filmed(options.results, settings, task, options.out) for task in films.tasks_of(settings)}
    with style():
        save(draw(table, blocks, settings.named, record["not_normalised"]), options.out)
    with whole(named(options.out, ".csv")) as temporary:
        table.to_csv(temporary, index=False)
    shown = {str(path): file_digest(path) for path in sorted(options.out.glob("*.json"))}
    left_out = films.left_out(settings)
    write_json(named(options.out, ".json"), record | {"films": shown, "left_out": left_out})
    print(f"drawn: {options.out}.png and .pdf; its bars in .csv; the films in {options.out}/")
    for why in left_out:
        print(f"note: left out, {why}")
    finished.tell(record)


if __name__ == "__main__":
    command.run(main)
