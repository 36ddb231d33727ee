"""Train the expert of a task: the solver on the task's own reward.

Writes policy.safetensors, curve.csv and run.json into --out. Interrupted, the same command goes on.
"""

import copy
from pathlib import Path
from typing import Any

import envs
from smiling import command, experiment
from smiling.networks import Actor
from smiling.provenance import fingerprint
from smiling.run_folder import RunFolder
from smiling.sac import SAC
from smiling.seeding import derive
from smiling.training import Training


class ExpertTraining(Training):
    """Training that keeps the actor of its best evaluation."""

    best: Actor | None = None

    def on_evaluation(self) -> None:
        *earlier, latest = [row["return"] for row in self.curve]
        if self.best is None or latest > max(earlier):
            self.best = copy.deepcopy(self.solver.actor)

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"best": self.best.state_dict()}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        super().load_state_dict(saved)
        self.best = copy.deepcopy(self.solver.actor)
        self.best.load_state_dict(saved["best"])


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--task", required=True)
    options = flags.parse_args()
    command.settle_process()
    settings = experiment.load(options.scale, options.assignments)
    task, expert = settings.task(options.task), settings.expert
    identity = {
        "stage": "expert",
        "task": options.task,
        "seed": expert.seed,
        "settings": settings.of_expert(options.task),
        "code": fingerprint(Path(__file__), task=options.task),
    }
    with RunFolder(options.out, identity, settings.training.checkpoint_seconds) as folder:
        sizes = envs.sizes(options.task)
        solver = SAC(*sizes, settings.sac, derive(expert.seed, "expert"), settings.training.device)
        training = ExpertTraining(options.task, solver, settings.training, derive(expert.seed, "expert"))
        training.run(task.expert_steps, folder, f"{options.task} expert")
        actor = training.best if expert.policy == "best" else solver.actor
        folder.finish(training.curve, actor, {"final_return": training.curve[-1]["return"]})


if __name__ == "__main__":
    command.run(main)
