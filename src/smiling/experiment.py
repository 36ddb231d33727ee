"""The experiment: which tasks, methods and seeds, at what scale, under which settings.

Values come from three places, the later winning: the settings classes (the paper's values), the scale's file in
`workflow/config/scales/`, and what the user sets (`benchmark.yaml`, Snakemake's --config, a script's --set).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

import envs
from smiling import methods, solvers
from smiling.overrides import parse_overrides, read_yaml
from smiling.runs.demonstration_kinds import DemonstrationKind
from smiling.runs.provenance import ROOT
from smiling.settings import NO_EFFECT, Settings, UserError, effective, merge, validate
from smiling.solvers.dreamer.settings import DreamerSettings
from smiling.solvers.sac.agent import SACSettings
from smiling.training import TrainingSettings

# The scales' files: the source tree's, or those that were installed with the package.
SCALES = next(filter(Path.is_dir, (ROOT / "workflow" / "config" / "scales", Path(__file__).with_name("scales"))))


def _listed(value: Any) -> Any:
    """'a,b' and a single value as lists, as they arrive from a command line."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value if isinstance(value, list | tuple) else [value]


def _distinct(value: Any) -> list[Any]:
    listed = _listed(value)
    return [item for place, item in enumerate(listed) if item not in listed[:place]]  # mappings have no hash


def _expanded(value: Any) -> Any:
    """A path as a shell would have it: ~ is the home folder."""
    return Path(value).expanduser() if isinstance(value, str | Path) else value


def _name(value: Any) -> str:
    """The name of a folder: a whole number or a date, as YAML reads one, is taken as it was written."""
    if isinstance(value, float | bool):
        raise ValueError("as YAML reads it: put a name like that into quotes of its own, or take another")
    if not (isinstance(value, str | int | date) and re.fullmatch(NAME, str(value))):
        raise ValueError("no name for a folder: begin with a letter or a digit, after which - _ . may stand too")
    return str(value)


NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}"
Name = Annotated[str, BeforeValidator(_name)]
Names = Annotated[tuple[str, ...], BeforeValidator(_distinct), Field(min_length=1)]
Seeds = Annotated[tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(_distinct), Field(min_length=1)]


Steps = Annotated[int, Field(ge=1000, multiple_of=envs.EPISODE_STEPS)]


class TaskSettings(Settings):
    """What is particular to a task. Steps are whole episodes."""

    env_steps: Steps = Field(description="of an imitation run")
    expert_steps: Steps = Field(description="of the expert's training")
    method_steps: dict[str, Steps] = Field({}, description="instead of env_steps, for a method or a variant")
    solver: Literal["sac", "dreamer"] = "sac"  # of the expert, and of methods that reward a solver
    seeds: Seeds | None = None  # instead of the experiment's
    evaluate_every: Steps | None = None  # instead of the training's
    method_settings: dict[str, dict[str, Any]] = {}  # changes to a method's settings on this task
    demonstrations: Annotated[Path, BeforeValidator(_expanded)] | None = None  # a file of the user's own


class ExpertSettings(Settings):
    """The expert: the solver trained on the task's reward, and what is recorded of it."""

    seed: int = Field(0, ge=0)
    policy: Literal["last", "best"] = Field("last", description="of training, by its evaluations")
    solver: dict[str, Any] = Field({}, description="changes to the solver's settings for the expert's training")
    trajectories: int = Field(5, ge=1, description="demonstrated, and as many held out (paper, section 6)")
    sample_actions: bool = Field(True, description="demonstrate sampled rather than mean actions (the authors' code)")
    evaluation_episodes: int = Field(10, ge=1, description="for the returns of expert and random policy")
    must_beat_random: bool = Field(True, description="else nothing is drawn: false only where numbers mean nothing")


EXPERT_TRAINING = ("seed", "policy")  # what of the expert's settings its training depends on
EXPERT_PLAYING = ("trajectories", "sample_actions")  # and its demonstrations


class JobSettings(Settings):
    """What a job asks of a cluster; on one machine nothing does. Snakemake's --set-resources goes before it."""

    memory_mb: int = Field(2000, ge=1, description="beside a run's replay: Python, PyTorch, what it computes with")
    gpu_memory_mb: int = Field(4000, ge=0, description="further, of the machine's own, where CUDA is loaded")
    minutes: int = Field(1440, ge=1, description="at most; what takes longer goes on in the next attempt")


