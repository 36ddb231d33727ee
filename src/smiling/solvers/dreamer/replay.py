"""Replay of sequences, for environments whose episodes begin and end together.

A row holds a state, the action taken there, the reward for arriving there, and whether it begins an episode; an
episode's last state has a row too, with the action zero. At 1 million steps of a HumanoidBench task that is 0.28 GB.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor


class Places(NamedTuple):
    """Where things are in the replay: row and environment, two integer tensors of one shape."""

    rows: Tensor
    environments: Tensor


class SequenceReplay:
    """Ring of the latest `capacity // environments` rows of each environment."""

    def __init__(
        self, capacity: int, environments: int, state_size: int, action_size: int, device: str | torch.device = "cpu"
    ) -> None:
        rows = capacity // environments
        self.added = 0  # rows of each environment
        self._environments = environments
        self._states = torch.zeros(rows, environments, state_size, device=device)
        self._actions = torch.zeros(rows, environments, action_size, device=device)
        self._rewards = torch.zeros(rows, environments, device=device)
        self._first = torch.zeros(rows, device=device)

    def __len__(self) -> int:
        """Rows of each environment that can be drawn."""
        return min(self.added, len(self._states))

    def add(self, states: Tensor, actions: Tensor, rewards: Tensor, first: bool) -> None:
        """Store a row of each environment: (environments, state), (environments, action), (environments,)."""
        row = self.added % len(self._states)
        self._states[row], self._actions[row], self._rewards[row] = states, actions, rewards
        self._first[row] = float(first)
        self.added += 1

    def draw(self, count: int, generator: torch.Generator, among_latest: int | None = None) -> Places:
        """`count` places (count,) drawn with replacement, from all or the latest `among_latest` of all environments."""
        size = len(self) if among_latest is None else min(len(self), max(among_latest // self._environments, 1))
        return Places(self.added - 1 - self._below(size, count, generator), self._any_environment(count, generator))

    def draw_sequences(self, count: int, length: int, generator: torch.Generator) -> Places:
        """Places (length, count) of `count` runs of successive rows, drawn with replacement; they may span episodes.

        Raises:
            ValueError: if no environment has `length` rows yet.
        """
        start = self.added - len(self) + self._below(len(self) - length + 1, count, generator)
        steps = torch.arange(length, device=start.device)[:, None]
        return Places(start + steps, self._any_environment(count, generator).expand(length, count))

    def _below(self, size: int, count: int, generator: torch.Generator) -> Tensor:
        if size <= 0:
            raise ValueError("this replay does not hold enough to draw from yet")
        return torch.randint(size, (count,), generator=generator, device=generator.device)

    def _any_environment(self, count: int, generator: torch.Generator) -> Tensor:
        return self._below(self._environments, count, generator)

    def states(self, places: Places) -> Tensor:
        """States there, (*places, state)."""
        return self._states[self._row(places), places.environments]

    def actions(self, places: Places) -> Tensor:
        """Actions taken there, (*places, action)."""
        return self._actions[self._row(places), places.environments]

    def next_states(self, places: Places) -> Tensor:
        """States in the rows after, (*places, state); where an episode's next row is not there, the state itself."""
        after = Places(places.rows + 1, places.environments)
        last = (after.rows >= self.added) | (self._first[self._row(after)] > 0)
        return self.states(after._replace(rows=torch.where(last, places.rows, after.rows)))

    def before(self, places: Places) -> Places:
        """The places in the rows before; where an episode's row before is not there, the place itself."""
        oldest = self.added - len(self)
        first = (places.rows <= oldest) | (self._first[self._row(places)] > 0)
        return places._replace(rows=torch.where(first, places.rows, places.rows - 1))

    def sequences(self, places: Places) -> dict[str, Tensor]:
        """What DreamerV3 learns from: rows (length, count, ...), `action` being the one that led there.

        A sequence's first row counts as its episode's beginning: what was before it is not known. No task of ours
        terminates.
        """
        reward, is_first = self._rewards[self._row(places), places.environments], self._first[self._row(places)]
        action = self.actions(places).roll(1, 0)
        action[0] = 0.0
        is_first[0] = 1.0
        return {
            "state": self.states(places),
            "action": action,
            "reward": reward,
            "is_first": is_first,
            "is_terminal": torch.zeros_like(reward),
        }

    def _row(self, places: Places) -> Tensor:
        return places.rows % len(self._states)

    def state_dict(self) -> dict[str, Any]:
        """The filled part of the ring."""
        parts = {name: getattr(self, f"_{name}")[: len(self)].clone() for name in PARTS}
        return parts | {"added": self.added}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        self.added = saved["added"]
        for name in PARTS:
            getattr(self, f"_{name}")[: len(saved[name])] = saved[name]


PARTS = ("states", "actions", "rewards", "first")
