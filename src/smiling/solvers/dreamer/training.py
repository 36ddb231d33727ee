"""The training loop of DreamerV3, with the task's reward or a learned one; resumable at every step."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

import envs
from smiling.reward import LearnedReward
from smiling.runs.divergence import finite_actions
from smiling.runs.seeding import derive
from smiling.solvers.dreamer.agent import Dreamer
from smiling.solvers.dreamer.policy import DreamerPolicy
from smiling.solvers.dreamer.replay import SequenceReplay
from smiling.solvers.dreamer.settings import DreamerSettings
from smiling.training import UNSEEN, Loop, TrainingSettings


def start(
    task: str,
    settings: DreamerSettings,
    training: TrainingSettings,
    seeds: Sequence[int],
    solver_seeds: Sequence[int],
    rewards: Sequence[LearnedReward] | None = None,
    with_actions: bool = False,
) -> "DreamerTraining":
    """A fresh DreamerV3 on `task`, ready to run; for one seed."""
    (solver_seed,) = solver_seeds
    solver = Dreamer(*envs.sizes(task), settings, solver_seed, training.device)
    return DreamerTraining(task, solver, training, seeds, rewards, with_actions)


class DreamerTraining(Loop):
    """One DreamerV3 on one task, one seed: environments side by side, their replay, and perhaps a learned reward.

    Between two steps of the environments, in this order: the agent is updated where it is due, the learned reward where
    it is due, one action is taken in each environment. An episode's last state has a row of its own in the replay. The
    learned reward is computed afresh for every batch, all its sequences as one batch of states (the training's
    `reward_for` is for SAC).
    """

    solver: Dreamer
    replays: list[SequenceReplay]

    def __init__(
        self,
        task: str,
        solver: Dreamer,
        settings: TrainingSettings,
        seeds: Sequence[int],
        rewards: Sequence[LearnedReward] | None = None,
        with_actions: bool = False,
    ) -> None:
        environments = [envs.make(task) for _ in range(solver.settings.num_envs)]
        replay = SequenceReplay(solver.settings.replay_capacity, len(environments), *envs.sizes(task), solver.device)
        super().__init__(task, solver, [replay], environments, settings, seeds, rewards, with_actions)
        if settings.one_piece:
            solver.in_one_piece()
        self._seed, self._random, self._replay = seeds[0], self.random[0], replay
        self._act = solver.policy.begin(len(environments), solver.random)
        self._latest_rewards = self._tensor([0.0] * len(environments))

    def made_with(self) -> dict[str, Any]:
        return {"update": self.solver.update_kind}

    def policies(self) -> list[DreamerPolicy]:
        return [self.solver.policy]

    def _reset_seed(self, index: int) -> int:
        return derive(self._seed, "episode", self.step, index)

    def _begin_episode(self, index: int) -> None:
        self._act.forget(index)
        self._latest_rewards[index] = 0.0 if self.rewards is None else UNSEEN

    def _advance(self) -> None:
        self._learn()
        actions = self._act(self._states)
        for index, row in enumerate(zip(self._states, self._to_store(actions), self._latest_rewards, strict=True)):
            self._replay.add(index, *row)
        terminated = self._step_all(actions)
        for index, (state, reward) in enumerate(zip(self._states, self._latest_rewards, strict=True)):
            if self._over[index]:
                self._replay.end(index, state, reward, terminated[index])
        self.step += len(self.envs)

    def _playing(self) -> dict[str, Any]:
        return super()._playing() | {"rewards": self._latest_rewards, "player": self._act.state_dict()}

    def _play_on(self, playing: dict[str, Any]) -> None:
        super()._play_on(playing)
        self._act.load_state_dict(playing["player"])
        self._latest_rewards = playing["rewards"].to(self.solver.device)

    def _step_all(self, actions: Tensor) -> list[bool]:
        """Take a step in each environment; which of the states arrived at are terminal.

        The task's rewards are unseen where a learned one stands in.
        """
        steps = [env.step(action) for env, action in zip(self.envs, finite_actions(actions), strict=True)]
        self._states = self._tensor([state for state, *_ in steps])
        self._latest_rewards = self._tensor([step[1] if self.rewards is None else UNSEEN for step in steps])
        self._over = [bool(terminated or truncated) for *_, terminated, truncated, _ in steps]
        return [bool(terminated) for *_, terminated, _, _ in steps]

    def _tensor(self, values: list[Any]) -> Tensor:
        return torch.from_numpy(np.asarray(values, np.float32)).to(self.solver.device)

    def _learn(self) -> None:
        settings = self.solver.settings
        since = self.step - settings.first_update
        if since >= 0 and since % settings.env_steps_per_update == 0:
            report = self.solver.update(self._batch())
            self._report |= {name: value[None] for name, value in report.items()}
        self._update_rewards_if_due(taken=settings.num_envs)

    def _batch(self) -> dict[str, Tensor]:
        """Sequences from the replay; the rewards of a learned reward are for the states of their own rows.

        Those of transitions are for the one that led there, but for an episode's first state: for the one after it.
        """
        settings = self.solver.settings
        places = self._replay.draw_sequences(settings.batch, settings.sequence, self._random)
        batch = self._replay.sequences(places)
        if self.rewards is not None:
            (reward,) = self.rewards
            rewarded = self._replay.before(places) if self._sees_transitions else places
            rewards = reward.in_batch(reward.pointwise(self._features(self._replay, rewarded).flatten(0, 1)))
            batch["reward"] = rewards.view(batch["reward"].shape)
        return batch
