"""DIFO: transitions reach the model in order, shuffled ones are told apart; what it must refuse."""

import numpy as np
import pytest
import torch

from smiling.imitation import Imitation
from smiling.methods import difo
from smiling.methods.difo import DIFO, DIFOSettings
from smiling.runs.demonstrations import Demonstrations
from smiling.score.diffusion import DiffusionSettings
from smiling.score.model import ScoreModelSettings
from smiling.settings import UserError
from smiling.training import TrainingSettings

SMALL = DIFOSettings(
    score_model=ScoreModelSettings(
        diffusion=DiffusionSettings(steps=10, first_beta=0.05, last_beta=0.6), lr=3e-3, width=64, batch=256
    ),
    samples=20,
    states_per_update=10_000,
)


def imitation(demonstrations: Demonstrations, with_actions: bool = False) -> Imitation:
    training = TrainingSettings()
    return Imitation(
        "test", "ball_in_cup_catch", [0], with_actions, demonstrations, 0, SMALL, "sac", None, training, None
    )


def test_demonstrated_features_are_states_and_those_that_followed():
    states = np.arange(48, dtype=np.float32).reshape(6, 8)
    shown = Demonstrations(states, np.array([0, 3]))  # next states are not recorded
    features = imitation(shown).expert_features(transitions=True)
    assert features[:, :8].tolist() == states[[0, 1, 3, 4]].tolist()
    assert features[:, 8:].tolist() == states[[1, 2, 4, 5]].tolist()


def test_model_denoises_the_next_state_given_the_state(generator, monkeypatch):
    method, seen = DIFO(torch.randn(50, 6, generator=generator), SMALL, seed=0), []

    def watched(model, states, beside, random):
        seen.append((states, beside))
        return states.sum(-1), beside.sum(-1)

    monkeypatch.setattr(difo, "labelled_errors", watched)
    pairs = 0.2 * torch.randn(9, 6, generator=generator)
    rewards = method.pointwise(pairs)
    assert all(torch.equal(states, pairs[:, 3:]) and torch.equal(beside, pairs[:, :3]) for states, beside in seen)
    decided = torch.sigmoid(10 * (pairs[:, :3].sum(-1) - pairs[:, 3:].sum(-1)))  # D
    torch.testing.assert_close(rewards.double(), -torch.log1p(-decided.double()), atol=1e-5, rtol=1e-3)


def test_loss_is_cross_entropy_and_the_experts_denoising_error(generator, monkeypatch):
    method = DIFO(torch.randn(50, 2, generator=generator), SMALL, seed=0)
    monkeypatch.setattr(difo, "labelled_errors", lambda model, states, beside, random: (states[:, 0], beside[:, 0]))
    expert, learner = torch.rand(2, 8, 2, generator=generator)
    decided = [torch.sigmoid(10 * (pairs[:, 0] - pairs[:, 1])) for pairs in (expert, learner)]
    expected = -decided[0].log().mean() - (1 - decided[1]).log().mean() + expert[:, 1].mean()
    torch.testing.assert_close(method.loss(expert, learner), expected)


def test_shuffled_pairs_are_told_apart(generator):
    """The expert moves on by one in a circle; the learner's states are the same, what follows them is not."""

    def circle(count: int) -> torch.Tensor:
        angles = 2 * torch.pi * torch.rand(count, 1, generator=generator)
        return torch.cat([angles.cos(), angles.sin(), (angles + 1).cos(), (angles + 1).sin()], -1)

    def shuffled(count: int) -> torch.Tensor:
        pairs = circle(count)
        return torch.cat([pairs[:, :2], pairs[torch.randperm(count, generator=generator), 2:]], -1)

    method = DIFO(circle(5000), SMALL, seed=0)
    for _ in range(6):
        method.update(shuffled)
    right, wrong = method.pointwise(circle(500)), method.pointwise(shuffled(500))
    assert (right[:, None] > wrong).float().mean() > 0.8  # the area under the curve of a ranking


def test_actions_are_refused(demonstrations_file):
    with pytest.raises(UserError, match="DIFO imitates from states only; leave difo out of runs that see actions"):
        difo.run(imitation(Demonstrations(np.zeros((4, 8), np.float32), np.array([0])), with_actions=True))
