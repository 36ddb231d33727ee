"""RED, random expert distillation (Wang et al., ICML 2019): a reward where a distilled random network is well known.

A network of random weights f stays as it is; another, g, is fitted to it on the expert's states, once. Where the expert
does not go nothing has taught g what f says:

    r(s) = exp(-sigma |g(s) - f(s)|^2),

sigma such that the expert's states have rewards near 1, as the authors choose it. Nothing of the learner is looked at.
The networks have the size of DAC's discriminator, with as many outputs as `outputs`.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from smiling.imitation import Imitation, run_with_reward
from smiling.methods import Method
from smiling.optimiser import adamw
from smiling.reward import LearnedReward
from smiling.runs.divergence import check_finite
from smiling.runs.progress import Meter
from smiling.runs.seeding import derive
from smiling.settings import Settings

SMALLEST_ERROR = 1e-12  # by which sigma is divided, should the fit be perfect


class REDSettings(Settings):
    """The sizes and rates are DAC's."""

    width: int = Field(256, ge=1, description="units of the hidden layer")
    outputs: int = Field(64, ge=1, description="of the random network")
    lr: float = Field(5e-3, gt=0)
    batch: int = Field(1024, ge=1)
    epochs: int = Field(1000, ge=1, description="passes over the expert's states, once")
    expert_reward: float = Field(0.9, gt=0, lt=1, description="of a state whose error is the expert's mean")


def network(size: int, settings: REDSettings, seed: int) -> nn.Module:
    """One hidden layer, at random weights of `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        hidden = nn.Linear(size, settings.width)
        return nn.Sequential(hidden, nn.LeakyReLU(), nn.Linear(settings.width, settings.outputs))


def errors(predictor: nn.Module, target: nn.Module, features: Tensor) -> Tensor:
    """|g - f|^2 of each of (n, feature), a mean over outputs: (n,). No gradient flows to the target f."""
    with torch.no_grad():
        wanted = target(features)
    return (predictor(features) - wanted).square().mean(-1)


class RED(LearnedReward):
    """The distilled network and its error as a reward."""

    def __init__(self, expert_features: Tensor, settings: REDSettings, seed: int) -> None:
        self.settings, size, device = settings, expert_features.shape[-1], expert_features.device
        self.target = network(size, settings, derive(seed, "random network")).to(device)
        self.predictor = network(size, settings, derive(seed, "distilled network")).to(device)
        self.sigma = torch.ones((), device=device)
        self._generator = torch.Generator(device).manual_seed(derive(seed, "red"))
        self._expert_features = expert_features

    def prepare(self, name: str) -> None:
        """Distil the random network on the expert's states."""
        settings, features = self.settings, self._expert_features
        optimiser = adamw(self.predictor.parameters(), settings.lr)
        with Meter(f"{name}: distilled network", settings.epochs, unit="epochs") as meter:
            for epoch in range(settings.epochs):
                order = torch.randperm(len(features), generator=self._generator, device=features.device)
                for batch in features[order].split(settings.batch):
                    optimiser.minimise(errors(self.predictor, self.target, batch).mean())
                meter.update(epoch + 1)
        self._choose_sigma()

    @torch.no_grad()
    def _choose_sigma(self) -> None:
        mean = errors(self.predictor, self.target, self._expert_features).mean()
        check_finite({"the distilled network's error": mean.item()})
        self.sigma = -math.log(self.settings.expert_reward) / mean.clamp_min(SMALLEST_ERROR)

    def update(self, draw: Callable[[int], Tensor]) -> dict[str, float]:
        """Nothing is learnt of the learner."""
        return {}

    @torch.no_grad()
    def pointwise(self, features: Tensor) -> Tensor:
        """exp(-sigma error)."""
        return torch.exp(-self.sigma * errors(self.predictor, self.target, features))

    def state_dict(self) -> dict[str, Any]:
        """What was distilled; the rest follows from the seed."""
        return {"predictor": self.predictor.state_dict(), "sigma": self.sigma}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        self.predictor.load_state_dict(saved["predictor"])
        self.sigma = saved["sigma"].to(self.sigma.device)


def run(imitation: Imitation) -> None:
    """RED on the task's solver."""
    run_with_reward(imitation, RED)


METHOD = Method("RED", REDSettings, run, together=True)
