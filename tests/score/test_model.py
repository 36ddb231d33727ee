"""The score model against the known score of a Gaussian."""

import math

import pytest
import torch

from smiling.score.diffusion import DiffusionSettings
from smiling.score.model import ScoreModel, ScoreModelSettings, denoising_loss, fit_pass, score_optimiser, sinusoidal

SHORT = DiffusionSettings(steps=100, first_beta=1e-3, last_beta=0.2)


def fitted(states: torch.Tensor, settings: ScoreModelSettings, passes: int, generator: torch.Generator) -> ScoreModel:
    model = ScoreModel(states.shape[-1], settings, seed=0)
    optimiser = score_optimiser(model)
    for step in range(passes):
        optimiser.lr = settings.lr * (1 - step / passes)  # averages out the last of the gradient's noise
        fit_pass(model, optimiser, states[torch.randperm(len(states), generator=generator)], generator)
    return model


@pytest.mark.parametrize("linear", [False, True])
def test_fitted_model_is_the_score_of_a_gaussian(linear, generator):
    mean, std = torch.tensor([0.5, -1.0]), torch.tensor([0.7, 0.7])
    states = mean + std * torch.randn(20_000, 2, generator=generator)
    settings = ScoreModelSettings(diffusion=SHORT, width=64, linear=linear)
    model = fitted(states, settings, 40, generator)
    for time in (20, 50, 80):
        share = model.alpha_bar[time]
        marginal_mean, marginal_var = share.sqrt() * mean, share * std**2 + 1 - share
        noisy = marginal_mean + marginal_var.sqrt() * torch.randn(5000, 2, generator=generator)
        score = -(noisy - marginal_mean) / marginal_var
        with torch.no_grad():
            predicted = -model(noisy, torch.full((5000,), time)) / (1 - share).sqrt()
        relative = ((predicted - score).square().mean() / score.square().mean()).item()
        # A linear model has one slope for all times, so it can only be near the score where the slopes agree.
        assert relative < (0.2 if linear else 0.01), f"time {time}"


def test_linear_model_is_affine_in_the_state(generator):
    model = ScoreModel(3, ScoreModelSettings(diffusion=SHORT, linear=True), seed=1)
    x, y = torch.randn(2, 10, 3, generator=generator)
    time = torch.randint(100, (10,), generator=generator)
    middle = model((x + y) / 2, time)
    torch.testing.assert_close(middle, (model(x, time) + model(y, time)) / 2, rtol=1e-4, atol=1e-5)


def test_denoising_loss_of_a_model_that_predicts_nothing_is_the_noise_variance(generator):
    model = ScoreModel(4, ScoreModelSettings(diffusion=SHORT), seed=0)
    torch.nn.init.zeros_(model.out.weight)
    torch.nn.init.zeros_(model.out.bias)
    noise = torch.randn(50_000, 4, generator=generator)
    time = torch.randint(100, (50_000,), generator=generator)
    assert denoising_loss(model, torch.zeros(50_000, 4), time, noise).item() == pytest.approx(1, abs=0.02)


def test_sinusoidal_embedding_is_sines_then_cosines_at_rates_from_1_to_a_ten_thousandth():
    embedded = sinusoidal(torch.tensor([0, 7]), 6)
    torch.testing.assert_close(embedded[0], torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]))
    expected = torch.tensor([7.0, 0.07, 0.0007])  # 10 000 to the power of -1/2 and of -1
    torch.testing.assert_close(embedded[1], torch.cat([expected.sin(), expected.cos()]))


def test_paper_size_embedding_has_eight_rates_whose_exponents_are_sevenths():
    """Of the last of 5000 times: frequencies 10 000^(-i/7), by hand in double precision."""
    embedded = sinusoidal(torch.tensor([4999]), ScoreModelSettings().time_size)[0]
    angles = [4999 * 10_000 ** (-i / 7) for i in range(8)]
    expected = torch.tensor([*map(math.sin, angles), *map(math.cos, angles)])
    torch.testing.assert_close(embedded, expected, atol=1e-3, rtol=0)  # angles near 5000 have three decimals in float32
    assert angles[-1] == pytest.approx(0.4999)


def test_same_seed_same_weights_and_global_randomness_untouched():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, second, other = (ScoreModel(3, ScoreModelSettings(), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.hidden.weight, second.hidden.weight)
    assert not torch.equal(first.hidden.weight, other.hidden.weight)
