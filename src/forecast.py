"""Say what a figure's runs would take on this machine: hours and disk, from measurements of its steps.

Experts and runs of --figure at the scale, seeds together as the settings have it. Times are sums over processes of one
core each (or of the GPU's, where the measurements are a GPU's); evaluations are included.
"""

import json
from pathlib import Path

import pandas as pd

import envs
from smiling import command, methods
from smiling.evidence import finished
from smiling.evidence.curve_figures import FIGURES, figure
from smiling.experiment import ExperimentSettings, load_experiment
from smiling.settings import UserError

HOUR = 3_600_000  # milliseconds
BYTES = 4  # of a float32


def measurements(path: Path, scale: str) -> pd.DataFrame:
    """The measurements' rows of a scale.

    Raises:
        UserError: if they are not there.
    """
    try:
        table = pd.read_csv(path)
    except FileNotFoundError:
        raise UserError(f"{path} is missing: measure first, by 'snakemake --cores all throughput'") from None
    if scale not in set(table["scale"]):
        raise UserError(f"{path} has no measurement of scale '{scale}': delete it and measure anew")
    return table[table["scale"] == scale]


def step_milliseconds(table: pd.DataFrame, task: str, learner: str, seeds: int) -> float | None:
    """Of one seed's step, by the measurement with the nearest number of seeds together; None if there is none."""
    rows = table[(table["task"] == task) & (table["learner"] == methods.base(learner))]
    if rows.empty:
        return None
    return float(rows.loc[(rows["seeds"] - seeds).abs().idxmin(), "step"])


def evaluation_milliseconds(table: pd.DataFrame, settings: ExperimentSettings, task: str, steps: int) -> float:
    """Of all evaluations in a run of `steps`: whole episodes, simulation and actions."""
    row = table[(table["task"] == task) & (table["seeds"] == 1)].iloc[0]
    episodes = settings.training.evaluation_episodes * (steps // settings.training.evaluate_every + 1)
    return episodes * envs.EPISODE_STEPS * float(row["environment"] + row["action"])


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
            step = step_milliseconds(table, task, learner, together)
            hours = None
            if step is not None:
                hours = (steps * step + evaluation_milliseconds(table, settings, task, steps)) / HOUR
            total = None if hours is None else hours * seeds
            rows.append((task, learner, seeds, steps, step, hours, total))
    columns = ["task", "learner", "runs", "steps", "ms a step", "hours a run", "hours"]
    return pd.DataFrame(rows, columns=columns)


def disk_gigabytes(settings: ExperimentSettings, name: str) -> tuple[float, float]:
    """What the largest running job's checkpoint takes (its replay, mainly), and what all demonstrations leave."""
    largest, left = 0.0, 0.0
    for task in figure(name).tasks_of(settings):
        state, action = envs.sizes(task)
        capacity = settings.of_solver(task).replay_capacity
        steps = min(max(settings.task(task).env_steps, settings.task(task).expert_steps), capacity)
        largest = max(largest, BYTES * steps * (state + action + 1) * settings.seeds_together / 1e9)
        left += 2 * BYTES * settings.expert.trajectories * envs.EPISODE_STEPS * (2 * state + action + 1) / 1e9
    return largest, left


def main() -> None:
    flags = command.parser(__doc__, writes=False)
    flags.add_argument("--throughput", type=Path, required=True, help="the csv of src/measure/throughput.py")
    flags.add_argument("--figure", default="figure3", help=f"{', '.join(FIGURES)} (default: figure3)")
    flags.add_argument("--cores", type=int, default=1, help="jobs side by side")
    options = flags.parse_args()
    settings = load_experiment(options.scale, options.assignments)
    table = forecast(settings, measurements(options.throughput, settings.scale), options.figure)
    machine = json.loads(options.throughput.with_suffix(".json").read_text())
    device = machine["settings"][settings.scale]["training"]["device"]
    print(
        f"{options.figure} at scale '{settings.scale}', measured on {machine['provenance']['hardware']['processor']}:\n"
    )
    print(table.to_markdown(index=False, floatfmt=".3g"))
    hours = table["hours"].sum()
    unit = "GPU-hours" if device == "cuda" else "core-hours"
    print(f"\n{hours:.3g} {unit}; {hours / options.cores:.3g} hours with {options.cores} jobs side by side")
    unknown = table[table["hours"].isna()]["learner"].unique()
    if len(unknown):
        print(f"not measured and left out: {', '.join(unknown)}")
    largest, left = disk_gigabytes(settings, options.figure)
    print(f"disk: {left:.3g} GB of demonstrations, up to {largest:.3g} GB of checkpoint for each job that runs")


if __name__ == "__main__":
    command.run(main)
