"""What an experiment has to say, as tables for a document: how runs ended, claims, what they took, what was tried."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from smiling import methods
from smiling.evidence import curves, finished, hyperparameters, measured_tables, statistics, summaries, verdicts
from smiling.evidence.claims import Answer, Key, Verdict
from smiling.evidence.curve_figures import FIGURES
from smiling.evidence.figure_style import task_label
from smiling.evidence.finished import RunGroup
from smiling.evidence.forecast import forecast
from smiling.experiment import ExperimentSettings, in_full
from smiling.runs.contract import ReturnsRecord, read_record
from smiling.runs.provenance import file_digest
from smiling.settings import UserError

HOUR = 3600  # seconds
SEEN = {"states": "", "state_actions": ", actions shown"}  # by the kind of demonstrations
# How long a try is, how it is watched, and what no curve depends on.
NOT_TRIED = (
    *("env_steps", "training.evaluate_every", "training.evaluation_episodes"),
    *(f"training.{name}" for name in hyperparameters.NO_HYPERPARAMETERS),
)

OF_A_TRY = ("task", "method", "settings", "demonstrations")  # what its runs have in common


def ends(results: Path, settings: ExperimentSettings, groups: Sequence[RunGroup]) -> pd.DataFrame:
    """Of each method on each task the mean over seeds of the last quarter, normalised where it can be, with its
    interval; below, the returns that are 1 and 0.
    """
    not_normalised = finished.without_scale(results, settings, _tasks(groups))
    named = {task: task_label(task) + " (not normalised)" * (task in not_normalised) for task in _tasks(groups)}
    rows: dict[str, dict[str, str]] = {}
    for group in groups:
        scores = finished.scores_of(results, settings, [group])
        end = pd.Series(summaries.mean_of(scores, group.method, "final"))
        rows.setdefault(_label(group), {})[named[group.task]] = summaries.bounded(end, "final_mean")
    scales = {task: finished.scale(results, settings, task) for task in _tasks(groups)}
    rows["*expert's return, random's*"] = {
        named[task]: f"{'unknown' if scale.expert is None else f'{scale.expert:.0f}'}, {scale.random:.0f}"
        for task, scale in scales.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index").fillna("")
    return table.rename_axis("mean of the last quarter, 95 % interval").reset_index()


def claims(found: Sequence[Verdict], seed_hours: Mapping[Key, float]) -> pd.DataFrame:
    """What is left of each claim on the tasks at hand: a row for each part, and what would show what was found.

    `seed_hours` are core-hours of a seed of each method on each task, nan where they are not known.
    """
    rows = []
    for verdict in (each.at_hand for each in found):
        first = {"claim": f"{verdict.number}. {verdict.claim}", "at this scale": verdicts.on_tasks(verdict)}
        parts = [_part(verdict, place, seed_hours) for place in range(len(verdict.answers))]
        rows += [first | parts[0], *parts[1:]] if parts else [first]
    return pd.DataFrame(rows).fillna("")


def _part(verdict: Verdict, place: int, seed_hours: Mapping[Key, float]) -> dict[str, str]:
    answer = verdict.answers[place]
    return {
        "part": answer.part.what,
        "difference, 95 % interval": verdicts.in_words(answer),
        "found": verdicts.finding(verdict, place),
        "to see it, four times of five": "; ".join(filter(None, [_price(answer, seed_hours), _tasks_short(answer)])),
    }


def _tasks_short(answer: Answer) -> str:
    """Why a difference above zero does not hold by more seeds alone."""
    return verdicts.tasks_short(answer) if answer.effect and answer.effect.value > 0 else ""


def _price(answer: Answer, seed_hours: Mapping[Key, float]) -> str:
    """Seeds that would see a difference of the size that was found, and core-hours of those that there are not yet."""
    if answer.effect is None:
        return ""
    if any(map(np.isnan, answer.spreads)):
        return statistics.NO_INTERVAL
    now, needed = min(answer.effect.seeds), answer.seeds_needed
    if needed is None:
        return f"more than {statistics.MOST_SEEDS} seeds"
    if needed <= now:
        return f"{now} seeds are enough"
    hours = (needed - now) * sum(seed_hours[key] for task in answer.scores for key in set(answer.part.keys[task]))
    return f"{needed} seeds" + ("" if np.isnan(hours) else f", {hours:.1f} core-hours more")


def seed_hours(results: Path, settings: ExperimentSettings, groups: Sequence[RunGroup]) -> dict[Key, float]:
    """Core-hours of one seed of each group, by demonstrations, task and method."""
    return {
        (group.demos, group.task, group.method): _hours(results, settings, group) / len(group.seeds) for group in groups
    }


def _hours(results: Path, settings: ExperimentSettings, group: RunGroup) -> float:
    """Of the processor, of all seeds; the record of one that was trained beside others tells of all of them."""
    records = finished.records(results, settings, group)
    return sum(record.get("processor_seconds", np.nan) / len(record.get("seeds") or [0]) for record in records) / HOUR


def hours(
    results: Path, settings: ExperimentSettings, groups: Sequence[RunGroup], measured: pd.DataFrame | None
) -> pd.DataFrame:
    """Core-hours of each task's expert and methods, as their records tell, and as forecast from steps `measured`."""
    told = {} if measured is None else _forecast_hours(settings, measured)
    rows: list[tuple[str, str, float, float]] = []
    for task in _tasks(groups):
        seconds = read_record(results / task / "expert" / "run.json").get("processor_seconds", np.nan)
        rows.append((task_label(task), "expert", told.get(("states", task, "expert"), np.nan), seconds / HOUR))
        for group in (each for each in groups if each.task == task):
            forecast_hours = told.get((group.demos, task, group.method), np.nan)
            rows.append((task_label(task), _label(group), forecast_hours, _hours(results, settings, group)))
    table = pd.DataFrame(rows, columns=["task", "run", "forecast", "took"])
    total = table.dropna()[["forecast", "took"]].sum()
    table.loc[len(table)] = ["all", "that was forecast", *total]
    table["took / forecast"] = table["took"] / table["forecast"]
    return table.map(lambda cell: cell if isinstance(cell, str) else "-" if np.isnan(cell) else f"{cell:.2f}")


