"""What the page draws, as plain values for its script: curves and scores of every seed, and the methods' looks."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from smiling import methods
from smiling.evidence import curves, figure_style, finished, statistics
from smiling.evidence.curve_figures import FIGURES, CurveFigure
from smiling.evidence.finished import RunGroup
from smiling.evidence.page.colours import legible
from smiling.experiment import ExperimentSettings

DIGITS = 6  # of a number, significant
LINE = 2.0  # pixels, of a mean
LIGHT, DARK = "#ffffff", "#16181d"  # the page's backgrounds, as page.css has them

Values = dict[str, Any]


def of_experiment(
    results: Path, settings: ExperimentSettings, drawn: Mapping[str, Sequence[RunGroup]], not_normalised: Sequence[str]
) -> Values:
    """Methods, tasks, and the figures of curves with the runs that are drawn in each."""
    groups = [group for found in drawn.values() for group in found]
    return {
        "methods": {name: look(name) for name in dict.fromkeys(group.method for group in groups)},
        "tasks": {
            name: scale(results, settings, name, name not in not_normalised)
            for name in dict.fromkeys(group.task for group in groups)
        },
        "figures": [figure(results, settings, name, found, not_normalised) for name, found in drawn.items()],
    }


def with_own_runs(results: Path, settings: ExperimentSettings) -> dict[str, list[RunGroup]]:
    """The runs of each figure that has any which no figure before it shows: BC's are in two."""
    found: dict[str, list[RunGroup]] = {}
    for name, drawn in FIGURES.items():
        groups = finished.there(results, settings, drawn)
        if set(groups) - {group for others in found.values() for group in others}:
            found[name] = groups
    return found


def look(method: str) -> Values:
    """A method's name, its colour on both backgrounds, and the dashes of its line: those that it has in the figures."""
    paint, dashes = figure_style.colour(method), figure_style.dash(method)
    return {
        "label": methods.label(method),
        "light": legible(paint, LIGHT),
        "dark": legible(paint, DARK),
        "dash": [LINE * float(width) for width in dashes],
        "takesSteps": methods.load(method).takes_steps,
    }


def scale(results: Path, settings: ExperimentSettings, task: str, normalised: bool) -> Values:
    """A task's name, and what its returns are normalised by."""
    expert, random = finished.scale(results, settings, task)
    label = figure_style.task_label(task)
    return {"label": label, "expert": short(expert), "random": short(random), "normalised": normalised}


def figure(
    results: Path, settings: ExperimentSettings, name: str, groups: Sequence[RunGroup], not_normalised: Sequence[str]
) -> Values:
    """A figure of curves: a panel for each task."""
    drawn: CurveFigure = FIGURES[name]
    found = [(group.task, curve(results, settings, group)) for group in groups]
    alike = [each for task, each in found if task not in not_normalised]
    panels = []
    for task in dict.fromkeys(group.task for group in groups):
        mine = [each for where, each in found if where == task]
        whole = task in not_normalised
        view = figure_style.whole_view(values_of(mine)) if whole else figure_style.in_view(values_of(alike))
        panels.append({"task": task, "view": shorts(view), "leaving": leaving(mine, view), "curves": mine})
    return {"name": name, "title": drawn.title, "panels": panels}


def curve(results: Path, settings: ExperimentSettings, group: RunGroup) -> Values:
    """Of a method on a task: every seed's normalised returns and score at the end, their means and intervals.

    `seconds` are those of each seed's run, which trained `together` with the other seeds of its process.
    """
    steps, values = finished.normalised(results, settings, group)
    records = finished.records(results, settings, group)
    ends = values[:, 0] if len(steps) == 1 else curves.last_quarter(steps, values)
    return {
        "method": group.method,
        "seeds": list(group.seeds),
        "steps": steps.tolist(),
        "values": [shorts(row) for row in values],
        **interval(values, shorts),
        "ends": shorts(ends),
        "end": interval(ends, short),
        "seconds": [short(record.get("wall_seconds")) for record in records],
        "together": max(len(record.get("seeds") or [0]) for record in records),
    }


def interval(values: np.ndarray, rounded: Any) -> Values:
    """Mean over seeds, and its 95 % interval."""
    low, high = statistics.mean_interval(values)
    return {"mean": rounded(values.mean(0)), "low": rounded(low), "high": rounded(high)}


def values_of(found: Iterable[Values]) -> pd.Series:
    """All normalised returns of curves."""
    return pd.Series([value for each in found for row in each["values"] for value in row])


def leaving(found: Sequence[Values], view: tuple[float, float]) -> list[str]:
    """Which means leave the view, and how far they go."""
    said = []
    for each in found:
        low, high = min(each["mean"]), max(each["mean"])
        ends = [f"{end:.3g}" for end, beyond in ((low, low < view[0]), (high, high > view[1])) if beyond]
        said += [f"{methods.label(each['method'])} to {' and '.join(ends)}"] if ends else []
    return said


def short(value: float | None) -> float | None:
    """`value` with as many digits as the page has; None of what is not a number, which JSON knows none of."""
    return None if value is None or not np.isfinite(value) else float(f"{value:.{DIGITS}g}")


def shorts(values: Iterable[float]) -> list[float | None]:
    """The same of several."""
    return [short(value) for value in values]
