"""Table 1: the tasks, their sizes as the environments have them, and returns of expert and random policy as measured.

Writes --out.md, .html, .tex and .csv.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import envs
from smiling import command
from smiling.evidence import curves, finished, tables, verification
from smiling.experiment import ExperimentSettings, load_experiment
from smiling.runs.artefacts import named, write_json
from smiling.runs.provenance import file_digest

SOLVERS = {"sac": "SAC", "dreamer": "DreamerV3"}


def spread(returns: Sequence[float]) -> float:
    """Standard deviation over episodes; nan of a single one."""
    return float(np.std(returns, ddof=1)) if len(returns) > 1 else float("nan")


def task_row(task: str, settings: ExperimentSettings, demonstrations: Path) -> dict[str, object]:
    """What the table says of a task."""
    state, action = envs.sizes(task)
    curves.read_returns(demonstrations, must_beat_random=False)  # refuses a folder that lacks them
    returns = verification.check_returns(demonstrations, settings, task)
    shown = returns["demonstrations"]
    expert, chance = returns.get("expert_episodes", shown), returns["random_episodes"]
    return {
        "task": task,
        "solver": SOLVERS[settings.task(task).solver],
        "observation": state,
        "action": action,
        "env steps": settings.task(task).env_steps,
        "expert return": returns["expert_return"],
        "expert spread": spread(expert),
        "random return": returns["random_return"],
        "random spread": spread(chance),
        "demonstrations": len(shown),
        "demonstrated return": sum(shown) / len(shown),
    }


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--results", type=Path, required=True, help="results folder of the experiment")
    options = flags.parse_args()
    settings = load_experiment(options.scale, options.assignments)
    folders = {task: options.results / task / "demonstrations" for task in settings.task_names()}
    rows = [task_row(task, settings, folder) for task, folder in folders.items()]
    caption = (
        f"Tasks at {settings.named}. Returns are means over episodes, spreads their standard deviations: expert by "
        "mean actions on SAC; of demonstrations of one's own, over these."
    )
    tables.write(pd.DataFrame(rows), options.out, caption)
    returns = {str(path): file_digest(path) for path in (folder / "returns.json" for folder in folders.values())}
    write_json(named(options.out, ".json"), finished.drawn_by(__file__, settings) | {"returns": returns})
    print(named(options.out, ".md").read_text(), end="")


if __name__ == "__main__":
    command.run(main)
