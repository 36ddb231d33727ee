"""Measure a SMILING update as the authors' code does it beside ours: one thread, processor time, in turn.

An update is SAC's on a batch, and the rewards of the batch's states; what the score model learns every thousand steps
is left out, being the same for both. Theirs is SAC as it is usually written (src/smiling/solvers/sac/plain.py), and
Eq. 4 by 500 samples a state in the authors' pairing; ours is as the scale has it. Both are this suite's code: theirs
itself is not run. Writes --out, a csv: a row for each of the scale's tasks of SAC.
"""

import math
import statistics
import time
from collections.abc import Callable

import pandas as pd
import steps
import torch

import envs
from smiling import command
from smiling.experiment import ExperimentSettings, load_experiment
from smiling.methods.smiling import Smiling, SmilingSettings
from smiling.runs.artefacts import named, whole
from smiling.runs.progress import Meter
from smiling.score.cost import CostSettings
from smiling.settings import UserError
from smiling.solvers.sac.agent import SAC
from smiling.solvers.sac.plain import PlainSAC
from smiling.solvers.sac.replay import Batch

ROUNDS = 5  # in which each part is timed
THEIR_COST = CostSettings(estimator="tiled", samples=500)


def parts(settings: ExperimentSettings, task: str) -> dict[str, Callable[[], object]]:
    """What is timed, ready to be called, by its column."""
    device, sizes = torch.device("cpu"), envs.sizes(task)
    random = torch.Generator().manual_seed(0)
    replay, _ = steps.random_play(task, device)
    alone = replay.batch(replay.draw(settings.sac.batch, random))
    batch = Batch(*(part[None] for part in alone))
    solver, plain = SAC(*sizes, settings.sac, [0], device), PlainSAC(SAC(*sizes, settings.sac, 0, device))
    if settings.training.one_piece:
        solver.in_one_piece()
    own = settings.of_method("smiling", task)
    ours, theirs = (_rewards(alone.states, own, cost) for cost in (own.cost, THEIR_COST))
    noises = torch.randn(2, *alone.actions.shape, generator=random)
    return {
        "sac": lambda: solver.update(batch),
        "reward": ours,
        "their_sac": lambda: plain.update(alone, *noises),
        "their_reward": theirs,
    }


def _rewards(states: torch.Tensor, own: SmilingSettings, cost: CostSettings) -> Callable[[], object]:
    """Gives `states` the rewards of a SMILING that has learnt from them."""
    reward = Smiling(states, own.model_copy(update={"cost": cost}), 0)
    reward.update(lambda count: states[torch.arange(count) % len(states)])
    return lambda: reward.in_batch(reward.pointwise(states))


def row(settings: ExperimentSettings, task: str) -> dict[str, float]:
    """Milliseconds of each part, medians; each update over its SAC, and theirs over ours."""
    works, cycle = parts(settings, task), math.lcm(settings.sac.actor_every, settings.sac.target_every)
    taken: dict[str, list[float]] = {name: [] for name in works}
    with Meter(task, ROUNDS, unit="rounds") as meter:
        for done in range(ROUNDS + 1):
            for name, work in works.items():
                start = time.process_time()
                for _ in range(cycle):
                    work()
                taken[name].append(1000 * (time.process_time() - start) / cycle)
            meter.update(done)
    found = {name: statistics.median(each[1:]) for name, each in taken.items()}  # the first round warms up
    ours, theirs = found["sac"] + found["reward"], found["their_sac"] + found["their_reward"]
    ratios = {"over_sac": ours / found["sac"], "theirs_over_sac": theirs / found["their_sac"]}
    return {**found, **ratios, "theirs_over_ours": theirs / ours}


def main() -> None:
    flags = command.parser(__doc__)
    options = flags.parse_args()
    settings = load_experiment(options.scale, options.assignments)
    command.settle_process()
    tasks = [task for task in settings.task_names() if settings.task(task).solver == "sac"]
    if not tasks:
        raise UserError(f"no task of scale '{options.scale}' is trained by SAC; add one to only_tasks")
    table = pd.DataFrame([{"task": task, **row(settings, task)} for task in tasks])
    with whole(named(options.out, ".csv")) as temporary:
        table.to_csv(temporary, index=False)
    print(table.to_markdown(index=False, floatfmt=".3g"))


if __name__ == "__main__":
    command.run(main)
