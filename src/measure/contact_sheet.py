"""Draw every figure in cases that are hard on it, and all of them on one sheet to look at.

Numbers are invented. Writes --out/KIND/CASE.png for each case, --out/KIND.png with all cases of a kind of figure, and
prints what is wrong with any that can be told without looking: text outside of it, or too small in print.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts that draw

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

import draw_curves
import draw_figure1
import summarise
from smiling import command
from smiling.evidence import films, paper_claims, statistics, summaries, verdicts
from smiling.evidence.claims import Curves
from smiling.evidence.curve_figures import FIGURES
from smiling.evidence.figure_style import SMALLEST, TEXT_WIDTH, style
from smiling.experiment import load_experiment
from smiling.runs.artefacts import whole

TASKS = paper_claims.TASKS
METHODS = (
    *("smiling", "dac", "iq_learn", "bc", "smiling-linear", "dac-linear", "diffail", "sqil", "dac-airl"),
    *("dac-fairl", "bc-squared_error", "iq_learn-v0_0.001"),
)
STEPS = np.arange(0, 400_001, 20_000)
RETURNS = ("plain", "negative", "huge", "equal", "not normalised")
COUNTS = ((1, 2, 6), (1, 4, 9, 12), (1, 5))  # of tasks, methods, seeds
DOTS = 110  # to the inch
ACROSS = 4  # thumbnails on a sheet
SLACK = 1.0  # pixels


@dataclass(frozen=True)
class Case:
    """How much is drawn, and what kind of returns."""

    tasks: int
    methods: int
    seeds: int
    returns: str

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.returns.replace(' ', '_')}_{self.tasks}tasks_{self.methods}methods_{self.seeds}seeds"


def cases() -> Iterator[Case]:
    """Plain returns in all sizes, the others in three."""
    for sizes in product(*COUNTS):
        yield Case(*sizes, "plain")
    for returns in RETURNS[1:]:
        for sizes in ((1, 1, 1), (2, 4, 5), (6, 9, 5)):
            yield Case(*sizes, returns)


def curve(case: Case, task: int, method: int) -> np.ndarray:
    """Returns of all seeds of a method on a task: (seeds, steps)."""
    random = np.random.default_rng((task, method))
    height = random.uniform(0.2, 1.1)
    rising = height * (1 - np.exp(-STEPS / random.uniform(3e4, 2e5)))
    plain = rising + random.normal(0, 0.1, (case.seeds, 1)) + random.normal(0, 0.04, (case.seeds, len(STEPS)))
    return {
        "plain": plain,
        "negative": plain - 8 * (method % 2) * STEPS / STEPS[-1] - 0.3,
        "huge": plain * float(10 ** (1 + method % 5)),
        "equal": np.full_like(plain, 0.5),
        "not normalised": 900 * plain,
    }[case.returns]


def curves_of(case: Case) -> dict[tuple[str, str], Curves]:
    """Curves by task and method."""
    found = {}
    for (place, task), (number, method) in product(enumerate(TASKS[: case.tasks]), enumerate(METHODS[: case.methods])):
        values = curve(case, place, number)
        level = method.startswith("bc")
        found[task, method] = Curves(np.zeros(1, int), values[:, -1:]) if level else Curves(STEPS, values)
    return found


def not_normalised(case: Case) -> list[str]:
    """Tasks that are not."""
    return list(TASKS[: case.tasks]) if case.returns == "not normalised" else []


def learning_curves(case: Case) -> Figure:
    """A figure of learning curves."""
    tables = []
    for (task, method), found in curves_of(case).items():
        lower, upper = statistics.mean_interval(found.values)
        columns = {"env_step": found.steps, "mean": found.values.mean(0), "lower": lower, "upper": upper}
        seeds = {f"seed{seed}": row for seed, row in enumerate(found.values)}
        tables.append(pd.DataFrame({"task": task, "method": method, **columns, "seeds": case.seeds, **seeds}))
    settings = load_experiment("paper")
    return draw_curves.draw(pd.concat(tables), settings, FIGURES["figure5"], not_normalised(case))


def scores(case: Case) -> pd.DataFrame:
    """Scores of every run."""
    tables = [
        pd.DataFrame({"task": task, "method": method, "seed": range(case.seeds), "final": found.final()})
        for (task, method), found in curves_of(case).items()
    ]
    return pd.concat(tables, ignore_index=True)


def time_lapses(case: Case) -> Figure:
    """Figure 1, with films of no task."""
    found = scores(case)
    rows = []
    for (task, method), mine in found.groupby(["task", "method"], sort=False):
        lower, upper = statistics.mean_interval(mine["final"])
        row = {"task": task, "method": method, "mean": mine["final"].mean(), "lower": lower, "upper": upper}
        rows.append(row | {f"seed{seed}": value for seed, value in enumerate(mine["final"])})
    seconds = np.linspace(0, 25, films.MOMENTS).tolist()
    picture = np.tile(np.linspace(0.3, 0.9, 240)[None, :, None], (240, films.MOMENTS, 3))
    filmed = (*films.FIGURE1_METHODS, "iq_learn")
    actors = ["expert", *(name for name in METHODS[: case.methods] if name in filmed)]
    blocks = {
        task: {actor: draw_figure1.TimeLapse(picture, seconds, 0.87) for actor in actors}
        for task in TASKS[: min(case.tasks, len(films.FIGURE1_TASKS))]
    }
    return draw_figure1.draw(pd.DataFrame(rows), blocks, "scale 'paper'", not_normalised(case))


def profiles(case: Case) -> Figure:
    """Performance profiles."""
    found = scores(case)
    shared = found[~found["task"].isin(not_normalised(case))]
    return summarise.draw_profiles(summaries.profile_table(shared), "scale 'paper'")


def improvement(case: Case) -> Figure:
    """Probabilities of improvement."""
    found = scores(case)
    shared = found[~found["task"].isin(not_normalised(case))]
    return summarise.draw_improvement(summaries.improvement_table(shared), "scale 'paper'")


def claims(case: Case) -> Figure:
    """Effects of the claims."""
    kinds = (paper_claims.STATES, paper_claims.STATE_ACTIONS)
    evidence = {(kind, task, method): found for kind in kinds for (task, method), found in curves_of(case).items()}
    found = paper_claims.examine({key: value for key, value in evidence.items() if not not_normalised(case)})
    return verdicts.draw(found, [verdict.verdict for verdict in found], "scale 'paper'")


KINDS: dict[str, Callable[[Case], Figure]] = {
    "learning_curves": learning_curves,
    "time_lapses": time_lapses,
    "profiles": profiles,
    "improvement": improvement,
    "claims": claims,
}


def faults(image: Figure) -> list[str]:
    """Text that is cut off by the figure's edge, or below 6 points where the figure is as wide as two columns."""
    image.set_dpi(DOTS)
    image.canvas.draw()
    found = []
    shrunk = min(1.0, TEXT_WIDTH / image.get_figwidth())
    for text in set(image.findobj(Text)) - _beyond_view(image):
        if not text.get_text().strip() or not text.get_visible():
            continue
        box = text.get_window_extent()
        inside = (box.x0, image.bbox.x1 - box.x1, box.y0, image.bbox.y1 - box.y1)
        if min(inside) < -SLACK:
            found.append(f"cut off: {text.get_text()!r}")
        if shrunk * float(text.get_fontsize()) < SMALLEST - 1e-6:
            found.append(f"too small: {text.get_text()!r}")
    return found


