"""DreamerV3 seen from outside: what its reward head learns and when, that it solves a task, that SMILING moves it."""

from pathlib import Path

import numpy as np
import pytest
import tiny_tasks
import torch
from sheeprl.utils.distribution import TwoHotEncodingDistribution

import envs
from smiling.dreamer.agent import Dreamer
from smiling.dreamer.settings import DreamerSettings
from smiling.dreamer.training import DreamerTraining
from smiling.methods import LearnedReward
from smiling.methods.smiling import Smiling, SmilingSettings
from smiling.run_folder import RunFolder
from smiling.training import TrainingSettings

SMALL = DreamerSettings(
    width=64,
    depth=1,
    encoder_width=64,
    encoder_depth=1,
    recurrent=64,
    categoricals=8,
    classes=8,
    batch=8,
    sequence=16,
    horizon=10,
    env_steps_per_update=10,
    first_update=1000,
    model_lr=1e-3,
    actor_lr=3e-4,
    critic_lr=3e-4,
    free_nats=8.0,  # so few variables are better left free to describe the state
    replay_capacity=20_000,
)


@pytest.fixture
def tiny(monkeypatch) -> None:
    """The tasks of tiny_tasks, as tasks of the suite."""
    for name in ("point", "noise_unseen"):
        monkeypatch.setitem(envs.TASKS, name, ("tiny_tasks", name))


def trained(task: str, folder: Path, steps: int, seed: int, reward: LearnedReward | None = None) -> DreamerTraining:
    settings = TrainingSettings(evaluate_every=2000, evaluation_episodes=2)
    solver = Dreamer(*envs.sizes(task), SMALL, seed=seed)
    learner = DreamerTraining(task, solver, settings, [seed], None if reward is None else [reward])
    with RunFolder({seed: folder}, {}, 1e9) as held:
        learner.run(steps, held, task)
    return learner


# The reward swap


def known(states: torch.Tensor) -> torch.Tensor:
    return states[..., 0] - 0.5 * states[..., 1]


class Known(LearnedReward):
    """A reward that is a known function of the state."""

    def update(self, draw):
        return {}

    def pointwise(self, features):
        return known(features)

    def state_dict(self):
        return {}


@torch.no_grad()
def predicted_rewards(learner: DreamerTraining, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """What the world model's reward head says of each row of sequences it follows: (length, batch)."""
    model = learner.solver.world_model
    length, count, _ = batch["actions"].shape
    before = torch.cat([torch.zeros_like(batch["actions"][:1]), batch["actions"][:-1]])
    embedded = model.encoder({"state": batch["state"]})
    recurrent = torch.zeros(1, count, SMALL.recurrent)
    posterior = torch.zeros(1, count, SMALL.categoricals, SMALL.classes)
    first = batch["is_first"].clone()
    first[0] = 1.0
    latents = []
    for row in range(length):
        now = slice(row, row + 1)
        recurrent, posterior, *_ = model.rssm.dynamic(posterior, recurrent, before[now], embedded[now], first[now])
        latents.append(torch.cat([posterior.flatten(-2), recurrent], -1))
    return TwoHotEncodingDistribution(model.reward_model(torch.cat(latents)), dims=1).mean[..., 0]


def test_reward_head_learns_the_methods_reward_for_the_state_arrived_at(tiny, tmp_path):
    """States are noise, so that no state tells of another; the task's own reward is NaN, so that a leak would show."""
    learner = trained("noise_unseen", tmp_path, 8000, seed=0, reward=Known())
    (replay,) = learner.replays
    batch = replay.sequences(replay.draw_sequences(64, 16, torch.Generator().manual_seed(0)))
    predicted, true = predicted_rewards(learner, batch)[1:-1], known(batch["state"])

    def correlation(rewards: torch.Tensor) -> float:
        return float(np.corrcoef(predicted.flatten(), rewards.flatten())[0, 1])

    print("correlations", correlation(true[1:-1]), correlation(true[:-2]), correlation(true[2:]))
    assert correlation(true[1:-1]) > 0.85
    assert abs(correlation(true[:-2])) < 0.2  # the reward of the row before
    assert abs(correlation(true[2:])) < 0.2  # and of the row after


# Learning


def test_dreamer_reaches_a_return_that_random_play_cannot(tiny, tmp_path):
    """Random play has about 70 of 1000."""
    (curve,) = trained("point", tmp_path, 10_000, seed=0).curves
    print("returns", [row["return"] for row in curve])
    assert np.mean([row["return"] for row in curve[-2:]]) > 500


def demonstrated(episodes: int = 2) -> torch.Tensor:
    """States of a policy that goes to the target and stays around it."""
    random, states = np.random.default_rng(0), []
    env = tiny_tasks.make("point", seed=0)
    for episode in range(episodes):
        state, _ = env.reset(seed=episode)
        for _ in range(envs.EPISODE_STEPS):
            states.append(state)
            wanted = (tiny_tasks.TARGET - state) / tiny_tasks.SPEED + 0.5 * random.normal(size=2)
            state = env.step(np.clip(wanted, -1, 1).astype(np.float32))[0]
    return torch.from_numpy(np.array(states))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_smiling_moves_the_learners_states_to_the_demonstrations(tiny, tmp_path, seed):
    """Mean distance of an episode's states to the target, where the demonstrations are."""
    settings = SmilingSettings(
        score_model={"width": 64},
        cost={"estimator": "allocated", "samples": 16},
        expert_epochs=300,
        states_per_update=20_000,
        reward_std=1.0,
    )
    learner = trained("point", tmp_path, 10_000, seed, Smiling(demonstrated(), settings, seed))
    (replay,) = learner.replays
    rows = envs.EPISODE_STEPS + 1
    states = replay._states[: replay.added].numpy()
    distance = np.linalg.norm(states - tiny_tasks.TARGET, axis=-1)
    rounds = [float(distance[start : start + rows].mean()) for start in range(0, len(distance), rows)]
    print("distances", [round(value, 2) for value in rounds])
    assert rounds[-1] < 0.5 * rounds[0]
