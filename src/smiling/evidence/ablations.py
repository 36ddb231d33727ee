"""The paper's choices, tried: what each of them is, what else it could be, and the runs that tell.

Every job of the workflow reads this: what is computed of the runs is in `ablation_effects`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from smiling.evidence.finished import RunGroup
from smiling.experiment import ExperimentSettings
from smiling.runs import demonstration_kinds

METHOD, DEMOS = "smiling", "states"  # whose choices they are
AS_SET = "as set"


class Value(NamedTuple):
    """What a choice can be, and the runs of it: a variant of the method, a kind of demonstrations."""

    name: str
    method: str = METHOD
    demos: str = DEMOS

    def is_of(self, group: RunGroup) -> bool:
        """Whether these are its runs."""
        return (group.method, group.demos) == (self.method, self.demos)


@dataclass(frozen=True)
class Choice:
    """A choice: what the experiment has, by its settings on a task, and what else is tried."""

    name: str
    as_set: Callable[[ExperimentSettings, str], str]
    others: tuple[Value, ...]

    def values(self, settings: ExperimentSettings, task: str) -> list[Value]:
        """The experiment's own first; without what is the same there, or cannot be had."""
        own = settings.of_method(METHOD, task)
        told = Value(f"{self.as_set(settings, task)} ({AS_SET})")
        return [told, *(other for other in self.others if _tells(settings, task, other, own))]


def _tells(settings: ExperimentSettings, task: str, other: Value, own: object) -> bool:
    """Whether the runs differ from the experiment's own; a file of the user's own has the trajectories that it has."""
    trajectories = demonstration_kinds.parse(other.demos).trajectories
    if trajectories is not None:
        return settings.task(task).demonstrations is None and trajectories != settings.expert.trajectories
    return other.demos != DEMOS or settings.of_method(other.method, task) != own


def _variant(name: str, variant: str) -> Value:
    return Value(name, f"{METHOD}-{variant}")


def _setting(path: str) -> Callable[[ExperimentSettings, str], str]:
    """The value of one of the method's settings, 'cost.samples' perhaps."""
    return lambda settings, task: str(attrgetter(path)(settings.of_method(METHOD, task)))


def _trajectories(settings: ExperimentSettings, task: str) -> str:
    return "the file's" if settings.task(task).demonstrations else str(settings.expert.trajectories)


def _reward(settings: ExperimentSettings, task: str) -> str:
    std = settings.of_method(METHOD, task).reward_std
    return "as it is" if std is None else f"mean 0, deviation {std:g}"


CHOICES = (
    Choice(
        "Samples of a cost",
        _setting("cost.samples"),
        (_variant("4", "samples_4"), _variant("500", "samples_500")),
    ),
    Choice(
        "Times and noises",
        _setting("cost.estimator"),
        (_variant("grid of 100", "grid_100"), _variant("authors' pairing, 100", "tiled_100")),
    ),
    Choice(
        "Range of times",
        lambda settings, task: "{:g} to {:g}".format(*settings.of_method(METHOD, task).cost.span),
        (_variant("0 to 0.1", "little_noise"), _variant("0.1 to 1", "much_noise")),
    ),
    Choice("Reward", _reward, (_variant("as it is", "raw_reward"),)),
    Choice(
        "Width of score models",
        _setting("score_model.width"),
        (_variant("64", "width_64"), _variant("1024", "width_1024")),
    ),
    Choice(
        "Passes an update",
        _setting("passes_per_update"),
        (_variant("4", "passes_4"),),
    ),
    Choice("Trajectories shown", _trajectories, (Value("1", demos="states_1"), Value("20", demos="states_20"))),
    Choice("What is shown", lambda settings, task: "states", (Value("states, actions", demos="state_actions"),)),
)


class Tried(NamedTuple):
    """A value of a choice on a task; `own` are the experiment's."""

    task: str
    choice: str
    value: Value
    own: bool


def tried(settings: ExperimentSettings) -> Iterator[Tried]:
    """All that is tried; the experiment's own once for each choice."""
    for task in settings.task_names():
        for choice in CHOICES:
            values = choice.values(settings, task)
            yield from (Tried(task, choice.name, value, value is values[0]) for value in values)


def planned(settings: ExperimentSettings) -> list[RunGroup]:
    """All runs, each once."""
    groups = (
        RunGroup(each.task, each.value.demos, each.value.method, settings.seeds_of(each.task))
        for each in tried(settings)
    )
    return list(dict.fromkeys(groups))
