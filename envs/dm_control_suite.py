"""DeepMind Control Suite tasks (Tassa et al., 2018) as Gymnasium environments."""

import logging
import math
import warnings
from collections.abc import Mapping
from typing import Any

import gymnasium
import mujoco
import numpy as np

from envs import EPISODE_STEPS
from envs.rendering import RenderedTask


def _load(domain: str, task: str, **options: Any) -> Any:
    """The suite's environment, without dm_control's remarks on a missing display and on its own old models."""
    logger = logging.getLogger("absl")
    silenced = logger.disabled
    logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from dm_control import suite
        return suite.load(domain, task, task_kwargs=options)
    finally:
        logger.disabled = silenced


class DMControlTask(RenderedTask):
    """One task of the suite: its observations flattened in the suite's order, its actions rescaled to [-1, 1].

    It is truncated after `time_limit` steps; None: as many as the time that the suite gives it has, if it gives any.
    So it is where a task ends by itself with a discount above 0.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"]}

    def __init__(
        self,
        domain: str,
        task: str,
        seed: int,
        render_mode: str | None = None,
        time_limit: int | None = EPISODE_STEPS,
        kwargs: Mapping[str, Any] | None = None,  # further, for what makes the task
    ) -> None:
        self.render_mode = render_mode
        endless = {} if time_limit is None else {"time_limit": math.inf}
        self._env = _load(domain, task, random=seed, **endless, **(kwargs or {}))
        given = self._env._step_limit
        self.time_limit = math.ceil(given) if time_limit is None and math.isfinite(given) else time_limit
        self.metadata = {**self.metadata, "render_fps": round(1 / self._env.control_timestep())}
        size = sum(int(np.prod(spec.shape)) for spec in self._env.observation_spec().values())
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (size,), np.float32)
        limits = self._env.action_spec()
        self._centre = (limits.maximum + limits.minimum) / 2
        self._half_range = (limits.maximum - limits.minimum) / 2
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, limits.shape, np.float32)
        self._step = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self._env.task.random.seed(seed % 2**32)
        self._step = 0
        return _flatten(self._env.reset().observation), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        control = self._centre + self._half_range * np.clip(np.asarray(action, np.float64), -1.0, 1.0)
        timestep = self._env.step(control)
        self._step += 1
        terminated = bool(timestep.last() and timestep.discount == 0)
        over_time = self.time_limit is not None and self._step >= self.time_limit
        truncated = not terminated and (timestep.last() or over_time)
        return _flatten(timestep.observation), float(timestep.reward), terminated, truncated, {}

    def _scene(self) -> tuple[mujoco.MjModel, mujoco.MjData, int]:
        return self._env.physics.model.ptr, self._env.physics.data.ptr, 0

    def close(self) -> None:
        """Free the renderer and the simulation."""
        super().close()
        self._env.close()


def _flatten(observation: dict[str, Any]) -> np.ndarray:
    return np.concatenate([np.ravel(part) for part in observation.values()]).astype(np.float32)


def make(task: str, seed: int, **options: Any) -> gymnasium.Env:
    """`task` is 'domain/task' in the suite's names."""
    domain, name = task.split("/")
    return DMControlTask(domain, name, seed, **options)
