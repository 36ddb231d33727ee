"""DRAIL: its discriminator against the Bayes classifier of two Gaussians, its loss and reward written out."""

import pytest
import torch
from torch.nn import functional as F

from smiling.methods.drail import DRAIL, DRAILSettings
from smiling.score.conditional import ConditionalScoreModel, classification_loss, denoising_errors, labelled_errors
from smiling.score.diffusion import DiffusionSettings
from smiling.score.model import ScoreModel, ScoreModelSettings, denoising_loss

SMALL = DRAILSettings(
    score_model=ScoreModelSettings(
        diffusion=DiffusionSettings(steps=10, first_beta=0.05, last_beta=0.6), lr=3e-3, width=64, batch=256
    ),
    samples=100,
    states_per_update=10_000,
)


def test_discriminator_of_two_gaussians_is_the_bayes_classifier(generator):
    """N(1, 1) and N(-1, 1): the expert is the likelier where s > 0, and the reward estimates log p/q = 2 s."""
    method = DRAIL(1 + torch.randn(20_000, 1, generator=generator), SMALL, seed=0)
    for _ in range(12):
        method.update(lambda count: torch.randn(count, 1, generator=generator) - 1)
    points = torch.linspace(-2, 2, 17)[:, None]
    decided = points[points[:, 0].abs() > 0.3]
    assert torch.equal(method.pointwise(decided) > 0, decided[:, 0] > 0)
    torch.testing.assert_close(method.pointwise(points), 2 * points[:, 0], atol=0.8, rtol=0)


def test_loss_is_cross_entropy_of_the_ratio_of_the_two_likelihoods():
    plus, minus = torch.tensor([0.1, 0.9, 2.0]), torch.tensor([0.7, 0.3, 0.1])
    expert_share = (-plus).exp() / ((-plus).exp() + (-minus).exp())  # D = exp(-L+) / (exp(-L+) + exp(-L-))
    logits = minus - plus
    expected = -expert_share.log().mean() - (1 - expert_share).log().mean()
    torch.testing.assert_close(classification_loss(logits, logits), expected)
    torch.testing.assert_close(logits, expert_share.log() - (1 - expert_share).log())  # the reward


def test_both_errors_are_of_the_same_noisy_states_under_either_label(generator):
    model = ConditionalScoreModel(3, 2 + 4, SMALL.score_model, seed=0)
    states, beside = torch.randn(50, 3, generator=generator), torch.randn(50, 4, generator=generator)
    found = labelled_errors(model, states, beside, torch.Generator().manual_seed(7))
    own = torch.Generator().manual_seed(7)
    times, noise = torch.randint(10, (50,), generator=own), torch.randn(50, 3, generator=own)
    share = model.alpha_bar[times, None]
    noisy = share.sqrt() * states + (1 - share).sqrt() * noise
    for errors, label in zip(found, ([1.0, 0.0], [0.0, 1.0]), strict=True):
        condition = torch.cat([beside, torch.tensor([label]).expand(50, 2)], -1)
        embedded = F.linear(
            F.leaky_relu(model.time_in(model.embedded[times])), model.time_out.weight, model.time_out.bias
        )
        hidden = F.leaky_relu(model.hidden(torch.cat([noisy, embedded], -1)) + condition @ model.condition.weight.T)
        torch.testing.assert_close(errors, (model.out(hidden) - noise).square().mean(-1))


def test_errors_average_to_the_score_models_loss(generator):
    model = ScoreModel(3, SMALL.score_model, seed=0)
    states, noise = torch.randn(2, 50, 3, generator=generator)
    times = torch.randint(10, (50,), generator=generator)
    loss = denoising_loss(model, states, times, noise)
    torch.testing.assert_close(denoising_errors(model, states, times, noise).mean(), loss)


def test_state_is_saved_to_the_bit(generator):
    expert = torch.randn(100, 2, generator=generator)
    first, second = (DRAIL(expert, SMALL, seed) for seed in (0, 1))
    first.update(lambda count: torch.randn(1000, 2, generator=generator))
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.pointwise(expert), second.pointwise(expert))
    assert first.pointwise(expert).shape == (100,)
    assert first.model.condition.weight.shape == (64, 2)
    assert pytest.approx(10) == len(first.model.alpha_bar)
