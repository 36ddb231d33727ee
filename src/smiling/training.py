"""The training loop of an off-policy solver, with the task's reward or a learned one; resumable at every episode.

`Loop` is what the solvers have in common, `Training` is SAC's. A loop trains one seed or several side by side, each
with its own environment, replay, learned reward and randomness.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
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
Outcome = tuple[np.ndarray, float]  # an action's: the next state, and the task's reward


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
    overlap: bool = Field(
        False,
        description="environments step on another core while the solver learns, for SAC: the same events in the same "
        "order, the same curve",
    )
    device: Literal["cpu", "cuda"] = "cpu"
    one_piece: bool = Field(
        False,
        description="compile SAC's update, if there is a C++ compiler, or on a GPU record it as a CUDA graph: faster "
        "after half a minute, equal up to rounding",
    )
    matrix_products: Literal["float32", "tf32"] = Field("float32", description="tf32: ten bits of mantissa, on a GPU")

    @model_validator(mode="after")
    def _device_exists(self) -> "TrainingSettings":
        if self.device == "cuda" and not torch.cuda.is_available():
            raise ValueError("device 'cuda' is asked for, but torch sees no CUDA GPU; use device: cpu")
        return self

    @model_validator(mode="after")
    def _device_can(self) -> "TrainingSettings":
        if self.device == "cpu" and self.matrix_products != "float32":
            raise ValueError("matrix_products 'tf32' is for device 'cuda'; leave it out on a CPU")
        return self


class Loop:
    """Learners on a task, one a seed, from episode to episode: evaluated, saved and resumed between them.

    Episodes all have the same length, so that resuming at the start of one needs nothing of the simulator's state. A
    solver's own loop defines `_episode` and `policies`.
    """

    keep_best = False  # give, in the end, the policy of the best evaluation instead of the last

    def __init__(
        self,
        task: str,
        solver: Any,
        replays: Sequence[Any],
        settings: TrainingSettings,
        seeds: Sequence[int],
        rewards: Sequence[LearnedReward] | None = None,
        with_actions: bool = False,
    ) -> None:
        self.solver, self.replays, self.settings, self.seeds = solver, replays, settings, seeds
        self.rewards, self.with_actions = rewards, with_actions
        self.evaluators = [Evaluator(task, settings.evaluation_episodes, seed, solver.device) for seed in seeds]
        self.random = [torch.Generator(solver.device).manual_seed(derive(seed, "training")) for seed in seeds]
        self.step = 0
        self.curves: list[list[dict[str, float]]] = [[] for _ in seeds]
        self._report: dict[str, list[float] | Tensor] = {}  # latest diagnostics, a value for each seed
        self._best: list[dict[str, Tensor] | None] = [None for _ in seeds]

    def policies(self) -> list[Any]:
        """Each seed's policy, of a kind that the module `policies` can play and write."""
        raise NotImplementedError

    def run(self, steps: int, folder: RunFolder, name: str) -> None:
        """Train until `steps` environment steps are done, going on from the folder's checkpoint if there is one."""
        saved = folder.load()
        if saved is not None:
            self.load_state_dict(saved)
        elif self.rewards is not None:
            for seed, reward in zip(self.seeds, self.rewards, strict=True):
                reward.prepare(f"{name}, seed {seed}" if len(self.seeds) > 1 else name)
            folder.save(self.state_dict())
        with Meter(name, steps, self.step) as meter:
            while self.step < steps:
                self._evaluate_if_due(folder, steps)
                self._episode()
                meter.update(self.step, self._latest())
                if folder.save_is_due():
                    folder.save(self.state_dict())
            self._evaluate_if_due(folder, steps)

    def _episode(self) -> None:
        """Play one episode in each environment, learning on the way."""
        raise NotImplementedError

    def _update_rewards(self) -> None:
        """Let each seed's reward learn from that seed's learner."""
        reports = [
            reward.update(self._drawer(replay, random))
            for reward, replay, random in zip(self.rewards, self.replays, self.random, strict=True)
        ]
        self._report |= {name: [report[name] for report in reports] for name in reports[0]}

    def _drawer(self, replay: Any, random: torch.Generator) -> Callable[[int], Tensor]:
        return lambda count: self._features(replay, replay.draw(count, random, self.settings.state_buffer))

    def _features(self, replay: Any, places: Any) -> Tensor:
        """What the rewards see there: states, with the actions taken in them where actions may be seen."""
        states = replay.states(places)
        return torch.cat([states, replay.actions(places)], -1) if self.with_actions else states

    def _evaluate_if_due(self, folder: RunFolder, steps: int) -> None:
        due = self.step % self.settings.evaluate_every == 0
        if not due or (self.curves[0] and self.curves[0][-1]["env_step"] == self.step):
            return
        for index, policy in enumerate(self.policies()):
            report = {name: float(values[index]) for name, values in self._report.items()}
            whose = f" of seed {self.seeds[index]}" if len(self.seeds) > 1 else ""
            check_finite({name + whose: value for name, value in report.items()}, self.step)
            self._evaluate(index, policy, report)
        folder.write_partial_curves(self.curves, steps)

    def _evaluate(self, index: int, policy: Any, report: dict[str, float]) -> None:
        """Add a row to the curve of the seed at `index`."""
        seed = derive(self.seeds[index], "evaluation actions", self.step)
        noise = policies.noise_of(policy, seed, self.solver.device)
        player = policies.player(policy, self.settings.evaluation_episodes, noise)
        latest = float(self.evaluators[index].returns(player, self.step).mean())
        curve = self.curves[index]
        if self.keep_best and all(latest > row["return"] for row in curve):
            self._best[index] = {name: value.detach().clone() for name, value in policy.state_dict().items()}
        curve.append({"env_step": self.step, "return": latest, **report})

    def finish(self, folder: RunFolder) -> None:
        """Write the artefacts of each seed."""
        kept = self.policies()
        if self.keep_best:
            for policy, best in zip(kept, self._best, strict=True):
                policy.load_state_dict(best)
        made = self.made_with()
        folder.finish(self.curves, kept, [{"final_return": curve[-1]["return"], **made} for curve in self.curves])

    def made_with(self) -> dict[str, Any]:
        """What the run's record says of how it was run, beside settings, versions and hardware."""
        return {}

    def _latest(self) -> str:
        latest = [f"{curve[-1]['return']:.0f}" for curve in self.curves if curve]
        return f"return {', '.join(latest)}" if latest else ""

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next episode depends on."""
        return {
            "step": self.step,
            "curves": self.curves,
            "solver": self.solver.state_dict(),
            "rewards": [reward.state_dict() for reward in self.rewards or ()],
            "replays": [replay.state_dict() for replay in self.replays],
            "random": [random.get_state() for random in self.random],
            "report": {name: [float(value) for value in values] for name, values in self._report.items()},
            "best": self._best,
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        self.step, self.curves = saved["step"], saved["curves"]
        self.solver.load_state_dict(saved["solver"])
        for name, parts in (("rewards", self.rewards or ()), ("replays", self.replays)):
            for part, state in zip(parts, saved[name], strict=True):
                part.load_state_dict(state)
        for random, state in zip(self.random, saved["random"], strict=True):
            random.set_state(state.cpu())
        self._report, self._best = saved["report"], saved["best"]


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
        chosen = actions.cpu().numpy()

        def outcomes() -> list[Outcome]:
            return [env.step(action)[:2] for env, action in zip(self.envs, chosen, strict=True)]

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
            self._update_rewards()
            self._rewarded = 0
        if self.rewards is not None and self.settings.reward_for == "replay":
            self._reward_replays()
        batches = [self._batch(index) for index in range(len(self.seeds))]
        self._report |= self.solver.update(Batch(*(torch.stack(parts) for parts in zip(*batches, strict=True))))

    def _batch(self, index: int) -> Batch:
        """A batch of the seed at `index`; its rewards are the learned ones where there is a learned reward."""
        replay, random, size = self.replays[index], self.random[index], self.solver.settings.batch
        stored = self.rewards is not None and self.settings.reward_for == "replay"
        places = replay.draw(size, random, skip=self.step - self._rewarded if stored else 0)
        if self._outcomes is not None and bool((places == replay.newest).any()):
            self._arrive()
        batch = replay.batch(places)
        if self.rewards is None:
            return batch
        reward = self.rewards[index]
        pointwise = batch.rewards if stored else reward.pointwise(self._features(replay, places))
        return batch._replace(rewards=reward.in_batch(pointwise))

    def _reward_replays(self) -> None:
        """Store learned rewards in the replays: for all of them after a reward update, else for the next block."""
        waiting = self.step - self._rewarded
        if self._rewarded > 0 and waiting < self.settings.reward_block:
            return
        self._arrive()
        for replay, reward in zip(self.replays, self.rewards, strict=True):
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
