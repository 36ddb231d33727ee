"""RED: its gradient by finite differences, its reward's scale, and that the expert's states are known best."""

import numpy as np
import pytest
import torch

from smiling.methods.red import RED, REDSettings, errors, network


def distilled(expert: torch.Tensor, **changes: object) -> RED:
    method = RED(expert, REDSettings(**{"width": 32, "outputs": 8, "epochs": 60, "batch": 100} | changes), seed=0)
    method.prepare("test")
    return method


def test_gradient_agrees_with_finite_differences(generator):
    settings = REDSettings(width=5, outputs=3)
    predictor, target = (network(2, settings, seed).double() for seed in (0, 1))
    states = torch.randn(6, 2, generator=generator, dtype=torch.float64)
    weight = predictor[0].weight
    (gradient,) = torch.autograd.grad(errors(predictor, target, states).mean(), weight)
    for index in range(weight.numel()):
        values = []
        for shift in (1e-6, -1e-6):
            with torch.no_grad():
                weight.view(-1)[index] += shift
                values.append(errors(predictor, target, states).mean().item())
                weight.view(-1)[index] -= shift
        assert gradient.flatten()[index].item() == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-5, abs=1e-9)


def test_error_is_the_mean_square_between_the_networks(generator):
    settings = REDSettings(width=5, outputs=3)
    predictor, target = (network(2, settings, seed) for seed in (0, 1))
    states = torch.randn(6, 2, generator=generator)

    def by_hand(model):
        first, second = ((layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in (model[0], model[2]))
        hidden = states.numpy() @ first[0].T + first[1]
        return np.where(hidden > 0, hidden, 0.01 * hidden) @ second[0].T + second[1]

    expected = np.square(by_hand(predictor) - by_hand(target)).mean(1)
    np.testing.assert_allclose(errors(predictor, target, states).detach().numpy(), expected, rtol=1e-4)


def test_rewards_are_higher_on_the_experts_support(generator):
    expert = 0.5 * torch.randn(400, 3, generator=generator)
    method = distilled(expert)
    on, off = 0.5 * torch.randn(200, 3, generator=generator), 4 + torch.randn(200, 3, generator=generator)
    assert method.pointwise(on).mean() > 0.8
    assert method.pointwise(off).mean() < 0.5 * method.pointwise(on).mean()


def test_mean_error_of_the_expert_has_the_reward_that_is_set(generator):
    expert = torch.randn(300, 2, generator=generator)
    method = distilled(expert, expert_reward=0.7)
    mean = errors(method.predictor, method.target, expert).mean()
    assert torch.exp(-method.sigma * mean).item() == pytest.approx(0.7, rel=1e-5)


def test_target_is_never_learnt_and_the_rest_is_saved(generator):
    expert = torch.randn(300, 2, generator=generator)
    settings = REDSettings(width=32, outputs=8, epochs=5, batch=100)
    fresh = RED(expert, settings, seed=0)
    method = distilled(expert, epochs=5)
    assert all(torch.equal(a, b) for a, b in zip(fresh.target.parameters(), method.target.parameters(), strict=True))
    fresh.load_state_dict(method.state_dict())
    assert torch.equal(fresh.pointwise(expert), method.pointwise(expert))