class ExperimentSettings(Settings):
    """The whole experiment."""

    scale: str
    experiment: Name = Field(description="the name of its folders; the scale's, unless it is given another")
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
    jobs: JobSettings = Field(JobSettings(), json_schema_extra=NO_EFFECT)

    @field_validator("experiment")
    @classmethod
    def _name_is_free(cls, name: str) -> str:
        if name == "reference":
            raise ValueError("the folder of the curves that come with the suite; take another name")
        return name

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

    @property
    def named(self) -> str:
        """The experiment and its scale, for titles."""
        of_its_own = f"experiment '{self.experiment}', " if self.experiment != self.scale else ""
        return f"{of_its_own}scale '{self.scale}'"

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

    def of_method(self, name: str, task: str) -> Any:
        """Settings of method `name` on `task`: its class's values, then the scale's, the task's, the variant's.

        Raises:
            UserError: for an unknown method or an invalid setting.
        """
        base = methods.base(name)
        values = merge(self.method_settings.get(base, {}), self.task(task).method_settings.get(base, {}))
        values = merge(values, methods.variant_settings(name))
        cls = methods.load(name).settings
        return validate(cls, merge(cls().model_dump(), values), where=f"method_settings.{base}")

    def of_solver(self, task: str) -> Any:
        """Settings, of the solver's class, of the solver of `task`."""
        return getattr(self, self.task(task).solver)

    def of_training(self, task: str) -> TrainingSettings:
        """Settings of the training on `task`."""
        every = self.task(task).evaluate_every
        return self.training if every is None else self.training.model_copy(update={"evaluate_every": every})

    def of_expert_solver(self, task: str) -> Any:
        """Settings, of its class, of the solver that trains the expert of `task`.

        Raises:
            UserError: for an invalid change to them.
        """
        solver = self.of_solver(task)
        return validate(type(solver), merge(solver.model_dump(), self.expert.solver), where="expert.solver")

    def settings_of_run(self, name: str, task: str) -> dict[str, Settings | int]:
        """All settings that an imitation run is given."""
        return {
            "env_steps": self.env_steps(name, task),
            "method": self.of_method(name, task),
            self.task(task).solver: self.of_solver(task),
            "training": self.of_training(task),
        }

    def settings_of_expert(self, task: str) -> dict[str, Settings | int]:
        """All settings that an expert's training and demonstrations are given."""
        return {
            "expert_steps": self.task(task).expert_steps,
            "expert": self.expert,
            self.task(task).solver: self.of_expert_solver(task),
            "training": self.of_training(task),
        }

    def of_run(self, name: str, task: str) -> dict[str, Any]:
        """What of them an imitation run's result depends on, as plain values."""
        return effective_of(self.settings_of_run(name, task))

    def of_expert(self, task: str) -> dict[str, Any]:
        """What of them an expert depends on, as plain values."""
        values = effective_of(self.settings_of_expert(task))
        return {**values, "expert": {name: values["expert"][name] for name in EXPERT_TRAINING}}

    def demonstrating(self, kind: DemonstrationKind) -> "ExperimentSettings":
        """The same experiment with as many demonstrated trajectories as the kind has."""
        if kind.trajectories is None:
            return self
        expert = self.expert.model_copy(update={"trajectories": kind.trajectories})
        return self.model_copy(update={"expert": expert})

    def of_demonstrations(self, task: str) -> dict[str, Any]:
        """What of them the expert's demonstrations depend on, as plain values."""
        values = effective_of(self.settings_of_expert(task))
        values["expert"] = {name: values["expert"][name] for name in (*EXPERT_TRAINING, *EXPERT_PLAYING)}
        return values


def effective_of(settings: Mapping[str, Settings | int]) -> dict[str, Any]:
    """What of some settings a result depends on, as plain values."""
    return _plain(settings, effective)


def in_full(settings: Mapping[str, Settings | int]) -> dict[str, Any]:
    """All of some settings as plain values, for a record."""
    return _plain(settings, partial(Settings.model_dump, mode="json"))


def _plain(settings: Mapping[str, Settings | int], dump: Callable[[Settings], dict[str, Any]]) -> dict[str, Any]:
    return {name: dump(value) if isinstance(value, Settings) else value for name, value in settings.items()}


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
    if overrides.get("scale", scale) != scale:
        raise UserError(f"setting 'scale' is {overrides['scale']!r}, but --scale {scale}: a scale is chosen by --scale")
    values = merge(_of_scale(scale), {"experiment": scale, **overrides, "scale": scale})
    experiment = validate(ExperimentSettings, values)
    for names in (task.method_settings.keys() | task.method_steps for task in experiment.tasks.values()):
        for name in names | experiment.method_settings.keys():
            methods.load(name)
    for task in experiment.task_names():
        experiment.of_expert_solver(task)
        for name in experiment.methods:
            experiment.of_method(name, task)
    return experiment


def _of_scale(scale: str, above: tuple[str, ...] = ()) -> dict[str, Any]:
    """The values of a scale's file, over those of the scale that it names as its `base`, if it names one.

    Raises:
        UserError: if there is no such scale, or it is its own base.
    """
    if scale in scale_names() and not re.fullmatch(NAME, scale):
        raise UserError(f"scale '{scale}' cannot name a folder: rename its file with letters, digits and - _ . only")
    if scale not in scale_names():
        raise UserError(f"unknown scale '{scale}'; known scales: {', '.join(scale_names())}")
    if scale in above:
        raise UserError(f"scale '{scale}' is its own base: {' -> '.join((*above, scale))}; mend 'base' in one of them")
    file = SCALES / f"{scale}.yaml"
    values = read_yaml(file.read_text(), str(file)) or {}
    if not isinstance(values, dict):
        raise UserError(f"{file} holds no settings: write 'key: value' lines")
    base = values.pop("base", None)
    return values if base is None else merge(_of_scale(str(base), (*above, scale)), values)
