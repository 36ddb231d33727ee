"""Train the expert of a task: the solver on the task's own reward.

Writes policy.safetensors, curve.csv and run.json into --out. Interrupted, the same command goes on.
"""

from pathlib import Path

import envs
from smiling import bits, command, solvers, stopping
from smiling.experiment import in_full, load_experiment
from smiling.runs.divergence import advised, learning_rates
from smiling.runs.folder import RunFolder
from smiling.runs.provenance import fingerprint
from smiling.runs.seeding import derive
from smiling.solvers.policies import write_policy
from smiling.training import settle_process


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--task", required=True)
    options = flags.parse_args()
    settings = load_experiment(options.scale, options.assignments)
    training = settings.of_training(options.task)
    bits.restart_pinned(training.bits)
    stopping.listen()
    bits.tell(training.bits, training.device)
    settle_process(training)
    envs.sizes(options.task)  # a task of the user's own that cannot be served is refused before anything is written
    task, expert = settings.task(options.task), settings.expert
    identity = {
        "stage": "expert",
        "task": options.task,
        "settings": settings.of_expert(options.task),
        "code": fingerprint(Path(__file__), task=options.task, solver=task.solver),
    }
    record = {
        "settings": in_full(settings.settings_of_expert(options.task)),
        "bits": bits.described(training.bits, training.device, training.one_piece),
    }
    rates = learning_rates(task.solver, settings.of_expert_solver(options.task))
    run = RunFolder({expert.seed: options.out}, identity, training.checkpoint_seconds, write_policy, record)
    with advised(rates), run as folder:
        seed = derive(expert.seed, "expert")
        start = solvers.load(task.solver)
        loop = start(options.task, settings.of_expert_solver(options.task), training, [seed], [seed])
        loop.keep_best = expert.policy == "best"
        loop.run(task.expert_steps, folder, f"{options.task} expert")
        loop.finish(folder)


if __name__ == "__main__":
    command.run(main)
