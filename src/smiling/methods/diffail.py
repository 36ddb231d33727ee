"""DiffAIL (Wang et al., AAAI 2024): a diffusion model's loss as the discriminator.

D(s) = exp(-L(s)), L the denoising error of a diffusion model averaged over times and noises. It is trained by the
discriminator's cross entropy, which denoises the expert's states (-log D = L) and spoils the learner's. The reward is
-log(1 - D). The schedule (one pass for each reward update, the state buffer) is SMILING's and DAC's.
"""

import torch
from torch import Tensor

from smiling.imitation import Imitation, run_with_reward
from smiling.methods import Method
from smiling.runs.seeding import derive
from smiling.score.conditional import denoising_errors
from smiling.score.discriminator import DiffusionDiscriminator, DiffusionDiscriminatorSettings
from smiling.score.model import ScoreModel

SMALLEST_LOSS = 1e-6  # under the logarithm of 1 - exp(-L), which has no bound at L = 0


class DiffAILSettings(DiffusionDiscriminatorSettings):
    """Those of such discriminators, as they are."""


def discriminator_loss(expert: Tensor, learner: Tensor) -> Tensor:
    """Cross entropy of D = exp(-L) for diffusion losses (n,) of the expert's and (m,) of the learner's states."""
    return expert.mean() - torch.log(-torch.expm1(-learner.clamp_min(SMALLEST_LOSS))).mean()


class DiffAIL(DiffusionDiscriminator):
    """The diffusion model as a discriminator and a reward."""

    model: ScoreModel

    def __init__(self, expert_features: Tensor, settings: DiffAILSettings, seed: int) -> None:
        model = ScoreModel(expert_features.shape[-1], settings.score_model, derive(seed, "diffusion model"))
        super().__init__(expert_features, model, settings, derive(seed, "diffail"))

    def loss(self, expert: Tensor, learner: Tensor) -> Tensor:
        """The discriminator's, each state's diffusion loss at one time."""
        return discriminator_loss(self._loss(expert), self._loss(learner))

    def _loss(self, states: Tensor) -> Tensor:
        """L of each state at one random time with one noise."""
        count = len(self.model.alpha_bar)
        times = torch.randint(count, (len(states),), generator=self.generator, device=states.device)
        noise = torch.randn(states.shape, generator=self.generator, device=states.device)
        return denoising_errors(self.model, states, times, noise)

    @torch.no_grad()
    def pointwise(self, features: Tensor) -> Tensor:
        """-log(1 - exp(-L)), L averaged over `samples`."""
        losses = self.averaged(lambda: self._loss(features))
        return -torch.log(-torch.expm1(-losses.clamp_min(SMALLEST_LOSS)))


def run(imitation: Imitation) -> None:
    """DiffAIL on the task's solver."""
    run_with_reward(imitation, DiffAIL)


METHOD = Method("DiffAIL", DiffAILSettings, run, together=True)
