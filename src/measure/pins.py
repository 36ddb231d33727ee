"""What the pins of docs/reproducibility.md cost: the time of an update of SAC, pinned and free, one after the other.

Each time is of a process of its own, which the pins must be there before; the kinds take turns, so that a machine that
slows down slows all. A table of milliseconds, and of their ratios to a free process, medians over the turns.
"""

import argparse
import os
import subprocess
import sys

import pandas as pd
import torch
from steps import seconds

import envs
from smiling import bits, command
from smiling.experiment import load_experiment, scale_names
from smiling.solvers.sac.agent import SAC
from smiling.solvers.sac.replay import Batch

TASK = "cheetah_run"
KINDS: tuple[bits.Bits, ...] = ("own", "vendor", "any")


def update_milliseconds(scale: str) -> float:
    """Of an update at a scale's sizes: seeds together as it has them, compiled if it has them so."""
    settings = load_experiment(scale)
    seeds = tuple(range(settings.seeds_together))
    solver = SAC(*envs.sizes(TASK), settings.sac, seed=seeds)
    if settings.training.one_piece:
        solver.in_one_piece()
    states, actions = envs.sizes(TASK)
    leading = (len(seeds), settings.sac.batch)
    generator = torch.Generator().manual_seed(0)
    sizes = ((*leading, states), (*leading, actions), leading, (*leading, states))
    batch = Batch(*(torch.randn(size, generator=generator).clamp(-1, 1) for size in sizes))
    return 1000 * seconds(lambda: solver.update(batch), torch.device("cpu"))


def measure(scale: str, kind: bits.Bits) -> float:
    """The same in a process of that kind."""
    free = {name: value for name, value in os.environ.items() if name not in bits.pins("any")}
    call = [sys.executable, __file__, "--one", scale]
    done = subprocess.run(call, env={**free, **bits.pins(kind)}, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--scales", nargs="+", default=scale_names(), metavar="SCALE")
    flags.add_argument("--turns", type=int, default=5)
    flags.add_argument("--one", metavar="SCALE", help="measure once, in this process as it is")
    options = flags.parse_args()
    if options.one:
        command.settle_process()
        print(update_milliseconds(options.one))
        return
    rows = [
        (scale, kind, measure(scale, kind)) for scale in options.scales for _ in range(options.turns) for kind in KINDS
    ]
    table = pd.DataFrame(rows, columns=["scale", "bits", "ms"]).pivot_table("ms", "scale", "bits", "median")[[*KINDS]]
    for kind in KINDS[1:]:
        table[f"{kind} / own"] = table[kind] / table["own"]
    print(table.round(3).to_markdown())


if __name__ == "__main__":
    command.run(main)
