"""The control tasks as Gymnasium environments, all under one contract.

`make(name, seed)` gives an environment with flat float32 observations and actions in [-1, 1]^A. Episodes of the
suite's tasks have exactly `EPISODE_STEPS` steps and end by truncation, never by termination; those of a user's own
(`add`) end as their environment says, after `time_limit` steps at the latest. Nothing here knows of learning.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import flatdim

EPISODE_STEPS = 1000  # of the suite's tasks
LONGEST_EPISODE = 100_000  # steps: one that is longer is taken for one without an end
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


@dataclass(frozen=True)
class Spec:
    """A task of a user's own: which environment, and how it is made (`envs.own`)."""

    env: str  # 'gymnasium:Hopper-v5', 'dm_control:acrobot/swingup', or a callable, 'my_package.tasks:make'
    kwargs: Mapping[str, Any] = field(default_factory=dict, hash=False)  # for what makes it
    time_limit: int | None = None  # steps of an episode at most; None: as the environment says itself
    absorbing: bool = False  # whether an episode that terminates goes on to an absorbing state (`envs.absorbing`)


OWN: dict[str, Spec] = {}  # name -> the task that `add` gave it


class TaskError(ValueError):
    """What is wrong with a task, in a sentence."""


class UnknownTask(TaskError):
    """A task name that is nobody's."""


class UnusableTask(TaskError):
    """A task of a user's own that cannot be made, or cannot be served."""


def add(name: str, spec: Spec) -> None:
    """Let `name` be a task of a user's own from here on.

    Raises:
        TaskError: if it is one of the suite's names, or another task has it in this process.
    """
    if name in TASKS:
        raise TaskError(f"'{name}' is a task of the suite's own: give yours another name")
    if OWN.setdefault(name, spec) != spec:
        raise TaskError(
            f"there is another task '{name}' already, of '{OWN[name].env}', by other settings (env, kwargs, time_limit "
            "or absorbing): give this one another name, or begin a new process"
        )


def check_name(name: str) -> str:
    """`name`, if it is a task's.

    Raises:
        UnknownTask: with the list of the known names.
    """
    if name not in TASKS and name not in OWN:
        raise UnknownTask(f"unknown task '{name}'; known tasks: {', '.join(sorted([*TASKS, *OWN]))}")
    return name


def make(name: str, seed: int = 0, **options: Any) -> gymnasium.Env:
    """Make a task; `seed` fixes its resets until `reset(seed=...)` gives another.

    Raises:
        UnknownTask: for a name that is nobody's.
        UnusableTask: for a user's own that cannot be made or served.
    """
    if check_name(name) in TASKS:
        module, task = TASKS[name]
        return import_module(module).make(task, seed=seed, **options)
    spec = OWN[name]
    env = import_module("envs.own").make(name, spec, seed, **options)
    return import_module("envs.absorbing").Absorbing(env) if spec.absorbing else env


def sizes(name: str) -> tuple[int, int]:
    """Sizes of a task's observation and action vectors. One of a user's own is tried for some steps, once a process.

    Raises:
        UnusableTask: for one of a user's own that cannot be made or served.
    """
    if check_name(name) in OWN:
        state, action = import_module("envs.own").facts(name, OWN[name]).sizes
        return state + OWN[name].absorbing, action  # an absorbing state is marked by an entry of its own
    env = make(name)
    return flatdim(env.observation_space), flatdim(env.action_space)


def time_limit(name: str) -> int:
    """Steps after which an episode of a task is truncated, if it has not ended before.

    Raises:
        UnusableTask: for one of a user's own that cannot be made or served.
    """
    return EPISODE_STEPS if check_name(name) in TASKS else import_module("envs.own").facts(name, OWN[name]).time_limit


def environment_of(name: str) -> str:
    """Which environment a task is, for people: 'dm_control:cheetah/run', or as its spec says it."""
    if check_name(name) in OWN:
        return OWN[name].env + ", absorbing" * OWN[name].absorbing
    module, task = TASKS[name]
    return f"{module.removeprefix('envs.').removesuffix('_suite')}:{task}"


def original_action_space(name: str) -> gymnasium.spaces.Box:
    """The bounds between which a task's environment takes its actions, (A,): what [-1, 1] is scaled to.

    Raises:
        UnusableTask: for one of a user's own that cannot be made or served.
    """
    if check_name(name) in OWN:
        return import_module("envs.own").facts(name, OWN[name]).controls
    return gymnasium.spaces.Box(-1.0, 1.0, (sizes(name)[1],), np.float32)


def is_absorbing(name: str) -> bool:
    """Whether episodes of a task that terminate go on to an absorbing state."""
    return check_name(name) in OWN and OWN[name].absorbing


def modules(name: str) -> list[str]:
    """Names of the modules here that a task is made by."""
    if check_name(name) in TASKS:
        return [TASKS[name][0]]
    of_dm_control = ["envs.dm_control_suite"] if OWN[name].env.startswith("dm_control:") else []
    return ["envs.own", *of_dm_control, *(["envs.absorbing"] if OWN[name].absorbing else [])]


def source(name: str) -> Path | None:
    """The file of the user's that a task is made by; None for the suite's, and for those of a library.

    Raises:
        UnusableTask: if it cannot be imported.
    """
    return None if check_name(name) in TASKS else import_module("envs.environments").source(name, OWN[name])


def why_not_shown(name: str) -> str | None:
    """Why no picture of a task can be made, in a sentence; None if one can, as far as the task goes."""
    return None if check_name(name) in TASKS else import_module("envs.own").why_not_shown(name, OWN[name])
