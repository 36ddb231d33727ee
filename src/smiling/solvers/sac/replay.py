"""Replay of episodes: each state is stored once, and serves as state, as next state and in the state buffer."""

from collections import deque
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Batch(NamedTuple):
    """Transitions; `states` and `next_states` (batch, state), `actions` (batch, action), `rewards` (batch,).

    `continues` (batch,) is 0 where the transition ended its episode by termination, else 1: a time limit ends nothing.
    """

    states: Tensor
    actions: Tensor
    rewards: Tensor
    next_states: Tensor
    continues: Tensor


class Replay:
    """Ring of the latest transitions, of episodes of any length.

    An episode of L transitions takes L + 1 rows (its last state follows its last transition), and no state is stored
    twice; of each transition the row in which it begins is known. There are as many rows as `capacity` transitions of
    episodes of `episode_steps` take: where they are shorter, fewer transitions are held.
    """

    def __init__(
        self, capacity: int, episode_steps: int, state_size: int, action_size: int, device: str | torch.device = "cpu"
    ) -> None:
        episodes = -(-capacity // episode_steps)
        self.capacity = episodes * episode_steps
        self.added = 0
        self._states = torch.zeros(episodes * (episode_steps + 1), state_size, device=device)
        self._actions = torch.zeros(self.capacity, action_size, device=device)
        self.rewards = torch.zeros(self.capacity, device=device)
        self._rows = torch.zeros(self.capacity, dtype=torch.int32, device=device)  # in which transitions begin
        self._terminated = torch.zeros(self.capacity, dtype=torch.bool, device=device)
        self._written = 0  # rows so far
        self._episodes: deque[tuple[int, int]] = deque()  # first transition and row of those that rows are left of

    def __len__(self) -> int:
        """Transitions that can be sampled: those whose states are there, less one once the ring wraps."""
        return min(self.added - self._oldest, self.capacity - 1)

    @property
    def _oldest(self) -> int:
        """The first transition whose rows are not written over."""
        if not self._episodes:
            return 0
        transition, row = self._episodes[0]
        return transition + max(self._written - len(self._states) - row, 0)

    def begin(self, state: Tensor) -> None:
        """Store the first state of an episode."""
        self._episodes.append((self.added, self._written))
        self._write(state)

    def add(self, action: Tensor, reward: float, next_state: Tensor, terminated: bool = False) -> None:
        """Store the transition that follows the latest state.

        Raises:
            ValueError: if there is none.
        """
        if not self._episodes:
            raise ValueError("a transition before an episode has begun")
        index = self.added % self.capacity
        self._actions[index], self.rewards[index], self._terminated[index] = action, reward, terminated
        self._rows[index] = (self._written - 1) % len(self._states)
        self._write(next_state)
        self.added += 1

    def _write(self, state: Tensor) -> None:
        self._states[self._written % len(self._states)] = state
        self._written += 1
        while len(self._episodes) > 1 and self._episodes[1][1] <= self._written - len(self._states):
            self._episodes.popleft()

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
        return self._states[self._rows[indices]]

    def actions(self, indices: Tensor) -> Tensor:
        """Actions of the transitions, (count, action)."""
        return self._actions[indices]

    def next_states(self, indices: Tensor) -> Tensor:
        """States in which the transitions end, (count, state)."""
        return self._states[self._after(self._rows[indices])]

    def batch(self, indices: Tensor) -> Batch:
        """The transitions at `indices`."""
        rows, continues = self._rows[indices], (~self._terminated[indices]).float()
        states, next_states = self._states[rows], self._states[self._after(rows)]
        return Batch(states, self._actions[indices], self.rewards[indices], next_states, continues)

    def _after(self, rows: Tensor) -> Tensor:
        return (rows + 1) % len(self._states)

    def state_dict(self) -> dict[str, Any]:
        """The filled part of the ring, copied: a view would be saved with all of the ring behind it."""
        slots, rows = min(self.added, self.capacity), min(self._written, len(self._states))
        return {
            "added": self.added,
            "written": self._written,
            "episodes": list(self._episodes),
            "states": self._states[:rows].clone(),
            "actions": self._actions[:slots].clone(),
            "rewards": self.rewards[:slots].clone(),
            "rows": self._rows[:slots].clone(),
            "terminated": self._terminated[:slots].clone(),
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        self.added, self._written, self._episodes = saved["added"], saved["written"], deque(saved["episodes"])
        self._states[: len(saved["states"])] = saved["states"]
        parts = {"actions": self._actions, "rewards": self.rewards, "rows": self._rows, "terminated": self._terminated}
        for name, part in parts.items():
            part[: len(saved[name])] = saved[name]
