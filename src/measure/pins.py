"""What the pins of docs/reproducibility.md cost: the time of an update of SAC, pinned and free, one after the other.

Each time is of a process of its own, which the pins must be there before, and the shortest of its calls, so that what
else the machine does counts little; the kinds take turns, so that a machine that slows down slows all. A table of
milliseconds, the shortest of all turns, and of ratios to the free process of the same turn, medians over the turns.
"""

import argparse
import os
import subprocess
import sys
import time

import pandas as pd
import torch

import envs
from smiling import bits, command
from smiling.experiment import load_experiment
from smiling.scale_files import scale_names
from smiling.solvers.sac.agent import SAC
from smiling.solvers.sac.replay import Batch
from smiling.training import settle_process

TASK = "cheetah_run"
KINDS: tuple[bits.Bits, ...] = ("own", "any")
SECONDS, WARMING_CALLS = 3.0, 5  # of a measurement


def update_milliseconds(scale: str, kind: str) -> float:
    """Of an update at a scale's sizes: seeds together as it has them, compiled if it has them so."""
    settings = load_experiment(scale, [f"training.bits={kind}"])
    settle_process(settings.training)
    seeds = tuple(range(settings.seeds_together))
    solver = SAC(*envs.sizes(TASK), settings.sac, seed=seeds)
    if settings.training.one_piece:
        solver.in_one_piece()
    states, actions = envs.sizes(TASK)
    leading = (len(seeds), settings.sac.batch)
    generator = torch.Generator().manual_seed(0)
    sizes = ((*leading, states), (*leading, actions), leading, (*leading, states))
    drawn = (torch.randn(size, generator=generator).clamp(-1, 1) for size in sizes)
    batch = Batch(*(*drawn, torch.ones(leading)))
    for _ in range(WARMING_CALLS):
        solver.update(batch)
    taken: list[float] = []
    while sum(taken) < SECONDS:
        start = time.process_time()
        solver.update(batch)
        taken.append(time.process_time() - start)
    return 1000 * min(taken)


def measure(scale: str, kind: bits.Bits) -> float:
    """The same in a process of that kind."""
    free = {name: value for name, value in os.environ.items() if name not in bits.pins("any")}
    call = [sys.executable, __file__, "--one", scale, kind]
    done = subprocess.run(call, env={**free, **bits.pins(kind)}, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--scales", nargs="+", default=scale_names(), metavar="SCALE")
    flags.add_argument("--turns", type=int, default=5)
    flags.add_argument("--one", nargs=2, metavar=("SCALE", "KIND"), help="measure once, in this process as it is")
    options = flags.parse_args()
    if options.one:
        print(update_milliseconds(*options.one))
        return
    rows = [
        {"scale": scale, "turn": turn, **{kind: measure(scale, kind) for kind in KINDS}}
        for scale in options.scales
        for turn in range(options.turns)
    ]
    measured = pd.DataFrame(rows).set_index(["scale", "turn"])
    ratios = measured.div(measured["own"], axis=0)[[*KINDS[1:]]].add_suffix(" / own")
    table = measured.groupby("scale").min().join(ratios.groupby("scale").median())
    print(table.loc[options.scales].round(3).to_markdown())


if __name__ == "__main__":
    command.run(main)
