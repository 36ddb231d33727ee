"""Measure what a step of training costs on this machine: environment, learned reward, solver's update.

Times the parts of SAC alone and under each method that rewards a solver, on states of random play, one process and one
thread, for --seeds seeds together. Prints a table and writes it as csv to --out.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import torch

import envs
from smiling import command, experiment
from smiling.artefacts import whole
from smiling.experiment import ExperimentSettings
from smiling.methods import LearnedReward
from smiling.methods.dac import DAC
from smiling.methods.smiling import Smiling
from smiling.replay import Batch, Replay
from smiling.sac import SAC

REWARDS = {"smiling": Smiling, "dac": DAC}
COLUMNS = ["learner", "environment", "reward update", "reward", "solver update", "step"]


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Mean wall time of a call, after one that is not counted."""
    work()
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - start) / repeats


def random_play(task: str, replay: Replay, random: torch.Generator) -> float:
    """Fill the replay with an episode of uniform random actions; seconds of an environment's step."""
    env, total = envs.make(task), 0.0
    replay.begin(torch.from_numpy(env.reset(seed=0)[0]))
    for action in 2 * torch.rand(envs.EPISODE_STEPS, env.action_space.shape[0], generator=random) - 1:
        start = time.perf_counter()
        state, reward, *_ = env.step(action.numpy())
        total += time.perf_counter() - start
        replay.add(action, reward, torch.from_numpy(state))
    return total / envs.EPISODE_STEPS


def measure(settings: ExperimentSettings, task: str, method: str | None, seeds: int, updates: int) -> dict[str, float]:
    """Milliseconds that each part takes of a step of one seed, with `seeds` of them together."""
    sac, training, random = settings.sac, settings.training, torch.Generator().manual_seed(0)
    replay = Replay(2 * envs.EPISODE_STEPS, envs.EPISODE_STEPS, *envs.sizes(task))
    per_step = {"environment": random_play(task, replay, random), "reward update": 0.0, "reward": 0.0}
    solver = SAC(*envs.sizes(task), sac, list(range(seeds)))
    batch = replay.batch(replay.draw(sac.batch, random))
    together = Batch(*(part.expand(seeds, *part.shape).contiguous() for part in batch))
    per_step["solver update"] = seconds(lambda: solver.update(together), updates) / seeds
    if method is not None:
        states = replay.states(replay.latest(envs.EPISODE_STEPS))
        reward = REWARDS[method](states, settings.of_method(method, task), 0)
        updated = seconds(lambda: reward.update(lambda count: replay.states(replay.draw(count, random))), 1)
        per_step["reward update"] = updated / training.reward_update_every
        per_step["reward"] = seconds(lambda: rewarded(reward, batch.states), updates)
    return {name: 1000 * value for name, value in per_step.items()}


def rewarded(reward: LearnedReward, states: torch.Tensor) -> torch.Tensor:
    """The rewards of a batch, as the solver gets them."""
    return reward.in_batch(reward.pointwise(states))


def table(
    settings: ExperimentSettings, task: str, seeds: int, updates: int, names: Sequence[str | None]
) -> pd.DataFrame:
    """A row for SAC alone and for each method."""
    rows = []
    for name in names:
        parts = measure(settings, task, name, seeds, updates)
        rows.append({"learner": name or "sac", **parts, "step": sum(parts.values())})
    return pd.DataFrame(rows)[COLUMNS]


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--task", required=True)
    flags.add_argument("--seeds", type=int, default=1, help="trained together")
    flags.add_argument("--updates", type=int, default=100, help="repetitions to average over")
    options = flags.parse_args()
    command.settle_process()
    settings = experiment.load(options.scale, options.assignments)
    measured = table(settings, envs.check_name(options.task), options.seeds, options.updates, (None, *REWARDS))
    with whole(Path(options.out).with_suffix(".csv")) as temporary:
        measured.to_csv(temporary, index=False)
    print(f"{options.task}, scale {options.scale}, {options.seeds} seeds together: milliseconds of a seed's step")
    print(measured.to_markdown(index=False, floatfmt=".3g"))


if __name__ == "__main__":
    command.run(main)
