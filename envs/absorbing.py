"""Episodes that end go on in an absorbing state: DAC's remedy (Kostrikov et al., ICLR 2019, section 4.2).

A learned reward is given for what an agent does until its episode ends; what is after that counts as 0. Where learned
rewards are negative an agent does well to end its episode, where they are positive to live on, whatever the expert
does. With a state after the end that is rewarded like any other the end has a value that is learnt.
"""

from typing import Any, TypeVar

import gymnasium
import numpy as np

Array = TypeVar("Array", np.ndarray, Any)  # or a tensor


def has_one(task: gymnasium.Env) -> bool:
    """Whether episodes of a task that would terminate go on in an absorbing state."""
    return isinstance(task.unwrapped, Absorbing)


def are_absorbing(observations: Array) -> Array:
    """1 for the absorbing state, 0 for others: (..., state) -> (...), of a task that is `Absorbing`."""
    return observations[..., -1]


def with_effect(actions: Array, observations: Array) -> Array:
    """Actions (..., action) as they are stored: 0 in the absorbing state, where none has an effect."""
    return actions * (1 - are_absorbing(observations))[..., None]


class Absorbing(gymnasium.Env):
    """A task whose observations have one more entry: 0, or 1 in the absorbing state, where all others are 0.

    Where the task terminates, a step leads to the absorbing state instead. The next, whatever the action, leads from
    there to itself, with the reward 0, and the episode is truncated, never terminated: what learns goes on from there,
    V(absorbing) = r(absorbing) + discount V(absorbing). The last observation of the task itself is not seen.
    """

    def __init__(self, task: gymnasium.Env) -> None:
        """`task` has flat Box observations, and the actions and the simulation that tasks of `envs` have."""
        inner = task.observation_space
        assert isinstance(inner, gymnasium.spaces.Box)
        low, high = np.append(inner.low, 0.0), np.append(inner.high, 1.0)
        # The absorbing state's other entries are 0, which may be no observation of the task's.
        low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
        self.observation_space = gymnasium.spaces.Box(low.astype(np.float32), high.astype(np.float32), dtype=np.float32)
        self.action_space = task.action_space
        self.task, self.metadata, self.render_mode = task, task.metadata, task.render_mode
        self._absorbed = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self._absorbed = False
        observation, info = self.task.reset(seed=seed, options=options)
        return self._seen(observation), info

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        if self._absorbed:
            return self._state(), 0.0, False, True, {}
        observation, reward, terminated, truncated, info = self.task.step(action)
        self._absorbed = bool(terminated)
        if self._absorbed:
            return self._state(), float(reward), False, False, info
        return self._seen(observation), float(reward), False, bool(truncated), info

    def _seen(self, observation: np.ndarray) -> np.ndarray:
        return np.append(observation, np.float32(0.0))

    def _state(self) -> np.ndarray:
        state = np.zeros(self.observation_space.shape or (), np.float32)
        state[-1] = 1.0
        return state

    def simulation(self) -> np.ndarray:
        """All that the rest of the episode depends on, float64."""
        return np.append(self.task.unwrapped.simulation(), float(self._absorbed))  # type: ignore[attr-defined]

    def set_simulation(self, state: np.ndarray) -> None:
        """Go on from what `simulation` gave, after a reset."""
        self.task.unwrapped.set_simulation(state[:-1])  # type: ignore[attr-defined]
        self._absorbed = bool(state[-1])

    def render(self) -> Any:
        """What the task shows; of the absorbing state, where it ended."""
        return self.task.render()

    def close(self) -> None:
        """Free what the task holds."""
        self.task.close()
