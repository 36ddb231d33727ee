"""What DreamerV3 learns: the task's reward, a method's instead of it, and to be where demonstrations are."""

from pathlib import Path

import numpy as np
import pytest
import tiny_tasks
import torch
from sheeprl.utils.distribution import TwoHotEncodingDistribution
from torch import Tensor

import envs
from smiling.dreamer.agent import Dreamer
from smiling.dreamer.settings import DreamerSettings
from smiling.dreamer.training import DreamerTraining
from smiling.evaluation import random_returns
from smiling.methods import LearnedReward
from smiling.methods.smiling import Smiling, SmilingSettings
from smiling.run_folder import RunFolder
from smiling.training import TrainingSettings

SMALL = DreamerSettings(
    width=32,
    depth=1,
    encoder_width=32,
    encoder_depth=1,
    recurrent=32,
    categoricals=8,
    classes=8,
    batch=16,
    sequence=8,
    horizon=8,
    env_steps_per_update=10,
    first_update=1000,
    model_lr=3e-3,
    actor_lr=1e-3,
    critic_lr=1e-3,
    discount=0.95,
)


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    for name in ("point", "point_unseen", "noise", "noise_unseen"):
        monkeypatch.setitem(envs.TASKS, name, ("tiny_tasks", name))


def learner(task: str, seed: int, reward: LearnedReward | None = None, **changes: float) -> DreamerTraining:
    solver = Dreamer(*envs.sizes(task), SMALL.model_copy(update=changes), seed)
    settings = TrainingSettings(evaluate_every=2000, evaluation_episodes=2)
    return DreamerTraining(task, solver, settings, seed, reward)


def run(training: DreamerTraining, folder: Path, steps: int) -> list[float]:
    """Returns at the evaluations."""
    with RunFolder(folder, {}, 1e9) as held:
        training.run(steps, held, "test")
    return [row["return"] for row in training.curve]


class Known(LearnedReward):
    """A reward that is a known function of the state."""

    def update(self, draw):
        return {}

    def pointwise(self, features: Tensor) -> Tensor:
        return 2 * features[:, 0]

    def state_dict(self):
        return {}

    def load_state_dict(self, saved):
        pass


def predicted_rewards(solver: Dreamer, batch: dict[str, Tensor]) -> Tensor:
    """What the reward head says at each row of the sequences, knowing the states up to it: (length, batch)."""
    world, rssm = solver.world_model, solver.world_model.rssm
    with torch.no_grad(), solver.random():
        embedded = world.encoder({"state": batch["state"]})
        before = torch.cat([torch.zeros_like(batch["actions"][:1]), batch["actions"][:-1]])
        recurrent, posterior = rssm.get_initial_states((1, embedded.shape[1]))
        rewards = []
        for row in range(len(embedded)):
            first = torch.ones_like(batch["is_first"][:1]) if row == 0 else batch["is_first"][row : row + 1]
            inputs = before[row : row + 1], embedded[row : row + 1], first
            recurrent, posterior, _ = rssm.dynamic(posterior, recurrent, *inputs)
            latent = torch.cat([posterior.flatten(-2), recurrent], -1)
            rewards.append(TwoHotEncodingDistribution(world.reward_model(latent), dims=1).mean[0, :, 0])
    return torch.stack(rewards)


def correlation(a: Tensor, b: Tensor) -> float:
    return torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1].item()


@pytest.mark.parametrize("task", ["noise", "noise_unseen"])
def test_reward_head_learns_the_methods_reward_of_the_state_arrived_at(task, tmp_path):
    """Each state is fresh noise, so that a reward out by one step has no correlation with its state.

    The environment's own reward is another function of the same states, or NaN, which anything that saw it would be.
    """
    training = learner(task, 0, Known())
    run(training, tmp_path, 6000)
    batch = training.replay.sequences(training.replay.draw_sequences(64, 16, training.random))
    predicted, state = predicted_rewards(training.solver, batch), batch["state"]
    method = 2 * state[..., 0]
    assert correlation(predicted, method) > 0.95
    assert (predicted - method).abs().mean().item() < 0.3  # a constant has 1.0
    assert abs(correlation(predicted[1:], method[:-1])) < 0.2
    assert abs(correlation(predicted[:-1], method[1:])) < 0.2
    own = torch.from_numpy(np.exp(-np.square((state.numpy() - tiny_tasks.TARGET) / 0.3).sum(-1)))
    assert abs(correlation(predicted, own) - correlation(method, own)) < 0.1  # no more than the two have in common
    assert batch["rewards"].isnan().all()  # the task's reward is not even stored


def test_reward_head_learns_the_tasks_reward_where_there_is_no_method(tmp_path):
    training = learner("noise", 0)
    run(training, tmp_path, 6000)
    batch = training.replay.sequences(training.replay.draw_sequences(64, 16, training.random))
    own = torch.from_numpy(np.exp(-np.square((batch["state"].numpy() - tiny_tasks.TARGET) / 0.3).sum(-1)))
    arrived = batch["is_first"][..., 0] == 0
    torch.testing.assert_close(batch["rewards"][..., 0][arrived], own[arrived])
    assert correlation(predicted_rewards(training.solver, batch)[arrived], own[arrived]) > 0.8


def test_world_model_does_not_see_rewards():
    """Nothing but states and actions goes into the encoder and the recurrent model, by the width of their inputs."""
    world = Dreamer(2, 3, SMALL, seed=0).world_model
    assert next(world.encoder.parameters()).shape[1] == 2
    assert next(world.rssm.recurrent_model.parameters()).shape[1] == 8 * 8 + 3


def test_learns_what_random_play_cannot(tmp_path):
    """The point is to be held at a target. Random play has a return of about 70 of 1000."""
    returns = run(learner("point", 0), tmp_path, 10_000)
    random = random_returns("point", 5, 0)
    assert random.max() < 200
    assert min(returns[-2:]) > 500


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_smiling_moves_the_states_towards_the_demonstrations(seed, tmp_path):
    """Demonstrated: states around the target. The learner starts anywhere and never sees the task's reward (NaN)."""
    generator = torch.Generator().manual_seed(seed)
    demonstrated = torch.from_numpy(tiny_tasks.TARGET) + 0.1 * torch.randn(500, 2, generator=generator)
    settings = SmilingSettings(
        score_model={"width": 32, "batch": 256, "diffusion": {"steps": 100, "last_beta": 0.1}},
        cost={"samples": 10},
        expert_epochs=100,
        states_per_update=5000,
    )
    training = learner("point_unseen", seed, Smiling(demonstrated, settings, seed))
    run(training, tmp_path, 6000)
    distances = (training.replay._states[:, :] - demonstrated.mean(0)).norm(dim=-1)[: training.replay.added].mean(1)
    first, last = distances[:500].mean().item(), distances[-500:].mean().item()
    assert last < 0.5 * first
