"""The experiment: which tasks, methods and seeds, at what scale, under which settings; and one of its imitation runs.

Values come from three places, the later winning: the settings classes (the paper's values), the scale's file in
`workflow/config/scales/`, and what the user sets (`benchmark.yaml`, Snakemake's --config, a script's --set).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, Field, field_validator, model_validator

import envs
from smiling import command, methods, solvers
from smiling.imitation import Imitation
from smiling.runs.demonstrations import Demonstrations, read_demonstrations
from smiling.runs.folder import RunFolder
from smiling.runs.provenance import ROOT, file_digest, fingerprint
from smiling.settings import Settings, UserError, merge, validate
from smiling.solvers.dreamer.settings import DreamerSettings
from smiling.solvers.policies import write_policy
from smiling.solvers.sac.agent import SACSettings
from smiling.training import TrainingSettings

# The scales' files: the source tree's, or those that were installed with the package.
SCALES = next(filter(Path.is_dir, (ROOT / "workflow" / "config" / "scales", Path(__file__).with_name("scales"))))
DEMONSTRATION_KINDS = ("states", "state_actions")


def _listed(value: Any) -> Any:
    """'a,b' and a single value as lists, as they arrive from a command line."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value if isinstance(value, list | tuple) else [value]


def _distinct(value: Any) -> list[Any]:
    return list(dict.fromkeys(_listed(value)))


Names = Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]
Seeds = Annotated[tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(_distinct), Field(min_length=1)]


Steps = Annotated[int, Field(ge=1000, multiple_of=envs.EPISODE_STEPS)]


class TaskSettings(Settings):
    """What is particular to a task. Steps are whole episodes."""

    env_steps: Steps = Field(description="of an imitation run")
    expert_steps: Steps = Field(description="of the expert's training")
    method_steps: dict[str, Steps] = Field({}, description="instead of env_steps, for a method or a variant")
    solver: Literal["sac", "dreamer"] = "sac"  # of the expert, and of methods that reward a solver
    seeds: Seeds | None = None  # instead of the experiment's
    method_settings: dict[str, dict[str, Any]] = {}  # changes to a method's settings on this task
    demonstrations: Path | None = None  # a file of the user's own, instead of an expert's


class ExpertSettings(Settings):
    """The expert: the solver trained on the task's reward, and what is recorded of it."""

    seed: int = Field(0, ge=0)
    policy: Literal["last", "best"] = Field("last", description="of training, by its evaluations")
    solver: dict[str, Any] = Field({}, description="changes to the solver's settings for the expert's training")
    trajectories: int = Field(5, ge=1, description="demonstrated, and as many held out (paper, section 6)")
    sample_actions: bool = Field(True, description="demonstrate sampled rather than mean actions (the authors' code)")
    evaluation_episodes: int = Field(10, ge=1, description="for the returns of expert and random policy")
    must_beat_random: bool = Field(True, description="else nothing is drawn: false only where numbers mean nothing")


