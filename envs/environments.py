"""Environments as their authors wrote them: of Gymnasium, of dm_control, or what a callable of a user's own gives."""

import inspect
import os
import traceback
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium
import mujoco

from envs import Spec, UnusableTask, users_code

PICTURE = "rgb_array"  # the render mode whose frames are images
GYMNASIUM, DM_CONTROL = "gymnasium", "dm_control"  # before the colon of a spec's `env`; else it is a module


def environment(name: str, spec: Spec, seed: int, render_mode: str | None) -> gymnasium.Env:
    """What the task is made of, as its author wrote it."""
    origin, _, what = spec.env.partition(":")
    if not (origin and what):
        raise UnusableTask(
            f"task '{name}': env '{spec.env}' names no environment; write gymnasium:Hopper-v5, "
            "dm_control:acrobot/swingup, or my_module:make"
        )
    build = {GYMNASIUM: _of_gymnasium, DM_CONTROL: _of_dm_control}.get(origin)
    if build is None:
        call = _callable(name, origin, what)
        build = _of_callable(call)
    if render_mode == PICTURE:
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # pygame draws into memory, and looks for no screen
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of versions that are newer, of precision lost
        try:
            made = build(what, spec, seed, render_mode)
        except Exception as error:
            given = f" with kwargs {dict(spec.kwargs)}" if spec.kwargs else ""
            raise UnusableTask(f"task '{name}': '{spec.env}' cannot be made{given}: {said(error)}") from error
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
        return call(**shown, **spec.kwargs)

    return build


def _takes(call: Callable[..., Any], name: str) -> bool:
    """Whether a callable has a parameter of that name, or takes any."""
    parameters = inspect.signature(call).parameters
    return name in parameters or any(each.kind is each.VAR_KEYWORD for each in parameters.values())


def _module(name: str, module: str) -> ModuleType:
    """A module of the user's, which may lie where the command was given."""
    try:
        return users_code.module(module)
    except Exception as error:
        is_missing = isinstance(error, ModuleNotFoundError) and error.name in _parents(module)
        why = f"{words(error)}; it is looked for in {os.getcwd()} and on PYTHONPATH" if is_missing else said(error)
        raise UnusableTask(f"task '{name}': module '{module}' cannot be imported: {why}") from error


def _parents(module: str) -> list[str]:
    """'a.b.c' and the packages that it is in: 'a', 'a.b'."""
    parts = module.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


def _callable(name: str, module: str, attribute: str) -> Callable[..., gymnasium.Env]:
    try:
        found = users_code.attribute(_module(name, module), attribute)
    except AttributeError:
        raise UnusableTask(f"task '{name}': module '{module}' has no '{attribute}'") from None
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


def said(error: Exception) -> str:
    """What an error of somebody else's says, and where in a file it was raised."""
    file, line = _place(error)
    return f"{words(error)} ({file}, line {line})"


def words(error: Exception) -> str:
    """What an error of somebody else's says."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no more is said'}"


def _place(error: Exception) -> tuple[str | None, int | None]:
    """File and line; of a file that is no Python, its own."""
    if isinstance(error, SyntaxError):
        return error.filename, error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    last = next((frame for frame in reversed(frames) if not frame.filename.startswith("<")), frames[-1])
    return last.filename, last.lineno
