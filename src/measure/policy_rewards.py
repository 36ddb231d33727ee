"""Measure what a method's learned reward makes of policies that do better or worse than the learner's own.

A reward may rank the expert first and yet lead nowhere from where the learner is. So the reward of each of --methods is
learnt from --demonstrations of --task and from states of the first of --policies, the learner's: sampled actions, and
as many again of actions made SLOW times as large, which stand for what is older in its state buffer. Then every policy
plays, its actions made each of SHARES times as large. Writes --out.csv: for each method, policy and share the mean
return of an episode, and the mean reward of its states, in standard deviations of the reward over the states learnt
from, 0 being their mean: the mean of rewards learnt by SEEDS from the same states, and its standard error. Beside it
.json says what made it.
"""

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

import envs
from smiling import bits, command, stages
from smiling.checks.watched import offered
from smiling.evaluation import Policy
from smiling.evidence import measured_tables
from smiling.experiment import ExperimentSettings, load_experiment
from smiling.reward import EpisodeReward, LearnedReward
from smiling.runs.demonstrations import read_demonstrations
from smiling.runs.progress import Meter
from smiling.runs.provenance import file_digest
from smiling.runs.seeding import derive
from smiling.settings import UserError
from smiling.solvers.policies import read_policy

Key = tuple[str, float]  # a policy and the share of its actions

SEEDS = (0, 1, 2)
SLOW = 0.3
SHARES = (0.5, 0.7, 0.85, 1.0)
LEARNT_FROM, PLAYED = 20, 2  # episodes
UPDATES = 100  # of a reward: on states that stay the same it has settled by then
REPETITIONS = 4  # of a reward that is an estimate


@torch.no_grad()
def played(task: str, policy: Policy, episodes: int, share: float = 1.0, sampled: bool = False) -> tuple[Tensor, float]:
    """States (n, state) that a policy visits, and its mean return, its actions made `share` times as large."""
    env = envs.make(task)
    noise = policy.noise(derive(0, "policy rewards", "actions"))
    states, total = [], 0.0
    for episode in range(episodes):
        state, _ = env.reset(seed=derive(0, "policy rewards", episode))
        act, over = policy.begin(1, noise, sampled=sampled), False
        while not over:
            states.append(state)
            action = share * act(torch.from_numpy(state)[None])[0].numpy()
            state, reward, terminated, truncated, _ = env.step(action)
            total, over = total + float(reward), terminated or truncated
    return torch.from_numpy(np.stack(states)), total / episodes


def fresh(settings: ExperimentSettings, method: str, task: str, demonstrations: Path, seed: int) -> LearnedReward:
    """The reward that a method learns from demonstrations, as it begins.

    Raises:
        UserError: for a method that has none of single states.
    """
    with tempfile.TemporaryDirectory() as folder:
        reward = offered(lambda: stages.imitate(settings, method, task, demonstrations, Path(folder), [seed]))
    if reward is None or isinstance(reward, EpisodeReward) or reward.transitions:
        raise UserError(f"--methods {method}: it has no reward of single states; name others")
    return reward


def learn(reward: LearnedReward, states: Tensor, seed: int, name: str) -> None:
    """Learn from the demonstrations and a learner's `states` (n, state); `name` heads the progress report."""
    chance = torch.Generator().manual_seed(seed)
    reward.prepare(name)
    with Meter(name, UPDATES, unit="updates") as meter:
        for update in range(UPDATES):
            reward.update(lambda count: states[torch.randint(len(states), (count,), generator=chance)])
            meter.update(update + 1)


def in_deviations(reward: LearnedReward, states: Mapping[Key, Tensor], learnt_from: Tensor) -> dict[Key, float]:
    """Mean reward of each of `states` (n, state), from the mean over `learnt_from` (m, state) in its deviations."""

    def rewards(of: Tensor) -> Tensor:
        return torch.stack([reward.pointwise(of) for _ in range(REPETITIONS)]).mean(0)

    usual = rewards(learnt_from)
    return {name: float((rewards(of).mean() - usual.mean()) / usual.std()) for name, of in states.items()}


def named_policy(argument: str) -> tuple[str, Path]:
    """NAME=PATH, as --policies have it."""
    name, separator, path = argument.partition("=")
    if not (name and separator and path):
        raise argparse.ArgumentTypeError(f"'{argument}' is not NAME=PATH, such as expert=expert/policy.safetensors")
    return name, Path(path)


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--task", required=True)
    flags.add_argument("--demonstrations", type=Path, required=True)
    flags.add_argument("--methods", nargs="+", default=["smiling", "dac"], help="default: smiling dac")
    flags.add_argument(
        "--policies", nargs="+", required=True, type=named_policy, metavar="NAME=PATH", help="the first is the learner"
    )
    options = flags.parse_args()
    settings = load_experiment(options.scale, options.assignments)
    bits.restart_pinned(settings.training.bits)
    sizes = envs.sizes(options.task)
    policies = {name: read_policy(path, sizes) for name, path in options.policies}
    command.settle_process()

    task, learner = options.task, next(iter(policies.values()))
    rewards = {
        method: [fresh(settings, method, task, options.demonstrations, seed) for seed in SEEDS]
        for method in options.methods
    }
    learnt_from = torch.cat([played(task, learner, LEARNT_FROM, share, sampled=True)[0] for share in (1.0, SLOW)])
    plays = {(name, share): played(task, policies[name], PLAYED, share) for name in policies for share in SHARES}
    states = {key: visited for key, (visited, _) in plays.items()}

    rows = []
    for method, of_seeds in rewards.items():
        for seed, reward in zip(SEEDS, of_seeds, strict=True):
            learn(reward, learnt_from, seed, f"{method}, seed {seed}")
        found = pd.DataFrame(in_deviations(reward, states, learnt_from) for reward in of_seeds)
        for (name, share), (_, returned) in plays.items():
            row = {"task": task, "method": method, "policy": name, "actions": share, "return": returned}
            rows.append({**row, "reward": found[name, share].mean(), "error": found[name, share].sem()})
    table = pd.DataFrame(rows)
    of = {
        "demonstrations": read_demonstrations(options.demonstrations, *sizes).digest(),
        "policies": {name: file_digest(path) for name, path in options.policies},
    }
    measured_tables.write(table, options.out, __file__, settings, of)
    print(table.to_markdown(index=False, floatfmt=".3g"))


if __name__ == "__main__":
    command.run(main)
