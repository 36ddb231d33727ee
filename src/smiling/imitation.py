"""An imitation run: one method, one task, one seed, from demonstrations to curve and policy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import envs
from smiling import solvers
from smiling.demonstrations import Demonstrations
from smiling.methods import LearnedReward
from smiling.run_folder import RunFolder
from smiling.sac import SAC
from smiling.seeding import derive
from smiling.settings import Settings
from smiling.training import Loop, Training, TrainingSettings


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
    solver: str  # the task's, for methods that reward one
    solver_settings: Settings
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
    seeds = imitation.seed, derive(imitation.seed, "solver")
    settings = imitation.solver_settings, imitation.training
    start = solvers.load(imitation.solver)
    _train(imitation, start(imitation.task, *settings, *seeds, reward, imitation.with_actions))


def train(imitation: Imitation, solver: SAC) -> None:
    """Train a method's own SAC for the run's steps and write the run's artefacts."""
    _train(imitation, Training(imitation.task, solver, imitation.training, imitation.seed))


def _train(imitation: Imitation, run: Loop) -> None:
    run.run(imitation.env_steps, imitation.folder, imitation.name)
    imitation.folder.finish(run.curve, run.policy, {"final_return": run.curve[-1]["return"]})
