"""Finished runs of an experiment: where they are, and their normalised curves and scores."""

from pathlib import Path

import numpy as np
import pandas as pd

from smiling import curves, methods
from smiling.curve_figures import CurveFigure
from smiling.experiment import ExperimentSettings


def run_folder(results: Path, task: str, demos: str, method: str, seed: int) -> Path:
    """Where a run's artefacts are."""
    return results / task / demos / method / f"seed{seed}"


def folders(results: Path, settings: ExperimentSettings, drawn: CurveFigure) -> list[Path]:
    """Folders of all runs of a figure."""
    return [
        run_folder(results, task, drawn.demos_of(method), method, seed)
        for task in drawn.tasks_of(settings)
        for method in drawn.methods_of(settings)
        for seed in settings.seeds_of(task)
    ]


def normalised(
    results: Path, settings: ExperimentSettings, task: str, demos: str, method: str
) -> tuple[np.ndarray, np.ndarray]:
    """Steps (n,) and normalised returns (seeds, n) of a method; of one that takes no steps, its best checkpoint.

    Raises:
        UserError: naming a run that is missing or whose curve is damaged.
    """
    expert, random = curves.read_returns(results / task / "demonstrations", settings.expert.must_beat_random)
    runs = [curves.read_curve(run_folder(results, task, demos, method, seed)) for seed in settings.seeds_of(task)]
    steps, returns = curves.on_grid(runs)
    if not methods.load(method).takes_steps:
        steps, returns = np.zeros(1, int), returns.max(1, keepdims=True)
    return steps, curves.normalise(returns, expert, random)


def scores(results: Path, settings: ExperimentSettings, drawn: CurveFigure) -> pd.DataFrame:
    """A row for each run: columns task, method, seed, final and area.

    `final` is the mean normalised return over the last quarter of the steps, `area` the area under the normalised curve
    over its steps; of a method that takes no steps both are its best checkpoint's.
    """
    rows = []
    for task in drawn.tasks_of(settings):
        for method in drawn.methods_of(settings):
            steps, values = normalised(results, settings, task, drawn.demos_of(method), method)
            if len(steps) == 1:
                final = area = values[:, 0]
            else:
                final = curves.last_quarter(steps, values)
                area = np.trapezoid(values, steps) / (steps[-1] - steps[0])
            for seed, *score in zip(settings.seeds_of(task), final, area, strict=True):
                rows.append((task, method, seed, *score))
    return pd.DataFrame(rows, columns=["task", "method", "seed", "final", "area"])
