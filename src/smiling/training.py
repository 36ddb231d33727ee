"""The training loop that every solver has, with the task's reward or a learned one; resumable at every step.

A solver's own loop is with the solver. A loop trains one seed or several side by side, each with its own environment,
replay, learned reward and randomness.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

import envs
from envs import absorbing
from smiling import command, products, stopping
from smiling.bits import Bits, why_own
from smiling.evaluation import Evaluator, Policy
from smiling.reward import LearnedReward, features_of
from smiling.runs.divergence import NAN_PARAMETER, NotFinite, check_finite, check_state
from smiling.runs.folder import RunFolder
from smiling.runs.progress import Meter
from smiling.runs.seeding import derive
from smiling.settings import NO_EFFECT, Settings

UNSEEN = math.nan  # kept in place of the task's reward where a learned one stands in: a leak could not go unnoticed


class TrainingSettings(Settings):
    """How a solver is trained and watched (paper: section 6, appendix C, the authors' code)."""

    evaluate_every: int = Field(
        10_000, ge=1000, multiple_of=envs.ROUND_STEPS, description="environment steps; and at the end"
    )
    evaluation_episodes: int = Field(1, ge=1, description="episodes of an evaluation, with the mean action")
    reward_update_every: int = Field(
        1000, ge=1, description="environment steps, from the first on (the authors' code: 1001, with DreamerV3 1010)"
    )
    state_buffer: int = Field(200_000, ge=1, description="latest states that the learned reward is fitted to")
    reward_for: Literal["batch", "replay"] = Field(
        "batch",
        description="learned rewards are computed afresh for every sampled batch (the paper), or once for the whole "
        "replay after each reward update, which costs less while the replay is smaller than what is sampled from it; "
        "new transitions are then rewarded, and sampled from there on, in blocks",
    )
    reward_block: int = Field(50, ge=1, description="new transitions in such a block")
    checkpoint_seconds: float = Field(
        300, ge=0, description="least time between checkpoints", json_schema_extra=NO_EFFECT
    )
    overlap: bool = Field(
        False,
        description="environments step on another core while the solver learns, for SAC: the same events in the same "
        "order, the same curve",
        json_schema_extra=NO_EFFECT,
    )
    device: Literal["cpu", "cuda"] = "cpu"
    bits: Bits = Field(
        "own",
        description="which machines share a result to the bit: 'any' x86-64 with AVX2, or those of its 'own' kind",
    )
    one_piece: bool = Field(
        False,
        description="compile the update, if there is a C++ compiler, or on a GPU record it as CUDA graphs: faster "
        "after half a minute (DreamerV3: minutes, see docs/dreamer.md), equal up to rounding",
    )
    matrix_products: Literal["float32", "tf32"] = Field("float32", description="tf32: ten bits of mantissa, on a GPU")

    @model_validator(mode="after")
    def _device_can(self) -> "TrainingSettings":
        if self.device == "cpu" and self.matrix_products != "float32":
            raise ValueError("matrix_products 'tf32' is for device 'cuda'; leave it out on a CPU")
        return self


def settle_process(training: TrainingSettings) -> None:
    """This process's threads, memory and products, as a run with these settings needs them.

    Products are the suite's own where any processor shall give the same bits and there is a compiler, which the update
    needs too: without, `smoke`'s small networks lose nothing, and larger ones half of their speed.

    Raises:
        UserError: if there is no such device.
    """
    command.settle_process(training.matrix_products, training.device)
    if training.bits == "any" and training.one_piece and not why_own("any", training.device):
        products.take_over()


class Loop:
    """Learners on a task, one a seed, from round to round: evaluated and saved between them.

    A round is `envs.ROUND_STEPS` steps of each environment. Each is reset when its own episode has ended, whatever the
    others do. Told to stop, it saves in the midst of a round. A solver's own loop defines `policies`, `_reset_seed`,
    `_begin_episode` and `_advance` by one step of each environment.
    """

    keep_best = False  # give, in the end, the policy of the best evaluation instead of the last

    def __init__(
        self,
        task: str,
        solver: Any,
        replays: Sequence[Any],
        environments: Sequence[Any],  # tasks of `envs`
        settings: TrainingSettings,
        seeds: Sequence[int],
        rewards: Sequence[LearnedReward] | None = None,
        with_actions: bool = False,
    ) -> None:
        self.solver, self.replays, self.settings, self.seeds = solver, replays, settings, seeds
        self.envs = environments
        self.rewards, self.with_actions = rewards, with_actions
        self.evaluators = [Evaluator(task, settings.evaluation_episodes, seed, solver.device) for seed in seeds]
        self.random = [torch.Generator(solver.device).manual_seed(derive(seed, "training")) for seed in seeds]
        self.step = 0
        self._into = 0  # steps of the round that is being played; 0 between rounds
        self._absorbing = absorbing.has_one(environments[0])
        self._over = [True for _ in environments]  # whether an environment is to be reset before its next step
        self._states = torch.zeros(len(environments), envs.sizes(task)[0], device=solver.device)  # they are in
        self.curves: list[list[dict[str, float]]] = [[] for _ in seeds]
        self._report: dict[str, list[float] | Tensor] = {}  # latest diagnostics, a value for each seed
        self._best: list[dict[str, Tensor] | None] = [None for _ in seeds]

    def policies(self) -> Sequence[Policy]:
        """Each seed's policy."""
        raise NotImplementedError

    def run(self, steps: int, folder: RunFolder, name: str) -> None:
        """Train until `steps` environment steps are done, going on from the folder's checkpoint if there is one.

        Raises:
            NotFinite: if it diverges; the folder's checkpoint is then from before.
        """
        try:
            self._run(steps, folder, name)
        except NotFinite as error:
            raise NotFinite(error.what, self.step) from None
        except ValueError as error:
            if NAN_PARAMETER not in str(error):
                raise
            raise NotFinite("a distribution's parameter is NaN", self.step) from None

    def _run(self, steps: int, folder: RunFolder, name: str) -> None:
        saved = folder.load()
        if saved is not None:
            self.load_state_dict(saved)
        elif self.rewards is not None:
            for seed, reward in zip(self.seeds, self.rewards, strict=True):
                reward.prepare(f"{name}, seed {seed}" if len(self.seeds) > 1 else name)
            self._save(folder)
        with Meter(name, steps, self.step) as meter, stopping.noted():
            while self.step < steps:
                if self._into == 0:
                    self._evaluate_if_due(folder, steps)
                self._round(lambda: self._stop_if_told(folder))
                meter.update(self.step, self._latest())
                if folder.save_is_due():
                    self._save(folder)
            self._evaluate_if_due(folder, steps)
            self._check_learnt()

    def _save(self, folder: RunFolder) -> None:
        """Write a checkpoint, of finite values only."""
        self._check_learnt()
        folder.save(self.state_dict())

    def _check_learnt(self) -> None:
        """Whether all that is learnt is finite; a replay's unseen rewards are NaN by intention."""
        check_state(self.solver.state_dict(), "solver")
        check_state([reward.state_dict() for reward in self.rewards or ()], "rewards")

    def _stop_if_told(self, folder: RunFolder) -> None:
        stopping.heed(lambda: self._save(folder), f"{self.step} steps")

    def _round(self, between: Callable[[], None] = lambda: None) -> None:
        """Play a round in each environment, or the rest of the one begun, learning on the way."""
        while self._into < envs.ROUND_STEPS:
            between()
            self._begin_episodes()
            self._advance()
            self._into += 1
        self._into = 0

    def _begin_episodes(self) -> None:
        """Reset the environments whose episodes are over."""
        for index, env in enumerate(self.envs):
            if self._over[index]:
                state, _ = env.reset(seed=self._reset_seed(index))
                self._states[index] = torch.from_numpy(state)
                self._over[index] = False
                self._begin_episode(index)

    def _reset_seed(self, index: int) -> int:
        """Of the environment's next episode."""
        raise NotImplementedError

    def _begin_episode(self, index: int) -> None:
        """What is to be done where an environment has been reset."""

    def _to_store(self, actions: Tensor) -> Tensor:
        """The actions (environments, action) taken in the states that the environments are in, as replays keep them."""
        return absorbing.with_effect(actions, self._states) if self._absorbing else actions

    def _advance(self) -> None:
        """Choose an action in each environment, learn, and take it; note which episodes are over."""
        raise NotImplementedError

    def _update_rewards_if_due(self, taken: int = 1) -> bool:
        """Let each seed's reward learn from that seed's learner, every so many steps, `taken` at once; whether it did.

        What is due at a step comes after the policy's update there: the authors' code makes 1001 steps with their
        updates before it. A policy that learns earlier has the reward as it was prepared.
        """
        if self.rewards is None or self.step == 0 or self.step % self.settings.reward_update_every >= taken:
            return False
        reports = [
            reward.update(self._drawer(replay, random))
            for reward, replay, random in zip(self.rewards, self.replays, self.random, strict=True)
        ]
        self._report |= {name: [report[name] for report in reports] for name in reports[0]}
        return True

    def _drawer(self, replay: Any, random: torch.Generator) -> Callable[[int], Tensor]:
        return lambda count: self._features(replay, replay.draw(count, random, self.settings.state_buffer))

    def _features(self, replay: Any, places: Any) -> Tensor:
        """What the rewards see there: states, the actions taken in them where they may be seen, the states after."""
        actions = replay.actions(places) if self.with_actions else None
        following = replay.next_states(places) if self._sees_transitions else None
        return features_of(replay.states(places), actions, following)

    @property
    def _sees_transitions(self) -> bool:
        return self.rewards is not None and self.rewards[0].transitions

    def _evaluate_if_due(self, folder: RunFolder, steps: int) -> None:
        due = self.step % self.settings.evaluate_every == 0 or self.step >= steps
        if not due or (self.curves[0] and self.curves[0][-1]["env_step"] == self.step):
            return
        try:
            with stopping.at_once():  # what learns is as it was before, so that it can be kept
                found = [self._evaluation(index, policy) for index, policy in enumerate(self.policies())]
        except stopping.Stopped:
            self._stop_if_told(folder)
            raise
        for index, (policy, (latest, report)) in enumerate(zip(self.policies(), found, strict=True)):
            self._add_row(index, policy, latest, report)
        folder.write_partial_curves(self.curves, steps)

    def _evaluation(self, index: int, policy: Policy) -> tuple[float, dict[str, float]]:
        """Return and diagnostics of the seed at `index`."""
        report = {name: float(values[index]) for name, values in self._report.items()}
        whose = f" of seed {self.seeds[index]}" if len(self.seeds) > 1 else ""
        check_finite({name + whose: value for name, value in report.items()})
        seed = derive(self.seeds[index], "evaluation actions", self.step)
        player = policy.begin(self.settings.evaluation_episodes, policy.noise(seed, self.solver.device))
        return float(self.evaluators[index].returns(player, self.step).mean()), report

    def _add_row(self, index: int, policy: Policy, latest: float, report: dict[str, float]) -> None:
        """To the curve of the seed at `index`."""
        curve = self.curves[index]
        if self.keep_best and all(latest > row["return"] for row in curve):
            self._best[index] = {name: value.detach().clone() for name, value in policy.state_dict().items()}
        curve.append({"env_step": self.step, "return": latest, **report})

    def finish(self, folder: RunFolder) -> None:
        """Write the artefacts of each seed."""
        kept = self.policies()
        if self.keep_best:
            for policy, best in zip(kept, self._best, strict=True):
                if best is not None:
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
        """Everything that what follows depends on."""
        return {
            "step": self.step,
            "into": self._into,
            "playing": self._playing(),
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
        self._into = saved["into"]
        self._play_on(saved["playing"])

    def _playing(self) -> dict[str, Any]:
        """What the rest of the episodes depends on beside that; a solver may add to it."""
        simulations = [
            None if over else torch.from_numpy(env.unwrapped.simulation())
            for env, over in zip(self.envs, self._over, strict=True)
        ]
        return {"simulations": simulations, "states": self._states}

    def _play_on(self, playing: dict[str, Any]) -> None:
        """Inverse of `_playing`."""
        self._states = playing["states"].to(self._states.device)
        self._over = [state is None for state in playing["simulations"]]
        for env, state in zip(self.envs, playing["simulations"], strict=True):
            if state is not None:
                env.reset(seed=0)  # whatever it begins with gives way to the state
                env.unwrapped.set_simulation(state.numpy())
