"""Measure how the estimators of Eq. 4 do on states far from what the score models are fitted to, and who goes there.

Without --demonstrations: models and states of cost.py, the states moved from where they are by ever more standard
deviations, in random directions. With --demonstrations of --task: a run of SMILING, seed 0 at the scale's settings, and
after some of its reward's updates states of the replay, of which the learner's model is fitted to the latest, and new
ones that come before the next update; all by the cost that rewards them. Writes --out, a csv: a row for each distance,
or for each kind of states after each update.

A distance is from the nearest state that either model is fitted to, the root of the mean square over dimensions in
standard deviations of those. The stein estimator is as the scale has it, the grid has the paper's 500 samples; errors
are root mean squares, of a state over repetitions, and over states; `stein_shared` is of the part that all states of a
call have in common, `share_worse` is of the states for which the stein estimator's is the larger.
"""

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import cost
import pandas as pd
import torch
from torch import Tensor

from smiling import command, stages
from smiling.experiment import ExperimentSettings, load_experiment
from smiling.methods import smiling
from smiling.runs.artefacts import named, whole
from smiling.runs.progress import Meter
from smiling.score.cost import Cost, CostSettings
from smiling.score.model import ScoreModel
from smiling.score.pair import ScorePair
from smiling.settings import UserError

Models = tuple[ScoreModel, ScoreModel]  # the expert's, the learner's
METHOD, SEED = "smiling", 0
DISTANCES = (0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 16.0)  # standard deviations that states are moved by
GRID = CostSettings(estimator="grid", samples=500)
REPETITIONS = cost.Repetitions(slow=20, fast=200, reference=5)
STATES = 64  # of each kind that are looked at
LOOKED_AT = (1, 2, 4, 8, 16, 32)  # updates of a run's reward


def nearest(states: Tensor, fitted: Tensor) -> Tensor:
    """Distances (n,) from `states` (n, d) to the nearest of `fitted` (m, d), as the module has them."""
    spread = fitted.std(0).clamp_min(torch.finfo(fitted.dtype).eps)
    return torch.cdist(states / spread, fitted / spread).amin(1) / states.shape[1] ** 0.5


def errors(
    costs: Sequence[Cost], states: Tensor, truth: Tensor, repetitions: int, generator: torch.Generator
) -> tuple[Tensor, float]:
    """Mean square error of each state (n,) against `truth` (n,), over repetitions that take `costs` in turn.

    And the root mean square of what all states of a repetition have in common, which a reward's normalisation removes.
    """
    drawn = torch.stack([costs[n % len(costs)](states, generator).double() - truth for n in range(repetitions)])
    return drawn.square().mean(0), float(drawn.mean(1).square().mean().sqrt())


def compared(
    models: Models, costs: Sequence[Cost], states: Tensor, fitted: Tensor, generator: torch.Generator
) -> dict[str, float]:
    """The row of `states` (n, d): how far from `fitted` (m, d), their costs, and the errors of `costs` and the grid."""
    truth, reference_error = cost.reference(ScorePair(*models), states, REPETITIONS.reference, generator)
    ours, shared = errors(costs, states, truth, REPETITIONS.fast, generator)
    grids, _ = errors([Cost(*models, GRID)], states, truth, REPETITIONS.slow, generator)
    distance = nearest(states, fitted)
    return {
        "distance": float(distance.median()),
        "farthest": float(distance.max()),
        "stein": float(ours.mean().sqrt()),
        "stein_shared": shared,
        "grid": float(grids.mean().sqrt()),
        "reference_error": float(reference_error.square().mean().sqrt()),
        "spread": float(truth.std()),
        "share_worse": float((ours > grids).double().mean()),
    }


