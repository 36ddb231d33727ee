"""The control tasks as Gymnasium environments, all under one contract.

`make(name, seed)` gives an environment with flat float32 observations, actions in [-1, 1]^A and episodes of exactly
`EPISODE_STEPS` steps that end by truncation, never by termination. Nothing here knows of learning.
"""

import os
from importlib import import_module
from typing import Any

import gymnasium
from gymnasium.spaces import flatdim

EPISODE_STEPS = 1000
ROUND_STEPS = 1000  # of each environment, in which training is counted; an episode of the suite's tasks is one

# Simulation needs no OpenGL: without this, MuJoCo and dm_control load one when imported, or fail for one that is not
# there. `envs.rendering` chooses when a frame is asked for; what the user asked for is kept for it, and for
# processes that this one starts.
ASKED_OPENGL = "SMILING_MUJOCO_GL"
if os.environ.get("MUJOCO_GL", "off") != "off":
    os.environ[ASKED_OPENGL] = os.environ["MUJOCO_GL"]
os.environ["MUJOCO_GL"] = "off"

# name -> (module, that module's own name for the task). Modules are imported when a task of theirs is made.
TASKS: dict[str, tuple[str, str]] = {
    "ball_in_cup_catch": ("envs.dm_control_suite", "ball_in_cup/catch"),
    "cheetah_run": ("envs.dm_control_suite", "cheetah/run"),
    "humanoid_walk": ("envs.dm_control_suite", "humanoid/walk"),
    "humanoid_sit": ("envs.humanoid_bench", "sit_simple"),
    "humanoid_crawl": ("envs.humanoid_bench", "crawl"),
    "humanoid_pole": ("envs.humanoid_bench", "pole"),
    # HumanoidBench's h1-walk: the Unitree H1, not the humanoid of `humanoid_walk`.
    "humanoid_stroll": ("envs.humanoid_bench", "walk"),
}


class UnknownTask(ValueError):
    """A task name that is not in `TASKS`."""


def check_name(name: str) -> str:
    """`name`, if it is a task's.

    Raises:
        UnknownTask: with the list of the known names.
    """
    if name not in TASKS:
        raise UnknownTask(f"unknown task '{name}'; known tasks: {', '.join(sorted(TASKS))}")
    return name


def make(name: str, seed: int = 0, **options: Any) -> gymnasium.Env:
    """Make a task; `seed` fixes its resets until `reset(seed=...)` gives another.

    Raises:
        UnknownTask: for a name that is not in `TASKS`.
    """
    module, task = TASKS[check_name(name)]
    return import_module(module).make(task, seed=seed, **options)


def sizes(name: str) -> tuple[int, int]:
    """Sizes of a task's observation and action vectors."""
    env = make(name)
    return flatdim(env.observation_space), flatdim(env.action_space)


def time_limit(name: str) -> int | None:
    """Steps after which a task's episodes are truncated, if they are."""
    check_name(name)
    return EPISODE_STEPS
