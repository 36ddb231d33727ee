"""Print a table of an experiment's runs: done, running, stopped or waiting; steps, return, time left, attempts, node.

Steps and returns of unfinished runs are those of their last evaluation. What cannot be read is damaged, and said below.
"""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from smiling import command
from smiling.evidence import ablations, curves, finished
from smiling.evidence.curve_figures import FIGURES
from smiling.experiment import ExperimentSettings, load_experiment
from smiling.runs.contract import read_record
from smiling.runs.folder import PROGRESS, attempts
from smiling.runs.locks import is_held
from smiling.runs.progress import duration
from smiling.settings import UserError

COLUMNS = ("task", "from", "method", "seed", "state", "steps", "steps/s", "return", "left", "attempts", "node")
LOG_WIDTH = 120  # where there is no terminal


def stages(results: Path, settings: ExperimentSettings) -> dict[tuple[str, str, str, str], Path]:
    """Folders of all runs, by task, kind of demonstrations, method and seed; experts first, ablations last."""
    found = {
        (task, "", "expert", str(settings.expert.seed)): results / task / "expert"
        for task in settings.task_names()
        if not settings.task(task).demonstrations
    }
    planned = [group for drawn in FIGURES.values() for group in finished.planned(settings, drawn)]
    for group in planned + [group for group in ablations.planned(settings) if begun(results, group)]:
        for seed, folder in zip(group.seeds, group.folders(results), strict=True):
            found[group.task, group.demos.replace("_", " "), group.method, str(seed)] = folder
    return found


def begun(results: Path, group: finished.RunGroup) -> bool:
    """Whether anything was asked for of the group: what `all` does not make is shown only then."""
    return any(folder.exists() for folder in group.folders(results))


def state(folder: Path) -> tuple[str, ...]:
    """The columns of a run from its state on; how often it was begun, and where last, are not said of what waits.

    Raises:
        UserError: if it has finished, but its curve or record is missing or damaged.
    """
    if (folder / "curve.csv").exists():
        curve = curves.read_curve(folder)
        record = read_record(folder / "run.json")
        rate = record.get("steps_per_second")
        steps, value = curve["env_step"].iloc[-1], curve["return"].iloc[-1]
        told = f"{steps}", "" if rate is None else f"{rate:.0f}", f"{value:.1f}", ""
        return "done", *told, *tried(record.get("attempts"))
    running, where = is_held(folder), tried(attempts(folder))
    if not (folder / PROGRESS).exists():
        return "running" if running else "stopped" if where[0] else "waiting", "", "", "", "", *where
    progress = json.loads((folder / PROGRESS).read_text())
    rate = progress["steps"] / progress["seconds"]
    left = duration((progress["total"] - progress["steps"]) / rate) if rate else ""
    steps = f"{progress['steps']} of {progress['total']}"
    return "running" if running else "stopped", steps, f"{rate:.0f}", f"{progress['return']:.1f}", left, *where


def tried(made: Any) -> tuple[str, str]:
    """The number of attempts, and the node of the last with its batch job; nothing where none is told."""
    if not made:
        return "", ""
    job = f" (job {made[-1]['job']})" if made[-1].get("job") else ""
    return str(len(made)), f"{made[-1]['node']}{job}"


def rows(results: Path, settings: ExperimentSettings) -> tuple[list[tuple[str, ...]], list[str]]:
    """The table, seeds of one method that all wait in one row; a sentence on each run that is damaged."""
    table: list[tuple[str, ...]] = []
    damaged: list[str] = []
    for (*name, seed), folder in stages(results, settings).items():
        try:
            row = (*name, seed, *state(folder))
        except UserError as error:
            damaged.append(str(error))
            row = (*name, seed, "damaged", *[""] * (len(COLUMNS) - len(name) - 2))
        waits_too = table and row[4] == "waiting" and (*table[-1][:3], table[-1][4]) == (*name, "waiting")
        if waits_too:
            row = (*name, f"{table.pop()[3]}, {seed}", *row[4:])
        table.append(row)
    return table, damaged


def main() -> None:
    flags = command.parser(__doc__, writes=False)
    flags.add_argument("--results", type=Path, help="results folder of the experiment (default: results/EXPERIMENT)")
    options = flags.parse_args()
    settings = load_experiment(options.scale, options.assignments)
    found, damaged = rows(options.results or Path("results", settings.experiment), settings)
    table = Table(*COLUMNS, box=None, pad_edge=False, title=settings.named, title_justify="left")
    for row in found:
        table.add_row(*row)
    console = Console()
    if not console.is_terminal:
        console = Console(width=LOG_WIDTH)
    console.print(table)
    done = sum(row[4] == "done" for row in found)
    waiting = sum(len(row[3].split(",")) for row in found if row[4] == "waiting")
    others = len(found) - done - len(damaged) - sum(row[4] == "waiting" for row in found)
    console.print(f"{done} done, {others} begun, {waiting} waiting")
    for sentence in damaged:
        print(f"note: {sentence}")


if __name__ == "__main__":
    command.run(main)
