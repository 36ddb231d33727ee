"""The networks' own backward passes against finite differences, and whole updates against the plain path."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from smiling.solvers.sac import squashed_gaussian
from smiling.solvers.sac.agent import SAC, SACSettings
from smiling.solvers.sac.perceptron import MLP, product
from smiling.solvers.sac.plain import PlainSAC
from smiling.solvers.sac.replay import Batch

STATE, ACTION = 5, 3


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 3), a=st.integers(1, 20), b=st.integers(1, 20), c=st.integers(1, 20))
def test_products_are_matrix_products(n, a, b, c):
    generator = torch.Generator().manual_seed(a + 20 * b)
    left = torch.randn(n, a, b, generator=generator, dtype=torch.float64)
    right = torch.randn(n, b, c, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(product(left, right), left @ right)


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("outputs", [1, 3, 18])
def test_gradients_of_perceptrons_are_finite_differences(layer_norm, outputs, generator):
    mlp = MLP(4, outputs, 17, 2, generator, members=2, layer_norm=layer_norm).double()
    x = torch.randn(2, 6, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    for layer in mlp.layers:
        torch.nn.init.normal_(layer.bias, generator=generator)

    def forward(x, *parameters):
        names = dict(zip([name for name, _ in mlp.named_parameters()], parameters, strict=True))
        return torch.func.functional_call(mlp, names, (x,))

    assert torch.autograd.gradcheck(forward, (x, *mlp.parameters()), eps=1e-7, atol=1e-5)


def test_perceptrons_are_linear_norm_relu(generator):
    mlp = MLP(4, 3, 17, 2, generator, members=2, layer_norm=True)
    x = torch.randn(2, 6, 4, generator=generator)
    for member, found in enumerate(mlp(x)):
        expected = x[member]
        for layer in mlp.layers[:-1]:
            expected = F.layer_norm(expected @ layer.weight[member] + layer.bias[member], (17,)).relu()
        expected = expected @ mlp.layers[-1].weight[member] + mlp.layers[-1].bias[member]
        torch.testing.assert_close(found, expected)


def test_frozen_perceptrons_pass_gradients_on_and_keep_none(generator):
    mlp, x = MLP(4, 1, 8, 2, generator), torch.randn(1, 6, 4, generator=generator, requires_grad=True)
    free = torch.autograd.grad(mlp(x).sum(), x)[0]
    out = mlp(x, frozen=True).sum()
    assert all(part is None for part in torch.autograd.grad(out, list(mlp.parameters()), None, True, allow_unused=True))
    assert torch.equal(torch.autograd.grad(out, x)[0], free)


def test_gradient_of_samples_is_finite_differences(generator):
    out = torch.randn(2, 4, 2 * ACTION, generator=generator, dtype=torch.float64, requires_grad=True)
    noise = torch.randn(2, 4, ACTION, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda out: squashed_gaussian.sample(out, noise), (out,))


def test_density_of_a_sample_is_that_of_its_action(generator):
    noise = torch.randn(7, ACTION, generator=generator, dtype=torch.float64)
    out = torch.randn(7, 2 * ACTION, generator=generator, dtype=torch.float64)
    action, log_prob = squashed_gaussian.sample(out, noise)
    mean, log_std = squashed_gaussian.parameters(out)
    torch.testing.assert_close(squashed_gaussian.log_prob(torch.atanh(action), mean, log_std), log_prob)


def random_batch(seeds: int, size: int, generator: torch.Generator) -> Batch:
    states, next_states = torch.randn(2, seeds, size, STATE, generator=generator)
    actions = torch.rand(seeds, size, ACTION, generator=generator) * 2 - 1
    rewards = torch.randn(seeds, size, generator=generator)
    return Batch(states, actions, rewards, next_states, torch.rand(seeds, size, generator=generator).round())


def coming_noises(solver: SAC, size: int) -> list[list[torch.Tensor]]:
    """For each seed, what the next update will draw."""
    copies = [torch.Generator().set_state(own.get_state()) for own in solver._noise]
    return [[torch.randn(size, ACTION, generator=own) for _ in range(2)] for own in copies]


# Rounding, until a ReLU or the smaller of two critics changes sides: then Adam's steps, of lr whatever the gradient.
TOLERANCES = {1: 2e-6, 5: 1e-5, 100: 1e-2}


@pytest.mark.long
@pytest.mark.parametrize("layer_norm", [False, True])
def test_updates_are_those_of_the_plain_path_alone_and_in_company(layer_norm, generator):
    """After 1, 5 and 100 updates from the same state: values, actions and temperature of each of three seeds."""
    size = 64
    steps = {"actor_lr": 1e-3, "critic_lr": 1e-3, "temperature_lr": 1e-3, "tau": 0.05}
    settings = SACSettings(width=64, batch=size, critic_layer_norm=layer_norm, **steps)
    company = SAC(STATE, ACTION, settings, seed=(0, 1, 2))
    alone = [SAC(STATE, ACTION, settings, seed) for seed in (0, 1, 2)]
    plain = [PlainSAC(solver) for solver in alone]
    states = torch.randn(50, STATE, generator=generator)
    actions = torch.rand(50, ACTION, generator=generator) * 2 - 1
    for update in range(1, 101):
        batch, noises = random_batch(3, size, generator), coming_noises(company, size)
        company.update(batch)
        for seed in range(3):
            own = Batch(*(part[seed] for part in batch))
            alone[seed].update(own)
            plain[seed].update(own, *noises[seed])
        if update in TOLERANCES:
            together = company.critics(states.expand(3, -1, -1), actions.expand(3, -1, -1))
            policies = company.actor.mean_action(states.expand(3, -1, -1))
            close = {"rtol": 0, "atol": TOLERANCES[update]}
            for seed in range(3):
                values = PlainSAC.q(plain[seed].critics, states, actions)
                for found in (together[seed], alone[seed].critics(states, actions)):
                    torch.testing.assert_close(found, values, **close)
                policy = torch.tanh(plain[seed].actor(states).chunk(2, -1)[0])
                for found in (policies[seed], alone[seed].actor.mean_action(states)):
                    torch.testing.assert_close(found, policy, **close)
                temperature = plain[seed].log_temperature.exp()
                torch.testing.assert_close(company.temperature[seed], temperature, **close)
    assert values.std() > 0.05  # beside which the tolerances are small
