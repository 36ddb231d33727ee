"""DAC (Kostrikov et al., 2018), aligned with SMILING as the paper does: the objective differs, nothing else.

A discriminator tells the expert's states (1) from the learner's (0); the reward is -log(1 - sigmoid(D)). Its logit D is
an estimate of log(expert's density / learner's), of which the variants `airl` and `fairl` make other rewards.
"""

from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from smiling.imitation import Imitation, run_with_reward
from smiling.methods import Method
from smiling.optimiser import adamw
from smiling.reward import DiscriminatorReward
from smiling.runs.seeding import derive
from smiling.settings import Settings

REWARD_FLOOR = 1e-8  # inside the logarithm, as in the authors' code


class DACSettings(Settings):
    """Table 2; the penalty and the reward are those of the authors' code."""

    width: int = Field(256, ge=1, description="units of the hidden layer")
    linear: bool = Field(False, description="no activation (Figure 5)")
    lr: float = Field(5e-3, gt=0)
    batch: int = Field(1024, ge=1)
    states_per_update: int = Field(100_000, ge=1, description="learner states drawn for one pass")
    penalty: float = Field(10.0, ge=0, description="weight of the gradient penalty")
    reward: Literal["gail", "airl", "fairl"] = "gail"


def discriminator(size: int, settings: DACSettings, seed: int) -> nn.Module:
    """Logit of 'this state is the expert's': one hidden layer."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        activation = nn.Identity() if settings.linear else nn.LeakyReLU()
        return nn.Sequential(nn.Linear(size, settings.width), activation, nn.Linear(settings.width, 1))


def gradient_penalty(model: nn.Module, points: Tensor) -> Tensor:
    """Mean of (|grad D| - 1)^2 at `points` (n, feature) (Gulrajani et al., 2017)."""
    points = points.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(model(points).sum(), points, create_graph=True)
    return (gradient.norm(dim=-1) - 1).square().mean()


def discriminator_loss(model: nn.Module, expert: Tensor, learner: Tensor, mix: Tensor, penalty: float) -> Tensor:
    """Binary cross entropy averaged over the two halves, plus the penalty at interpolates weighted by `mix` (n, 1)."""
    expert_logits, learner_logits = model(expert), model(learner)
    expert_loss = F.binary_cross_entropy_with_logits(expert_logits, torch.ones_like(expert_logits))
    learner_loss = F.binary_cross_entropy_with_logits(learner_logits, torch.zeros_like(learner_logits))
    return (expert_loss + learner_loss) / 2 + penalty * gradient_penalty(model, mix * expert + (1 - mix) * learner)


def reward(logits: Tensor, kind: str) -> Tensor:
    """The reward of a logit D; its divergence between the learner's states and the expert's in brackets.

    gail    -log(1 - sigmoid(D) + 1e-8) (Jensen and Shannon's; Ho & Ermon, 2016)
    airl    D (reverse Kullback and Leibler's; Fu et al., 2018)
    fairl   -D exp(D) (forward Kullback and Leibler's; Ghasemipour et al., 2019)
    """
    if kind == "airl":
        return logits
    if kind == "fairl":
        return -logits * logits.exp()
    return -torch.log(1 - torch.sigmoid(logits) + REWARD_FLOOR)


class DAC(DiscriminatorReward):
    """The discriminator as a reward."""

    def __init__(self, expert_features: Tensor, settings: DACSettings, seed: int) -> None:
        self.settings, device = settings, expert_features.device
        model = discriminator(expert_features.shape[-1], settings, derive(seed, "discriminator")).to(device)
        super().__init__(
            expert_features,
            model,
            adamw(model.parameters(), settings.lr),
            torch.Generator(device).manual_seed(derive(seed, "dac")),
            settings.batch,
            settings.states_per_update,
        )

    def loss(self, expert: Tensor, learner: Tensor) -> Tensor:
        """The discriminator's, its penalty at interpolates drawn at random."""
        mix = torch.rand(len(learner), 1, generator=self.generator, device=learner.device)
        return discriminator_loss(self.model, expert, learner, mix, self.settings.penalty)

    @torch.no_grad()
    def pointwise(self, features: Tensor) -> Tensor:
        """The reward of the discriminator's logit."""
        return reward(self.model(features).squeeze(-1), self.settings.reward)


def run(imitation: Imitation) -> None:
    """DAC on the task's solver."""
    run_with_reward(imitation, DAC)


VARIANTS: dict[str, dict[str, Any]] = {
    "linear": {"linear": True},
    "airl": {"reward": "airl"},
    "fairl": {"reward": "fairl"},
}

METHOD = Method("DAC", DACSettings, run, variants=VARIANTS, together=True)