def _beyond_view(image: Figure) -> set[Text]:
    """Labels of ticks beyond the limits of their axis, and what is in axes that are not drawn: there, but not shown."""
    found: set[Text] = set()
    for axes in image.findobj(Axes):
        if not axes.get_visible():
            found |= set(axes.findobj(Text))
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
            found |= {tick.label1 for tick in ticks if not low <= tick.get_loc() <= high}
    return found


def sheet(pictures: dict[str, Path], out: Path) -> None:
    """All pictures on one, each under its name."""
    rows = math.ceil(len(pictures) / ACROSS)
    page, axes = plt.subplots(rows, ACROSS, figsize=(4.2 * ACROSS, 3.4 * rows), squeeze=False, layout="constrained")
    for axis in axes.flat:
        axis.axis("off")
    for axis, (name, path) in zip(axes.flat, pictures.items(), strict=False):
        axis.imshow(plt.imread(path))
        axis.set_title(name, fontsize=8)
    with whole(out) as temporary:
        page.savefig(temporary, dpi=DOTS)
    plt.close(page)


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--out", type=Path, default=Path("figures/contact_sheet"))
    flags.add_argument("--kind", choices=KINDS, nargs="*", default=list(KINDS), help="of figure")
    options = flags.parse_args()
    for kind in options.kind:
        pictures: dict[str, Path] = {}
        for case in cases():
            with style():
                image = KINDS[kind](case)
                for fault in faults(image):
                    print(f"{kind} {case.name}: {fault}", flush=True)
                pictures[case.name] = options.out / kind / f"{case.name}.png"
                with whole(pictures[case.name]) as temporary:
                    image.savefig(temporary, dpi=DOTS)
                plt.close(image)
        sheet(pictures, options.out / f"{kind}.png")
        print(f"drawn: {options.out / kind}.png, {len(pictures)} cases", flush=True)


if __name__ == "__main__":
    command.run(main)
