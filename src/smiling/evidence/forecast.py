"""What a figure's runs would take: hours and disk, from measurements of steps (src/measure/throughput.py)."""

import contextlib
import heapq
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

import envs
from smiling import methods
from smiling.evidence import finished
from smiling.evidence.curve_figures import figure
from smiling.experiment import ExperimentSettings
from smiling.runs.provenance import ROOT
from smiling.settings import UserError

REFERENCE = ROOT / "results" / "reference" / "throughput"  # measurements that come with the suite
HOUR = 3_600_000  # milliseconds
PARTS = ("environment", "action", "batch", "in one piece", "actor", "targets", "critics")  # of a step on a GPU
OF_REWARD = ("reward update", "reward")  # and of a learned reward beside it
COLUMNS = ("scale", "task", "learner", "seeds", "step", "environment", "action")  # of the measurements
BYTES = 4  # of a float32
FEWER = (
    "fewer by --config seeds=0,1 methods=smiling,dac only_tasks=TASK, or a smaller target (snakemake --cores 1 help)"
)


def measurements(path: Path, settings: ExperimentSettings) -> pd.DataFrame:
    """The measurements' rows of the settings' scale, on their device.

    Raises:
        UserError: if they are not there, or not what was written.
    """
    scale, table, device = settings.scale, _read(path), settings.training.device
    if (measured := _device_of(path, scale)) not in (None, device):
        raise UserError(f"{path} was measured on '{measured}', and training.device is '{device}': measure anew")
    if "what" in table:  # parts of steps on a GPU, at the paper's sizes
        table = _on_gpu(table, settings) if device == "cuda" else table[:0].assign(scale="")
    if missing := [name for name in COLUMNS if name not in table]:
        raise UserError(
            f"{path} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}: delete it and measure anew"
        )
    if scale not in set(table["scale"]):
        raise UserError(f"{path} has no measurement of scale '{scale}': delete it and measure anew")
    return table[table["scale"] == scale]


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path)
    except FileNotFoundError:
        raise UserError(f"{path} is missing: measure first, by 'snakemake --cores all throughput'") from None
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError):
        raise UserError(f"{path} is not a table: delete it and measure anew") from None


