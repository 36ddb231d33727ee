"""Measure what training several seeds in one process gives: seed-steps a second of whole runs, with all cores at work.

As many runs side by side as there are cores, of one seed each and then of --together seeds each; prints both rates.
Short runs of both kinds come first, so that the rates do not depend on what is in torch's cache of compiled code.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from smiling import command
from smiling.experiment import load_experiment
from smiling.runs.provenance import ROOT
from smiling.settings import UserError

WARM_UP_STEPS = 2000  # past the first updates, which compile


def seed_steps_per_second(arguments: list[str], processes: int, seeds: int) -> float:
    """Of all `processes` together, each of which trains `seeds`.

    Raises:
        UserError: if one fails.
    """
    names = [str(seed) for seed in range(seeds)]
    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(scratch, str(number)) for number in range(processes)]
        running = [
            subprocess.Popen([*arguments, "--seeds", *names, "--out", str(folder)], stdout=subprocess.DEVNULL)
            for folder in folders
        ]
        if any([process.wait() for process in running]):
            raise UserError("a run failed; its message is above")
        records = [json.loads((folder / "seed0" / "run.json").read_text()) for folder in folders]
    return seeds * sum(record["steps_per_second"] for record in records)


def main() -> None:
    flags = command.parser(__doc__, writes=False)
    flags.add_argument("--task", default="ball_in_cup_catch", help="default: %(default)s")
    flags.add_argument("--method", default="smiling", help="default: %(default)s")
    flags.add_argument("--demonstrations", type=Path, required=True)
    flags.add_argument("--steps", type=int, help="of each run (default: the scale's own)")
    flags.add_argument("--together", type=int, default=5, help="seeds (default: %(default)s)")
    options = flags.parse_args()
    of_steps = f"tasks.{options.task}.env_steps={{}}".format
    steps = [] if options.steps is None else [of_steps(options.steps)]
    assignments = [*options.assignments, *steps]
    load_experiment(options.scale, assignments).task(options.task)  # a mistake shows now, not after the short runs
    run = [
        *(sys.executable, str(ROOT / "src" / "imitate.py"), "--scale", options.scale),
        *("--task", options.task, "--method", options.method, "--demonstrations", str(options.demonstrations)),
        *(flag for text in assignments for flag in ("--set", text)),
    ]
    for seeds in (1, options.together):
        seed_steps_per_second([*run, "--set", of_steps(WARM_UP_STEPS)], 1, seeds)
    cores = len(os.sched_getaffinity(0))
    alone, together = (seed_steps_per_second(run, cores, seeds) for seeds in (1, options.together))
    print(f"{options.task}, {options.method}, scale '{options.scale}', {cores} processes side by side, seed-steps/s:")
    print(f"one seed each: {alone:.0f}; {options.together} seeds each: {together:.0f}, {together / alone:.2f} times")


if __name__ == "__main__":
    command.run(main)
