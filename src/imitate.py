"""Run one imitation method on one task, with one seed or several.

Writes policy.safetensors, curve.csv and run.json into a folder seed{n} of --out for each seed. Interrupted, the same
command goes on. Where method and solver can, the seeds are trained side by side; else one after the other.
"""

import argparse
from pathlib import Path

from smiling import bits, command, stages, stopping
from smiling.experiment import load_experiment
from smiling.runs import demonstration_kinds
from smiling.settings import UserError


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is not a seed: write whole numbers from 0")
    return int(text)


def _kind(text: str) -> str:
    try:
        demonstration_kinds.parse(text)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--task", required=True)
    flags.add_argument("--method", required=True, help="a method, or method-variant")
    flags.add_argument("--seeds", type=_seed, nargs="+", required=True)
    flags.add_argument(
        "--demos-kind",
        type=_kind,
        default="states",
        help="states, state_actions; states_20: of twenty trajectories",
    )
    flags.add_argument("--demonstrations", type=Path, required=True, help="a demonstrations.npz")
    options = flags.parse_args()
    settings = load_experiment(options.scale, options.assignments)
    bits.restart_pinned(settings.training.bits)
    stopping.listen()
    what = options.method, options.task, options.demonstrations
    stages.imitate(settings, *what, options.out, options.seeds, options.demos_kind)


if __name__ == "__main__":
    command.run(main)
