"""The leaderboard: methods in the order of their scores, with the ties that the intervals demand."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from smiling import methods
from smiling.evidence import finished, statistics, summaries
from smiling.evidence.figure_style import task_label
from smiling.evidence.finished import RunGroup
from smiling.evidence.statistics import Scores
from smiling.experiment import ExperimentSettings
from smiling.runs import demonstration_kinds
from smiling.runs.contract import read_record

OVER_TASKS = "all tasks"  # in the place of a task's name: those that all methods share
SHOWN = (
    *("place", "task", "method", "sees", "at the end", "area under the curve", "return at the end"),
    *("time of a step", "seeds at the end"),
)
TOLD = (
    "Normalised returns: the expert is 1, uniform random actions 0. The end is the last quarter of the steps; a method "
    "that learns without the environment has its best checkpoint. A place is a range where the 95 % interval of the "
    "difference of two means at the end, each pair's alone, holds 0. Intervals are Student's t. No method sees the "
    "task's or the demonstrations' rewards. The time of a step of one seed is in those of the expert's plain SAC where "
    "the records tell both on one kind of machine; seeds that were trained together share their process's time. It is "
    "the processor's, or of records without it wall time, which tells little of a machine that did other work beside."
)


def places(values: Mapping[str, Scores]) -> dict[str, tuple[int, int]]:
    """The best and the worst place that each method may have: others count as better or worse where an interval says.

    With n methods the best place is 1 plus those whose mean is above by `difference_interval`, the worst n less those
    whose mean is below. Without an interval (one seed) all places are possible.
    """
    found = {}
    for mine, its in values.items():
        bounds = [statistics.difference_interval(other, its) for name, other in values.items() if name != mine]
        better, worse = sum(low > 0 for low, _ in bounds), sum(high < 0 for _, high in bounds)
        found[mine] = (1 + better, len(values) - worse)
    return found


def step_seconds(records: Sequence[Mapping[str, Any]]) -> list[float]:
    """Seconds of one seed's step of each run, from its record: the processor's if all tell it, else of wall time.

    nan where a record does not tell its rate.
    """
    of_processor = all(record.get("processor_seconds") and record.get("wall_seconds") for record in records)
    return [
        _wall_seconds(record) * (record["processor_seconds"] / record["wall_seconds"] if of_processor else 1)
        for record in records
    ]


def _wall_seconds(record: Mapping[str, Any]) -> float:
    """Of one seed's step."""
    rate = record.get("steps_per_second") or np.nan
    return 1 / (rate * len(record.get("seeds") or [0])) if rate > 0 else np.nan


def step_time(results: Path, settings: ExperimentSettings, group: RunGroup) -> float:
    """The mean time of a step of a group's runs, in those of the task's expert; nan where the records do not tell.

    That is: for a method that takes no steps, where the expert is not there or is none of SAC's, or on another machine.
    """
    expert = results / group.task / "expert" / "run.json"
    if not (methods.load(group.method).takes_steps and settings.task(group.task).solver == "sac" and expert.exists()):
        return np.nan
    plain, runs = read_record(expert), finished.records(results, settings, group)
    machines = {str((record.get("provenance") or {}).get("hardware")) for record in (plain, *runs)}
    if len(machines) > 1:
        return np.nan
    of_plain, *of_runs = step_seconds([plain, *runs])
    return float(np.mean(of_runs) / of_plain)


def sees(method: str, demos: str) -> str:
    """What a method learns from, of demonstrations of a kind."""
    of_actions = methods.load(method).sees_actions or demonstration_kinds.parse(demos).with_actions
    return "states, actions" if of_actions else "states"


def table(
    results: Path,
    settings: ExperimentSettings,
    groups: Sequence[RunGroup],
    scores: pd.DataFrame,
    not_normalised: Sequence[str],
) -> pd.DataFrame:
    """Rows of each task, and over tasks where several are shared, the best mean at the end first.

    `scores` are those of `groups` (`finished.scores_of`). Columns: task, method, best_place, worst_place, sees,
    normalised; final_mean and area_mean, each with its _lower and _upper; return_mean, at the end; step_time; seeds, as
    text.
    """
    shared = summaries.shared_tasks(scores, not_normalised)
    parts = [(task, scores[scores["task"] == task]) for task in scores["task"].unique()]
    if len(shared) > 1:
        parts.insert(0, (OVER_TASKS, scores[scores["task"].isin(shared)]))
    times = {(group.task, group.method): step_time(results, settings, group) for group in groups}
    demos = {group.method: group.demos for group in groups}
    rows = []
    for task, of_task in parts:
        its = of_task["method"].unique()
        ranked = places({method: summaries.of_method(of_task, method) for method in its})
        found = []
        for method in its:
            mine = of_task[of_task["method"] == method]
            best, worst = ranked[method]
            spent = [times[each, method] for each in mine["task"].unique()]
            named = {"task": task, "method": method, "best_place": best, "worst_place": worst}
            seen = {"sees": sees(method, demos[method]), "normalised": task not in not_normalised}
            ends = "; ".join(_seeds(rows) for _, rows in mine.groupby("task", sort=False))
            means = summaries.mean_of(mine, method, "final") | summaries.mean_of(mine, method, "area")
            returns = {"return_mean": np.nan if task == OVER_TASKS else mine["final_return"].mean()}
            found.append({**named, **seen, **means, **returns, "step_time": np.mean(spent), "seeds": ends})
        rows += sorted(found, key=lambda row: -row["final_mean"])
    return pd.DataFrame(rows)


def _seeds(rows: pd.DataFrame) -> str:
    return ", ".join(f"{value:.2f}" for value in rows["final"])


def to_read(board: pd.DataFrame) -> pd.DataFrame:
    """`table` for people, under `SHOWN`."""
    rows = []
    for _, row in board.iterrows():
        best, worst = row["best_place"], row["worst_place"]
        place = str(best) if best == worst else f"{best} to {worst}"
        task = row["task"] if row["task"] == OVER_TASKS else task_label(row["task"])
        named = task if row["normalised"] else f"{task} (not normalised)"
        bounds = [summaries.bounded(row, name) for name in ("final_mean", "area_mean")]
        time = "-" if np.isnan(row["step_time"]) else f"{row['step_time']:.2f}"
        returned = "-" if np.isnan(row["return_mean"]) else f"{row['return_mean']:.4g}"
        rows.append((place, named, methods.label(row["method"]), row["sees"], *bounds, returned, time, row["seeds"]))
    return pd.DataFrame(rows, columns=list(SHOWN))
