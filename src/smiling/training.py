"""The training loop of an off-policy solver, with the task's reward or a learned one; resumable at every episode.

`Loop` is what the solvers have in common, `Training` is SAC's.
"""

import math
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

import envs
from smiling import policies
from smiling.evaluation import Evaluator
from smiling.methods import LearnedReward
from smiling.networks import Actor
from smiling.progress import Meter
from smiling.replay import Batch, Replay
from smiling.run_folder import RunFolder, check_finite
from smiling.sac import SAC, SACSettings
from smiling.seeding import derive
from smiling.settings import Settings

UNSEEN = math.nan  # kept in place of the task's reward where a learned one stands in: a leak could not go unnoticed


class TrainingSettings(Settings):
    """How a solver is trained and watched (paper: section 6, appendix C, the authors' code)."""

    evaluate_every: int = Field(10_000, ge=1000, multiple_of=envs.EPISODE_STEPS, description="environment steps")
    evaluation_episodes: int = Field(1, ge=1, description="episodes of an evaluation, with the mean action")
    reward_update_every: int = Field(1000, ge=1000, multiple_of=envs.EPISODE_STEPS, description="environment steps")
    state_buffer: int = Field(200_000, ge=1, description="latest states that the learned reward is fitted to")
    reward_for: Literal["batch", "replay"] = Field(
        "batch",
        description="learned rewards are computed afresh for every sampled batch (the paper), or once for the whole "
        "replay after each reward update, which costs less while the replay is smaller than what is sampled from it; "
        "new transitions are then rewarded, and sampled from there on, in blocks",
    )
    reward_block: int = Field(50, ge=1, description="new transitions in such a block")
    checkpoint_seconds: float = Field(300, ge=0, description="least time between checkpoints")
    device: Literal["cpu", "cuda"] = "cpu"

    @model_validator(mode="after")
    def _device_exists(self) -> "TrainingSettings":
        if self.device == "cuda" and not torch.cuda.is_available():
            raise ValueError("device 'cuda' is asked for, but torch sees no CUDA GPU; use device: cpu")
        return self