def moved(settings: ExperimentSettings, task: str) -> pd.DataFrame:
    """A row for each distance that states of the task are moved by."""
    generator = torch.Generator().manual_seed(0)
    parts = cost.two_ways_to_act(task)
    models = cost.fitted(parts[0], 1, generator), cost.fitted(parts[1], 2, generator)
    pilots = parts[1][torch.randperm(len(parts[1]), generator=generator)]
    costs = cost.tuned(models, settings.of_method(METHOD, task).cost, pilots, generator)
    states, fitted = cost.some_of(parts), torch.cat(parts)
    direction = torch.randn(states.shape, generator=generator)
    step = direction / direction.square().mean(-1, keepdim=True).sqrt() * fitted.std(0)
    rows = []
    with Meter(f"{task}, moved", len(DISTANCES), unit="distances") as meter:
        for by in DISTANCES:
            rows.append({"task": task, "moved": by, **compared(models, costs, states + by * step, fitted, generator)})
            meter.update(len(rows))
    return pd.DataFrame(rows)


class Watched(smiling.Smiling):
    """SMILING's reward, looked at as it gives rewards; what it draws itself is as if it were not."""

    def __init__(self, rows: list[dict[str, Any]], block: int, expert: Tensor, settings: Any, seed: int) -> None:
        super().__init__(expert, settings, seed)
        self._rows, self._block, self._shown = rows, block, expert
        self._chance, self._updates = torch.Generator().manual_seed(0), 0
        self._drawn = expert[:0]  # what the learner's model was fitted to at the last update
        self._replayed, self._new = expert[:0], [expert[:0]]  # states rewarded first after it, and in blocks since

    def update(self, draw: Callable[[int], Tensor]) -> dict[str, float]:
        """As it is; what was rewarded up to here is looked at before."""
        if self._updates in LOOKED_AT:
            self._look("replay", self._replayed)
            self._look("new", torch.cat(self._new))
        drawn: list[Tensor] = []

        def kept(count: int) -> Tensor:
            drawn.append(draw(count))
            return drawn[-1]

        report = super().update(kept)
        self._drawn, self._updates = drawn[-1], self._updates + 1
        self._replayed, self._new = self._shown[:0], []
        return report

    def pointwise(self, features: Tensor) -> Tensor:
        """As it is; the states are remembered: the replay's, or new ones in their blocks."""
        if len(features) <= self._block:
            self._new.append(features)
        elif not len(self._replayed):
            self._replayed = features.clone()
        return super().pointwise(features)

    def _look(self, kind: str, states: Tensor) -> None:
        if not len(states):
            return
        assert self._cost is not None
        some = states[torch.randperm(len(states), generator=self._chance)[:STATES]]
        fitted = torch.cat([self._shown, self._drawn])
        row = compared((self.expert, self.learner), [self._cost], some, fitted, self._chance)
        self._rows.append({"update": self._updates, "states": kind, **row})


def visited(settings: ExperimentSettings, task: str, demonstrations: Path) -> pd.DataFrame:
    """A row for each kind of states after each of a run's updates of the reward that is looked at."""
    rows: list[dict[str, Any]] = []
    reward = partial(Watched, rows, settings.training.reward_block)
    with mock.patch.object(smiling, "Smiling", reward), tempfile.TemporaryDirectory() as folder:
        stages.imitate(settings, METHOD, task, demonstrations, Path(folder), [SEED])
    return pd.DataFrame(rows).assign(task=task)


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--task", choices=cost.TASKS, help="default: all of them that the scale has")
    flags.add_argument("--demonstrations", type=Path, help="of --task, for a run of SMILING on it")
    options = flags.parse_args()
    if options.demonstrations and not options.task:
        raise UserError("--demonstrations are of a task: name it, --task TASK")
    settings = load_experiment(options.scale, options.assignments)
    command.settle_process()
    if options.demonstrations:
        table = visited(settings, options.task, options.demonstrations)
    else:
        tasks = [options.task] if options.task else [task for task in cost.TASKS if task in settings.task_names()]
        table = pd.concat([moved(settings, task) for task in tasks], ignore_index=True)
    with whole(named(options.out, ".csv")) as temporary:
        table.to_csv(temporary, index=False)
    print(table.to_markdown(index=False, floatfmt=".3g"))


if __name__ == "__main__":
    command.run(main)