def _forecast_hours(settings: ExperimentSettings, measured: pd.DataFrame) -> dict[Key, float]:
    found = {}
    for name, drawn in FIGURES.items():
        for row in forecast(settings, measured, name).to_dict("records"):
            kind = "states" if row["learner"] == "expert" else drawn.demos_of(row["learner"])
            found[kind, row["task"], row["learner"]] = np.nan if row["hours"] is None else float(row["hours"])
    return found


def tries(folder: Path, results: Path, settings: ExperimentSettings) -> pd.DataFrame:
    """Runs that settings were chosen by, each try in a folder of its name: what it has otherwise than the experiment in
    `results`, whether it learnt from its demonstrations, and the returns at its end. Above those of a method on a task
    the experiment's own runs, as far as the longest of them goes.

    Raises:
        UserError: if there is none, or one holds runs that are no try of one thing.
    """
    folders = sorted(each for each in folder.iterdir() if each.is_dir())
    if not folders:
        raise UserError(f"{folder} holds no folder of a try")
    tried = pd.DataFrame([_try(each, results, settings) for each in folders])
    tried = tried.sort_values(["task", "method", "demonstrations"], kind="stable")
    rows = []
    for (task, method), those in tried.groupby(["task", "method"], sort=False):
        rows += _own_until(results, settings, str(task), str(method), int(those["steps"].max()))
        rows += those.to_dict("records")
    table = pd.DataFrame(rows)
    return table.assign(task=table["task"].map(task_label), method=table["method"].map(methods.label)).astype(str)


def _try(folder: Path, results: Path, settings: ExperimentSettings) -> dict[str, Any]:
    runs = curves.runs_below(folder)
    records = [_read_try(run) for run in runs]
    record = records[0]
    for run, other in zip(runs, records, strict=True):
        for name in OF_A_TRY:
            if other[name] != record[name]:
                raise UserError(f"{run / 'run.json'}: its {name} are not those of {runs[0].name}, but a try is of one")
    returns = read_record(results / record["task"] / "demonstrations" / "returns.json", ReturnsRecord)
    return {
        "task": record["task"],
        "method": record["method"],
        "demonstrations": "these" if record["demonstrations"] == returns["digest"] else "others",
        "set otherwise": _otherwise(record, settings),
        **_ended(runs),
    }


def _read_try(run: Path) -> dict[str, Any]:
    path = run / "run.json"
    record = read_record(path)
    if absent := [name for name in OF_A_TRY if name not in record]:
        raise UserError(f"{path} does not say its {absent[0]}: it is no run of this suite; take it away")
    if record.get("curve") != file_digest(run / "curve.csv"):
        raise UserError(f"{path} is not of the curve.csv beside it: take that run away, or make it anew")
    return record