class Loop:
    """A learner on a task, from episode to episode: evaluated, saved and resumed between them.

    Episodes all have the same length, so that resuming at the start of one needs nothing of the simulator's state. A
    solver's own loop defines `_episode` and `policy`.
    """

    keep_best = False  # also keep the policy of the best evaluation

    def __init__(
        self,
        task: str,
        solver: Any,
        replay: Any,
        settings: TrainingSettings,
        seed: int,
        reward: LearnedReward | None = None,
        with_actions: bool = False,
    ) -> None:
        self.solver, self.replay, self.settings = solver, replay, settings
        self.reward, self.with_actions = reward, with_actions
        self.evaluator = Evaluator(task, settings.evaluation_episodes, seed, solver.device)
        self.random = torch.Generator(solver.device).manual_seed(derive(seed, "training"))
        self.step = 0
        self.curve: list[dict[str, float]] = []
        self._seed = seed
        self._report: dict[str, Any] = {}
        self._best: dict[str, Tensor] | None = None

    @property
    def policy(self) -> Any:
        """The solver's policy, of a kind that `policies` can play and write."""
        raise NotImplementedError

    def run(self, steps: int, folder: RunFolder, name: str) -> None:
        """Train until `steps` environment steps are done, going on from the folder's checkpoint if there is one."""
        saved = folder.load()
        if saved is not None:
            self.load_state_dict(saved)
        elif self.reward is not None:
            self.reward.prepare(name)
            folder.save(self.state_dict())
        with Meter(name, steps, self.step) as meter:
            while self.step < steps:
                self._evaluate_if_due(folder)
                self._episode()
                meter.update(self.step, self._latest())
                if folder.save_is_due():
                    folder.save(self.state_dict())
            self._evaluate_if_due(folder)

    def _episode(self) -> None:
        """Play one episode in each environment, learning on the way."""
        raise NotImplementedError

    def _evaluate_if_due(self, folder: RunFolder) -> None:
        due = self.step % self.settings.evaluate_every == 0
        if not due or (self.curve and self.curve[-1]["env_step"] == self.step):
            return
        report = {name: float(value) for name, value in self._report.items()}
        check_finite(report, self.step)
        seed = derive(self._seed, "evaluation actions", self.step)
        noise = policies.noise_of(self.policy, seed, self.solver.device)
        player = policies.player(self.policy, self.settings.evaluation_episodes, noise)
        returns = self.evaluator.returns(player, self.step)
        self.curve.append({"env_step": self.step, "return": float(returns.mean()), **report})
        folder.write_partial_curve(self.curve)
        *earlier, latest = [row["return"] for row in self.curve]
        if self.keep_best and (not earlier or latest > max(earlier)):
            self._best = {name: value.detach().clone() for name, value in self.policy.state_dict().items()}

    def restore_best(self) -> None:
        """Give the policy the weights of its best evaluation, which `keep_best` has kept; for when training is over."""
        self.policy.load_state_dict(self._best)

    def _latest(self) -> str:
        return f"return {self.curve[-1]['return']:.0f}" if self.curve else ""

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next episode depends on."""
        return {
            "step": self.step,
            "curve": self.curve,
            "solver": self.solver.state_dict(),
            "reward": self.reward.state_dict() if self.reward else None,
            "replay": self.replay.state_dict(),
            "random": self.random.get_state(),
            "report": {name: float(value) for name, value in self._report.items()},
            "best": self._best,
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        self.step, self.curve = saved["step"], saved["curve"]
        self.solver.load_state_dict(saved["solver"])
        if self.reward is not None:
            self.reward.load_state_dict(saved["reward"])
        self.replay.load_state_dict(saved["replay"])
        self.random.set_state(saved["random"].cpu())
        self._report, self._best = saved["report"], saved["best"]


def start(
    task: str,
    settings: SACSettings,
    training: TrainingSettings,
    seed: int,
    solver_seed: int,
    reward: LearnedReward | None = None,
    with_actions: bool = False,
) -> "Training":
    """A fresh SAC on `task`, ready to run."""
    solver = SAC(*envs.sizes(task), settings, solver_seed, training.device)
    return Training(task, solver, training, seed, reward, with_actions)


class Training(Loop):
    """One SAC learner on one task: environment, solver, replay, and perhaps a learned reward.

    At each step, in this order: the learned reward is updated where it is due, the solver is updated once, one action
    is taken (the authors' code updates before it acts).
    """

    solver: SAC
    replay: Replay

    def __init__(
        self,
        task: str,
        solver: SAC,
        settings: TrainingSettings,
        seed: int,
        reward: LearnedReward | None = None,
        with_actions: bool = False,
    ) -> None:
        self.env = envs.make(task)
        sizes = self.env.observation_space.shape[0], self.env.action_space.shape[0]
        replay = Replay(solver.settings.replay_capacity, envs.EPISODE_STEPS, *sizes, solver.device)
        super().__init__(task, solver, replay, settings, seed, reward, with_actions)
        self._rewarded = 0

    @property
    def policy(self) -> Actor:
        return self.solver.actor

    def _episode(self) -> None:
        state = self._observe(self.env.reset(seed=derive(self._seed, "episode", self.step))[0])
        self.replay.begin(state)
        truncated = False
        while not truncated:
            self._learn()
            action = self._act(state)
            observation, reward, _, truncated, _ = self.env.step(action.cpu().numpy())
            state = self._observe(observation)
            self.replay.add(action, reward if self.reward is None else UNSEEN, state)
            self.step += 1

    def _observe(self, observation: Any) -> Tensor:
        return torch.from_numpy(observation).to(self.solver.device)

    def _act(self, state: Tensor) -> Tensor:
        if self.step >= self.solver.settings.seed_steps:
            return self.solver.explore(state)
        uniform = torch.rand(self.solver.action_size, generator=self.random, device=self.solver.device)
        return 2 * uniform - 1

    def _learn(self) -> None:
        if self.step < max(self.solver.settings.seed_steps, 1):
            return
        due = self.step % self.settings.reward_update_every == 0 or self.solver.updates == 0
        if self.reward is not None and due:
            self._report |= self.reward.update(self._draw_features)
            self._rewarded = 0
        self._report |= self.solver.update(self._batch())

    def _draw_features(self, count: int) -> Tensor:
        return self._features(self.replay.draw(count, self.random, self.settings.state_buffer))

    def _features(self, indices: Tensor) -> Tensor:
        states = self.replay.states(indices)
        return torch.cat([states, self.replay.actions(indices)], -1) if self.with_actions else states

    def _batch(self) -> Batch:
        """A batch from the replay; its rewards are the learned ones where there is a learned reward."""
        size = self.solver.settings.batch
        if self.reward is None:
            return self.replay.batch(self.replay.draw(size, self.random))
        if self.settings.reward_for == "replay":
            self._reward_replay()
            batch = self.replay.batch(self.replay.draw(size, self.random, skip=self.replay.added - self._rewarded))
            pointwise = batch.rewards
        else:
            indices = self.replay.draw(size, self.random)
            batch = self.replay.batch(indices)
            pointwise = self.reward.pointwise(self._features(indices))
        return batch._replace(rewards=self.reward.in_batch(pointwise))

    def _reward_replay(self) -> None:
        """Store learned rewards in the replay: for all of it after a reward update, else for the next whole block."""
        waiting = self.replay.added - self._rewarded
        if self._rewarded == 0 or waiting >= self.settings.reward_block:
            indices = self.replay.latest(waiting)
            self.replay.rewards[indices] = self.reward.pointwise(self._features(indices))
            self._rewarded = self.replay.added

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next episode depends on."""
        return super().state_dict() | {"rewarded": self._rewarded}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        super().load_state_dict(saved)
        self._rewarded = saved["rewarded"]
