"""What discriminators that are made of a diffusion model's errors have in common: DiffAIL's, DRAIL's and DIFO's."""

from collections.abc import Callable

import torch
from pydantic import Field
from torch import Tensor

from smiling.reward import DiscriminatorReward
from smiling.score.diffusion import DiffusionSettings
from smiling.score.model import ScoreModel, ScoreModelSettings, score_optimiser
from smiling.settings import Settings


class DiffusionDiscriminatorSettings(Settings):
    """The network is SMILING's; ten diffusion steps are DiffAIL's authors', with betas that reach noise in them."""

    score_model: ScoreModelSettings = ScoreModelSettings(
        diffusion=DiffusionSettings(steps=10, first_beta=0.05, last_beta=0.6), lr=3e-4
    )
    samples: int = Field(10, ge=1, description="(time, noise) samples for the errors that make a reward")
    states_per_update: int = Field(100_000, ge=1, description="of the learner's features, drawn for one pass")


class DiffusionDiscriminator(DiscriminatorReward):
    """A diffusion model as a discriminator and a reward."""

    def __init__(
        self, expert_features: Tensor, model: ScoreModel, settings: DiffusionDiscriminatorSettings, seed: int
    ) -> None:
        """`seed` is of times, noises and the expert's features beside the learner's."""
        device, self._samples = expert_features.device, settings.samples
        model = model.to(device)
        generator = torch.Generator(device).manual_seed(seed)
        of_update = settings.score_model.batch, settings.states_per_update
        super().__init__(expert_features, model, score_optimiser(model), generator, *of_update)

    def averaged(self, estimate: Callable[[], Tensor]) -> Tensor:
        """The mean of so many estimates as the settings ask for, each of times and noises of its own."""
        return torch.stack([estimate() for _ in range(self._samples)]).mean(0)
