"""Returns of a policy: whole episodes, several at once so that the policy runs on a batch."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

import envs
from smiling.seeding import derive

Policy = Callable[[Tensor], Tensor]


class Evaluator:
    """Plays a policy on a task; its environments are its own, and each evaluation has initial states of its own."""

    def __init__(self, task: str, episodes: int, seed: int, device: str | torch.device = "cpu") -> None:
        self._envs = [envs.make(task) for _ in range(episodes)]
        self._seed = seed
        self._device = device

    @torch.no_grad()
    def returns(self, policy: Policy, index: int) -> np.ndarray:
        """Undiscounted return of each episode, (episodes,); `index` names the evaluation and so its initial states."""
        seeds = [derive(self._seed, "evaluation", index, episode) for episode in range(len(self._envs))]
        states = [env.reset(seed=seed)[0] for env, seed in zip(self._envs, seeds, strict=True)]
        total = np.zeros(len(self._envs))
        for _ in range(envs.EPISODE_STEPS):
            actions = policy(torch.from_numpy(np.stack(states)).to(self._device)).cpu().numpy()
            steps = [env.step(action) for env, action in zip(self._envs, actions, strict=True)]
            states = [step[0] for step in steps]
            total += [step[1] for step in steps]
        return total


def random_returns(task: str, episodes: int, seed: int) -> np.ndarray:
    """Returns of uniform random actions, (episodes,): the zero of every normalised curve."""
    env = envs.make(task)
    generator = torch.Generator().manual_seed(derive(seed, "random policy"))
    size = env.action_space.shape[0]

    def uniform(states: Tensor) -> Tensor:
        return 2 * torch.rand(len(states), size, generator=generator) - 1

    return Evaluator(task, episodes, derive(seed, "random policy")).returns(uniform, index=0)
