"""What a step of training costs on this machine, part by part, and how much of it the mathematics needs."""

import inspect
import statistics
import time
from collections.abc import Callable, Iterable
from importlib import import_module
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor

import envs
from smiling import methods
from smiling.experiment import ExperimentSettings
from smiling.methods.iq_learn import IQLearn
from smiling.reward import EpisodeReward, LearnedReward, features_of
from smiling.solvers.sac.agent import SAC, SACSettings
from smiling.solvers.sac.beside_expert import SACBesideExpert
from smiling.solvers.sac.plain import PlainSAC
from smiling.solvers.sac.replay import Batch, Replay

Kind = TypeVar("Kind")
UPDATE = ("critics", "actor", "targets", "in one piece", "dreamer")  # parts of a solver's own update
PARTS = ("environment", "action", "batch", *UPDATE, "reward update", "reward")
MATRIX = 1024  # rows and columns of the product that a machine's rate is measured by
SHORTEST_SECONDS = 0.5  # that a measurement lasts, however fast the work is
FEWEST_CALLS = 5  # in it, however slow


def rewards_of(settings: ExperimentSettings) -> dict[str, type[LearnedReward]]:
    """The learned rewards of the experiment's methods, by the method."""
    return {
        name: found
        for name, found in _defined_by(settings, LearnedReward).items()
        if "expert_features" in _given(found)
    }


def learners_of(settings: ExperimentSettings) -> dict[str, type[SACBesideExpert]]:
    """The solvers of the experiment's methods that are shown the expert's transitions; of IQ-Learn in any case."""
    return {"iq_learn": IQLearn, **_defined_by(settings, SACBesideExpert)}


def _defined_by(settings: ExperimentSettings, kind: type[Kind]) -> dict[str, type[Kind]]:
    """What of a kind the experiment's methods define, by the method."""
    found: dict[str, type[Kind]] = {}
    for name in (name for name in settings.methods if not methods.is_external(name)):
        module = import_module(methods.load(name).run.__module__)
        for each in vars(module).values():
            if isinstance(each, type) and issubclass(each, kind) and each.__module__ == module.__name__:
                found[name] = each
    return found


def _given(kind: type) -> Iterable[str]:
    """What an object of a kind is made from."""
    return inspect.signature(kind).parameters


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Median wall time of a call, after one that is not counted."""
    work()
    taken: list[float] = []
    while len(taken) < FEWEST_CALLS or sum(taken) < SHORTEST_SECONDS:
        start = now(device)
        work()
        taken.append(now(device) - start)
    return statistics.median(taken)


def now(device: torch.device) -> float:
    """Seconds of a clock, once a GPU has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def matrix_rate(device: torch.device) -> float:
    """float32 operations a second in a product of two square matrices."""
    left, right = torch.randn(2, MATRIX, MATRIX, device=device)
    return 2 * MATRIX**3 / seconds(lambda: left @ right, device)


def update_operations(settings: SACSettings, state_size: int, action_size: int) -> float:
    """float32 operations in the matrix products that one seed's SAC update needs, nothing counted twice.

    Forward passes: actor at next states, target critics, critics, actor at states, critics at its actions. Backward:
    critics and actor for their weights (of the first layer no gradient of inputs), critics for the actor's gradient.
    """
    hidden = [settings.width] * settings.depth
    actor = [a * b for a, b in pairwise([state_size, *hidden, 2 * action_size])]
    critic = [a * b for a, b in pairwise([state_size + action_size, *hidden, 1])]
    actor_work = 2 * sum(actor) + sum(actor) + sum(actor[1:])
    critic_work = settings.critics * (3 * sum(critic) + sum(critic) + sum(critic[1:]) + sum(critic))
    return 2.0 * settings.batch * (actor_work + critic_work)


def random_play(task: str, device: torch.device) -> tuple[Replay, float]:
    """A round of uniform random actions in a replay, and the seconds of an environment's step."""
    env, random, total = envs.make(task), torch.Generator().manual_seed(0), 0.0
    replay = Replay(2 * envs.ROUND_STEPS, envs.ROUND_STEPS, *envs.sizes(task), device)
    over = True
    for step, action in enumerate(2 * torch.rand(envs.ROUND_STEPS, envs.sizes(task)[1], generator=random) - 1):
        if over:
            replay.begin(torch.from_numpy(env.reset(seed=step)[0]).to(device))
        start = time.perf_counter()
        state, reward, terminated, truncated, _ = env.step(action.numpy())
        total += time.perf_counter() - start
        replay.add(action.to(device), float(reward), torch.from_numpy(state).to(device), terminated)
        over = terminated or truncated
    return replay, total / envs.ROUND_STEPS


