"""Control tasks small enough to be learnt within a test, under the contract of `envs`. For `envs.TASKS` to name."""

from typing import Any

import gymnasium
import numpy as np

import envs
from envs.absorbing import Absorbing

TARGET = np.array([0.3, -0.2], np.float32)
SPEED = 0.1
JUMP_EVERY = 40  # steps: an episode is many short tries, so that a few of them show all of the square


class Tiny(gymnasium.Env):
    """Two numbers in [-1, 1]: a point that the action moves and that jumps at times, or fresh noise at every step."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)

    def __init__(self, task: str, seed: int) -> None:
        self._noise, self._unseen = task.startswith("noise"), task.endswith("unseen")
        self._random = np.random.default_rng(seed)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        if seed is not None:
            self._random = np.random.default_rng(seed)
        self._steps, self.state = 0, self._fresh()
        return self.state, {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        action = np.clip(action, -1, 1)
        self._steps += 1
        fresh = self._noise or self._steps % JUMP_EVERY == 0
        self.state = self._fresh() if fresh else np.clip(self.state + SPEED * action, -1, 1)
        reward = float("nan") if self._unseen else near(self.state)
        return self.state, reward, False, self._steps >= envs.EPISODE_STEPS, {}

    def _fresh(self) -> np.ndarray:
        return self._random.uniform(-1, 1, 2).astype(np.float32)


CUT_AFTER = 12  # steps: an episode of `Corridor` is truncated there
EXIT = 0.6  # and terminated where a coordinate is farther away than this


class Corridor(gymnasium.Env):
    """A point that the action moves; an episode ends outside, by termination, or after `CUT_AFTER` steps."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self._steps, self.state = 0, self.np_random.uniform(-0.2, 0.2, 2).astype(np.float32)
        return self.state, {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self._steps += 1
        self.state = (self.state + 0.25 * np.clip(action, -1, 1)).astype(np.float32)
        outside = bool((np.abs(self.state) > EXIT).any())
        return self.state, near(self.state), outside, self._steps >= CUT_AFTER, {}

    def simulation(self) -> np.ndarray:
        """All that the rest of the episode depends on."""
        return np.append(self.state.astype(np.float64), self._steps)

    def set_simulation(self, state: np.ndarray) -> None:
        """Go on from what `simulation` gave."""
        self.state, self._steps = state[:2].astype(np.float32), int(state[2])


def near(state: np.ndarray) -> float:
    """1 at the target, less than 0.02 at a distance of 0.6."""
    return float(np.exp(-np.square((state - TARGET) / 0.3).sum()))


def make(task: str, seed: int) -> gymnasium.Env:
    """`point` or `noise`; with `_unseen` behind it the reward is NaN. Episodes of `corridor` and `absorbing` end."""
    if task in ("corridor", "absorbing"):
        return Corridor() if task == "corridor" else Absorbing(Corridor())
    return Tiny(task, seed)
