"""DIFO (Huang et al., NeurIPS 2024): a discriminator of transitions between states, from a diffusion model's errors.

L+ and L- are the errors of one diffusion model at denoising the next state s', given s and told that the transition is
the expert's or the learner's. With the authors' scale of 10 for logits

    D(s, s') = sigmoid(scale (L- - L+)),    reward -log(1 - D),

trained by cross entropy and, for the expert's transitions, by L+ itself. It sees states only. Both errors are of one
time and noise (the authors': of two). The network is SMILING's, few diffusion steps are as for DiffAIL, cadence and
state buffer are those of SMILING and DAC.
"""

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from smiling.imitation import Imitation, run_with_reward
from smiling.methods import Method
from smiling.runs.seeding import derive
from smiling.score.conditional import LABELS, ConditionalScoreModel, classification_loss, labelled_errors
from smiling.score.discriminator import DiffusionDiscriminator, DiffusionDiscriminatorSettings
from smiling.settings import UserError


class DIFOSettings(DiffusionDiscriminatorSettings):
    """The losses' weights and the logits' scale are the authors'; the rest is aligned with DiffAIL."""

    scale: float = Field(10.0, gt=0, description="of the logits")
    denoising: float = Field(1.0, ge=0, description="weight of the expert's denoising error beside the cross entropies")


class DIFO(DiffusionDiscriminator):
    """The labelled diffusion model of next states as a discriminator and a reward. Features are pairs of states."""

    transitions = True
    model: ConditionalScoreModel

    def __init__(self, expert_features: Tensor, settings: DIFOSettings, seed: int) -> None:
        size, weights = expert_features.shape[-1] // 2, derive(seed, "diffusion model")
        model = ConditionalScoreModel(size, size + LABELS, settings.score_model, weights)
        super().__init__(expert_features, model, settings, derive(seed, "difo"))
        self.settings = settings

    def loss(self, expert: Tensor, learner: Tensor) -> Tensor:
        """Cross entropies and the expert's denoising error, each transition's errors at one time."""
        expert_plus, expert_minus = self._errors(expert)
        plus, minus = self._errors(learner)
        told_apart = classification_loss(self._logits(expert_plus, expert_minus), self._logits(plus, minus))
        return told_apart + self.settings.denoising * expert_plus.mean()

    def _errors(self, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """L+ and L- of pairs (n, two states) at one time and noise each."""
        state, following = pairs.chunk(2, -1)
        return labelled_errors(self.model, following, state, self.generator)

    def _logits(self, plus: Tensor, minus: Tensor) -> Tensor:
        return self.settings.scale * (minus - plus)

    @torch.no_grad()
    def pointwise(self, features: Tensor) -> Tensor:
        """-log(1 - D), the logits averaged over `samples`."""
        return F.softplus(self.averaged(lambda: self._logits(*self._errors(features))))


def run(imitation: Imitation) -> None:
    """DIFO on the task's solver."""
    if imitation.with_actions:
        raise UserError("DIFO imitates from states only; leave difo out of runs that see actions")
    run_with_reward(imitation, DIFO)


METHOD = Method("DIFO", DIFOSettings, run, together=True)
