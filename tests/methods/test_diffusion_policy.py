"""Diffusion policy: a two-armed expert, its steps against a Gaussian's exact denoiser, its file."""

import math

import pytest
import torch

from smiling.cloning import bc_loss
from smiling.settings import UserError
from smiling.solvers.denoising import DenoisingPolicy, cosine_alpha_bar
from smiling.solvers.policies import read_policy, write_policy
from smiling.solvers.sac.networks import Actor

ARM = 0.8


def policy(steps: int = 20, states: int = 1, actions: int = 1) -> DenoisingPolicy:
    return DenoisingPolicy(states, actions, 64, 2, steps, 16, torch.Generator().manual_seed(0))


def test_both_arms_of_an_expert_are_reached_where_cloning_reaches_neither(generator):
    """The expert goes left or right with equal chance; in states below 0 always left."""
    states = 2 * torch.rand(2000, 1, generator=generator) - 1
    right = (torch.rand(2000, 1, generator=generator) < 0.5) & (states > 0)
    actions = torch.where(right, ARM, -ARM) + 0.02 * torch.randn(2000, 1, generator=generator)
    model, actor = policy(), Actor(1, 1, 64, 2, generator)
    optimisers = [torch.optim.Adam(network.parameters(), lr=2e-3) for network in (model, actor)]
    for _ in range(1500):
        rows = torch.randint(2000, (256,), generator=generator)
        losses = (
            model.loss(states[rows], actions[rows], generator),
            bc_loss(actor, states[rows], actions[rows], "squared_error"),
        )
        for loss, optimiser in zip(losses, optimisers, strict=True):
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    drawn = model.draw(torch.full((400, 1), 0.5), generator)
    near = ((drawn - ARM).abs() < 0.2) | ((drawn + ARM).abs() < 0.2)
    assert near.float().mean() > 0.9
    assert 0.3 < (drawn > 0).float().mean() < 0.7
    assert (model.draw(torch.full((400, 1), -0.5), generator) < 0).float().mean() > 0.95
    assert actor.mean_action(torch.full((1, 1, 1), 0.5)).abs().item() < 0.4  # neither


def test_exact_denoiser_of_a_gaussian_is_walked_back_to_it(generator):
    """Of N(0.2, 0.1^2) the noise in a is (a - sqrt(ab) 0.2) times a factor: mean and variance follow by hand.

    By Algorithm 2 of Ho et al. (2020), with beta (1 - ab before) / (1 - ab) as the variance of what is added.
    """
    model = policy(steps=200)
    share = cosine_alpha_bar(200)
    factor = (1 - share).sqrt() / (share * 0.01 + 1 - share)
    model.forward = lambda noisy, times, states: (
        factor[times, None].float() * (noisy - share[times, None].sqrt().float() * 0.2)
    )
    mean, variance = 0.0, 1.0
    for time in reversed(range(200)):
        before = share[time - 1] if time else torch.ones(())
        alpha = share[time] / before
        pull = (1 - alpha) / (1 - share[time]).sqrt() * factor[time]
        mean = (mean - pull * (mean - share[time].sqrt() * 0.2)) / alpha.sqrt()
        variance = variance * (1 - pull) ** 2 / alpha + (1 - alpha) * (1 - before) / (1 - share[time])
    drawn = model.draw(torch.zeros(20_000, 1), generator)
    assert drawn.mean().item() == pytest.approx(float(mean), abs=0.003)
    assert drawn.std().item() == pytest.approx(math.sqrt(variance), rel=0.02)
    assert (float(mean), math.sqrt(variance)) == (pytest.approx(0.2, abs=0.005), pytest.approx(0.1, abs=0.01))


def test_schedule_is_the_squared_cosine():
    shares = cosine_alpha_bar(100)
    times = torch.arange(1, 101, dtype=torch.float64) / 100
    expected = torch.cos((times + 0.008) / 1.008 * math.pi / 2) ** 2 / math.cos(0.008 / 1.008 * math.pi / 2) ** 2
    torch.testing.assert_close(shares[:-1], expected[:-1])
    assert 0 < shares[-1] < 1e-3


def test_policy_from_disk_acts_like_the_one_written(tmp_path, generator):
    written = policy(states=3, actions=2)
    write_policy(tmp_path / "policy.safetensors", written)
    read = read_policy(tmp_path / "policy.safetensors", (3, 2))
    states = torch.randn(5, 3, generator=generator)
    acts = [player.begin(5, player.noise(1))(states) for player in (written, read)]
    assert torch.equal(*acts)
    assert acts[0].shape == (5, 2)
    assert acts[0].abs().max() <= 1


def test_file_that_says_no_possible_number_of_steps_is_refused(tmp_path):
    wrong = policy()
    wrong.steps = 10**9
    write_policy(tmp_path / "policy.safetensors", wrong)
    with pytest.raises(UserError, match="1000000000 steps"):
        read_policy(tmp_path / "policy.safetensors")


def test_states_are_seen_between_minus_one_and_one_as_far_as_the_expert_went(generator):
    """Policies of the same weights act alike on states in other units; a constant entry stays finite."""
    states = torch.cat([5 + 3 * torch.rand(50, 2, generator=generator), torch.full((50, 1), 7.0)], -1)
    plain, scaled = policy(states=3), policy(states=3)
    scaled.see(states)
    low, high = states.amin(0), states.amax(0)
    by_hand = torch.cat([(2 * (states - low) / (high - low) - 1)[:, :2], torch.zeros(50, 1)], -1)
    assert by_hand[:, :2].amax() == pytest.approx(1)
    arguments = torch.randn(50, 1, generator=generator), torch.arange(50) % 20
    assert torch.allclose(scaled(*arguments, states), plain(*arguments, by_hand), atol=1e-5)
