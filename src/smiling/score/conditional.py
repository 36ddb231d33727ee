"""Score models that are given a condition beside the noisy state, and discriminators made of their errors."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smiling.runs.seeding import derive
from smiling.score.diffusion import diffuse
from smiling.score.model import ScoreModel, ScoreModelSettings

LABELS = 2  # the expert's, and the learner's


class ConditionalScoreModel(ScoreModel):
    """A score model whose hidden layer sees a condition (n, condition) too."""

    def __init__(self, state_size: int, condition_size: int, settings: ScoreModelSettings, seed: int) -> None:
        super().__init__(state_size, settings, seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(seed, "condition"))
            self.condition = nn.Linear(condition_size, settings.width, bias=False)

    def forward(self, noisy: Tensor, times: Tensor, condition: Tensor) -> Tensor:  # type: ignore[override]
        """Predicted noise for noisy states (n, state) at integer times (n,) under conditions: (n, state)."""
        hidden = self.hidden(torch.cat([noisy, self.embedding(times)], -1)) + self.condition(condition)
        return self.out(F.leaky_relu(hidden, self.slope))


def denoising_errors(model: ScoreModel, states: Tensor, times: Tensor, noise: Tensor, *condition: Tensor) -> Tensor:
    """Squared error on the noise (n, state) of each state at times (n,), a mean over dimensions: (n,)."""
    noisy = diffuse(states, noise, model.alpha_bar[times, None])
    return (model(noisy, times, *condition) - noise).square().mean(-1)


def labelled_errors(
    model: ConditionalScoreModel, states: Tensor, beside: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Errors of the same noisy `states` (n, state), one time and noise each, under both labels: (n,), (n,).

    The first are those under the expert's label, the second under the learner's. The condition is what stands `beside`
    the states, (n, any), and the label as one of two units.
    """
    count = len(states)
    times = torch.randint(len(model.alpha_bar), (count,), generator=generator, device=states.device)
    noise = torch.randn(states.shape, generator=generator, device=states.device)
    labels = torch.eye(LABELS, device=states.device)
    expert, learner = (
        denoising_errors(model, states, times, noise, torch.cat([beside, label.expand(count, LABELS)], -1))
        for label in labels
    )
    return expert, learner


def classification_loss(expert_logits: Tensor, learner_logits: Tensor) -> Tensor:
    """Cross entropy of a discriminator's logits: of the expert's states, label 1, plus of the learner's, label 0."""
    expert_loss = F.binary_cross_entropy_with_logits(expert_logits, torch.ones_like(expert_logits))
    return expert_loss + F.binary_cross_entropy_with_logits(learner_logits, torch.zeros_like(learner_logits))
