"""An imitation run: one method, one task, one seed or several side by side, from demonstrations to curve and policy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import envs
from smiling import solvers
from smiling.reward import EpisodeReward, LearnedReward, features_of
from smiling.runs.demonstrations import Demonstrations
from smiling.runs.folder import RunFolder
from smiling.runs.seeding import derive
from smiling.settings import UserError
from smiling.solvers.sac.agent import SAC
from smiling.solvers.sac.beside_expert import expert_transitions
from smiling.solvers.sac.replay import Batch
from smiling.solvers.sac.training import Training
from smiling.training import Loop, TrainingSettings


@dataclass(frozen=True)
class Imitation:
    """What a method is given to run."""

    name: str  # heads progress reports
    task: str
    seeds: Sequence[int]  # one, unless the method says that it trains several together
    with_actions: bool  # demonstrations of states and actions, or of states only
    demonstrations: Demonstrations
    env_steps: int
    settings: Any  # the method's own
    solver: str  # the task's, for methods that reward one
    solver_settings: Any  # the solver's own
    training: TrainingSettings
    folder: RunFolder

    def expert_features(self, transitions: bool = False) -> Tensor:
        """The demonstrations' states, actions appended where they may be seen: (n, feature).

        Of `transitions`, the state that followed is appended too; what none followed is left out.
        """
        if transitions:
            expert = self.expert_transitions(self.with_actions)
            return features_of(expert.states, expert.actions if self.with_actions else None, expert.next_states)
        if self.with_actions:
            return features_of(*self.expert_pairs())
        return torch.from_numpy(self.demonstrations.observations).to(self.training.device)

    def expert_pairs(self) -> tuple[Tensor, Tensor]:
        """The demonstrations' states (n, state) and actions (n, action), for those that clone them.

        Raises:
            UserError: if there are no actions.
        """
        parts = self.demonstrations.observations, self.demonstrations.require_actions()
        states, actions = (torch.from_numpy(part).to(self.training.device) for part in parts)
        return states, actions

    def require_sac(self, label: str, name: str) -> None:
        """Refuse another solver, for the method of this label and name.

        Raises:
            UserError: if the task has one.
        """
        if self.solver != "sac":
            raise UserError(
                f"{label} runs on SAC, but {self.task} has the solver '{self.solver}'; leave {name} out there"
            )

    def expert_transitions(self, with_actions: bool, by_value: bool = False) -> Batch:
        """The demonstrations as transitions of states and actions, or of states alone, their actions zero.

        `by_value` is for a method that makes no use of a next state but its value, 0 behind a termination: it is shown
        terminations behind which no state is recorded.
        """
        action_size = envs.sizes(self.task)[1]
        return expert_transitions(self.demonstrations, action_size, with_actions, self.training.device, by_value)

    def solver_seeds(self) -> list[int]:
        """Of each seed's solver."""
        return [derive(seed, "solver") for seed in self.seeds]


def run_with_reward(imitation: Imitation, build: Callable[[Tensor, Any, int], LearnedReward]) -> None:
    """Train the task's solver on a learned reward, `build(expert_features, settings, seed)`.

    Raises:
        UserError: if the reward is one along episodes, and the solver not SAC.
    """
    features = imitation.expert_features(getattr(build, "transitions", False))  # it may be a class or any function
    rewards = [build(features, imitation.settings, derive(seed, "reward")) for seed in imitation.seeds]
    if isinstance(rewards[0], EpisodeReward) and imitation.solver != "sac":
        raise UserError(
            f"this method's reward depends on the episode so far, which only SAC's replay keeps, but {imitation.task} "
            f"has the solver '{imitation.solver}'; leave the method out there"
        )
    seeds = imitation.seeds, imitation.solver_seeds()
    settings = imitation.solver_settings, imitation.training
    start = solvers.load(imitation.solver)
    _train(imitation, start(imitation.task, *settings, *seeds, rewards, imitation.with_actions))


def train(imitation: Imitation, solver: SAC, rewards: Sequence[LearnedReward] | None = None) -> None:
    """Train a method's own SAC, of all the run's seeds, for the run's steps and write the run's artefacts.

    Its batches have the task's rewards, of which an imitator makes no use, or each seed's of `rewards`.
    """
    seeds = imitation.training, imitation.seeds
    _train(imitation, Training(imitation.task, solver, *seeds, rewards, imitation.with_actions))


def _train(imitation: Imitation, run: Loop) -> None:
    run.run(imitation.env_steps, imitation.folder, imitation.name)
    run.finish(imitation.folder)
