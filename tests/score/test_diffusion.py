"""The forward process against closed forms."""

import numpy as np
import pytest
import torch

from smiling.score.diffusion import DiffusionSettings, alpha_bar, diffuse


def test_alpha_bar_is_the_product_of_one_minus_linear_betas():
    settings = DiffusionSettings()
    expected = np.cumprod(1 - np.linspace(1e-4, 0.02, 5000))
    np.testing.assert_allclose(alpha_bar(settings).numpy(), expected, rtol=1e-6, atol=1e-30)


def test_alpha_bar_takes_the_values_published_for_this_schedule():
    values = alpha_bar(DiffusionSettings())
    for time, published in {50: 0.990, 200: 0.905, 400: 0.698, 800: 0.257, 1200: 0.050, 1600: 0.005}.items():
        assert values[time].item() == pytest.approx(published, abs=1e-3)


def test_alpha_bar_follows_the_ornstein_uhlenbeck_process():
    # In continuous time alpha_bar = exp(-2 t), with t the integral of beta / 2: the product is its discretisation.
    settings = DiffusionSettings()
    time = torch.linspace(settings.first_beta, settings.last_beta, settings.steps, dtype=torch.float64).cumsum(0) / 2
    torch.testing.assert_close(alpha_bar(settings)[:1000].double(), torch.exp(-2 * time)[:1000], rtol=0.01, atol=0)


def test_diffused_states_have_the_moments_of_the_marginal(generator):
    states = torch.full((200_000, 1), 3.0)
    for share in (0.9, 0.3, 0.01):
        noisy = diffuse(states, torch.randn(states.shape, generator=generator), torch.tensor(share))
        assert noisy.mean().item() == pytest.approx(3 * share**0.5, abs=0.01)
        assert noisy.var().item() == pytest.approx(1 - share, abs=0.01)
