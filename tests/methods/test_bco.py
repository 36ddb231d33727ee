"""BCO(0): a linear system's actions are recovered, random play is what it says."""

import numpy as np
import pytest
import torch

import envs
from smiling.methods.bco import BCOSettings, fit_inverse_model, inferred_actions, random_transitions

SMALL = BCOSettings(width=64, inverse_updates=1500, inverse_lr=3e-3)


def test_actions_of_a_linear_system_are_recovered(generator):
    """s' = A s + B a with B of full rank; states far from each other, changes small, one number that never varies."""
    first, second = torch.tensor([[0.99, 0.05], [-0.05, 0.98]]), torch.tensor([[0.03, 0.0], [0.01, 0.05]])

    def played(count: int) -> tuple[torch.Tensor, ...]:
        states = 5 * torch.randn(count, 2, generator=generator)
        actions = 2 * torch.rand(count, 2, generator=generator) - 1
        constant = torch.ones(count, 1)
        after = states @ first.T + actions @ second.T
        return torch.cat([states, constant], -1), actions, torch.cat([after, constant], -1)

    model = fit_inverse_model(*played(4000), SMALL, seed=0)
    states, actions, after = played(500)
    inferred = inferred_actions(model, states, after)
    assert (inferred - actions).square().mean().sqrt() < 0.1  # of actions whose deviation is 0.58
    assert inferred.abs().max() <= 1


def test_random_transitions_are_whole_episodes_of_uniform_actions():
    states, actions, after = random_transitions("ball_in_cup_catch", 2000, seed=3)
    assert states.shape == after.shape == (2000, 8)
    continues = [(states[step + 1] == after[step]).all().item() for step in range(1999)]
    assert [step for step, goes_on in enumerate(continues) if not goes_on] == [envs.EPISODE_STEPS - 1]
    assert actions.abs().max() <= 1
    assert actions.std().item() == pytest.approx(1 / np.sqrt(3), abs=0.02)
    again = random_transitions("ball_in_cup_catch", 2000, seed=3)
    assert all(torch.equal(a, b) for a, b in zip(again, (states, actions, after), strict=True))


def test_random_actions_are_stored_as_0_in_absorbing_states(monkeypatch):
    monkeypatch.setitem(envs.TASKS, "absorbing", ("tiny_tasks", "absorbing"))
    states, actions, after = random_transitions("absorbing", 1000, seed=3)
    there = states[:, -1] == 1
    assert there.sum() > 20
    assert (actions[there] == 0).all()
    assert (actions[~there] != 0).all()
    assert torch.equal(after[there], states[there])