class ExperimentSettings(Settings):
    """The whole experiment."""

    scale: str
    tasks: dict[str, TaskSettings] = Field(min_length=1)
    only_tasks: Names | None = None  # a selection among the scale's tasks
    methods: Names = ("smiling", "dac", "iq_learn", "bc")
    seeds: Seeds = (0, 1, 2, 3, 4)
    seeds_together: int = Field(1, ge=1, description="trained in one process, where method and solver can")
    allow_missing_seeds: bool = Field(False, description="draw the runs that have finished, and say how many")
    expert: ExpertSettings = ExpertSettings()
    sac: SACSettings = SACSettings()
    dreamer: DreamerSettings = DreamerSettings()
    training: TrainingSettings = TrainingSettings()
    method_settings: dict[str, dict[str, Any]] = {}

    @field_validator("tasks")
    @classmethod
    def _tasks_exist(cls, tasks: dict[str, TaskSettings]) -> dict[str, TaskSettings]:
        for name in tasks:
            envs.check_name(name)
        return tasks

    @model_validator(mode="after")
    def _selection_exists(self) -> "ExperimentSettings":
        for name in self.only_tasks or ():
            envs.check_name(name)
            if name not in self.tasks:
                raise ValueError(f"task '{name}' is not of scale '{self.scale}', which has {', '.join(self.tasks)}")
        return self

    @model_validator(mode="after")
    def _rounds_are_whole(self) -> "ExperimentSettings":
        step = self.dreamer.round_steps
        for name, task in self.tasks.items():
            for steps in (task.env_steps, task.expert_steps, *task.method_steps.values()):
                if task.solver == "dreamer" and steps % step:
                    raise ValueError(
                        f"task '{name}': {steps} steps are not a multiple of {step}, an episode per environment"
                    )
        return self

    def task_names(self) -> tuple[str, ...]:
        """The tasks that are asked for."""
        return self.only_tasks or tuple(self.tasks)

    def task(self, name: str) -> TaskSettings:
        """Settings of a task.

        Raises:
            UserError: if the scale does not have it.
        """
        envs.check_name(name)
        if name not in self.tasks:
            raise UserError(f"scale '{self.scale}' has no task '{name}'; it has {', '.join(self.tasks)}")
        return self.tasks[name]

    def seeds_of(self, task: str) -> tuple[int, ...]:
        """Seeds of the runs on `task`."""
        return self.task(task).seeds or self.seeds

    def trains_together(self, method: str, task: str) -> bool:
        """Whether `method` can train several seeds of `task` in one process."""
        return methods.load(method).together and self.task(task).solver in solvers.TOGETHER

    def seed_groups(self, task: str) -> list[tuple[int, ...]]:
        """Seeds of `task` by the processes that train them, where the method can train several."""
        seeds = self.seeds_of(task)
        return [seeds[first : first + self.seeds_together] for first in range(0, len(seeds), self.seeds_together)]

    def env_steps(self, method: str, task: str) -> int:
        """Environment steps of a run of `method` on `task`."""
        return self.task(task).method_steps.get(method, self.task(task).env_steps)

    def of_method(self, name: str, task: str) -> Settings:
        """Settings of method `name` on `task`: the class's values, then the scale's, the task's, the variant's.

        Raises:
            UserError: for an unknown method or an invalid setting.
        """
        base = methods.base(name)
        values = merge(self.method_settings.get(base, {}), self.task(task).method_settings.get(base, {}))
        values = merge(values, methods.variant_settings(name))
        cls = methods.load(name).settings
        return validate(cls, merge(cls().model_dump(), values), where=f"method_settings.{base}")

    def of_solver(self, task: str) -> Settings:
        """Settings of the solver of `task`."""
        return getattr(self, self.task(task).solver)

    def of_expert_solver(self, task: str) -> Settings:
        """Settings of the solver that trains the expert of `task`.

        Raises:
            UserError: for an invalid change to them.
        """
        solver = self.of_solver(task)
        return validate(type(solver), merge(solver.model_dump(), self.expert.solver), where="expert.solver")

    def of_run(self, name: str, task: str) -> dict[str, Any]:
        """All settings that an imitation run depends on, as plain values."""
        return {
            "env_steps": self.env_steps(name, task),
            "method": self.of_method(name, task).model_dump(mode="json"),
            self.task(task).solver: self.of_solver(task).model_dump(mode="json"),
            "training": self.training.model_dump(mode="json"),
        }

    def of_expert(self, task: str) -> dict[str, Any]:
        """All settings that an expert and its demonstrations depend on, as plain values."""
        return {
            "expert_steps": self.task(task).expert_steps,
            "expert": self.expert.model_dump(mode="json"),
            self.task(task).solver: self.of_expert_solver(task).model_dump(mode="json"),
            "training": self.training.model_dump(mode="json"),
        }


def scale_names() -> list[str]:
    """Scales that have a file."""
    return sorted(path.stem for path in SCALES.glob("*.yaml"))


def load_experiment(scale: str, assignments: Sequence[str] = ()) -> ExperimentSettings:
    """The experiment at `scale`, with settings overridden by 'key=value' texts.

    Raises:
        UserError: naming the key that is wrong; every method's settings on every task are checked.
    """
    return resolve(scale, parse_overrides(assignments))


