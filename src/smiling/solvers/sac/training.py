"""SAC's training loop: its learned reward for every batch, or for the whole replay at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

import envs
from smiling.reward import LearnedReward
from smiling.runs.divergence import finite_actions
from smiling.runs.seeding import derive
from smiling.solvers.sac.agent import SAC, SACSettings
from smiling.solvers.sac.networks import Actor
from smiling.solvers.sac.replay import Batch, Replay
from smiling.training import UNSEEN, Loop, TrainingSettings

Outcome = tuple[np.ndarray, float]  # an action's: the next state, and the task's reward


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

    At each step, in this order: the learned reward is updated where it is due, the solver is updated once, one action
    is taken (the authors' code updates before it acts).
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
        self.envs = [envs.make(task) for _ in seeds]
        place = (envs.EPISODE_STEPS, *envs.sizes(task), solver.device)
        replays = [Replay(solver.settings.replay_capacity, *place) for _ in seeds]
        super().__init__(task, solver, replays, settings, seeds, rewards, with_actions)
        if settings.one_piece:
            solver.in_one_piece()
        self._rewarded = 0
        self._background = ThreadPoolExecutor(1) if settings.overlap else None
        self._outcomes: Callable[[], list[Outcome]] | None = None  # of actions whose consequences are not stored yet

    def made_with(self) -> dict[str, Any]:
        return {"update": self.solver.update_kind}

    def policies(self) -> list[Actor]:
        return [self.solver.actor.seed(index) for index in range(len(self.seeds))]

    def _episode(self) -> None:
        starts = [derive(seed, "episode", self.step) for seed in self.seeds]
        self._states = self._observe([env.reset(seed=start)[0] for env, start in zip(self.envs, starts, strict=True)])
        for replay, state in zip(self.replays, self._states, strict=True):
            replay.begin(state)
        for _ in range(envs.EPISODE_STEPS):
            self._learn()
            self._arrive()
            self._send(self._act(self._states))
            self.step += 1
        self._arrive()

    def _send(self, actions: Tensor) -> None:
        """Take `actions` (seeds, action): in the background, if the solver learns meanwhile."""
        for replay, action in zip(self.replays, actions, strict=True):
            replay.take(action)
        chosen = finite_actions(actions)

        def outcomes() -> list[Outcome]:
            steps = [env.step(action) for env, action in zip(self.envs, chosen, strict=True)]
            return [(state, float(reward)) for state, reward, *_ in steps]

        self._outcomes = self._background.submit(outcomes).result if self._background else outcomes
        if not self._background:
            self._arrive()

    def _arrive(self) -> None:
        """Store what the latest actions led to, once: before it is read, and before the next ones."""
        if self._outcomes is None:
            return
        outcomes, self._outcomes = self._outcomes(), None
        self._states = self._observe([state for state, _ in outcomes])
        for replay, (_, reward), state in zip(self.replays, outcomes, self._states, strict=True):
            replay.arrive(reward if self.rewards is None else UNSEEN, state)

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
        if self.step < max(self.solver.settings.seed_steps, 1):
            return
        due = self.step % self.settings.reward_update_every == 0 or self.solver.updates == 0
        if self.rewards is not None and due:
            self._arrive()
            self._update_rewards(self.rewards)
            self._rewarded = 0
        if self.rewards is not None and self.settings.reward_for == "replay":
            self._reward_replays(self.rewards)
        places = [self._places(index) for index in range(len(self.seeds))]
        # One look for all seeds: on a GPU it waits for what was asked of it before.
        if self._outcomes is not None and bool((torch.stack(places) == self.replays[0].newest).any()):
            self._arrive()
        batches = [self._batch(index, drawn) for index, drawn in enumerate(places)]
        self._report |= self.solver.update(Batch(*(torch.stack(parts) for parts in zip(*batches, strict=True))))

    @property
    def _stored(self) -> bool:
        """Whether learned rewards are kept in the replays."""
        return self.rewards is not None and self.settings.reward_for == "replay"

    def _places(self, index: int) -> Tensor:
        """Transitions drawn for an update of the seed at `index`."""
        skip = self.step - self._rewarded if self._stored else 0
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
        self._arrive()
        for replay, reward in zip(self.replays, rewards, strict=True):
            places = replay.latest(waiting)
            replay.rewards[places] = reward.pointwise(self._features(replay, places))
        self._rewarded = self.step

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next episode depends on."""
        return super().state_dict() | {"rewarded": self._rewarded}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        super().load_state_dict(saved)
        self._rewarded = saved["rewarded"]
