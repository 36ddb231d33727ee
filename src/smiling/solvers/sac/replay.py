"""Replay of whole episodes: each state is stored once, and serves as state, as next state and in the state buffer."""

from typing import Any, NamedTuple

import torch
from torch import Tensor


class Batch(NamedTuple):
    """Transitions; `states` and `next_states` (batch, state), `actions` (batch, action), `rewards` (batch,)."""

    states: Tensor
    actions: Tensor
    rewards: Tensor
    next_states: Tensor


class Replay:
    """Ring of the latest `capacity` transitions of episodes that all last `episode_steps`.

    An episode of L transitions takes L + 1 rows (its last state follows its last transition), so transition i begins
    in row i + i // L, and no state is stored twice.
    """

    def __init__(
        self, capacity: int, episode_steps: int, state_size: int, action_size: int, device: str | torch.device = "cpu"
    ) -> None:
        episodes = -(-capacity // episode_steps)
        self.episode_steps = episode_steps
        self.capacity = episodes * episode_steps
        self.added = 0
        self._states = torch.zeros(episodes * (episode_steps + 1), state_size, device=device)
        self._actions = torch.zeros(self.capacity, action_size, device=device)
        self.rewards = torch.zeros(self.capacity, device=device)

    def __len__(self) -> int:
        """Transitions that can be sampled: the oldest is unreadable once the ring wraps, its row being rewritten."""
        return min(self.added, self.capacity - 1)

    def begin(self, state: Tensor) -> None:
        """Store the first state of an episode."""
        if self.added % self.episode_steps:
            raise ValueError("an episode begins before the last one has ended")
        self._states[self._row(self.added % self.capacity)] = state

    def add(self, action: Tensor, reward: float, next_state: Tensor) -> None:
        """Store the transition that follows the latest state."""
        index = self.added % self.capacity
        self._actions[index], self.rewards[index], self._states[self._row(index) + 1] = action, reward, next_state
        self.added += 1

    def latest(self, count: int) -> Tensor:
        """Indices of the latest `count` transitions (fewer if there are fewer), oldest first."""
        count = min(count, len(self))
        return torch.arange(self.added - count, self.added, device=self.rewards.device) % self.capacity

    def draw(self, count: int, generator: torch.Generator, among_latest: int | None = None, skip: int = 0) -> Tensor:
        """Indices of `count` transitions drawn with replacement, from all or the latest `among_latest`, but `skip`."""
        size = min(len(self), among_latest or len(self)) - skip
        if size <= 0:
            raise ValueError("this replay has nothing to draw from yet")
        age = torch.randint(skip, skip + size, (count,), generator=generator, device=generator.device)
        return (self.added - 1 - age) % self.capacity

    def states(self, indices: Tensor) -> Tensor:
        """States in which the transitions begin, (count, state)."""
        return self._states[self._row(indices)]

    def actions(self, indices: Tensor) -> Tensor:
        """Actions of the transitions, (count, action)."""
        return self._actions[indices]

    def next_states(self, indices: Tensor) -> Tensor:
        """States in which the transitions end, (count, state)."""
        return self._states[self._row(indices) + 1]

    def batch(self, indices: Tensor) -> Batch:
        """The transitions at `indices`."""
        rows = self._row(indices)
        return Batch(self._states[rows], self._actions[indices], self.rewards[indices], self._states[rows + 1])

    def _row(self, index: Any) -> Any:
        return index + index // self.episode_steps

    def state_dict(self) -> dict[str, Any]:
        """The filled part of the ring, copied: a view would be saved with all of the ring behind it."""
        slots = min(self.added, self.capacity)
        rows = min(self._row(slots) + 1, len(self._states))
        return {
            "added": self.added,
            "states": self._states[:rows].clone(),
            "actions": self._actions[:slots].clone(),
            "rewards": self.rewards[:slots].clone(),
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        self.added = saved["added"]
        self._states[: len(saved["states"])] = saved["states"]
        self._actions[: len(saved["actions"])] = saved["actions"]
        self.rewards[: len(saved["rewards"])] = saved["rewards"]
