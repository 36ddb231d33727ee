"""Draw Figure 1: time-lapses of expert, SMILING and DAC on crawl and pole, bars of normalised returns with BC.

At a scale without these tasks its first two are drawn. Bars are what results.md calls the end: the mean over the last
quarter of the steps, BC's best checkpoint; means and 95 % intervals over seeds. The films are of the first seed.

Writes --out.png, .pdf, .csv (the bars) and .json. The films are in a folder of --out's name, by src/film.py.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from smiling import command, methods
from smiling.evidence import curves, films, finished
from smiling.evidence.curve_figures import figure
from smiling.evidence.figure_style import EXPERT_COLOUR, TEXT_WIDTH, colour, save, style
from smiling.experiment import ExperimentSettings, load_experiment
from smiling.runs.artefacts import named, whole, write_json
from smiling.runs.provenance import file_digest
from smiling.settings import UserError

ROW_HEIGHT = 0.85  # inches, of a time-lapse


def bars(results: Path, settings: ExperimentSettings) -> pd.DataFrame:
    """Columns task, method, mean, lower, upper of the final normalised return, and a column for each seed."""
    scores = finished.scores(results, settings, figure("figure3"))
    rows = []
    for (task, method), mine in scores.groupby(["task", "method"], sort=False):
        if task not in films.tasks_of(settings) or methods.base(method) not in (*films.FIGURE1_METHODS, "bc"):
            continue
        lower, upper = curves.bootstrap_interval(mine[["final"]].to_numpy())
        row = {"task": task, "method": method, "mean": mine["final"].mean(), "lower": lower[0], "upper": upper[0]}
        rows.append(row | {f"seed{seed}": value for seed, value in zip(mine["seed"], mine["final"], strict=True)})
    return pd.DataFrame(rows)


def film(folder: Path, task: str, actor: str) -> tuple[np.ndarray, float]:
    """Time-lapse and return of a film.

    Raises:
        UserError: naming the file that is missing.
    """
    stem = folder / f"{task}_{actor}"
    try:
        record = json.loads(named(stem, ".json").read_text())
        return plt.imread(named(stem, ".png")), record["return"]
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is missing: film it with src/film.py, or use snakemake figure1") from None


def draw(table: pd.DataFrame, settings: ExperimentSettings, folder: Path) -> Figure:
    """A block for each task: time-lapses beside bars."""
    tasks = films.tasks_of(settings)
    rows = max(len(films.actors_of(settings, task)) for task in tasks)
    image = plt.figure(figsize=(TEXT_WIDTH, (rows * ROW_HEIGHT + 0.3) * len(tasks)), layout="constrained")
    blocks = image.subfigures(len(tasks), 1, squeeze=False)[:, 0]
    for block, task in zip(blocks, tasks, strict=True):
        left, right = block.subfigures(1, 2, width_ratios=(films.MOMENTS * ROW_HEIGHT + 0.7, 1.4))
        actors = films.actors_of(settings, task)
        for axis, actor in zip(left.subplots(len(actors), 1, squeeze=False)[:, 0], actors, strict=True):
            draw_film(axis, actor, *film(folder, task, actor))
        draw_bars(right.subplots(), table[table["task"] == task])
        block.suptitle(f"{task}, {settings.named}", fontsize=9)
    return image


def draw_film(axis: Axes, actor: str, picture: np.ndarray, episode_return: float) -> None:
    """A time-lapse with its name."""
    axis.imshow(picture, interpolation="lanczos")
    axis.set_xticks([])
    axis.set_yticks([])
    axis.grid(False)
    axis.spines[:].set_visible(False)
    name = "Expert" if actor == "expert" else methods.label(actor)
    axis.set_ylabel(f"{name}\nreturn {episode_return:.0f}", rotation=0, ha="right", va="center", fontsize=7)


def draw_bars(axis: Axes, table: pd.DataFrame) -> None:
    """Normalised returns; a dot for each seed."""
    shown = tuple(methods.base(name) for name in table["method"])
    seeds = table.filter(like="seed").to_numpy()
    for place, (_, row) in enumerate(table.iterrows()):
        style_of_bar: dict[str, Any] = {"color": colour(methods.base(row["method"]), shown), "width": 0.7}
        reach = [[row["mean"] - row["lower"]], [row["upper"] - row["mean"]]]
        axis.bar(place, row["mean"], yerr=reach, error_kw={"lw": 1.0}, **style_of_bar)
        axis.plot(np.full(seeds.shape[1], place), seeds[place], ".", color="black", ms=3, alpha=0.6)
    axis.axhline(1.0, color=EXPERT_COLOUR, linestyle="--", linewidth=1.0)
    axis.set_xticks(range(len(table)), [methods.label(name) for name in table["method"]], rotation=30, ha="right")
    axis.grid(False, axis="x")
    axis.set_ylabel("Normalised return")


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--results", type=Path, required=True, help="results folder of the experiment")
    options = flags.parse_args()
    settings = load_experiment(options.scale, options.assignments)
    groups = finished.shown(options.results, settings, figure("figure3"))
    table, record = bars(options.results, settings), finished.drawn_from(options.results, settings, groups)
    with style():
        image = draw(table, settings, options.out)
        save(image, options.out)
    with whole(named(options.out, ".csv")) as temporary:
        table.to_csv(temporary, index=False)
    filmed = {str(path): file_digest(path) for path in sorted(options.out.glob("*.json"))}
    write_json(named(options.out, ".json"), record | {"films": filmed})
    print(f"drawn: {options.out}.png and .pdf; its bars in .csv; the films in {options.out}/")
    finished.tell(record)


if __name__ == "__main__":
    command.run(main)