def _own_until(results: Path, settings: ExperimentSettings, task: str, method: str, steps: int) -> list[dict[str, Any]]:
    """A row of the experiment's own runs, if there are such, up to `steps`."""
    folders = [results / task / "states" / method / f"seed{seed}" for seed in settings.seeds_of(task)]
    runs = [folder for folder in folders if (folder / "curve.csv").exists()]
    named = {"task": task, "method": method, "demonstrations": "these", "set otherwise": "nothing: the figure's seeds"}
    return [{**named, **_ended(runs, steps)}] if runs else []


def _ended(runs: Sequence[Path], until: float = np.inf) -> dict[str, Any]:
    """How runs ended, or where they were at the step `until`."""
    steps, values = curves.on_grid([curves.read_curve(run) for run in runs])
    steps, values = steps[steps <= until], values[:, steps <= until]
    at_the_end = curves.last_quarter(steps, values)
    return {
        "steps": steps[-1],
        "mean return, last quarter": f"{at_the_end.mean():.0f}",
        "each seed": ", ".join(f"{end:.0f}" for end in at_the_end),
    }


def _otherwise(record: Mapping[str, Any], settings: ExperimentSettings) -> str:
    """Settings of a run that the experiment's run of its method has otherwise."""
    asked = hyperparameters.flat(in_full(settings.settings_of_run(record["method"], record["task"])))
    ran = hyperparameters.flat(record["settings"])
    told = [f"`{name}` {ran[name]}" for name in sorted(ran) if name not in NOT_TRIED and ran[name] != asked.get(name)]
    return ", ".join(told) or "nothing"


def fits(folder: Path, results: Path) -> pd.DataFrame:
    """What measure/expert_fit.py wrote of the demonstrations in `results`, a file for each task: the expert's score
    model, on what it is fitted to / on what is held out.

    Raises:
        UserError: if there is none, or one is of something else.
    """
    columns = {"all times": "", "the first tenth, least noise": ", little noise"}
    shown_and_held_out = [f"{states}{of}" for of in columns.values() for states in ("demonstrations", "held out")]
    measured = measured_tables.read(folder, "expert_fit", ["task", "passes"], shown_and_held_out, results)
    shown = {
        name: _side_by_side(measured[f"demonstrations{of}"], measured[f"held out{of}"]) for name, of in columns.items()
    }
    table = measured.assign(task=measured["task"].map(task_label), **shown).pivot(index="passes", columns="task")[
        [*shown]
    ]
    if table.isna().any(axis=None):
        raise UserError(f"{folder}: its files are of other numbers of passes; measure all of them by one program")
    table.columns = [f"{task}, {times}" for times, task in table.columns]
    return table[sorted(table)].rename_axis("passes, error on what is shown / held out").reset_index().astype(str)


def policy_rewards(folder: Path, results: Path) -> pd.DataFrame:
    """What measure/policy_rewards.py wrote of the demonstrations in `results`, a file for each task: policies from the
    lowest return to the highest, and each method's reward of them.

    Raises:
        UserError: if there is none, or one is of something else.
    """
    keys = ["task", "policy", "actions", "method"]
    measured = measured_tables.read(folder, "policy_rewards", keys, ["return", "reward", "error"], results)
    order = [methods.label(name) for name in measured["method"].unique()]
    shares = measured["actions"].map(lambda share: "" if share == 1 else f", {share:g} of its actions")
    said = [f"{mean:+.2f} ± {error:.2f}" for mean, error in zip(measured["reward"], measured["error"], strict=True)]
    shown = {"task": measured["task"].map(task_label), "policy": measured["policy"] + shares, "said": said}
    table = measured.assign(**shown, method=measured["method"].map(methods.label))
    table = table.pivot(index=["task", "return", "policy"], columns="method", values="said")[order]
    table = table.rename_axis(columns=None).reset_index()
    return table.assign(**{"return": table["return"].map("{:.0f}".format)})


def _side_by_side(shown: pd.Series, heldout: pd.Series) -> list[str]:
    return [f"{one:.3f} / {other:.3f}" for one, other in zip(shown, heldout, strict=True)]


def _tasks(groups: Sequence[RunGroup]) -> list[str]:
    return list(dict.fromkeys(group.task for group in groups))


def _label(group: RunGroup) -> str:
    """A method, and what it sees."""
    note = "" if methods.load(group.method).takes_steps else " (best checkpoint; sees the expert's actions)"
    return f"{methods.label(group.method)}{SEEN.get(group.demos, f', from {group.demos}')}{note}"
