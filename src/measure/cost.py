"""Measure the estimators of Eq. 4 against each other: error, bias and time a state, on tasks' states.

Two score models a task, of the paper's size and trained for 1500 steps each: the expert's on random actions that are
small and held for 20 steps, the learner's on random actions of full size, a new one at each step. Errors are over
states of both, against a reference whose own error is stated, and is part of the bias's. Writes --out, a csv.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

import envs
from smiling import command
from smiling.runs.artefacts import named, whole
from smiling.runs.progress import Meter
from smiling.score.cost import Cost, CostSettings
from smiling.score.model import ScoreModel, ScoreModelSettings, fit_pass, score_optimiser
from smiling.score.pair import ScorePair
from smiling.score.stein import SteinCost, mean_slopes

TASKS = ("ball_in_cup_catch", "cheetah_run", "humanoid_walk")
ESTIMATORS = {  # that are compared, each with as many samples
    **{f"grid-{samples}": CostSettings(estimator="grid", samples=samples) for samples in (50, 100, 200, 500)},
    "tiled-500": CostSettings(estimator="tiled", samples=500),
    **{f"stein-{n}": CostSettings(estimator="stein", samples=n) for n in (8, 12, 16, 20, 24, 28, 32)},
}
TRAINING_STEPS = 1500
STATES = 16  # of each of the two ways to act, whose costs are compared
TIMED_STATES = {"grid": 64, "tiled": 64, "stein": 1024}  # as many as an estimator works on at once, or more
LEAST_REPETITIONS = 2  # that have a standard error
PILOTS = 5  # tunings of the stein estimator that its errors are over


class Repetitions(NamedTuple):
    """How often the slow estimators are evaluated, the fast one, and what their errors are measured from."""

    slow: int
    fast: int
    reference: int


def rollouts(task: str, episodes: int, size: float, held: int, seed: int) -> Tensor:
    """States of `episodes` under uniform random actions up to `size`, each held for some steps: (n, state)."""
    env, random, states = envs.make(task), np.random.default_rng(seed), []
    for episode in range(episodes):
        state, _ = env.reset(seed=1000 * seed + episode)
        for step in range(envs.EPISODE_STEPS):
            if step % held == 0:
                action = size * random.uniform(-1, 1, env.action_space.shape).astype(np.float32)
            states.append(state)
            state, *_ = env.step(action)
    return torch.from_numpy(np.stack(states))


def fitted(states: Tensor, seed: int, generator: torch.Generator) -> ScoreModel:
    """A score model of the paper's size after `TRAINING_STEPS` steps on `states`."""
    model = ScoreModel(states.shape[1], ScoreModelSettings(), seed)
    optimiser, batch = score_optimiser(model), model.settings.batch
    drawn = torch.randint(len(states), (TRAINING_STEPS * batch,), generator=generator)
    fit_pass(model, optimiser, states[drawn], generator)
    return model


def two_ways_to_act(task: str) -> tuple[Tensor, Tensor]:
    """States that stand for the expert's and for the learner's: (n, state), (m, state)."""
    return rollouts(task, 5, 0.5, 20, 1), rollouts(task, 10, 1.0, 1, 2)


