"""Replay of sequences: a stream of rows for each environment, in which one episode follows another.

A row holds a state, the action taken there, the reward for arriving there, whether it begins an episode, and whether
that ended there by termination; an episode's last state has a row too, with the action zero. At 1 million steps of a
HumanoidBench task that is 0.28 GB.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor


class Places(NamedTuple):
    """Where things are in the replay: row and environment, two integer tensors of one shape."""

    rows: Tensor
    environments: Tensor


class SequenceReplay:
    """Ring of the latest `capacity // environments` rows of each environment.

    An environment has as many more rows than another as more episodes have ended there. What is drawn is drawn from
    equally many of each, the latest.
    """

    def __init__(
        self, capacity: int, environments: int, state_size: int, action_size: int, device: str | torch.device = "cpu"
    ) -> None:
        rows = capacity // environments
        self.added = [0] * environments  # rows of each environment
        self._begins = [True] * environments  # whether an environment's next row begins an episode
        self._states = torch.zeros(rows, environments, state_size, device=device)
        self._actions = torch.zeros(rows, environments, action_size, device=device)
        self._rewards = torch.zeros(rows, environments, device=device)
        self._first = torch.zeros(rows, environments, dtype=torch.bool, device=device)
        self._terminal = torch.zeros(rows, environments, dtype=torch.bool, device=device)

    def __len__(self) -> int:
        """Rows of each environment that can be drawn."""
        return min(*self.added, len(self._states))

    def add(self, environment: int, state: Tensor, action: Tensor, reward: Tensor) -> None:
        """Store a row of an environment: the state (state,), the action (action,) taken there, the reward, a scalar."""
        self._write(environment, state, action, reward, first=self._begins[environment], terminal=False)
        self._begins[environment] = False

    def end(self, environment: int, state: Tensor, reward: Tensor, terminated: bool) -> None:
        """Store the row of an episode's last state; the next one begins another episode."""
        none = torch.zeros_like(self._actions[0, environment])
        self._write(environment, state, none, reward, first=False, terminal=terminated)
        self._begins[environment] = True

    def _write(
        self, environment: int, state: Tensor, action: Tensor, reward: Tensor, first: bool, terminal: bool
    ) -> None:
        here = self.added[environment] % len(self._states), environment
        self._states[here], self._actions[here], self._rewards[here] = state, action, reward
        self._first[here], self._terminal[here] = first, terminal
        self.added[environment] += 1

    def draw(self, count: int, generator: torch.Generator, among_latest: int | None = None) -> Places:
        """`count` places (count,) drawn with replacement, from all or the latest `among_latest` of all environments."""
        size = len(self) if among_latest is None else min(len(self), max(among_latest // len(self.added), 1))
        age, environments = self._below(size, count, generator), self._any_environment(count, generator)
        return Places(self._ends(environments) - 1 - age, environments)

    def draw_sequences(self, count: int, length: int, generator: torch.Generator) -> Places:
        """Places (length, count) of `count` runs of successive rows, drawn with replacement; they may span episodes.

        Raises:
            ValueError: if no environment has `length` rows yet.
        """
        start = self._below(len(self) - length + 1, count, generator) - len(self)
        environments = self._any_environment(count, generator)
        steps = torch.arange(length, device=start.device)[:, None]
        return Places(self._ends(environments) + start + steps, environments.expand(length, count))

    def _below(self, size: int, count: int, generator: torch.Generator) -> Tensor:
        if size <= 0:
            raise ValueError("this replay does not hold enough to draw from yet")
        return torch.randint(size, (count,), generator=generator, device=generator.device)

    def _any_environment(self, count: int, generator: torch.Generator) -> Tensor:
        return self._below(len(self.added), count, generator)

    def _ends(self, environments: Tensor) -> Tensor:
        """The row after the latest of each of `environments`."""
        return torch.tensor(self.added, device=environments.device)[environments]

    def states(self, places: Places) -> Tensor:
        """States there, (*places, state)."""
        return self._states[self._row(places), places.environments]

    def actions(self, places: Places) -> Tensor:
        """Actions taken there, (*places, action)."""
        return self._actions[self._row(places), places.environments]

    def next_states(self, places: Places) -> Tensor:
        """States in the rows after, (*places, state); where an episode's next row is not there, the state itself."""
        after = Places(places.rows + 1, places.environments)
        last = (after.rows >= self._ends(places.environments)) | self._first[self._row(after), after.environments]
        return self.states(after._replace(rows=torch.where(last, places.rows, after.rows)))

    def before(self, places: Places) -> Places:
        """The places in the rows before; where an episode's row before is not there, the place itself."""
        oldest = self._ends(places.environments) - len(self)
        first = (places.rows <= oldest) | self._first[self._row(places), places.environments]
        return places._replace(rows=torch.where(first, places.rows, places.rows - 1))

    def sequences(self, places: Places) -> dict[str, Tensor]:
        """What DreamerV3 learns from: rows (length, count, ...), `action` being the one that led there.

        A sequence's first row counts as its episode's beginning: what was before it is not known.
        """
        here = self._row(places), places.environments
        is_first, action = self._first[here].float(), self.actions(places).roll(1, 0)
        action[0] = 0.0
        is_first[0] = 1.0
        return {
            "state": self.states(places),
            "action": action,
            "reward": self._rewards[here],
            "is_first": is_first,
            "is_terminal": self._terminal[here].float(),
        }

    def _row(self, places: Places) -> Tensor:
        return places.rows % len(self._states)

    def state_dict(self) -> dict[str, Any]:
        """The filled part of the ring."""
        rows = min(max(self.added), len(self._states))
        parts = {name: getattr(self, f"_{name}")[:rows].clone() for name in PARTS}
        return parts | {"added": list(self.added), "begins": list(self._begins)}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        self.added, self._begins = list(saved["added"]), list(saved["begins"])
        for name in PARTS:
            getattr(self, f"_{name}")[: len(saved[name])] = saved[name]


PARTS = ("states", "actions", "rewards", "first", "terminal")