def _device_of(path: Path, scale: str) -> str | None:
    """By the record beside measurements; None, where that does not say it."""
    try:
        return json.loads(path.with_suffix(".json").read_text())["settings"][scale]["training"]["device"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _on_gpu(table: pd.DataFrame, settings: ExperimentSettings) -> pd.DataFrame:
    """Whole steps from the parts of `results/reference/throughput/gpu.csv`, as the settings have the update.

    A part that was not measured in the settings' precision is taken in another. DreamerV3 was measured on one task of
    HumanoidBench, whose tasks are of one size; what learns or rewards there is taken to cost, at a step, what it does
    on the costliest task of SAC, which is too much for a reward: DreamerV3 asks for a batch of them in 16 steps.
    """
    rows = table[table["one_piece"] == settings.training.one_piece]
    rows = rows.assign(other=rows["precision"] != settings.training.matrix_products).sort_values("other", kind="stable")
    rows = rows.drop_duplicates(["what", "task", "seeds"]).fillna(0.0)
    own = rows[rows["action"] > 0].rename(columns={"what": "learner"})
    own = own.assign(step=own[[part for part in PARTS if part in own]].sum(axis=1))
    rewards = rows.loc[rows["reward"] > 0, ["what", "task", *OF_REWARD]]
    dreamers = [task for task in settings.task_names() if settings.task(task).solver == "dreamer"]
    own, rewards = _spread(own, "learner", "step", dreamers), _spread(rewards, "what", "reward", dreamers)
    beside = own[own["learner"] == "expert"].drop(columns=[*OF_REWARD, "learner"]).merge(rewards, on="task")
    beside = beside.assign(learner=beside["what"], step=beside["step"] + beside[[*OF_REWARD]].sum(axis=1))
    return pd.concat([own, beside]).assign(scale="paper")[[*COLUMNS]]


def step_milliseconds(table: pd.DataFrame, task: str, learner: str, seeds: int) -> float | None:
    """Of one seed's step, by the measurement with the nearest number of seeds together; None if there is none."""
    rows = table[(table["task"] == task) & (table["learner"] == methods.base(learner))]
    if rows.empty:
        return None
    return float(rows.loc[(rows["seeds"] - seeds).abs().idxmin(), "step"])


def evaluation_milliseconds(table: pd.DataFrame, settings: ExperimentSettings, task: str, steps: int) -> float:
    """Of all evaluations in a run of `steps`: whole episodes as long as they may be, simulation and actions."""
    row = table[(table["task"] == task) & (table["seeds"] == 1)].iloc[0]
    training = settings.of_training(task)
    episodes = training.evaluation_episodes * (steps // training.evaluate_every + 1)
    return episodes * envs.time_limit(task) * float(row["environment"] + row["action"])


def run_hours(
    table: pd.DataFrame, settings: ExperimentSettings, learner: str, task: str, together: int
) -> float | None:
    """Of one run (or, 'expert', of an expert's training), by itself or with others of its kind `together`.

    None if that was not measured.
    """
    step = step_milliseconds(table, task, learner, together)
    if step is None:
        return None
    steps = settings.task(task).expert_steps if learner == "expert" else settings.env_steps(learner, task)
    return (steps * step + evaluation_milliseconds(table, settings, task, steps)) / HOUR


def _spread(rows: pd.DataFrame, what: str, cost: str, tasks: Sequence[str]) -> pd.DataFrame:
    """With rows of `tasks`: those of one of them, or else the costliest of each learner or reward on any task."""
    there = rows[rows["task"].isin(tasks)]
    others = rows[~rows["task"].isin(tasks)]
    costliest = others[~others[what].isin(there[what])].sort_values(cost)
    costliest = costliest.drop_duplicates([what, "seeds"] if "seeds" in rows else what, keep="last")
    return pd.concat([others, *(pd.concat([there, costliest]).assign(task=task) for task in tasks)])


def measured_hours(
    settings: ExperimentSettings, learner: str, task: str, together: int, measured: Sequence[Path]
) -> float | None:
    """`run_hours` by the first of the files that knows the scale on the settings' device; None, if none does."""
    known = first_measured(settings, measured)
    return None if known is None else run_hours(known[1], settings, learner, task, together)


def forecast(settings: ExperimentSettings, table: pd.DataFrame, name: str) -> pd.DataFrame:
    """A row for each expert and each method on each task: runs, steps, hours of one run and of all."""
    drawn, rows = figure(name), []
    for task in drawn.tasks_of(settings):
        planned = [("expert", settings.task(task).expert_steps, 1, 1)]
        for group in finished.planned(settings, drawn):
            if group.task == task and methods.load(group.method).takes_steps:
                together = settings.seeds_together if settings.trains_together(group.method, task) else 1
                seeds = len(group.seeds)
                planned.append((group.method, settings.env_steps(group.method, task), seeds, min(together, seeds)))
        for learner, steps, seeds, together in planned:
            hours = run_hours(table, settings, learner, task, together)
            step = step_milliseconds(table, task, learner, together)
            rows.append((task, learner, seeds, steps, step, hours, None if hours is None else hours * seeds))
    columns = ["task", "learner", "runs", "steps", "ms a step", "hours a run", "hours"]
    return pd.DataFrame(rows, columns=columns)


@dataclass(frozen=True)
class Plan:
    """Jobs of a figure with their hours, each task's expert before its runs."""

    experts: dict[str, float]
    runs: dict[str, list[float]]

    def hours(self) -> float:
        """Of all jobs."""
        return sum(self.experts.values()) + sum(map(sum, self.runs.values()))

    def longest_chain(self) -> float:
        """Hours from the first to the last job however many nodes there are."""
        return max((hours + max(self.runs[task], default=0.0) for task, hours in self.experts.items()), default=0.0)

    def hours_on(self, nodes: int) -> float:
        """Until all is done where `nodes` jobs run at a time: whenever one is free, the longest job that may begin."""
        waiting = sorted((hours, task, True) for task, hours in self.experts.items())
        running: list[tuple[float, str, bool]] = []
        now = 0.0
        while waiting or running:
            while waiting and len(running) < nodes:
                hours, task, is_expert = waiting.pop()
                heapq.heappush(running, (now + hours, task, is_expert))
            now, task, was_expert = heapq.heappop(running)
            if was_expert:
                waiting = sorted([*waiting, *((hours, task, False) for hours in self.runs[task])])
        return now


def plan(settings: ExperimentSettings, table: pd.DataFrame) -> Plan:
    """The jobs of a `forecast`; what was not measured is left out."""
    measured = table[table["hours"].notna()]
    experts = dict.fromkeys(measured["task"], 0.0)
    runs: dict[str, list[float]] = {task: [] for task in experts}
    for row in measured.to_dict("records"):
        task, learner, hours = row["task"], row["learner"], row["hours a run"]
        if learner == "expert":
            experts[task] = hours
            continue
        together = settings.seeds_together if settings.trains_together(learner, task) else 1
        firsts = range(0, row["runs"], together)
        runs[task] += [hours * min(together, row["runs"] - first) for first in firsts]
    return Plan(experts, runs)


def first_measured(settings: ExperimentSettings, measured: Sequence[Path]) -> tuple[Path, pd.DataFrame] | None:
    """The first of the files that knows the scale on the settings' device, with its `measurements`, if one does."""
    for path in measured:
        with contextlib.suppress(UserError):
            return path, measurements(path, settings)
    return None


def announcement(
    settings: ExperimentSettings, jobs: Sequence[tuple[str, str, int]], cores: int, measured: Sequence[Path]
) -> str:
    """A sentence on what is about to be made: `jobs` are learner ('expert' or a method), task and number of seeds.

    Its minutes are from the first of the `measured` files that knows the scale; none, if none does.
    """
    experts = sum(learner == "expert" for learner, *_ in jobs)
    runs = sum(seeds for learner, _, seeds in jobs if learner != "expert")
    counted = ((experts, "expert"), (runs, "run"))
    what = " and ".join(_counted(count, name) for count, name in counted if count)
    time = _time(_job_hours(settings, jobs, measured), cores)
    return f"{settings.named}: {what} to make beyond what is there{time}; {FEWER}"


def _counted(count: int, name: str) -> str:
    return f"{count} {name}{'s' * (count != 1)}"


def _time(hours: dict[str, float | None], cores: int) -> str:
    """What is said of the hours by learner: those that are known, and whose are not."""
    known = [each for each in hours.values() if each is not None]
    if not known:
        return ""
    uncounted = ", ".join(learner for learner, each in hours.items() if each is None)
    minutes = max(1, round(60 * sum(known) / cores))
    left_out = f" (not counted: {uncounted})" if uncounted else ""
    return f", about {_counted(minutes, 'minute')} on {_counted(cores, 'core')}{left_out}"


def _job_hours(
    settings: ExperimentSettings, jobs: Sequence[tuple[str, str, int]], measured: Sequence[Path]
) -> dict[str, float | None]:
    """Of all jobs of each learner, by the first of the files that knows the scale; None where that was not measured."""
    known, hours = first_measured(settings, measured), dict[str, float | None]()
    if known is None:
        return hours
    for learner, task, seeds in jobs:
        each, before = run_hours(known[1], settings, learner, task, seeds), hours.get(learner, 0.0)
        hours[learner] = None if each is None or before is None else before + seeds * each
    return hours


def checkpoint_gigabytes(settings: ExperimentSettings, task: str, seeds: int) -> float:
    """Of a job on `task` that trains `seeds` side by side: its replay, mainly."""
    state, action = envs.sizes(task)
    capacity = settings.of_solver(task).replay_capacity
    steps = min(max(settings.task(task).env_steps, settings.task(task).expert_steps), capacity)
    return BYTES * steps * (state + action + 1) * seeds / 1e9


def disk_gigabytes(settings: ExperimentSettings, name: str) -> tuple[float, float]:
    """What the largest running job's checkpoint takes, and what all demonstrations leave."""
    largest, left = 0.0, 0.0
    for task in figure(name).tasks_of(settings):
        state, action = envs.sizes(task)
        largest = max(largest, checkpoint_gigabytes(settings, task, settings.seeds_together))
        steps = settings.expert.trajectories * envs.time_limit(task)
        left += 2 * BYTES * steps * (2 * state + action + 1) / 1e9
    return largest, left
