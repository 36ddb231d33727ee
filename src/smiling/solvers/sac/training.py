"""SAC's training loop: its learned reward for every batch, or for the whole replay at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

import envs
from smiling.reward import EpisodeReward, LearnedReward
from smiling.runs.divergence import finite_actions
from smiling.runs.seeding import derive
from smiling.solvers.sac.agent import SAC, SACSettings
from smiling.solvers.sac.networks import Actor
from smiling.solvers.sac.replay import Batch, Replay
from smiling.training import UNSEEN, Loop, TrainingSettings


class Outcome(NamedTuple):
    """What an action led to: the next state, the task's reward, and whether and how the episode ended there."""

    state: np.ndarray
    reward: float
    terminated: bool
    truncated: bool


def start(
    task: str,
    settings: SACSettings,
    training: TrainingSettings,
    seeds: Sequence[int],
    solver_seeds: Sequence[int],
    rewards: Sequence[LearnedReward] | None = None,
    with_actions: bool = False,
) -> "Training":
    """A fresh SAC on `task` for each seed, ready to run."""
    solver = SAC(*envs.sizes(task), settings, solver_seeds, training.device)
    return Training(task, solver, training, seeds, rewards, with_actions)


class Training(Loop):
    """SAC on one task, for each seed: environment, learner, replay, and perhaps a learned reward.

    At each step, in this order, which is that of the authors' code: the policy chooses an action, the solver is updated
    once on the transitions before it, the learned reward where it is due, and the action is taken.
    """

    solver: SAC
    replays: list[Replay]

    def __init__(
        self,
        task: str,
        solver: SAC,
        settings: TrainingSettings,
        seeds: Sequence[int],
        rewards: Sequence[LearnedReward] | None = None,
        with_actions: bool = False,
    ) -> None:
        environments = [envs.make(task) for _ in seeds]
        place = (envs.time_limit(task), *envs.sizes(task), solver.device)
        replays = [Replay(solver.settings.replay_capacity, *place) for _ in seeds]
        super().__init__(task, solver, replays, environments, settings, seeds, rewards, with_actions)
        solver.absorbing = self._absorbing
        if settings.one_piece:
            solver.in_one_piece()
        self._rewarded = 0
        self._background = ThreadPoolExecutor(1) if settings.overlap else None

    def made_with(self) -> dict[str, Any]:
        return {"update": self.solver.update_kind}

    def policies(self) -> list[Actor]:
        return [self.solver.actor.seed(index) for index in range(len(self.seeds))]

    def _reset_seed(self, index: int) -> int:
        return derive(self.seeds[index], "episode", self.step)

    def _begin_episode(self, index: int) -> None:
        self.replays[index].begin(self._states[index])
        if along := self._along_episodes():
            along[index].begin()

    def _advance(self) -> None:
        actions = self._act(self._states)
        outcomes = self._send(actions)
        self._learn()
        self._arrive(actions, outcomes())
        self.step += 1

    def _send(self, actions: Tensor) -> Callable[[], list[Outcome]]:
        """What taking `actions` (seeds, action) leads to: it is found in the background, or when it is asked for."""
        chosen = finite_actions(actions)

        def outcomes() -> list[Outcome]:
            steps = [env.step(action) for env, action in zip(self.envs, chosen, strict=True)]
            return [Outcome(state, float(reward), bool(ended), bool(cut)) for state, reward, ended, cut, _ in steps]

        return self._background.submit(outcomes).result if self._background else outcomes

    def _arrive(self, actions: Tensor, outcomes: list[Outcome]) -> None:
        """Store what the actions led to."""
        actions = self._to_store(actions)
        self._states = self._observe([outcome.state for outcome in outcomes])
        self._over = [outcome.terminated or outcome.truncated for outcome in outcomes]
        for replay, action, outcome, state in zip(self.replays, actions, outcomes, self._states, strict=True):
            reward = outcome.reward if self.rewards is None else UNSEEN
            replay.add(action, reward, state, outcome.terminated)
        for replay, learned in zip(self.replays, self._along_episodes(), strict=False):
            place = replay.latest(1)
            replay.rewards[place] = learned.along(self._features(replay, place)[0])

    def _along_episodes(self) -> list[EpisodeReward]:
        """Each seed's learned reward, if it is one that is given as the episode goes; else none."""
        return [reward for reward in self.rewards or () if isinstance(reward, EpisodeReward)]

    def _observe(self, observations: list[np.ndarray]) -> Tensor:
        """(seeds, state)."""
        return torch.from_numpy(np.stack(observations)).to(self.solver.device)

    def _act(self, states: Tensor) -> Tensor:
        """(seeds, action)."""
        if self.step >= self.solver.settings.seed_steps:
            return self.solver.explore(states)
        size = self.solver.action_size
        uniform = [torch.rand(size, generator=random, device=self.solver.device) for random in self.random]
        return 2 * torch.stack(uniform) - 1

    def _learn(self) -> None:
        if self.step >= max(self.solver.settings.seed_steps, 1):
            self._update_solver()
        if self._update_rewards_if_due():
            self._rewarded = 0

    def _update_solver(self) -> None:
        if self.rewards is not None and self._in_blocks:
            self._reward_replays(self.rewards)
        batches = [self._batch(index, self._places(index)) for index in range(len(self.seeds))]
        self._report |= self.solver.update(Batch(*(torch.stack(parts) for parts in zip(*batches, strict=True))))

    @property
    def _stored(self) -> bool:
        """Whether learned rewards are kept in the replays."""
        return self._in_blocks or bool(self._along_episodes())

    @property
    def _in_blocks(self) -> bool:
        """Whether they are computed for whole replays, and for new transitions in blocks."""
        asked = self.rewards is not None and self.settings.reward_for == "replay"
        return asked and not self._along_episodes()

    def _places(self, index: int) -> Tensor:
        """Transitions drawn for an update of the seed at `index`."""
        skip = self.step - self._rewarded if self._in_blocks else 0
        return self.replays[index].draw(self.solver.settings.batch, self.random[index], skip=skip)

    def _batch(self, index: int, places: Tensor) -> Batch:
        """The batch there of the seed at `index`; its rewards are the learned ones where there is a learned reward."""
        replay = self.replays[index]
        batch = replay.batch(places)
        if self.rewards is None:
            return batch
        reward = self.rewards[index]
        pointwise = batch.rewards if self._stored else reward.pointwise(self._features(replay, places))
        return batch._replace(rewards=reward.in_batch(pointwise))

    def _reward_replays(self, rewards: Sequence[LearnedReward]) -> None:
        """Store learned rewards in the replays: for all of them after a reward update, else for the next block."""
        waiting = self.step - self._rewarded
        if self._rewarded > 0 and waiting < self.settings.reward_block:
            return
        for replay, reward in zip(self.replays, rewards, strict=True):
            places = replay.latest(waiting)
            replay.rewards[places] = reward.pointwise(self._features(replay, places))
        self._rewarded = self.step

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"rewarded": self._rewarded}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        super().load_state_dict(saved)
        self._rewarded = saved["rewarded"]