def resolve(scale: str, overrides: dict[str, Any]) -> ExperimentSettings:
    """`load_experiment` with the overrides as a nested mapping."""
    path = SCALES / f"{scale}.yaml"
    if not path.is_file():
        raise UserError(f"unknown scale '{scale}'; known scales: {', '.join(scale_names())}")
    values = merge(yaml.safe_load(path.read_text()), {**overrides, "scale": scale})
    experiment = validate(ExperimentSettings, values)
    for names in (task.method_settings.keys() | task.method_steps for task in experiment.tasks.values()):
        for name in names | experiment.method_settings.keys():
            methods.load(name)
    for task in experiment.task_names():
        experiment.of_expert_solver(task)
        for name in experiment.methods:
            experiment.of_method(name, task)
    return experiment


def parse_overrides(assignments: Sequence[str]) -> dict[str, Any]:
    """'a.b=value' texts as a nested mapping; values are read as YAML.

    Raises:
        UserError: for a text without '='.
    """
    overrides: dict[str, Any] = {}
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UserError(f"--set {text}: write key=value, for example sac.batch=256")
        nested: Any = yaml.safe_load(value)
        for part in reversed(key.split(".")):
            nested = {part: nested}
        overrides = merge(overrides, nested)
    return overrides


def assignments(overrides: dict[str, Any], prefix: str = "") -> list[str]:
    """Inverse of `parse_overrides`, for command lines."""
    texts = []
    for key, value in overrides.items():
        if isinstance(value, dict):
            texts += assignments(value, f"{prefix}{key}.")
        else:
            texts.append(f"{prefix}{key}={yaml.safe_dump(value, default_flow_style=True).split(chr(10))[0]}")
    return texts


def imitate(
    settings: ExperimentSettings,
    method: str,
    task: str,
    demonstrations: Path,
    out: Path,
    seeds: Sequence[int],
    demos_kind: str = "states",
) -> list[Path]:
    """Run `method` on `task` from a demonstrations file; the folders seed{n} of `out` that were written, a seed each.

    A folder holds curve.csv, run.json and policy.safetensors. Interrupted, the same call goes on. Where method and
    solver can, the seeds are trained side by side; else one after the other. Threads and memory of this process are
    settled as the scripts' are, so that the same seed gives the same curve.

    Raises:
        UserError: for a mistake in the settings, names or demonstrations, or a folder that another process holds.
    """
    command.settle_process(settings.training.matrix_products)
    identity = {
        "stage": "imitation",
        "task": task,
        "method": method,
        "demos_kind": demos_kind,
        "settings": settings.of_run(method, task),
        "demonstrations": file_digest(demonstrations),
        "code": fingerprint(Path(__file__), method=method, task=task, solver=settings.task(task).solver),
    }
    demos = read_demonstrations(demonstrations, *envs.sizes(task))
    distinct = list(dict.fromkeys(seeds))
    groups = [distinct] if settings.trains_together(method, task) else [[seed] for seed in distinct]
    folders = {seed: out / f"seed{seed}" for seed in distinct}
    seconds = settings.training.checkpoint_seconds
    for group in groups:
        with RunFolder({seed: folders[seed] for seed in group}, identity, seconds, write_policy) as folder:
            methods.load(method).run(_imitation(settings, method, task, group, demos, demos_kind, folder))
    return list(folders.values())


def _imitation(
    settings: ExperimentSettings,
    method: str,
    task: str,
    seeds: Sequence[int],
    demonstrations: Demonstrations,
    demos_kind: str,
    folder: RunFolder,
) -> Imitation:
    """What the method is given to run."""
    return Imitation(
        name=f"{task} {method} {_named(seeds)}",
        task=task,
        seeds=seeds,
        with_actions=demos_kind == "state_actions",
        demonstrations=demonstrations,
        env_steps=settings.env_steps(method, task),
        settings=settings.of_method(method, task),
        solver=settings.task(task).solver,
        solver_settings=settings.of_solver(task),
        training=settings.training,
        folder=folder,
    )


def _named(seeds: Sequence[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(str(seed) for seed in seeds)}"
