"""DRAIL (Lai et al., NeurIPS 2024): a discriminator from the errors of a diffusion model under two labels.

L+ and L- are the errors of one conditional diffusion model at denoising a state, told that it is the expert's or the
learner's. The discriminator is

    D(s) = exp(-L+) / (exp(-L+) + exp(-L-)) = sigmoid(L- - L+),

trained by cross entropy, and the reward log D - log(1 - D) = L- - L+. Both errors are of the same time and noise. The
network is SMILING's, few diffusion steps are as for DiffAIL, cadence and state buffer are those of SMILING and DAC.
"""

import torch
from torch import Tensor

from smiling.imitation import Imitation, run_with_reward
from smiling.methods import Method
from smiling.runs.seeding import derive
from smiling.score.conditional import LABELS, ConditionalScoreModel, classification_loss, labelled_errors
from smiling.score.discriminator import DiffusionDiscriminator, DiffusionDiscriminatorSettings


class DRAILSettings(DiffusionDiscriminatorSettings):
    """Aligned with DiffAIL, from which it differs in the discriminator alone."""


class DRAIL(DiffusionDiscriminator):
    """The labelled diffusion model as a discriminator and a reward."""

    model: ConditionalScoreModel

    def __init__(self, expert_features: Tensor, settings: DRAILSettings, seed: int) -> None:
        size, weights = expert_features.shape[-1], derive(seed, "diffusion model")
        model = ConditionalScoreModel(size, LABELS, settings.score_model, weights)
        super().__init__(expert_features, model, settings, derive(seed, "drail"))

    def loss(self, expert: Tensor, learner: Tensor) -> Tensor:
        """The discriminator's, each state's errors at one time."""
        return classification_loss(self.logits(expert), self.logits(learner))

    def logits(self, features: Tensor) -> Tensor:
        """An estimate of L- - L+ of each of (n, feature) from one time and noise, (n,)."""
        expert, learner = labelled_errors(self.model, features, features[:, :0], self.generator)
        return learner - expert

    @torch.no_grad()
    def pointwise(self, features: Tensor) -> Tensor:
        """L- - L+, averaged over `samples`."""
        return self.averaged(lambda: self.logits(features))


def run(imitation: Imitation) -> None:
    """DRAIL on the task's solver."""
    run_with_reward(imitation, DRAIL)


METHOD = Method("DRAIL", DRAILSettings, run, together=True)