def some_of(parts: tuple[Tensor, Tensor]) -> Tensor:
    """`STATES` of each, evenly spaced: (2 STATES, state)."""
    return torch.cat([part[:: len(part) // STATES][:STATES] for part in parts])


def tuned(
    models: tuple[ScoreModel, ScoreModel], settings: CostSettings, pilots: Tensor, generator: torch.Generator
) -> list[Cost]:
    """Costs between expert's and learner's model: one, or of the stein estimator `PILOTS` by different pilot states."""
    costs = [Cost(*models, settings) for _ in range(PILOTS if settings.estimator == "stein" else 1)]
    for cost, pilot in zip(costs, pilots.chunk(PILOTS), strict=False):
        cost.tune(pilot, generator)
    return costs


@torch.no_grad()
def reference(pair: ScorePair, states: Tensor, repetitions: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Costs at every time of the diffusion, two opposite noises at each, a mean; and its standard error, (n,) each."""
    form = SteinCost(pair, mean_slopes(pair, states))
    every = torch.arange(len(pair.alpha_bar))
    sums = []
    for _ in range(repetitions):
        noise = torch.randn(len(every), states.shape[1], generator=generator)
        sums.append((form.differences(states, every, noise) + form.differences(states, every, -noise)).mean(0) / 2)
    costs = torch.stack(sums).double()
    return costs.mean(0), costs.std(0) / repetitions**0.5


def microseconds(work: Callable[[], object], states: int) -> float:
    """Of the fastest of ten calls, for each state."""
    taken = []
    for _ in range(10):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return 1e6 * min(taken) / states


def errors(
    costs: list[Cost],
    states: Tensor,
    truth: Tensor,
    reference_error: Tensor,
    repetitions: int,
    generator: torch.Generator,
) -> dict[str, float]:
    """Root-mean-square error; mean error and its standard error, roots of mean squares over states; of all `costs`.

    The mean error's counts that of `truth`, `reference_error`: (n,) each.
    """
    total, square = torch.zeros(2, len(states), dtype=torch.float64)
    for n in range(repetitions):
        error = costs[n % len(costs)](states, generator).double() - truth
        total += error
        square += error.square()
    bias = total / repetitions
    standard_error = ((square / repetitions - bias.square()) / repetitions + reference_error.square()).sqrt()
    return {
        "rmse": float((square.mean() / repetitions).sqrt()),
        "bias": float(bias.square().mean().sqrt()),
        "bias_standard_error": float(standard_error.square().mean().sqrt()),
    }


def measure(task: str, names: Sequence[str], repetitions: Repetitions) -> pd.DataFrame:
    """A row for each estimator."""
    generator = torch.Generator().manual_seed(0)
    parts = two_ways_to_act(task)
    models = fitted(parts[0], 1, generator), fitted(parts[1], 2, generator)
    states = some_of(parts)
    truth, reference_error = reference(ScorePair(*models), states, repetitions.reference, generator)
    pilots = parts[1][torch.randperm(len(parts[1]), generator=generator)]
    rows = []
    with Meter(task, len(names), unit="estimators") as meter:
        for settings in (ESTIMATORS[name] for name in names):
            estimator = settings.estimator
            costs = tuned(models, settings, pilots, generator)
            timed = parts[1][: TIMED_STATES[estimator]]
            often = repetitions.fast if estimator == "stein" else repetitions.slow
            rows.append(
                {
                    "task": task,
                    "estimator": estimator,
                    "samples": settings.samples,
                    "microseconds": microseconds(partial(costs[0], timed, generator), len(timed)),
                    **errors(costs, states, truth, reference_error, often, generator),
                    "reference_error": float(reference_error.square().mean().sqrt()),
                    "spread": float(truth.std()),
                }
            )
            meter.update(len(rows))
    return pd.DataFrame(rows)


def _several(text: str) -> int:
    if not text.isdecimal() or int(text) < LEAST_REPETITIONS:
        raise argparse.ArgumentTypeError(
            f"'{text}' repetitions are too few: write whole numbers from {LEAST_REPETITIONS}"
        )
    return int(text)


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument(
        "--repetitions",
        type=_several,
        nargs=3,
        metavar=("SLOW", "FAST", "REFERENCE"),
        default=(200, 2000, 10),
        help="of grid and tiled, of stein, and of the reference (default: 200 2000 10)",
    )
    flags.add_argument("--only", nargs="+", choices=ESTIMATORS, default=list(ESTIMATORS), help="default: all")
    options = flags.parse_args()
    command.settle_process()
    tables = [measure(task, options.only, Repetitions(*options.repetitions)) for task in TASKS]
    table = pd.concat(tables, ignore_index=True)
    with whole(named(options.out, ".csv")) as temporary:
        table.to_csv(temporary, index=False)
    print(table.to_markdown(index=False, floatfmt=".3g"))


if __name__ == "__main__":
    command.run(main)
