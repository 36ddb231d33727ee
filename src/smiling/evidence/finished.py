"""Finished runs of an experiment: where they are, and their normalised curves and scores."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from smiling import methods
from smiling.evidence import curves
from smiling.evidence.curve_figures import CurveFigure
from smiling.experiment import ExperimentSettings
from smiling.runs.provenance import file_digest
from smiling.settings import UserError


@dataclass(frozen=True)
class RunGroup:
    """Runs of one method on one task from one kind of demonstrations: its seeds."""

    task: str
    demos: str
    method: str
    seeds: tuple[int, ...]

    def folders(self, results: Path) -> list[Path]:
        """Where the artefacts of each seed are."""
        return [results / self.task / self.demos / self.method / f"seed{seed}" for seed in self.seeds]

    def finished(self, results: Path) -> "RunGroup":
        """Those that have finished."""
        done = zip(self.seeds, self.folders(results), strict=True)
        return replace(self, seeds=tuple(seed for seed, folder in done if (folder / "curve.csv").exists()))


def planned(settings: ExperimentSettings, drawn: CurveFigure) -> list[RunGroup]:
    """All runs of a figure."""
    return [
        RunGroup(task, drawn.demos_of(method), method, settings.seeds_of(task))
        for task in drawn.tasks_of(settings)
        for method in drawn.methods_of(settings)
    ]


def shown(results: Path, settings: ExperimentSettings, drawn: CurveFigure) -> list[RunGroup]:
    """The runs of a figure that it is drawn from: all, or where seeds may be missing those that have finished.

    Raises:
        UserError: if that is none.
    """
    groups = planned(settings, drawn)
    if settings.allow_missing_seeds:
        groups = [group for group in (each.finished(results) for each in groups) if group.seeds]
    if not groups:
        raise UserError(f"{results} has no finished run to show")
    return groups


def normalised(results: Path, settings: ExperimentSettings, group: RunGroup) -> tuple[np.ndarray, np.ndarray]:
    """Steps (n,) and normalised returns (seeds, n); of a method that takes no steps, its best checkpoint.

    Raises:
        UserError: naming a run that is missing or whose curve is damaged.
    """
    expert, random = curves.read_returns(results / group.task / "demonstrations", settings.expert.must_beat_random)
    steps, returns = curves.on_grid([curves.read_curve(folder) for folder in group.folders(results)])
    if not methods.load(group.method).takes_steps:
        steps, returns = np.zeros(1, int), returns.max(1, keepdims=True)
    return steps, curves.normalise(returns, expert, random)


def scores(results: Path, settings: ExperimentSettings, drawn: CurveFigure) -> pd.DataFrame:
    """A row for each run: columns task, method, seed, final and area.

    `final` is the mean normalised return over the last quarter of the steps, `area` the area under the normalised curve
    over its steps; of a method that takes no steps both are its best checkpoint's.
    """
    rows = []
    for group in shown(results, settings, drawn):
        steps, values = normalised(results, settings, group)
        if len(steps) == 1:
            final = area = values[:, 0]
        else:
            final = curves.last_quarter(steps, values)
            area = np.trapezoid(values, steps) / (steps[-1] - steps[0])
        for seed, *score in zip(group.seeds, final, area, strict=True):
            rows.append((group.task, group.method, seed, *score))
    return pd.DataFrame(rows, columns=["task", "method", "seed", "final", "area"])


def sources(results: Path, groups: Sequence[RunGroup]) -> dict[str, str]:
    """Curves of `groups`, each with its digest."""
    files = [folder / "curve.csv" for group in groups for folder in group.folders(results)]
    return {str(file): file_digest(file) for file in files}
