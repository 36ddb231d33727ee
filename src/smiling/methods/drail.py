"""DRAIL (Lai et al., NeurIPS 2024): a discriminator from the errors of a diffusion model under two labels.

L+ and L- are the errors of one conditional diffusion model at denoising a state, told that it is the expert's or the
learner's. The discriminator is

    D(s) = exp(-L+) / (exp(-L+) + exp(-L-)) = sigmoid(L- - L+),

trained by cross entropy, and the reward log D - log(1 - D) = L- - L+. Both errors are of the same time and noise. The
network is SMILING's, few diffusion steps are as for DiffAIL, cadence and state buffer are those of SMILING and DAC.
"""

import torch
from pydantic import Field
from torch import Tensor

from smiling.imitation import Imitation, run_with_reward
from smiling.methods import Method
from smiling.reward import DiscriminatorReward
from smiling.runs.seeding import derive
from smiling.score.conditional import LABELS, ConditionalScoreModel, classification_loss, labelled_errors
from smiling.score.diffusion import DiffusionSettings
from smiling.score.model import ScoreModelSettings, score_optimiser
from smiling.settings import Settings


class DRAILSettings(Settings):
    """Aligned with DiffAIL, from which it differs in the discriminator alone."""

    score_model: ScoreModelSettings = ScoreModelSettings(
        diffusion=DiffusionSettings(steps=10, first_beta=0.05, last_beta=0.6), lr=3e-4
    )
    samples: int = Field(10, ge=1, description="(time, noise) samples for a state's errors as a reward")
    states_per_update: int = Field(100_000, ge=1, description="learner states drawn for one pass")


class DRAIL(DiscriminatorReward):
    """The labelled diffusion model as a discriminator and a reward."""

    model: ConditionalScoreModel

    def __init__(self, expert_features: Tensor, settings: DRAILSettings, seed: int) -> None:
        self.settings, device, size = settings, expert_features.device, expert_features.shape[-1]
        model = ConditionalScoreModel(size, LABELS, settings.score_model, derive(seed, "diffusion model")).to(device)
        super().__init__(
            expert_features,
            model,
            score_optimiser(model),
            torch.Generator(device).manual_seed(derive(seed, "drail")),
            settings.score_model.batch,
            settings.states_per_update,
        )

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
        return torch.stack([self.logits(features) for _ in range(self.settings.samples)]).mean(0)


def run(imitation: Imitation) -> None:
    """DRAIL on the task's solver."""
    run_with_reward(imitation, DRAIL)


METHOD = Method("DRAIL", DRAILSettings, run, together=True)