def solver_of(
    settings: ExperimentSettings, task: str, learner: str, replay: Replay, seeds: int, device: torch.device
) -> SAC:
    """SAC, or a method's own with a batch of `replay` for expert; of several seeds."""
    names, learners = list(range(seeds)), learners_of(settings)
    if learner not in learners:
        return SAC(*envs.sizes(task), settings.sac, names, device)
    expert = replay.batch(replay.draw(envs.ROUND_STEPS, torch.Generator(device).manual_seed(0)))
    if issubclass(learners[learner], IQLearn):
        return IQLearn(expert, settings.of_method(learner, task), False, names, device)
    return learners[learner](expert, settings.sac, names, device)


def sac_parts(settings: ExperimentSettings, task: str, learner: str, seeds: int) -> dict[str, float]:
    """Milliseconds of each part of a step of SAC, or of a method's own, of one seed with `seeds` of them together."""
    device = torch.device(settings.training.device)
    random = torch.Generator(device).manual_seed(0)
    replay, environment = random_play(task, device)
    solver = solver_of(settings, task, learner, replay, seeds, device)
    sac = solver.settings

    def drawn() -> Batch:
        return batch_of(replay, sac.batch, seeds, random)

    batch = drawn()
    noise = torch.randn(seeds, sac.batch, solver.action_size, device=device)
    parts = {
        "environment": environment * seeds,
        "action": seconds(lambda: solver.explore(batch.states[:, 0]).cpu(), device),
        "batch": seconds(drawn, device),
    }
    if settings.training.one_piece:
        solver.in_one_piece()
        parts["in one piece"] = seconds(lambda: solver.update(batch), device)
    else:
        parts["actor"] = seconds(lambda: solver.update_actor(batch.states, noise), device) / sac.actor_every
        parts["targets"] = seconds(solver.move_targets, device) / sac.target_every
        parts["critics"] = seconds(lambda: solver.update(batch), device) - parts["actor"] - parts["targets"]
    return {name: 1000 * value / seeds for name, value in parts.items()}


def batch_of(replay: Replay, size: int, seeds: int, random: torch.Generator) -> Batch:
    """Transitions of `replay`, others for each seed."""
    parts = [replay.batch(replay.draw(size, random)) for _ in range(seeds)]
    return Batch(*(torch.stack(part) for part in zip(*parts, strict=True)))


def plain_update(settings: ExperimentSettings, task: str) -> float:
    """Milliseconds of one seed's SAC update by the plain path."""
    device = torch.device(settings.training.device)
    random = torch.Generator(device).manual_seed(0)
    replay, _ = random_play(task, device)
    plain = PlainSAC(SAC(*envs.sizes(task), settings.sac, 0, device))
    batch = replay.batch(replay.draw(settings.sac.batch, random))

    def update() -> None:
        noises = torch.randn(2, *batch.actions.shape, generator=random, device=device)
        plain.update(batch, *noises)

    return 1000 * seconds(update, device)


def rewarded_states(settings: ExperimentSettings, task: str) -> float:
    """States whose reward a learned reward gives, for a step of the environment."""
    training = settings.training
    if settings.task(task).solver == "dreamer":
        return settings.dreamer.batch * settings.dreamer.sequence / settings.dreamer.env_steps_per_update
    if training.reward_for == "batch":
        return settings.sac.batch
    # Each new state, and after each update of the reward the whole replay, which on average is half as long as the run.
    replay = min(settings.task(task).env_steps / 2, settings.sac.replay_capacity)
    return 1 + replay / training.reward_update_every


def reward_parts(settings: ExperimentSettings, task: str, method: str) -> dict[str, float]:
    """Milliseconds that a method's learned reward adds to a step of one seed: learning it, and giving it."""
    device = torch.device(settings.training.device)
    random = torch.Generator(device).manual_seed(0)
    replay, _ = random_play(task, device)
    build = rewards_of(settings)[method]

    def features(places: Tensor) -> Tensor:
        return features_of(replay.states(places), next_states=replay.next_states(places) if build.transitions else None)

    shown = features(replay.latest(envs.ROUND_STEPS))
    reward = build(shown, settings.of_method(method, task), 0)  # type: ignore[call-arg]  # as `run_with_reward` does
    learning = seconds(lambda: reward.update(lambda count: features(replay.draw(count, random))), device)
    if isinstance(reward, EpisodeReward):  # for each new state, once
        giving = seconds(lambda: reward.of_episode(shown), device) / len(shown)
    else:
        whole = seconds(lambda: reward.in_batch(reward.pointwise(shown)), device)
        giving = whole / len(shown) * rewarded_states(settings, task)
    per_step = {"reward update": learning / settings.training.reward_update_every, "reward": giving}
    return {name: 1000 * value for name, value in per_step.items()}
