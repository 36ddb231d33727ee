"""Run one imitation method on one task, with one seed or several.

Writes policy.safetensors, curve.csv and run.json into a folder seed{n} of --out for each seed. Interrupted, the same
command goes on. Where method and solver can, the seeds are trained side by side; else one after the other.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import envs
from smiling import command, demonstrations, experiment, methods
from smiling.demonstrations import Demonstrations
from smiling.experiment import DEMONSTRATION_KINDS, ExperimentSettings
from smiling.imitation import Imitation
from smiling.provenance import file_digest, fingerprint
from smiling.run_folder import RunFolder


def imitate(
    options: argparse.Namespace,
    settings: ExperimentSettings,
    demos: Demonstrations,
    identity: dict[str, Any],
    seeds: Sequence[int],
) -> None:
    """Train `seeds` in this process, side by side if there are several."""
    task = settings.task(options.task)
    folders = {seed: options.out / f"seed{seed}" for seed in seeds}
    with RunFolder(folders, identity, settings.training.checkpoint_seconds) as folder:
        imitation = Imitation(
            name=f"{options.task} {options.method} {_named(seeds)}",
            task=options.task,
            seeds=seeds,
            with_actions=options.demos_kind == "state_actions",
            demonstrations=demos,
            env_steps=settings.env_steps(options.method, options.task),
            settings=settings.of_method(options.method, options.task),
            solver=task.solver,
            solver_settings=settings.of_solver(options.task),
            training=settings.training,
            folder=folder,
        )
        methods.load(options.method).run(imitation)


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is not a seed: write whole numbers from 0")
    return int(text)


def _named(seeds: Sequence[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(str(seed) for seed in seeds)}"


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--task", required=True)
    flags.add_argument("--method", required=True, help="a method, or method-variant")
    flags.add_argument("--seeds", type=_seed, nargs="+", required=True)
    flags.add_argument("--demos-kind", choices=DEMONSTRATION_KINDS, default="states", help="what the method may see")
    flags.add_argument("--demonstrations", type=Path, required=True, help="a demonstrations.npz")
    options = flags.parse_args()
    settings = experiment.load(options.scale, options.assignments)
    command.settle_process(settings.training.matrix_products)
    identity = {
        "stage": "imitation",
        "task": options.task,
        "method": options.method,
        "demos_kind": options.demos_kind,
        "settings": settings.of_run(options.method, options.task),
        "demonstrations": file_digest(options.demonstrations),
        "code": fingerprint(
            Path(__file__), method=options.method, task=options.task, solver=settings.task(options.task).solver
        ),
    }
    demos = demonstrations.read(options.demonstrations, *envs.sizes(options.task))
    together = settings.trains_together(options.method, options.task)
    distinct = list(dict.fromkeys(options.seeds))
    for seeds in [distinct] if together else [[seed] for seed in distinct]:
        imitate(options, settings, demos, identity, seeds)


if __name__ == "__main__":
    command.run(main)
