"""An imitation run: one method, one task, one seed, from demonstrations to curve and policy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import envs
from smiling.demonstrations import Demonstrations
from smiling.methods import LearnedReward
from smiling.run_folder import RunFolder
from smiling.sac import SAC, SACSettings
from smiling.seeding import derive
from smiling.training import Training, TrainingSettings


@dataclass(frozen=True)
class Imitation:
    """What a method is given to run."""

    name: str  # heads progress reports
    task: str
    seed: int
    with_actions: bool  # demonstrations of states and actions, or of states only
    demonstrations: Demonstrations
    env_steps: int
    settings: Any  # the method's own
    sac: SACSettings
    training: TrainingSettings
    folder: RunFolder

    def expert_features(self) -> Tensor:
        """The demonstrations' states, actions appended where they may be seen: (n, feature)."""
        parts = [self.demonstrations.observations]
        if self.with_actions:
            parts.append(self.demonstrations.require_actions())
        return torch.cat([torch.from_numpy(part) for part in parts], -1).to(self.training.device)

    def task_sizes(self) -> tuple[int, int]:
        """Sizes of state and action."""
        return envs.sizes(self.task)


def run_with_reward(imitation: Imitation, build: Callable[[Tensor, Any, int], LearnedReward]) -> None:
    """Train the task's solver on a learned reward, `build(expert_features, settings, seed)`."""
    reward = build(imitation.expert_features(), imitation.settings, derive(imitation.seed, "reward"))
    solver = SAC(*imitation.task_sizes(), imitation.sac, derive(imitation.seed, "solver"), imitation.training.device)
    train(imitation, solver, reward)


def train(imitation: Imitation, solver: SAC, reward: LearnedReward | None = None) -> None:
    """Train `solver` for the run's steps and write the run's artefacts."""
    run = Training(imitation.task, solver, imitation.training, imitation.seed, reward, imitation.with_actions)
    run.run(imitation.env_steps, imitation.folder, imitation.name)
    imitation.folder.finish(run.curve, solver.actor, {"final_return": run.curve[-1]["return"]})
