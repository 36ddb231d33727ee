"""PWIL (Dadashi et al., ICLR 2021): an episode coupled greedily to the demonstrations, step by step; no adversary.

The n demonstrated features have the mass 1/n each, each step of an episode has 1/T, T being the steps that the
longest may have. A step sends its mass to the nearest demonstrated features that have some left, and costs c, the mass
times the distance moved: over an episode that sums to an upper bound on the Wasserstein distance. Its reward is

    r = alpha exp(-beta T / sqrt(size of a feature) c),

known before training, but for what the episode has used up so far. Distances are Euclidean in units of the expert's
standard deviations. alpha and beta are the authors'. They thin the demonstrations and fill the replay with them before
training; here each method has all of them, and a replay of its own making.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

import envs
from smiling.imitation import Imitation, run_with_reward
from smiling.methods import Method
from smiling.reward import EpisodeReward
from smiling.score.diffusion import square_root
from smiling.settings import Settings


class PWILSettings(Settings):
    """The paper's, section 4."""

    alpha: float = Field(5.0, gt=0, description="the largest reward")
    beta: float = Field(5.0, gt=0, description="how fast the reward falls with the cost")


class Coupling:
    """The greedy coupling of an episode of `steps` to features (n, feature)."""

    def __init__(self, features: Tensor, steps: int) -> None:
        self._features, self._count = features, len(features)
        # Whole numbers of 1/(n T), so that the masses add up exactly: a feature has T of them, a step n.
        self._whole = self._count * steps
        self.left = torch.full((self._count,), steps, device=features.device)  # of each feature's mass

    def take(self, feature: Tensor) -> Tensor:
        """The cost, a scalar, of the next step's (feature,); 0 when no mass is left."""
        distances = square_root((self._features - feature).square().sum(-1))
        order = distances.argsort(stable=True)
        left = self.left[order]
        nearer = left.cumsum(0) - left
        taken = (self._count - nearer).clamp_min(0).minimum(left)
        self.left[order] = left - taken
        return (taken * distances[order]).sum() / self._whole


class PWIL(EpisodeReward):
    """A falling function of the coupling's cost at each step; 0 once an episode has used up all mass."""

    def __init__(
        self, expert_features: Tensor, settings: PWILSettings, seed: int, steps: int = envs.EPISODE_STEPS
    ) -> None:
        """`steps` are those of the longest episode. `seed` is not needed: nothing is drawn."""
        spread = square_root(expert_features.var(0, correction=0))
        self._unit = torch.where(spread > 0, spread, torch.ones_like(spread))
        self._expert = expert_features / self._unit
        self._alpha, self._steps = settings.alpha, steps
        self._rate = settings.beta * steps / math.sqrt(expert_features.shape[-1])
        self.begin()

    def begin(self) -> None:
        """All demonstrated mass is there again."""
        self._coupling = Coupling(self._expert, self._steps)

    def along(self, feature: Tensor) -> Tensor:
        """The reward of the episode's next step."""
        some_left = self._coupling.left.any()
        return self._alpha * torch.exp(-self._rate * self._coupling.take(feature / self._unit)) * some_left

    def update(self, draw: Callable[[int], Tensor]) -> dict[str, float]:
        """Nothing is learnt."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """What the episode has left of the demonstrations' mass; the rest follows from them."""
        return {"left": self._coupling.left}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        self._coupling.left = saved["left"].to(self._expert.device)


def run(imitation: Imitation) -> None:
    """PWIL on SAC."""
    steps = envs.time_limit(imitation.task) + envs.is_absorbing(imitation.task)  # one more, from the absorbing state
    run_with_reward(imitation, lambda features, settings, seed: PWIL(features, settings, seed, steps))


METHOD = Method("PWIL", PWILSettings, run, together=True)
