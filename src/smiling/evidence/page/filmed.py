"""Films that there are, each verified to be of its run's policy, inlined; and those that are not there."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from smiling.evidence import curves, films, finished
from smiling.evidence.figure_style import task_label
from smiling.experiment import ExperimentSettings


@dataclass(frozen=True)
class ShownFilm:
    """A film, whose it is, and what its episode returned beside the mean."""

    task: str
    actor: str
    source: str  # a data address
    returned: float  # as it is
    normalised: float | None  # None where the task's returns cannot be
    mean: float | None  # over seeds, at the end


def there(results: Path, settings: ExperimentSettings, folder: Path, scores: pd.DataFrame) -> list[ShownFilm]:
    """The films in `folder`.

    Raises:
        UserError: naming a film that is of another policy than the run's.
    """
    means = scores.groupby(["task", "method"])["final"].mean().to_dict()
    return [
        _film(results, settings, folder, task, actor, means)
        for task in films.tasks_of(settings)
        for actor in films.shown_actors(settings, task, folder)
        if films.is_there(folder, task, actor)
    ]


def missing(settings: ExperimentSettings, folder: Path) -> list[str]:
    """Of each task whose films, of those that are always made, are not there."""
    found = []
    for task in films.tasks_of(settings):
        actors = [actor for actor in films.actors_of(settings, task) if not films.is_there(folder, task, actor)]
        found += [f"{task_label(task)} ({', '.join(map(films.label, actors))})"] if actors else []
    return found


def _film(
    results: Path,
    settings: ExperimentSettings,
    folder: Path,
    task: str,
    actor: str,
    means: Mapping[tuple[str, str], float],
) -> ShownFilm:
    stem = folder / f"{task}_{actor}"
    record = films.recorded(stem, task, films.policy_file(results, settings, task, actor))
    scale = finished.scale(results, settings, task)
    can = scale.is_one()
    video = base64.b64encode(films.part(stem, ".webm").read_bytes()).decode()
    return ShownFilm(
        task_label(task),
        films.label(actor),
        f"data:video/webm;base64,{video}",
        record["return"],
        float(curves.normalise(np.array(record["return"]), *scale)) if can else None,
        (1.0 if can else scale.expert) if actor == "expert" else means.get((task, actor)),
    )
