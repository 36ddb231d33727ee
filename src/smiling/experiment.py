"""The experiment: which tasks, methods and seeds, at what scale, under which settings.

Values come from three places, the later winning: the settings classes (the paper's values), the scale's file in
`workflow/config/scales/`, and what the user sets (`benchmark.yaml`, Snakemake's --config, a script's --set).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

import envs
from smiling import methods, solvers
from smiling.overrides import parse_overrides
from smiling.runs.demonstration_kinds import DemonstrationKind
from smiling.scale_files import read_scale, with_defaults
from smiling.settings import NO_EFFECT, Name, Names, Seeds, Settings, UserError, effective, merge, validate
from smiling.solvers.dreamer.settings import DreamerSettings
from smiling.solvers.sac.agent import SACSettings
from smiling.task_settings import SpecSettings, TaskSettings, check_of_suite, check_tasks
from smiling.training import TrainingSettings


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
    absorbing: bool = Field(
        False, description="of all tasks of the user's own: absorbing states where episodes terminate"
    )
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
        check_tasks(tasks)
        return tasks

    @model_validator(mode="after")
    def _selection_exists(self) -> "ExperimentSettings":
        for name in self.only_tasks or ():
            if name not in self.tasks:
                check_of_suite(name)
                raise ValueError(f"task '{name}' is not of scale '{self.scale}', which has {', '.join(self.tasks)}")
        return self

    @model_validator(mode="after")
    def _rounds_are_whole(self) -> "ExperimentSettings":
        step, count = self.dreamer.round_steps, self.dreamer.num_envs
        for name, task in self.tasks.items():
            said = {"env_steps": task.env_steps, "expert_steps": task.expert_steps}
            said |= {f"method_steps.{method}": steps for method, steps in task.method_steps.items()}
            for key, steps in said.items():
                if task.solver == "dreamer" and steps % step:
                    of_all = "" if task.env is None else f"; own_task.{key} is of all tasks of your own"
                    raise ValueError(
                        f"setting 'tasks.{name}.{key}' is {steps}: with DreamerV3 it is a multiple of {step}, a round "
                        f"in every environment ({envs.ROUND_STEPS} steps, dreamer.num_envs={count}){of_all}"
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
        if name not in self.tasks:
            envs.check_name(name)
            raise UserError(f"scale '{self.scale}' has no task '{name}'; it has {', '.join(self.tasks)}")
        return self.tasks[name]

    def spec_of(self, task: str) -> SpecSettings | None:
        """What makes a task of the user's own; None for one of the suite's."""
        said = self.task(task)
        if said.env is None:
            return None
        absorbing = self.absorbing if said.absorbing is None else said.absorbing
        return SpecSettings(env=said.env, kwargs=said.kwargs, time_limit=said.time_limit, absorbing=absorbing)

    def _known_by(self, task: str) -> dict[str, Settings]:
        """What a result on `task` is known by of the task itself: a task of the suite's is known by its name."""
        spec = self.spec_of(task)
        return {} if spec is None else {"task": spec}

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
            **self._known_by(task),
        }

    def settings_of_expert(self, task: str) -> dict[str, Settings | int]:
        """All settings that an expert's training and demonstrations are given."""
        return {
            "expert_steps": self.task(task).expert_steps,
            "expert": self.expert,
            self.task(task).solver: self.of_expert_solver(task),
            "training": self.of_training(task),
            **self._known_by(task),
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
    values = merge(read_scale(scale), {"experiment": scale, **overrides, "scale": scale})
    experiment = validate(ExperimentSettings, with_defaults(values))
    for name in experiment.tasks:
        if spec := experiment.spec_of(name):
            envs.add(name, envs.Spec(**spec.model_dump()))
    for names in (task.method_settings.keys() | task.method_steps for task in experiment.tasks.values()):
        for name in names | experiment.method_settings.keys():
            methods.load(name)
    for task in experiment.task_names():
        experiment.of_expert_solver(task)
        for name in experiment.methods:
            experiment.of_method(name, task)
    return experiment
