"""HumanoidBench's sit, crawl, pole and walk for the Unitree H1 (Sferrazza et al., 2024, arXiv 2403.10506).

Read `robot` and `scenes` for what is simulated, `rewards` for what is asked, `tasks` for the environment.
"""

from importlib import import_module
from typing import Any

import gymnasium

# Imported when asked for: the robot is built with what MuJoCo 3.1.6, which the original needs, does not have.
BACKENDS = {"mujoco": "envs.humanoid_bench.tasks", "humanoid-bench": "envs.humanoid_bench.original"}


def make(task: str, seed: int, backend: str = "mujoco", **options: Any) -> gymnasium.Env:
    """`task` is HumanoidBench's name without robot and version: 'sit_simple'.

    `backend` 'mujoco' is this package's own, 'humanoid-bench' the original. Both take `early_termination`: end the
    episode where the original does by default (off: 1000 steps whatever happens).

    Raises:
        ValueError: for an unknown backend.
        ImportError: for 'humanoid-bench' where the original is not installed.
    """
    if backend not in BACKENDS:
        raise ValueError(f"unknown backend '{backend}'; known backends: {', '.join(BACKENDS)}")
    return import_module(BACKENDS[backend]).make(task, seed=seed, **options)
