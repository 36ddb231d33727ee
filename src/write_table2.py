"""Table 2: hyperparameters of SMILING and DAC, and of what trains with them, as they are set here and in the paper.

Writes --out.md, .tex and .csv. A value that is not the paper's is marked.
"""

import json
from typing import Any

import pandas as pd

from smiling import command
from smiling.evidence import tables
from smiling.experiment import ExperimentSettings, load_experiment
from smiling.runs.artefacts import named

METHODS = ("smiling", "dac")
NO_HYPERPARAMETERS = ("device", "checkpoint_seconds", "overlap", "one_piece")  # curves do not depend on them
MARK = "differs"
# In what the scale 'paper' is not the paper's: there the cost's estimator is as accurate, and faster.
PAPERS_OWN = ("method_settings.smiling.cost={estimator: grid, samples: 500}",)


def parts(settings: ExperimentSettings, task: str) -> dict[str, dict[str, Any]]:
    """Settings by the part of the suite that they belong to, as plain values."""
    solver = settings.task(task).solver
    found = {method: settings.of_method(method, task).model_dump(mode="json") for method in METHODS}
    return found | {solver: settings.of_solver(task).model_dump(mode="json"), "training": _training(settings)}


def _training(settings: ExperimentSettings) -> dict[str, Any]:
    values = settings.training.model_dump(mode="json")
    return {name: value for name, value in values.items() if name not in NO_HYPERPARAMETERS}


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


def hyperparameters(here: ExperimentSettings, paper: ExperimentSettings) -> pd.DataFrame:
    """Columns part, setting, paper, here and '', which is marked where a task's value is not the paper's."""
    ours: dict[tuple[str, str], dict[str, Any]] = {}
    theirs: dict[tuple[str, str], dict[str, Any]] = {}
    for task in here.task_names():
        for settings, collected in ((here, ours), (paper, theirs)):
            for part, values in parts(settings, task).items():
                for name, value in flat(values).items():
                    collected.setdefault((part, name), {})[task] = value
    rows = []
    for key, by_task in ours.items():
        differs = MARK if theirs.get(key) != by_task else ""
        rows.append((*key, summary(theirs[key]) if key in theirs else "-", summary(by_task), differs))
    return pd.DataFrame(rows, columns=["part", "setting", "paper", "here", ""])


def main() -> None:
    flags = command.parser(__doc__)
    options = flags.parse_args()
    settings, paper = load_experiment(options.scale, options.assignments), load_experiment("paper", PAPERS_OWN)
    table = hyperparameters(settings, paper)
    caption = f"Hyperparameters at {settings.named} and in the paper (its Table 2, appendix C and code)."
    tables.write(table, options.out, caption)
    print(named(options.out, ".md").read_text(), end="")


if __name__ == "__main__":
    command.run(main)
