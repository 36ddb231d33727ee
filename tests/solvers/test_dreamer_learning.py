"""That DreamerV3 learns: which reward its world model knows, a task, and the demonstrations' states under SMILING."""

from pathlib import Path

import pytest
import torch
from tiny_tasks import TARGET

import envs
from smiling.evaluation import random_returns
from smiling.methods.smiling import Smiling, SmilingSettings
from smiling.reward import LearnedReward
from smiling.runs.folder import RunFolder
from smiling.settings import validate
from smiling.solvers.dreamer.agent import Dreamer
from smiling.solvers.dreamer.settings import DreamerSettings
from smiling.solvers.dreamer.training import DreamerTraining
from smiling.solvers.policies import write_policy
from smiling.training import TrainingSettings

pytestmark = pytest.mark.long

SMALL = DreamerSettings(
    num_envs=1,
    width=64,
    depth=1,
    encoder_width=64,
    encoder_depth=1,
    recurrent=64,
    categoricals=8,
    classes=8,
    batch=16,
    sequence=8,
    horizon=6,
    env_steps_per_update=2,
    first_update=1000,
    model_lr=1e-3,
    actor_lr=3e-3,
    critic_lr=1e-3,
    entropy=1e-4,
    discount=0.9,
)
STEPS, MODEL_STEPS = 4000, 3000  # to learn to act, and to learn only what is rewarded


@pytest.fixture(autouse=True)
def tasks(monkeypatch) -> None:
    """The tasks of tiny_tasks, as tasks of the suite."""
    for name in ("point", "point_unseen", "noise_unseen"):
        monkeypatch.setitem(envs.TASKS, name, ("tiny_tasks", name))


def train(
    task: str, folder: Path, seed: int, reward: LearnedReward | None = None, steps: int = STEPS
) -> DreamerTraining:
    solver = Dreamer(*envs.sizes(task), SMALL, seed)
    rewards = None if reward is None else [reward]
    learner = DreamerTraining(task, solver, TrainingSettings(evaluate_every=1000), [seed], rewards)
    with RunFolder({seed: folder}, {}, 1e9, write_policy) as held:
        learner.run(steps, held, task)
    return learner


# The reward that the world model learns


class Known(LearnedReward):
    """A function of the state that no sum or mean gives away."""

    def update(self, draw):
        return {}

    def pointwise(self, features):
        return torch.sin(3 * features[:, 0]) * features[:, 1]

    def state_dict(self):
        return {}


@torch.no_grad()
def predicted_rewards(solver: Dreamer, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """The world model's reward at each step of the sequences, (length, batch), from what it has seen by then."""
    world, (length, count) = solver.world_model, batch["reward"].shape
    noise = solver.model_noise(length, count)["uniform"]
    embed, start = world.embed(batch["state"]), world.rssm.initial(count)
    latents, _ = world.rssm.observe(start, batch["action"], embed, batch["is_first"], noise)
    return solver.two_hot.mean(world.reward(latents.features()))


def correlation(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1])


@pytest.mark.slow
def test_world_model_knows_the_methods_reward_for_the_state_arrived_at(tmp_path):
    """States are fresh noise at each step, so that a reward a step early or late would be a reward for another state.

    The task's own reward is NaN: had it reached a loss, nothing would be finite.
    """
    learner = train("noise_unseen", tmp_path, 0, Known(), MODEL_STEPS)
    replay = learner.replays[0]
    places = replay.draw_sequences(64, 12, torch.Generator().manual_seed(1))
    batch = replay.sequences(places)
    predicted = predicted_rewards(learner.solver, batch)[1:-1]
    actual = Known().pointwise(batch["state"].flatten(0, 1)).view(12, 64)
    before, here, after = (correlation(predicted, actual[shift : 10 + shift]) for shift in (0, 1, 2))
    print("correlation with the reward of the state before, here, after:", before, here, after)
    assert here > 0.8
    assert max(abs(before), abs(after)) < 0.2


# Learning. `python -m pytest -s` prints what was reached.


@pytest.mark.slow
def test_dreamer_learns_a_task(tmp_path):
    """Seeds 0, 1 and 2 reached 796, 780 and 696."""
    learner = train("point", tmp_path, 0)
    returns = [row["return"] for row in learner.curves[0]]
    print("returns", returns)
    assert random_returns("point", 30, 0).max() < 250
    assert returns[-1] > 500


@pytest.mark.slow
def test_smiling_on_dreamer_moves_the_learner_to_the_demonstrations(tmp_path):
    generator = torch.Generator().manual_seed(0)
    demonstrated = torch.from_numpy(TARGET) + 0.1 * torch.randn(2000, 2, generator=generator)
    settings = {
        "score_model": {"width": 64, "batch": 256},
        "cost": {"estimator": "stein", "samples": 8},
        "expert_epochs": 200,
        "states_per_update": 20_000,
    }
    learner = train("point_unseen", tmp_path, 0, Smiling(demonstrated, validate(SmilingSettings, settings), seed=0))
    replay = learner.replays[0]
    distance = (replay._states[: len(replay), 0] - torch.from_numpy(TARGET)).norm(dim=-1)
    print("distances", [round(float(part.mean()), 2) for part in distance.split(envs.EPISODE_STEPS + 1)])
    assert distance[-500:].mean() < 0.5 * distance[:1000].mean()
