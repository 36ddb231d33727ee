"""Measure whether the expert's score model is fitted too long: its error on trajectories that it is not fitted to.

Of SMILING's expert model as --scale has it on --task, the mean squared error on the noise (what it is fitted by), after
ever more passes over the demonstrations: on them, and on as many held-out steps of the same expert, over all of the
diffusion's times and over the first tenth, where noise is least and single trajectories could be told. Both files lie
in --demonstrations, as collect_demonstrations.py writes them. Writes --out.csv, a row for each number of passes,
means over seeds, and .json, what made it.
"""

from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

import envs
from smiling import command
from smiling.evidence import measured_tables
from smiling.experiment import load_experiment
from smiling.runs.demonstrations import Demonstrations, read_demonstrations
from smiling.runs.progress import Meter
from smiling.score.diffusion import times_within
from smiling.score.model import ScoreModel, ScoreModelSettings, denoising_loss, fit

SEEDS = (0, 1, 2)
LOOKED_AT = (50, 100, 200, 400, 800, 1600, 2800, 4000)  # passes
REPETITIONS = 20  # times and noises that each state is looked at with
SPANS = {"": (0.0, 1.0), ", little noise": (0.0, 0.1)}  # shares of the diffusion's times


@torch.no_grad()
def error(model: ScoreModel, states: Tensor, span: tuple[float, float]) -> float:
    """Mean denoising error on `states` (n, state) at times of `span`; the same times and noises at every call."""
    generator = torch.Generator().manual_seed(0)
    within = times_within(span, len(model.alpha_bar))
    repeated = states.repeat(REPETITIONS, 1)
    times = torch.randint(within.start, within.stop, (len(repeated),), generator=generator)
    return denoising_loss(model, repeated, times, torch.randn(repeated.shape, generator=generator)).item()


def errors_while_fitted(settings: ScoreModelSettings, shown: Tensor, heldout: Tensor, seed: int) -> pd.DataFrame:
    """A row for each of `LOOKED_AT` passes over `shown` (n, state): errors on it and on `heldout` (m, state)."""
    model = ScoreModel(shown.shape[1], settings, seed)
    sets = {"demonstrations": shown, "held out": heldout}
    rows = []
    with Meter(f"seed {seed}", LOOKED_AT[-1], unit="passes") as meter:

        def look(passes: int) -> None:
            if passes in LOOKED_AT:
                found = {
                    f"{a}{b}": error(model, states, span) for b, span in SPANS.items() for a, states in sets.items()
                }
                rows.append({"passes": passes, **found})
            meter.update(passes)

        fit(model, shown, LOOKED_AT[-1], torch.Generator().manual_seed(seed), look)
    return pd.DataFrame(rows)


def states_of(demonstrations: Demonstrations) -> Tensor:
    """Their states (n, state)."""
    return torch.from_numpy(demonstrations.observations)


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--task", required=True)
    flags.add_argument(
        "--demonstrations", type=Path, required=True, help="folder of demonstrations.npz and heldout.npz"
    )
    options = flags.parse_args()
    experiment = load_experiment(options.scale, options.assignments)
    settings = experiment.of_method("smiling", options.task).score_model
    command.settle_process()
    shown, heldout = (
        read_demonstrations(options.demonstrations / f"{name}.npz", *envs.sizes(options.task))
        for name in ("demonstrations", "heldout")
    )
    by_seed = [errors_while_fitted(settings, states_of(shown), states_of(heldout), seed) for seed in SEEDS]
    table = pd.concat(by_seed).groupby("passes", as_index=False).mean()
    table.insert(0, "task", options.task)
    of = {"demonstrations": shown.digest(), "held_out": heldout.digest()}
    measured_tables.write(table, options.out, __file__, experiment, of)
    print(table.to_markdown(index=False, floatfmt=".4g"))


if __name__ == "__main__":
    command.run(main)
