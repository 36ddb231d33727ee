"""GMMIL (Kim & Park, AAAI 2018): the witness function of the maximum mean discrepancy as a reward.

    r(s) = mean_i k(s, expert_i) - mean_j k(s, learner_j),    k(s, s') = sum over two widths of exp(-|s - s'|^2 / width)

No network is learnt. The widths are medians of squared distances: among the expert's states, and between those and the
initial policy's, which the first update shows. State buffer and cadence are SMILING's and DAC's; the authors compare
with all states of the last iteration, here `samples` of each side stand for their distributions.
"""

from collections.abc import Callable
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from smiling.imitation import Imitation, run_with_reward
from smiling.methods import Method
from smiling.reward import LearnedReward
from smiling.runs.seeding import derive
from smiling.settings import Settings

NARROWEST = 1e-8  # width, where most of the states are the same


class GMMILSettings(Settings):
    """The widths are the data's."""

    samples: int = Field(1000, ge=2, description="states of each side that stand for its distribution")


def squared_distances(left: Tensor, right: Tensor) -> Tensor:
    """|l - r|^2 of each pair, (n, feature) x (m, feature) -> (n, m)."""
    products = left @ right.mT
    return (left.square().sum(-1, keepdim=True) + right.square().sum(-1) - 2 * products).clamp_min(0)


def median_width(left: Tensor, right: Tensor) -> Tensor:
    """The median of the squared distances of all pairs, a scalar."""
    return squared_distances(left, right).median().clamp_min(NARROWEST)


def resemblance(features: Tensor, others: Tensor, widths: Tensor) -> Tensor:
    """Mean over `others` (m, feature) of the sum of kernels of these widths (k,) with each of (n, feature): (n,)."""
    distances = squared_distances(features, others)
    return torch.stack([torch.exp(-distances / width).mean(-1) for width in widths]).sum(0)


class GMMIL(LearnedReward):
    """Resemblance to the expert's states less that to the learner's; before the first update 0."""

    def __init__(self, expert_features: Tensor, settings: GMMILSettings, seed: int) -> None:
        self.settings = settings
        generator = torch.Generator(expert_features.device).manual_seed(derive(seed, "gmmil"))
        rows = torch.randperm(len(expert_features), generator=generator, device=expert_features.device)
        self.expert = expert_features[rows[: settings.samples]]
        self.learner = self.expert
        self.widths = median_width(self.expert, self.expert)[None]

    def update(self, draw: Callable[[int], Tensor]) -> dict[str, float]:
        """Take a new sample of the learner's states; the first of all gives the second width."""
        self.learner = draw(self.settings.samples)
        if len(self.widths) == 1:
            self.widths = torch.cat([self.widths, median_width(self.expert, self.learner)[None]])
        return {"squared_mmd": (self.pointwise(self.expert).mean() - self.pointwise(self.learner).mean()).item()}

    def pointwise(self, features: Tensor) -> Tensor:
        """The witness function."""
        return resemblance(features, self.expert, self.widths) - resemblance(features, self.learner, self.widths)

    def state_dict(self) -> dict[str, Any]:
        """The learner's sample and the widths; the rest follows from the seed."""
        return {"learner": self.learner, "widths": self.widths}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        self.learner, self.widths = (saved[name].to(self.expert.device) for name in ("learner", "widths"))


def run(imitation: Imitation) -> None:
    """GMMIL on the task's solver."""
    run_with_reward(imitation, GMMIL)


METHOD = Method("GMMIL", GMMILSettings, run, together=True)
