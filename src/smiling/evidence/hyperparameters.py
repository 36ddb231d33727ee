"""Hyperparameters as runs had them, by their records, beside the paper's."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from smiling import methods
from smiling.evidence import finished
from smiling.evidence.finished import RunGroup
from smiling.experiment import ExperimentSettings, in_full

PAPER_METHODS = ("smiling", "dac", "iq_learn", "bc")
NO_HYPERPARAMETERS = ("device", "checkpoint_seconds", "overlap", "one_piece", "bits")  # no curve is better for them
MARK = "differs"
UNKNOWN = "-"
# In what the scale 'paper' is not the paper's: there the cost's estimator is as accurate, and faster.
PAPERS_OWN = ("method_settings.smiling.cost={estimator: grid, samples: 500}",)

Values = dict[tuple[str, str], dict[str, Any]]  # by part and setting: by task


def parts(settings: dict[str, Any], method: str) -> dict[str, dict[str, Any]]:
    """A run's settings by the part of the suite that they belong to: its method, its solver, the training."""
    nested = {name: value for name, value in settings.items() if isinstance(value, dict)}
    single = {name: value for name, value in settings.items() if not isinstance(value, dict)}
    training = {name: value for name, value in nested.pop("training", {}).items() if name not in NO_HYPERPARAMETERS}
    own = {**single, **nested.pop("method", {})}
    return {method: own, **nested, **({"training": training} if training else {})}


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as 'a.b': value."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found


def summary(by_task: dict[str, Any]) -> str:
    """One value, or each value with the tasks that have it."""
    tasks_of: dict[str, list[str]] = {}
    for task, value in by_task.items():
        tasks_of.setdefault(json.dumps(value).strip('"'), []).append(task)
    if len(tasks_of) == 1:
        return next(iter(tasks_of))
    return "; ".join(f"{value} ({', '.join(tasks)})" for value, tasks in tasks_of.items())


def papers(paper: ExperimentSettings, method: str, task: str) -> dict[str, Any] | None:
    """The settings of the paper's run; None if it has no such run."""
    known = methods.base(method) in PAPER_METHODS and task in paper.tasks
    return in_full(paper.settings_of_run(method, task)) if known else None


def collected(found: Values, settings: dict[str, Any], method: str, task: str) -> None:
    """Note a run's settings."""
    for part, values in parts(settings, method).items():
        for name, value in flat(values).items():
            found.setdefault((part, name), {})[task] = value


def table(ran: Sequence[tuple[RunGroup, dict[str, Any]]], paper: ExperimentSettings) -> pd.DataFrame:
    """Columns part, setting, paper, here and '', which is marked where a task's value is not the paper's.

    `ran` are the runs with the settings of their records.
    """
    ours: Values = {}
    theirs: Values = {}
    for group, settings in ran:
        collected(ours, settings, group.method, group.task)
        if known := papers(paper, group.method, group.task):
            collected(theirs, known, group.method, group.task)
    rows = []
    for key, by_task in ours.items():
        known = theirs.get(key, {})
        differs = any(known[task] != value for task, value in by_task.items() if task in known)
        rows.append((*key, summary(known) if known else UNKNOWN, summary(by_task), MARK if differs else ""))
    return pd.DataFrame(rows, columns=["part", "setting", "paper", "here", ""])


def as_they_ran(
    results: Path, settings: ExperimentSettings, groups: Sequence[RunGroup]
) -> list[tuple[RunGroup, dict[str, Any]]]:
    """Runs, each method on each task, with the settings of their records, which are alike.

    Raises:
        UserError: naming a run that is missing, or not the one that is asked for.
    """
    records = [finished.records(results, settings, group)[0] for group in groups]
    return [(group, record.get("settings") or {}) for group, record in zip(groups, records, strict=True)]
