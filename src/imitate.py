"""Run one imitation method on one task with one seed.

Writes policy.safetensors, curve.csv and run.json into --out. Interrupted, the same command goes on.
"""

from pathlib import Path

import envs
from smiling import command, demonstrations, experiment, methods
from smiling.experiment import DEMONSTRATION_KINDS
from smiling.imitation import Imitation
from smiling.provenance import file_digest, fingerprint
from smiling.run_folder import RunFolder


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--task", required=True)
    flags.add_argument("--method", required=True, help="a method, or method-variant")
    flags.add_argument("--seed", type=int, required=True)
    flags.add_argument("--demos-kind", choices=DEMONSTRATION_KINDS, default="states", help="what the method may see")
    flags.add_argument("--demonstrations", type=Path, required=True, help="a demonstrations.npz")
    options = flags.parse_args()
    command.settle_process()
    settings = experiment.load(options.scale, options.assignments)
    method, task = methods.load(options.method), settings.task(options.task)
    identity = {
        "stage": "imitation",
        "task": options.task,
        "method": options.method,
        "seed": options.seed,
        "demos_kind": options.demos_kind,
        "settings": settings.of_run(options.method, options.task),
        "demonstrations": file_digest(options.demonstrations),
        "code": fingerprint(Path(__file__), method=options.method, task=options.task, solver=task.solver),
    }
    demos = demonstrations.read(options.demonstrations, *envs.sizes(options.task))
    with RunFolder(options.out, identity, settings.training.checkpoint_seconds) as folder:
        imitation = Imitation(
            name=f"{options.task} {options.method} seed {options.seed}",
            task=options.task,
            seed=options.seed,
            with_actions=options.demos_kind == "state_actions",
            demonstrations=demos,
            env_steps=task.env_steps,
            settings=settings.of_method(options.method, options.task),
            solver=task.solver,
            solver_settings=settings.of_solver(options.task),
            training=settings.training,
            folder=folder,
        )
        method.run(imitation)


if __name__ == "__main__":
    command.run(main)
