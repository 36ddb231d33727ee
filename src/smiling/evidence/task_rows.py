"""The tasks: sizes as the environments have them, returns of expert and random policy as measured."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

import envs
from smiling.evidence import curves, verification
from smiling.experiment import ExperimentSettings

SOLVERS = {"sac": "SAC", "dreamer": "DreamerV3"}


def spread(returns: Sequence[float]) -> float:
    """Standard deviation over episodes; nan of a single one."""
    return float(np.std(returns, ddof=1)) if len(returns) > 1 else float("nan")


def row(task: str, settings: ExperimentSettings, demonstrations: Path) -> dict[str, object]:
    """What the table says of a task."""
    state, action = envs.sizes(task)
    curves.read_returns(demonstrations, must_beat_random=False)  # refuses a folder that lacks them
    returns = verification.check_returns(demonstrations, settings, task)
    shown = returns["demonstrations"] or []  # none where they have no rewards
    expert, chance = returns.get("expert_episodes", shown), returns["random_episodes"]
    return {
        "task": task,
        "environment": envs.environment_of(task),
        "solver": SOLVERS[settings.task(task).solver],
        "observation": state,
        "action": action,
        "episode": envs.time_limit(task),
        "env steps": settings.task(task).env_steps,
        "expert return": float("nan") if returns["expert_return"] is None else returns["expert_return"],
        "expert spread": spread(expert),
        "random return": returns["random_return"],
        "random spread": spread(chance),
        "demonstrations": len(returns.get("lengths") or shown),
        "demonstrated return": float(np.mean(shown)) if shown else float("nan"),
    }
