"""Policies, and their returns: whole episodes, several at once so that the policy runs on a batch."""

from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor

import envs
from envs import LONGEST_EPISODE
from smiling.runs.divergence import finite_actions
from smiling.runs.seeding import derive
from smiling.settings import UserError

Player = Callable[[Tensor], Tensor]  # each step's states (episodes, state) to actions, for one set of episodes


class Policy(Protocol):
    """What a solver trains, as it acts and as it is kept on disk (`solvers.policies`)."""

    kind: ClassVar[str]  # by which a file of it is known
    state_size: int
    action_size: int

    def noise(self, seed: int, device: str | torch.device = "cpu") -> Any:
        """Randomness of the kind that the policy samples its actions from."""

    def begin(self, episodes: int, noise: Any, sampled: bool = False) -> Player:
        """Start `episodes` episodes side by side, acting as in an evaluation, or by samples."""

    def description(self) -> dict[str, Any]:
        """From which `blank` makes a policy of the same shape, as plain values."""

    @classmethod
    def blank(cls, description: dict[str, Any]) -> "Policy":
        """A policy whose weights are to be loaded."""

    def state_dict(self) -> dict[str, Tensor]:
        """Its weights."""

    def load_state_dict(self, saved: dict[str, Tensor], /) -> Any:
        """Inverse of `state_dict`."""


class Evaluator:
    """Plays a policy on a task; its environments are its own, and each evaluation has initial states of its own."""

    def __init__(self, task: str, episodes: int, seed: int, device: str | torch.device = "cpu") -> None:
        self.episodes, self._task = episodes, task
        self._envs = [envs.make(task) for _ in range(episodes)]
        self._seed = seed
        self._device = device

    @torch.no_grad()
    def returns(self, player: Player, index: int) -> np.ndarray:
        """Undiscounted return of each episode, (episodes,); `index` names the evaluation and so its initial states.

        Raises:
            NotFinite: if the player's actions are not.
            UserError: if an episode does not end.
        """
        seeds = [derive(self._seed, "evaluation", index, episode) for episode in range(len(self._envs))]
        states = [env.reset(seed=seed)[0] for env, seed in zip(self._envs, seeds, strict=True)]
        total, running = np.zeros(len(self._envs)), list(range(len(self._envs)))
        for _ in range(LONGEST_EPISODE):
            actions = finite_actions(player(torch.from_numpy(np.stack(states)).to(self._device)))
            steps = {place: self._envs[place].step(actions[place]) for place in running}
            running = []
            for place, (state, reward, terminated, truncated, _) in steps.items():
                states[place] = state  # of an episode that has ended, the player sees its last state from there on
                total[place] += float(reward)
                if not (terminated or truncated):
                    running.append(place)
            if not running:
                return total
        raise UserError(
            f"an episode of {self._task} goes on after {LONGEST_EPISODE} steps; give it a time_limit of at most as many"
        )


def policy_returns(task: str, policy: Policy, episodes: int, seed: int, noise: Any) -> np.ndarray:
    """Returns (episodes,) of a policy as it acts when evaluated; side by side, unless it plays one episode at a time.

    Raises:
        NotFinite: if its actions are not.
        UserError: if an episode does not end.
    """
    if getattr(policy, "one_at_a_time", False):
        evaluator = Evaluator(task, 1, seed)
        return np.concatenate([evaluator.returns(policy.begin(1, noise), index) for index in range(episodes)])
    return Evaluator(task, episodes, seed).returns(policy.begin(episodes, noise), index=0)


def random_returns(task: str, episodes: int, seed: int) -> np.ndarray:
    """Returns of uniform random actions, (episodes,): the zero of every normalised curve."""
    generator = torch.Generator().manual_seed(derive(seed, "random policy"))
    _, size = envs.sizes(task)

    def uniform(states: Tensor) -> Tensor:
        return 2 * torch.rand(len(states), size, generator=generator) - 1

    return Evaluator(task, episodes, derive(seed, "random policy")).returns(uniform, index=0)
