"""Environments as their authors wrote them: of Gymnasium, of dm_control, or what a callable of a user's own gives."""

import inspect
import os
import warnings
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium
import mujoco

from envs import Spec, UnusableTask, users_code

PICTURE = "rgb_array"  # the render mode whose frames are images
GYMNASIUM, DM_CONTROL = "gymnasium", "dm_control"  # before the colon of a spec's `env`; else it is a module

# What the suite says itself to what makes an environment -> what the user does instead.
INSTEAD = {
    GYMNASIUM: {
        "max_episode_steps": "set tasks.{}.time_limit",
        "render_mode": "leave it out, pictures are asked for where one is needed",
        "disable_env_checker": "leave it out, a task is tried by the suite",
    },
    DM_CONTROL: {"random": "leave it out, every reset has its seed"},
}


def environment(name: str, spec: Spec, seed: int, render_mode: str | None) -> gymnasium.Env:
    """What the task is made of, as its author wrote it."""
    origin, _, what = spec.env.partition(":")
    if not (origin and what):
        raise UnusableTask(
            f"task '{name}': env '{spec.env}' names no environment; write gymnasium:Hopper-v5, "
            "dm_control:acrobot/swingup, or my_module:make"
        )
    for key in spec.kwargs:
        if said := INSTEAD.get(origin, {}).get(key):
            raise UnusableTask(f"task '{name}': '{key}' is not for kwargs of '{spec.env}': {said.format(name)}")
    build = {GYMNASIUM: _of_gymnasium, DM_CONTROL: _of_dm_control}.get(origin)
    if build is None:
        call = _callable(name, origin, what)
        build = _of_callable(call)
    if render_mode == PICTURE:
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # pygame draws into memory, and looks for no screen
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of versions that are newer, of precision lost
        try:
            # Each gets kwargs of its own: what takes them may change them.
            made = build(what, replace(spec, kwargs=deepcopy(dict(spec.kwargs))), seed, render_mode)
        except users_code.FAILURES as error:
            given = f" with kwargs {dict(spec.kwargs)}" if spec.kwargs else ""
            raise UnusableTask(
                f"task '{name}': '{spec.env}' cannot be made{given}: {users_code.said(error)}"
            ) from error
    if not isinstance(made, gymnasium.Env):
        raise UnusableTask(f"task '{name}': '{spec.env}' gives a {type(made).__name__}, which is no gymnasium.Env")
    return made


def _of_gymnasium(what: str, spec: Spec, seed: int, render_mode: str | None) -> gymnasium.Env:
    limit = {} if spec.time_limit is None else {"max_episode_steps": spec.time_limit}
    plain = gymnasium.make(what, **limit, disable_env_checker=True, **spec.kwargs)
    if render_mode is None or is_mujoco(plain.unwrapped):
        return plain
    plain.close()
    return gymnasium.make(what, **limit, disable_env_checker=True, render_mode=render_mode, **spec.kwargs)


def _of_dm_control(what: str, spec: Spec, seed: int, render_mode: str | None) -> gymnasium.Env:
    domain, _, task = what.partition("/")
    if not task:
        raise ValueError("write dm_control:domain/task, for example dm_control:acrobot/swingup")
    suite = import_module("envs.dm_control_suite")
    return suite.DMControlTask(domain, task, seed, render_mode, time_limit=spec.time_limit, kwargs=spec.kwargs)


def _of_callable(call: Callable[..., gymnasium.Env]) -> Callable[..., gymnasium.Env]:
    def build(what: str, spec: Spec, seed: int, render_mode: str | None) -> gymnasium.Env:
        shown = {"render_mode": render_mode} if render_mode and _takes(call, "render_mode") else {}
        return call(**{**spec.kwargs, **shown})

    return build


def _takes(call: Callable[..., Any], name: str) -> bool:
    """Whether a callable has a parameter of that name, or takes any."""
    parameters = inspect.signature(call).parameters
    return name in parameters or any(each.kind is each.VAR_KEYWORD for each in parameters.values())


def _module(name: str, module: str) -> ModuleType:
    """A module of the user's, which may lie where the command was given."""
    try:
        return users_code.module(module)
    except users_code.Unusable as error:
        raise UnusableTask(f"task '{name}': {error}") from error


def _callable(name: str, module: str, attribute: str) -> Callable[..., gymnasium.Env]:
    try:
        found = users_code.attribute(_module(name, module), attribute)
    except users_code.Unusable as error:
        raise UnusableTask(f"task '{name}': {error}") from None
    if not callable(found):
        raise UnusableTask(f"task '{name}': '{module}:{attribute}' is no function or class that makes an environment")
    return found


def source(name: str, spec: Spec) -> Path | None:
    """The file of a user's own module that a task is from; None, where it is from a library."""
    origin, _, _ = spec.env.partition(":")
    if origin in (GYMNASIUM, DM_CONTROL):
        return None
    file = _module(name, origin).__file__
    return None if file is None else Path(file)


def is_mujoco(env: Any) -> bool:
    """Whether an environment has a MuJoCo simulation that can be looked at."""
    return isinstance(getattr(env, "model", None), mujoco.MjModel) and isinstance(
        getattr(env, "data", None), mujoco.MjData
    )
