"""The same tasks served by the original package, `humanoid_bench`, for comparison."""

from typing import Any

import gymnasium
import mujoco
import numpy as np

from envs.rendering import RenderedTask

ENVIRONMENT_FILE = "workflow/envs/humanoid-bench.yml"


class OriginalTask(RenderedTask, gymnasium.Wrapper):
    """An environment of the original under this suite's contract; its `info` has the keys of ours.

    The parts of the reward bear the original's names.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 50}

    def __init__(self, env: gymnasium.Env, seed: int, early_termination: bool) -> None:
        super().__init__(env)
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, env.observation_space.shape, np.float32)
        self._first_seed: int | None = seed
        self._early_termination = early_termination

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        seed, self._first_seed = self._first_seed if seed is None else seed, None
        observation, _ = self.env.reset(seed=seed, options=options)
        return observation.astype(np.float32), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        observation, reward, fallen, truncated, info = self.env.step(action)
        numbers = {name: part for name, part in info.items() if isinstance(part, int | float | np.number | np.bool_)}
        parts = {name: float(part) for name, part in numbers.items() if name != "per_timestep_reward"}
        terminated = bool(fallen) and self._early_termination
        info = {"reward_parts": parts, "would_terminate": bool(fallen)}
        return observation.astype(np.float32), float(reward), terminated, truncated, info

    def _scene(self) -> tuple[mujoco.MjModel, mujoco.MjData, str]:
        original: Any = self.unwrapped
        return original.model, original.data, "cam_default"


def make(task: str, seed: int, early_termination: bool = False, render_mode: str | None = None) -> gymnasium.Env:
    """`task` is HumanoidBench's name without robot and version: 'sit_simple'.

    Raises:
        ImportError: where `humanoid_bench` is not installed, naming the conda environment that has it.
    """
    try:
        import humanoid_bench  # noqa: F401  (registers its environments)
    except ImportError as error:
        raise ImportError(
            f"backend 'humanoid-bench' needs the package humanoid_bench ({error}): create the conda environment of "
            f"{ENVIRONMENT_FILE} and run there"
        ) from error
    # Without a render mode, for with one the original opens a rendering context at once; `OriginalTask` renders.
    env = gymnasium.make(f"h1-{task}-v0", render_mode=None, disable_env_checker=True)
    return OriginalTask(env, seed, early_termination)
