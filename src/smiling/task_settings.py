"""What a user says of a task: what it is, where it is not the suite's; how long it is learnt, and by which solver."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

import envs
from smiling.runs.own_demonstrations import OwnDemonstrations
from smiling.settings import Seeds, Settings


def _of_file(value: Any) -> Any:
    """A path alone: all that is in the file."""
    return {"file": value} if isinstance(value, str | Path) else value


Steps = Annotated[int, Field(ge=1000, multiple_of=envs.ROUND_STEPS)]
OWN_TASK = r"[a-z0-9_]{1,60}"  # the name of a task of a user's own


class MakingSettings(Settings):
    """What is said alike by whoever says how a task is made."""

    kwargs: dict[str, Any] = Field({}, description="for what makes the environment")
    time_limit: int | None = Field(
        None, ge=2, le=envs.LONGEST_EPISODE, description="steps of an episode at most; none: the environment's own"
    )


class SpecSettings(MakingSettings):
    """What makes a task of a user's own: it is part of what a run on it is known by."""

    env: str = Field(
        description="gymnasium:Hopper-v5, dm_control:acrobot/swingup, or a callable, my_package.tasks:make"
    )
    absorbing: bool = Field(
        False, description="an episode that terminates goes on to an absorbing state (DAC's remedy)"
    )


class Reference(Settings):
    """Returns by which a task's are normalised instead of those that were measured, such as published ones."""

    expert: float = Field(description="it becomes 1")
    random: float = Field(description="it becomes 0")

    @model_validator(mode="after")
    def _expert_is_better(self) -> "Reference":
        if self.expert <= self.random:
            raise ValueError(f"the expert's return ({self.expert:g}) must be above random's ({self.random:g})")
        return self


class TaskSettings(MakingSettings):
    """What is particular to a task. Steps are whole rounds of `envs.ROUND_STEPS`."""

    env: str | None = Field(None, description="which environment it is; none: the suite's task of that name")
    absorbing: bool | None = Field(None, description="instead of the experiment's")
    env_steps: Steps = Field(description="of an imitation run")
    expert_steps: Steps = Field(description="of the expert's training")
    method_steps: dict[str, Steps] = Field({}, description="instead of env_steps, for a method or a variant")
    solver: Literal["sac", "dreamer"] = "sac"  # of the expert, and of methods that reward a solver
    seeds: Seeds | None = None  # instead of the experiment's
    evaluate_every: Steps | None = None  # instead of the training's
    method_settings: dict[str, dict[str, Any]] = {}  # changes to a method's settings on this task
    demonstrations: Annotated[OwnDemonstrations | None, BeforeValidator(_of_file)] = None  # a path, or what of it
    normalise: Reference | None = None  # by these returns, instead of those measured

    @model_validator(mode="after")
    def _only_own_tasks_are_made(self) -> "TaskSettings":
        if self.env is None:
            for name in ("kwargs", "time_limit", "absorbing"):
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise ValueError(f"'{name}' is for a task of your own, which says its 'env'")
        return self


def check_tasks(tasks: Mapping[str, TaskSettings]) -> None:
    """Refuse names that are no task's, or that a task of a user's own cannot have.

    Raises:
        ValueError: saying which, and what to do.
    """
    for name, task in tasks.items():
        if task.env is None:
            check_of_suite(name)
        elif name in envs.TASKS:
            raise ValueError(f"'{name}' is a task of the suite's own: give yours another name")
        elif not re.fullmatch(OWN_TASK, name):
            raise ValueError(f"'{name}' is no name for a task: up to 60 of a-z, 0-9 and _")


def check_of_suite(name: str) -> None:
    """Refuse a name that is no task of the suite's, whatever others have been added."""
    if name not in envs.TASKS:
        known = ", ".join(sorted(envs.TASKS))
        own = f"for one of your own, write tasks.{name}.env, such as gymnasium:Hopper-v5"
        raise envs.UnknownTask(f"unknown task '{name}'; known tasks: {known}; {own}")
